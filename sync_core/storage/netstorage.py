"""One CP code of Akamai NetStorage, through its HTTP ("Usage") API: a destination for feeds.

It has no conditions, headers, metadata, tags, versions or parts, and copies nothing by itself. What
it departs from `protocol` in:

| the port | here |
|---|---|
| reads are strongly consistent | they are, of the replica that answers; another may lag behind |
| other bytes than declared leave nothing | only where a digest is known before the upload |
| `get` with an etag opens that instance | a file replaced meanwhile fails at its end |
| any key | those that `netstorage_keys` lets pass; of others nothing is found, and none is put |

An upload whose digest is not known beforehand is looked at afterwards. Should it show another one,
it is not deleted: the next try overwrites it, and it may as well be the earlier instance, on a
replica that lags behind (NetStorage, Technical limits; Geographic replication).
"""

import io
import time
from collections.abc import Callable, Iterator, Mapping

from sync_core.checksums import md5_of
from sync_core.errors import (
    Ambiguous,
    Blocked,
    ConfigError,
    IntegrityError,
    PreconditionFailed,
    Unavailable,
)
from sync_core.model import ListedObject, ObjectVersion, Place
from sync_core.storage.effects import always
from sync_core.storage.netstorage_bodies import NetStorageReader, UploadBody
from sync_core.storage.netstorage_client import NetStorageClient
from sync_core.storage.netstorage_errors import Call
from sync_core.storage.netstorage_keys import path_of, target_of, why_not
from sync_core.storage.netstorage_listing import Listing, instant_of
from sync_core.storage.netstorage_wire import OpenAnswer
from sync_core.storage.netstorage_xml import DIRECTORY, FILE, Entry, entries_of
from sync_core.storage.protocol import ByteRange, ObjectWrite, Readable, Written

# A file and a directory may have the same name: both are asked for.
_STAT = {"format": "xml", "encoding": "utf-8", "slash": "both"}
_ROOT_STAT = {**_STAT, "implicit": "yes"}

_CONFLICT = 409
_MOST_DIRECTORIES = 10_000
_DAMAGED = b"damaged"

_ROOT_SECONDS = 60.0
"""For how long a CP code that was seen is taken to be there."""


