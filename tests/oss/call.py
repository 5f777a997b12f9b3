"""One request that somebody may make, and the conditions on it that OSS knows and does not know."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from tests.oss.contents import Bucket, Stored, Value
from tests.oss.happening import Happening, event_of
from tests.oss.signatures import RamUser
from tests.oss.wire import Refused, Request

_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_TAGS = "x-amz-tagging"


@dataclass(frozen=True)
class Call:
    """A request, who makes it, and the buckets that there are."""

    request: Request
    user: RamUser
    buckets: dict[str, Bucket]

    @property
    def bucket(self) -> Bucket:
        return self.bucket_of(self.request.bucket)

    def bucket_of(self, name: str) -> Bucket:
        found = self.buckets.get(name)
        if found is None:
            raise Refused(404, "NoSuchBucket", "the bucket does not exist")
        return found

    def tell(self, happening: Happening) -> None:
        """Hand the event to all who asked for this bucket's."""
        bucket = self.bucket
        event = event_of(happening, bucket.name, self.user.user_id)
        for sink in bucket.sinks:
            sink(event)

    def store(self, name: str, stored: Stored) -> None:
        """Make an object the current one, and tell of it by that name."""
        key, before = self.request.key, self.bucket.objects.get(self.request.key)
        self.bucket.objects[key] = stored
        size_bytes = len(stored.data)
        more_bytes = size_bytes - (len(before.data) if before is not None else 0)
        self.tell(Happening(name, key, stored.etag, size_bytes, more_bytes, stored.value))

    def require_write(self) -> None:
        """Refuse a write with what OSS does not know, or over an object that must not be replaced.

        If-Match and If-None-Match are answered with 501, whether they would hold or not.
        """
        headers = self.request.headers
        unknown = [name for name in (*_CONDITIONS, _TAGS) if name in headers]
        if unknown:
            raise Refused(501, "NotImplemented", f"{unknown[0]} is not implemented")
        forbids = headers.get("x-oss-forbid-overwrite", "").lower() == "true"
        if forbids and self.request.key in self.bucket.objects:
            raise Refused(409, "FileAlreadyExists", "the object exists and may not be overwritten")

    def copied(self) -> Stored:
        """Return the source that a copy names, if it is what the copy's conditions say."""
        named = unquote(self.request.headers["x-amz-copy-source"]).removeprefix("/")
        bucket, _, key = named.partition("/")
        found = self.bucket_of(bucket).current(key)
        require_match(found, self.request.headers, "x-amz-copy-source-if-")
        return found

    def value(self, source: Value) -> Value:
        """Return the value that a copy is to have: its source's, or what the request states."""
        is_own = self.request.headers.get("x-amz-metadata-directive", "COPY") == "REPLACE"
        return Value.of(self.request) if is_own else source


def require_match(stored: Stored, headers: Mapping[str, str], prefix: str) -> None:
    """Refuse to read another instance than the conditions speak of."""
    match, none_match = (headers.get(f"{prefix}{name}", "") for name in ("match", "none-match"))
    if match and match.strip('"') not in {stored.etag, "*"}:
        raise Refused(412, "PreconditionFailed", "another object is there")
    if none_match and none_match.strip('"') in {stored.etag, "*"}:
        status = 412 if prefix != "if-" else 304
        raise Refused(status, "PreconditionFailed", "this object is there")
