"""Custom::DedicatedUserId: the id of an IAM user, which CloudFormation itself does not tell.

Property: UserName, which is the identity too. Attribute: UserId. The user is the template's; this
resource removes the access keys that were made outside of the stack, which would keep IAM from
deleting the user.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sync_core.errors import AccessDenied, ConfigError, DualwayError, Throttled, Unavailable
from sync_core.launch.custom_resource import Properties, required

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_CLIENT_CONFIG = Config(
    connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3}
)


class NoUser(Unavailable):
    """IAM does not know the user, or the key: not yet, or no longer."""


_BY_CODE: Mapping[str, type[DualwayError]] = {
    "NoSuchEntity": NoUser,
    "AccessDenied": AccessDenied,
    "InvalidClientTokenId": AccessDenied,
    "Throttling": Throttled,
    "ValidationError": ConfigError,
}
"""Codes of IAM (API reference, Common errors); any other is `Unavailable`."""


class DedicatedUserId:
    """The resource, through an IAM client of the stack's account."""

    def __init__(self, iam: "IAMClient") -> None:
        self._iam = iam

    def identify(self, properties: Properties) -> str:
        """Return the user's name."""
        return required(properties, "UserName")

    def make(self, properties: Properties, former: str | None) -> Mapping[str, str]:  # noqa: ARG002 - the former user gets its own Delete
        """Return the user's id as UserId.

        Raises NoUser, which is retryable because a new user takes a moment to be seen, and what
        else IAM refuses.
        """
        user = self.identify(properties)
        with _translated("get user", user):
            return {"UserId": self._iam.get_user(UserName=user)["User"]["UserId"]}

    def remove(self, identity: str) -> None:
        """Delete every access key of the user; done where the user is gone."""
        with suppress(NoUser):
            for access_key_id in self._access_key_ids(identity):
                with suppress(NoUser), _translated("delete access key", identity):
                    self._iam.delete_access_key(UserName=identity, AccessKeyId=access_key_id)

    def _access_key_ids(self, user: str) -> list[str]:
        with _translated("list access keys", user):
            pages = self._iam.get_paginator("list_access_keys").paginate(UserName=user)
            return [key["AccessKeyId"] for page in pages for key in page["AccessKeyMetadata"]]


def connect() -> DedicatedUserId:
    """Return the resource with the credentials, the region and the endpoint of the process."""
    return DedicatedUserId(Session().client("iam", config=_CLIENT_CONFIG))


@contextmanager
def _translated(operation: str, user: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        kind = _BY_CODE.get(error.response["Error"].get("Code", ""), Unavailable)
        raise kind(operation, user, str(error)) from error
    except BotoCoreError as error:
        raise Unavailable(operation, user, f"{type(error).__name__}: {error}") from error