class NetStorageStore:
    """The `ObjectStore` of a CP code; safe to share between threads.

    `client` returns the client to send the next request with. The etag of an instance is its MD5,
    and its time the one that was given with it, to the second. Listings have `page_entries` to a
    page at most. Symbolic links are not listed; a key in whose place there is one is `Blocked`.

    With `makes_directories` those above a file are made explicit before it is put, so that FTP and
    SFTP show them; they stay when their last file is deleted.
    """

    def __init__(
        self,
        cpcode: str,
        client: Callable[[], NetStorageClient],
        page_entries: int = 1000,
        timer: Callable[[], float] = time.monotonic,
        *,
        makes_directories: bool = False,
    ) -> None:
        self._cpcode = cpcode
        self._client = client
        self._page_entries = page_entries
        self._timer = timer
        self._seen_at: float | None = None
        self._directories: set[str] | None = set() if makes_directories else None

    @property
    def bucket(self) -> str:
        """The CP code."""
        return self._cpcode

    def place(self, key: str) -> Place:
        """Return where the store has a key."""
        return Place(self._cpcode, key)

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none."""
        return self._head("head", key)

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> NetStorageReader | None:
        """Open the current instance, or None when there is none."""
        version = self._head("get", key)
        if etag is not None and (version is None or version.etag != etag):
            raise PreconditionFailed("get", key, f"the current instance is not {etag}")
        if version is None:
            return None
        call = self._call("get", key)
        first, size_bytes = _span(version, byte_range)
        answer = self._client().open(call, _range_header(byte_range, first, size_bytes))
        if answer is None:
            raise PreconditionFailed("get", key, "it was deleted before it could be opened")
        length_bytes = _length_of(answer)
        if length_bytes not in {None, size_bytes}:
            answer.close()
            raise IntegrityError("get", key, f"{length_bytes} bytes came for {size_bytes}")
        return NetStorageReader(version, answer, size_bytes, call)

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now; see the module for what is compared, and when.

        Raises `Blocked` for a key that NetStorage cannot serve.
        """
        self._require_key("put", write.key)
        checked = UploadBody(write, body)
        target = self._target(write.key)
        call = Call("put", write.key, target, lambda: checked.exact.spent, is_upload=True)
        modified_at = write.modified_at
        parameters = {
            "md5": write.md5,
            "size": write.size_bytes,
            "mtime": None if modified_at is None else int(modified_at.timestamp()),
        }
        self._make_directories(write.key)
        with checked.exact:
            self._client().upload(call, parameters, checked, write.size_bytes)
        if not checked.exact.spent:
            raise Unavailable("put", write.key, "a success was told before it had all of it")
        if write.md5 is None:
            self._require_arrived(write, checked.md5)
        return Written(checked.md5)

    def delete(self, key: str) -> str | None:
        """Delete the file; an absent one is no error. Returns None, for there are no versions."""
        if why_not(self._cpcode, key) is None:
            call = Call("delete", key, self._target(key), always)
            if not self._client().change(call, "delete", {}):
                self._require_root(call)
        return None

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        """Yield the current files in the order in which NetStorage lists them.

        That is the order of ASCII, as documented for `list`; who merges listings refuses another.
        """
        listing = Listing(self._cpcode, self._client, self._page_entries, prefix)
        found = listing.behind(start_after)
        if found is None:
            # A CP code without a single file has no listing either.
            self._require_root(self._call("list", ""))
        else:
            yield from found

    def make_directory(self, key: str) -> None:
        """Make a directory explicit; one that is, already, is no error."""
        self._require_key("make directory", key)
        call = self._call("make directory", key)
        self._client().change(call, "mkdir", {}, needless=_CONFLICT)

    def put_damaged(self, key: str) -> None:
        """Announce other bytes than are sent, to try the server: `IntegrityError` is its due."""
        self._require_key("put", key)
        call = Call("put", key, self._target(key), always, is_upload=True)
        body = io.BytesIO(_DAMAGED)
        self._client().upload(call, {"md5": md5_of(b"announced")}, body, len(_DAMAGED))

    def _make_directories(self, key: str) -> None:
        made = self._directories
        if made is None:
            return
        if len(made) > _MOST_DIRECTORIES:
            made.clear()
        for end in (place for place, each in enumerate(key) if each == "/"):
            if key[:end] not in made:
                self.make_directory(key[:end])
                made.add(key[:end])

    def _head(self, operation: str, key: str) -> ObjectVersion | None:
        if why_not(self._cpcode, key) is not None:
            return None
        call = self._call(operation, key)
        answer = self._client().look(call, "stat", _STAT)
        if answer is None:
            self._require_root(call)
            return None
        for entry in _entries(call, answer):
            if entry.kind == FILE and not entry.name.endswith("/"):
                md5 = entry.md5 or None
                return ObjectVersion(key, entry.md5, entry.size_bytes, instant_of(entry), md5=md5)
            if entry.kind not in {FILE, DIRECTORY}:
                raise Blocked(operation, key, f"a {entry.kind} is in its place: remove that first")
        return None

    def _require_key(self, operation: str, key: str) -> None:
        reason = why_not(self._cpcode, key)
        if reason is not None:
            raise Blocked(operation, key, reason)

    def _require_root(self, call: Call) -> None:
        """Make sure that something is absent because it is, not for want of the CP code."""
        now = self._timer()
        if self._seen_at is not None and now - self._seen_at < _ROOT_SECONDS:
            return
        root = Call(call.operation, call.key, self._target(""))
        if self._client().look(root, "stat", _ROOT_STAT) is None:
            cause = "does not exist: check the CP code, and that the upload account may use it"
            raise ConfigError(call.operation, f"CP code {self._cpcode}", cause)
        self._seen_at = now

    def _require_arrived(self, write: ObjectWrite, md5: str) -> None:
        found = self._head("put", write.key)
        if found is None:
            raise Ambiguous("put", write.key, "what was uploaded is not shown yet")
        if found.size_bytes != write.size_bytes or found.md5 not in {None, md5}:
            shown = f"MD5 {found.md5} of {found.size_bytes} bytes"
            raise IntegrityError("put", write.key, f"{shown} is shown instead of {md5}")

    def _call(self, operation: str, key: str) -> Call:
        return Call(operation, key, self._target(key))

    def _target(self, key: str) -> str:
        return target_of(path_of(self._cpcode, key))


def _entries(call: Call, answer: bytes) -> list[Entry]:
    try:
        return entries_of(answer)
    except ValueError as error:
        raise Unavailable(call.operation, call.key, str(error)) from error


def _span(version: ObjectVersion, byte_range: ByteRange | None) -> tuple[int, int]:
    """Return where what is asked for begins, and how many bytes it has."""
    if byte_range is None:
        return 0, version.size_bytes
    if byte_range.first >= version.size_bytes:
        cause = f"it has {version.size_bytes} bytes, none from {byte_range.first} on"
        raise PreconditionFailed("get", version.key, cause)
    return byte_range.first, min(byte_range.last + 1, version.size_bytes) - byte_range.first


def _range_header(byte_range: ByteRange | None, first: int, size_bytes: int) -> Mapping[str, str]:
    return {} if byte_range is None else {"Range": f"bytes={first}-{first + size_bytes - 1}"}


def _length_of(answer: OpenAnswer) -> int | None:
    length = answer.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None
