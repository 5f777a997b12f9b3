"""The versions that an S3 bucket keeps of a key."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from sync_core.errors import Blocked, PreconditionFailed
from sync_core.model import Ability, ObjectVersion, VersionEntry
from sync_core.storage.dialects import AWS, Dialect
from sync_core.storage.effects import always, never
from sync_core.storage.s3_clients import S3Clients
from sync_core.storage.s3_errors import (
    Call,
    Gone,
    Unexplained,
    status_of,
    translated,
)
from sync_core.storage.s3_headers import (
    condition_of,
    condition_parameters,
    unquoted,
    version_entry,
    version_of,
)
from sync_core.storage.s3_options import WriteOptions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NULL_VERSION = "null"
"""The id of what was written while versioning was not on (user guide, Using versioning)."""

_DEFAULTS = WriteOptions()
_ORDER = "EntryOrder"
_LISTS = {"Version": "Versions", "DeleteMarker": "DeleteMarkers"}

# Of a delete marker HEAD says 405 (user guide, Working with delete markers).
_UNEXPLAINED_STATUSES = (400, 404, 405)


class S3Versions:
    """The `SupportsVersions` of one S3 bucket, and what all requests to it need.

    `clients` is called for each operation and returns the pair made by `s3_clients`; `options` go
    along with every object that is written or copied. `identities` returns the ARNs of those whose
    uploads are the store's own: of credentials, as STS tells them by GetCallerIdentity, and of
    roles; without them none are. Safe to share between threads if `clients` and `identities` are.
    """

    def __init__(
        self,
        bucket: str,
        clients: Callable[[], S3Clients],
        dialect: Dialect = AWS,
        options: WriteOptions = _DEFAULTS,
        identities: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._bucket = bucket
        self._clients = clients
        self._dialect = dialect
        self._options = options
        self._identities = identities

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    @property
    def lacks(self) -> frozenset[Ability]:
        """Abilities that no store of this dialect has."""
        return self._dialect.lacks

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        """Return up to `limit` versions of exactly this key and delete markers, newest first."""
        page_keys = min(limit, self._dialect.page_keys)
        return list(islice(self._history(key, page_keys), limit))

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version, current or not; None when it is gone or a delete marker.

        HEAD's answers have no body, so an error may mean anything. Only then the versions are
        listed: one that is there after all makes it an error.
        """
        with translated(self._call("head version", key)):
            try:
                response = self._clients().reads.head_object(
                    Bucket=self._bucket, Key=key, VersionId=version_id, **self._show_digests()
                )
            except ClientError as error:
                if status_of(error) in _UNEXPLAINED_STATUSES and not self._keeps(key, version_id):
                    return None
                raise
        return version_of(key, response, self._dialect)

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete one version, or one delete marker, for good; a missing one is no error."""
        try:
            with translated(self._call("delete version", key, always)):
                self._clients().writes.delete_object(
                    Bucket=self._bucket, Key=key, VersionId=version_id
                )
        except Gone:
            return

    def _condition(self, replaces: ObjectVersion | None) -> dict[str, Any]:
        """Return the condition of a copy or a completion, where the store knows it.

        Some refuse a request for a header that they do not know. Whoever writes there has looked
        at what is current beforehand: `weak` does.
        """
        knows_it = condition_of(replaces) not in self._dialect.lacks
        return condition_parameters(replaces) if knows_it else {}

    def _look(self, operation: str, key: str, expected_etag: str | None) -> None:
        """Raise `PreconditionFailed` unless this is current: for what heeds no condition itself.

        What is written between the look and the request goes unseen.
        """
        try:
            with translated(self._call("head", key)):
                response = self._clients().reads.head_object(Bucket=self._bucket, Key=key)
            found = unquoted(response["ETag"])
        except (Gone, Unexplained):
            found = None
        if found != expected_etag:
            raise PreconditionFailed(operation, key, f"{found} is there, not {expected_etag}")

    def _require(self, ability: Ability, operation: str, key: str) -> None:
        if ability in self._dialect.lacks:
            cause = f"stores of the dialect {self._dialect.name} do not have: {ability}"
            raise Blocked(operation, key, cause)

    def _keeps(self, key: str, version_id: str) -> bool:
        return any(
            entry.version_id == version_id and not entry.is_delete_marker
            for entry in self._history(key, self._dialect.page_keys)
        )

    def _history(self, key: str, page_keys: int) -> Iterator[VersionEntry]:
        client = self._clients().reads
        _tell_order(client)
        position: dict[str, Any] = {}
        while True:
            with translated(self._call("list versions", key)):
                page = client.list_object_versions(
                    Bucket=self._bucket, Prefix=key, MaxKeys=page_keys, **position
                )
                entries = _in_order(page)
            own = [entry for entry in entries if entry["Key"] == key]
            # Some stores send all versions before all delete markers.
            yield from map(version_entry, sorted(own, key=lambda entry: not entry["IsLatest"]))
            # Of all keys that begin with it, the key itself comes first.
            if len(own) < len(entries) or not page["IsTruncated"]:
                return
            position = {
                "KeyMarker": page["NextKeyMarker"],
                "VersionIdMarker": page["NextVersionIdMarker"],
            }

    def _show_digests(self) -> dict[str, Any]:
        return {"ChecksumMode": "ENABLED"} if self._dialect.has_crc64nvme else {}

    def _call(self, operation: str, key: str, may_have_effect: Callable[[], bool] = never) -> Call:
        """Return the request; raises `Blocked` for a key that stores of the dialect do not take."""
        refusal = self._dialect.why_not(key)
        if refusal is not None:
            raise Blocked(operation, key, refusal)
        return Call(operation, self._bucket, key, may_have_effect)


def _tell_order(client: "S3Client") -> None:
    """Let answers of ListObjectVersions say in which order versions and delete markers came.

    botocore parts them into two lists. Their times are no order: they are whole seconds, and those
    of versions in parts the times at which the uploads began.
    """
    client.meta.events.register(
        "before-parse.s3.ListObjectVersions", _note_order, unique_id="dualway-entry-order"
    )


def _note_order(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    try:
        root = ET.fromstring(response_dict["body"])  # noqa: S314 - botocore parses it likewise
    except ET.ParseError:
        # botocore says what is wrong with it.
        return
    names = (element.tag.rpartition("}")[2] for element in root)
    customized_response_dict[_ORDER] = [_LISTS[name] for name in names if name in _LISTS]


def _in_order(page: Any) -> list[dict[str, Any]]:
    if _ORDER not in page or "IsTruncated" not in page:
        raise ResponseParserError("the answer is no listing of versions")
    lists = {name: iter(page.get(name, ())) for name in _LISTS.values()}
    return [next(lists[name]) for name in page[_ORDER]]
