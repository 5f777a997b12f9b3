"""The secret with which a store that is not AWS is reached: given to the launch, kept in AWS.

Its text is that which `remote` and `netstorage_access` describe. The launch takes it from the
environment, and may leave it out once the secret is there; it writes it nowhere but into Secrets
Manager. Where both sides have a stack, the URL of the queue of the side that is not in AWS is added
to it, for the hints of the other one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, aws_errors, code_of
from sync_core.launch.store_check import Access, Place
from sync_core.remote import parse_access
from sync_core.storage import netstorage_access
from sync_core.storage.netstorage_access import NETSTORAGE

STORE_VARIABLE = "STORE_SECRET"
"""The variable with the text of the secret."""

_TAG = "dualway"
_QUEUE_URL = "queue_url"


@dataclass(frozen=True, slots=True)
class StoreSecret:
    """The secret of the site that `account` has for a store elsewhere.

    `given` is the text that the operator has given now, None for what is stored already.
    """

    account: Account
    name: str
    given: str | None = field(default=None, repr=False)

    @property
    def source(self) -> str:
        """Where the text comes from, for people."""
        return f"the secret {self.name}" if self.given is None else STORE_VARIABLE

    @property
    def place(self) -> Place:
        """Where the store has the bucket."""
        site = self.account.site
        return Place(site.store, site.bucket, site.region, site.endpoint_url, site.prefix)

    def access(self) -> Access:
        """Return what the text says.

        Raises ConfigError, without quoting it, where it says nothing or there is none, and what
        `aws_errors` raises.
        """
        text = self._read() if self.given is None else self.given
        if text is None:
            cause = (
                f"there is no such secret yet: give its text in {STORE_VARIABLE} (cfn/README.md, "
                "stores that are not AWS)"
            )
            raise ConfigError("read secret", self.name, cause)
        if self.account.site.store != NETSTORAGE:
            return parse_access(text, self.source).access_key
        found = netstorage_access.parse_access(text, self.source)
        if found.cpcode != self.account.site.bucket:
            cause = f"its cpcode is {found.cpcode}, `bucket` {self.account.site.bucket}"
            raise ConfigError("read secret", self.source, f"{cause}: give both the same")
        return found

    def write(self, queue_url: str | None = None) -> bool:
        """See to it that the secret has the text, and the queue where one is given.

        Returns whether the secret was made. Raises as `access`.
        """
        self.access()
        found = self._read()
        stored = _entries_of(found)
        wanted = {**stored, **_entries_of(self.given)}
        wanted |= {_QUEUE_URL: queue_url} if queue_url else {}
        if wanted != stored:
            with aws_errors(self.account.name):
                self._put(json.dumps(wanted), is_new=found is None)
        return found is None

    def remove(self) -> bool:
        """Delete the secret if a launch has made it; return whether it was there.

        Raises what `aws_errors` raises.
        """
        vault = self.account.client("secretsmanager")
        with aws_errors(self.account.name):
            if not self._is_ours(vault):
                return False
            vault.delete_secret(SecretId=self.name, ForceDeleteWithoutRecovery=True)
        return True

    def _read(self) -> str | None:
        vault = self.account.client("secretsmanager")
        with aws_errors(self.account.name):
            try:
                return str(vault.get_secret_value(SecretId=self.name).get("SecretString", ""))
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise

    def _put(self, text: str, *, is_new: bool) -> None:
        vault = self.account.client("secretsmanager")
        if is_new:
            tags = [{"Key": _TAG, "Value": self.account.name}]
            vault.create_secret(Name=self.name, SecretString=text, Tags=tags)
        else:
            vault.put_secret_value(SecretId=self.name, SecretString=text)

    def _is_ours(self, vault: Any) -> bool:
        try:
            found: Mapping[str, Any] = vault.describe_secret(SecretId=self.name)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise
        return any(each["Key"] == _TAG for each in found.get("Tags", ()))


def _entries_of(text: str | None) -> dict[str, Any]:
    """Return what a text says as JSON; nothing where it is none."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
