"""The dedicated users' key pairs, each kept in the other account only: the mirrored secrets.

A site's stack makes the user; the launch makes the user's key pair and writes it straight into the
secret of the peer's stack, with the site's queue for hints, if it has one. It is written nowhere
else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, client_of_key_pair, code_of
from sync_core.launch.findings import MAX_ACCESS_KEYS
from sync_core.launch.stacks import LaunchedSite
from sync_core.launch.waiting import Tell, wait_for

VALID_SECONDS = 120.0
_NOT_YET_VALID = {"InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


@dataclass(frozen=True, slots=True)
class UserKey:
    """One access key of a user, without its secret."""

    access_key_id: str
    is_active: bool
    created_at: datetime


def ensure_key_pair(own: LaunchedSite, peer: LaunchedSite, tell: Tell) -> None:
    """See to it that the peer's secret holds a valid key pair of the own dedicated user.

    Nothing is changed where it does. Raises ConfigError at IAM's limit of two key pairs, or
    ClientError.
    """
    user = own.outputs.get("DedicatedUserName")
    if not user:
        tell(
            f"{own.name}: the dedicated user is your own ({own.outputs.get('DedicatedUserId')}): "
            f"its key pair belongs into the secret {peer.outputs['PeerSecretArn']}, by your hand"
        )
        return
    keys = access_keys(own.account, user)
    stored = read_secret(peer)
    known = {key.access_key_id for key in keys if key.is_active}
    if stored.get("access_key_id") in known:
        _mend_queue_url(own, peer, stored, tell)
        return
    refuse_at_limit(own, user, keys)
    pair = mirror_new_key(own, peer, user)
    wait_until_valid(own, pair)
    tell(f"{own.name}: a key pair of {user} is made and stands in the secret of {peer.name}")
    tell_strangers(own, user, keys, tell)


def access_keys(account: Account, user: str) -> list[UserKey]:
    """Return a user's access keys, the oldest first; none where there is no such user."""
    try:
        listed = account.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return []
        raise
    found = [
        UserKey(each["AccessKeyId"], each["Status"] == "Active", each["CreateDate"])
        for each in listed
    ]
    return sorted(found, key=lambda key: key.created_at)


def read_secret(peer: LaunchedSite) -> Mapping[str, Any]:
    """Return what the secret of a site's stack says about its peer; empty where it says nothing."""
    vault = peer.account.client("secretsmanager")
    try:
        found = vault.get_secret_value(SecretId=peer.outputs["PeerSecretArn"])
        value = json.loads(found.get("SecretString", ""))
    except ValueError:
        return {}
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return {}
        raise
    return value if isinstance(value, dict) else {}


def mirror_new_key(own: LaunchedSite, peer: LaunchedSite, user: str) -> tuple[str, str]:
    """Make a key pair and write it into the peer's secret; return it, id and secret.

    A key pair that could not be written is deleted again. Raises ClientError.
    """
    iam = own.account.client("iam")
    created = iam.create_access_key(UserName=user)["AccessKey"]
    pair = (created["AccessKeyId"], created["SecretAccessKey"])
    try:
        _write_secret(peer, *pair, own.outputs.get("QueueUrl"))
    except BaseException:
        iam.delete_access_key(UserName=user, AccessKeyId=pair[0])
        raise
    return pair


def wait_until_valid(own: LaunchedSite, key_pair: tuple[str, str]) -> None:
    """Wait until AWS takes a new key pair, which is some seconds after it was made.

    Raises `Overdue`, or ClientError where AWS refuses it for another reason than being unknown.
    """
    client = client_of_key_pair(own.account, "sts", key_pair)

    def look() -> bool | None:
        try:
            client.get_caller_identity()
        except ClientError as error:
            if code_of(error) not in _NOT_YET_VALID:
                raise
            return None
        return True

    try:
        wait_for(look, VALID_SECONDS, f"the new key pair {key_pair[0]} of site {own.name}")
    finally:
        client.close()


def refuse_at_limit(own: LaunchedSite, user: str, keys: list[UserKey]) -> None:
    """Raise ConfigError when the user has as many key pairs as IAM allows."""
    if len(keys) >= MAX_ACCESS_KEYS:
        named = ", ".join(key.access_key_id for key in keys)
        cause = (
            f"it has {len(keys)} key pairs already ({named}), as many as IAM allows; delete the "
            "one that nobody uses, and run this again"
        )
        raise ConfigError("make a key pair", f"user {user} of site {own.name}", cause)


def tell_strangers(own: LaunchedSite, user: str, keys: list[UserKey], tell: Tell) -> None:
    """Tell of key pairs that the peer's secret does not hold."""
    for key in keys:
        tell(
            f"{own.name}: {user} has another key pair, {key.access_key_id}, of unknown use: "
            "delete it unless somebody needs it"
        )


def _mend_queue_url(
    own: LaunchedSite, peer: LaunchedSite, stored: Mapping[str, Any], tell: Tell
) -> None:
    queue_url = own.outputs.get("QueueUrl")
    if stored.get("queue_url") == queue_url:
        tell(f"{own.name}: the secret of {peer.name} holds the dedicated user's key pair")
        return
    _write_secret(peer, stored["access_key_id"], stored["secret_access_key"], queue_url)
    tell(f"{own.name}: the secret of {peer.name} names the new queue now")


def _write_secret(
    peer: LaunchedSite, access_key_id: str, secret_access_key: str, queue_url: str | None
) -> None:
    value = {
        "access_key_id": access_key_id,
        "secret_access_key": secret_access_key,
        **({"queue_url": queue_url} if queue_url else {}),
    }
    peer.account.client("secretsmanager").put_secret_value(
        SecretId=peer.outputs["PeerSecretArn"], SecretString=json.dumps(value)
    )
