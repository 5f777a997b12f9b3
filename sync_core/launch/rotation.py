"""Replaces the dedicated users' key pairs without losing a transfer.

The new key pair goes into the peer's secret and works before the old one stops: a worker reads its
secret again after `peer.CREDENTIALS_SECONDS`, and at once when it is refused. The old key pair is
only switched off at first, so that it can be switched on again while it is kept.

| the user's key pairs | which is in the peer's secret | then |
|---|---|---|
| one | that | make a new one, and retire the old one |
| two | the younger, or the active one | an interrupted rotation: retire the old one |
| two | not the younger, both active | its new secret was lost: delete the younger, and rotate |
| any | none of them | nothing to rotate: `dualway launch` mends that |
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sync_core.errors import ConfigError
from sync_core.launch.keys import (
    UserKey,
    access_keys,
    mirror_new_key,
    read_secret,
    wait_until_valid,
)
from sync_core.launch.stacks import LaunchedSite
from sync_core.launch.waiting import Tell
from sync_core.remote import CREDENTIALS_SECONDS

SETTLE_SECONDS = CREDENTIALS_SECONDS + 30
"""By then every worker has read the new key pair."""

GRACE_SECONDS = 60
"""How long the old key pair is kept switched off."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What is to be done: `lost` is deleted at once, `old` retired; `makes_new` comes between."""

    makes_new: bool
    old: str | None
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long the old key pair still works beside the new one, and how long it is kept then."""

    settle_seconds: float = SETTLE_SECONDS
    grace_seconds: float = GRACE_SECONDS


def plan_rotation(keys: Sequence[UserKey], mirrored: str) -> Rotation | None:
    """Return what to do with a user's key pairs; None where the secret holds none of them."""
    current = next((key for key in keys if key.access_key_id == mirrored), None)
    if current is None:
        return None
    other = next((key for key in keys if key.access_key_id != mirrored), None)
    if other is None:
        return Rotation(makes_new=True, old=current.access_key_id)
    # IAM tells whole seconds, and nobody begins a rotation in the second of a launch.
    if other.is_active and other.created_at >= current.created_at:
        return Rotation(makes_new=True, old=current.access_key_id, lost=other.access_key_id)
    return Rotation(makes_new=False, old=other.access_key_id)


def rotate(own: LaunchedSite, peer: LaunchedSite, pauses: Pauses, tell: Tell) -> None:
    """Replace the key pair of the own dedicated user, or finish an interrupted replacement.

    Raises ConfigError where there is nothing to rotate, `Overdue`, or ClientError.
    """
    user = own.outputs.get("DedicatedUserName")
    if not user:
        tell(f"{own.name}: the dedicated user is your own, so its key pair is yours to rotate")
        return
    mirrored = str(read_secret(peer).get("access_key_id", ""))
    rotation = plan_rotation(access_keys(own.account, user), mirrored)
    if rotation is None:
        cause = f"the secret of {peer.name} holds no key pair of {user}; run `dualway launch`"
        raise ConfigError("rotate", f"site {own.name}", cause)
    iam = own.account.client("iam")
    if rotation.lost:
        iam.delete_access_key(UserName=user, AccessKeyId=rotation.lost)
        tell(f"{own.name}: {rotation.lost} is deleted: its secret was lost")
    if rotation.makes_new:
        pair = mirror_new_key(own, peer, user)
        wait_until_valid(own, pair)
        tell(f"{own.name}: {pair[0]} is made and stands in the secret of {peer.name}")
    if rotation.old:
        _retire(own, user, rotation.old, pauses, tell)


def _retire(own: LaunchedSite, user: str, old: str, pauses: Pauses, tell: Tell) -> None:
    """Switch a key pair off when nobody needs it any more, and delete it later."""
    iam = own.account.client("iam")
    tell(
        f"{own.name}: {old} still works for {pauses.settle_seconds:g} s, until all have the new one"
    )
    time.sleep(pauses.settle_seconds)
    iam.update_access_key(UserName=user, AccessKeyId=old, Status="Inactive")
    tell(f"{own.name}: {old} is switched off, and deleted in {pauses.grace_seconds:g} s")
    time.sleep(pauses.grace_seconds)
    iam.delete_access_key(UserName=user, AccessKeyId=old)
    tell(f"{own.name}: {old} is deleted")
