"""Writes over a store that lacks conditions: look, write, and keep what could be lost.

| lacking | in its place | what a writer in between loses |
|---|---|---|
| PUT with If-None-Match or If-Match | HEAD, then PUT | what he wrote; nothing if versioned |
| the same on a copy or a completion | HEAD, then the request | the same |
| DELETE with If-Match, versioned | HEAD, DELETE, look below our delete marker | nothing |
| DELETE with If-Match, unversioned | copy to the trash, HEAD, then DELETE | what he wrote |
| the same, and it makes no copies | HEAD, then DELETE | what he wrote |

Nothing here closes the window between HEAD and the request. It only makes it as small as it can be:
milliseconds, and for a PUT the time that its body takes.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import dropwhile
from typing import NoReturn

from sync_core.errors import Ambiguous, PreconditionFailed
from sync_core.model import (
    Ability,
    Capabilities,
    ObjectVersion,
    Place,
    UploadedPart,
    VersionEntry,
    listed_id,
)
from sync_core.routing import MAX_KEY_BYTES, OWN_PREFIX
from sync_core.storage.forwarding import ForwardingStore
from sync_core.storage.protocol import ObjectWrite, Readable, Written
from sync_core.storage.sync_store import SyncStore

TRASH_PREFIX = f"{OWN_PREFIX}trash/"
"""Where objects are kept that were deleted without a condition; a lifecycle rule may empty it."""

_NULL_VERSION = "null"
_MOST_VERSIONS = 10


def strengthened(
    inner: SyncStore,
    capabilities: Capabilities,
    clock: Callable[[], datetime],
    nonce: Callable[[], str],
    longest_key_bytes: int = MAX_KEY_BYTES,
) -> SyncStore:
    """Return the store itself where all its writes are conditional, else a `WeakStore` over it."""
    abilities = (
        capabilities.creates_if_absent,
        capabilities.replaces_if_match,
        capabilities.deletes_if_match,
    )
    if all(abilities):
        return inner
    return WeakStore(inner, capabilities, clock, nonce, longest_key_bytes)


def trash_key(key: str, at: datetime, nonce: str, longest_bytes: int = MAX_KEY_BYTES) -> str:
    """Return the key under which an object deleted at that instant is kept.

    `.dualway/trash/<UTC time>-<nonce>/<key>`; a key that leaves no room for this is cut and ends
    with 16 hex digits of its SHA-256.
    """
    folder = f"{TRASH_PREFIX}{at:%Y%m%dT%H%M%SZ}-{nonce}/"
    encoded = key.encode()
    room = longest_bytes - len(folder.encode())
    if len(encoded) <= room:
        return folder + key
    tail = f"-{hashlib.sha256(encoded).hexdigest()[:16]}"
    return folder + encoded[: room - len(tail)].decode(errors="ignore") + tail


class WeakStore(ForwardingStore):
    """The `SyncStore` of a store that was seen to lack some conditions.

    A condition that the store honours is left to it. In place of the others an instance is compared
    by etag, size, time, marker and version id, more than If-Match would. `clock` returns aware UTC;
    `nonce` text that it never returned before, fit for a key; `longest_key_bytes` is how long a key
    `inner` takes, in bytes of UTF-8.
    """

    def __init__(
        self,
        inner: SyncStore,
        capabilities: Capabilities,
        clock: Callable[[], datetime],
        nonce: Callable[[], str],
        longest_key_bytes: int = MAX_KEY_BYTES,
    ) -> None:
        super().__init__(inner)
        self._can = capabilities
        self._clock = clock
        self._nonce = nonce
        self._longest_key_bytes = longest_key_bytes

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """Write the object in place of `replaces` (None: of nothing).

        Without the ability, what is written between the look and the request is overwritten.
        """
        if self._heeds(replaces):
            return self._inner.put_if(write, body, replaces)
        self._require("put", write.key, replaces)
        return self._inner.put(write, body)

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> Written:
        """Make the object of these parts current, with the same look before it as `put_if`."""
        if not self._heeds(replaces):
            self._require("complete upload", key, replaces)
        return self._inner.complete_if(key, upload_id, parts, replaces, crc64nvme)

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Put the bytes of `instance`, with the same look before it as `put_if`."""
        if not self._heeds(replaces):
            self._require("copy", write.key, replaces)
        return self._inner.copy_from(source, instance, write, replaces)

    def delete_if(self, instance: ObjectVersion) -> str | None:
        """Delete the instance; raises `PreconditionFailed` when it is not current.

        Without the ability: raises the same when our delete marker came to lie over another
        instance, which is current again then. May raise `Blocked` when an unversioned object
        cannot be copied to the trash: it is not deleted then.
        """
        if self._can.deletes_if_match:
            return self._inner.delete_if(instance)
        if self._can.is_versioned:
            return self._delete_and_verify(instance)
        if Ability.COPIES in self._inner.lacks:
            self._require("delete", instance.key, instance)
            return self._inner.delete(instance.key)
        return self._delete_into_trash(instance)

    def _heeds(self, replaces: ObjectVersion | None) -> bool:
        return self._can.creates_if_absent if replaces is None else self._can.replaces_if_match

    def _require(self, operation: str, key: str, expected: ObjectVersion | None) -> None:
        found = self._inner.head(key)
        if _identity(found) != _identity(expected):
            _refuse(operation, key, found, expected)

    def _delete_and_verify(self, instance: ObjectVersion) -> str | None:
        """Delete, then make sure that it was this instance that was current until then.

        Should the worker die between the two, a wrong marker stays; what it hides stays as well.
        """
        key = instance.key
        self._require("delete", key, instance)
        marker_id: str | None = None
        unanswered: Ambiguous | None = None
        try:
            marker_id = self._inner.delete(key)
        except Ambiguous as error:
            # Our marker may be there or not: the history tells, and a wrong one must not stay.
            unanswered = error
        if marker_id == _NULL_VERSION:
            return marker_id  # Versioning is suspended: it covers nothing but what it has replaced.
        top, *below = self._history_from(key, marker_id) or (None,)
        if top is not None and not top.is_delete_marker:
            if unanswered is not None:
                raise unanswered
            raise PreconditionFailed("delete", key, "another instance was written at once")
        is_right = not below or below[0].version_id == _version_id(instance)
        if top is None or is_right or below[0].is_delete_marker:
            return marker_id
        self._inner.delete_version(key, top.version_id)
        cause = "another instance was current: our delete marker is taken back"
        raise PreconditionFailed("delete", key, cause)

    def _history_from(self, key: str, marker_id: str | None) -> Sequence[VersionEntry]:
        """Return the newest versions from our delete marker down; from the top if it is unknown."""
        entries = self._inner.versions(key, _MOST_VERSIONS)
        from_ours = dropwhile(lambda entry: entry.version_id != marker_id, entries)
        return entries if marker_id is None else list(from_ours)

    def _delete_into_trash(self, instance: ObjectVersion) -> str | None:
        """Keep a copy, make sure that the instance is still the current one, and delete."""
        key = instance.key
        kept = trash_key(key, self._clock(), self._nonce(), self._longest_key_bytes)
        self._inner.copy_if(instance, kept)
        found = self._inner.head(key)
        if _identity(found) != _identity(instance):
            self._inner.delete(kept)
            _refuse("delete", key, found, instance)
        return self._inner.delete(key)


def _identity(version: ObjectVersion | None) -> tuple[str, str | None, str | None] | None:
    if version is None:
        return None
    return listed_id(version), version.marker, version.version_id


def _version_id(version: ObjectVersion) -> str:
    """Return the id as a history shows it; an instance from before versioning has the null one."""
    return version.version_id or _NULL_VERSION


def _refuse(
    operation: str, key: str, found: ObjectVersion | None, expected: ObjectVersion | None
) -> NoReturn:
    there = "nothing" if found is None else f"etag {found.etag}"
    wanted = "nothing" if expected is None else f"etag {expected.etag}"
    raise PreconditionFailed(operation, key, f"{there} is there, expected was {wanted}")
