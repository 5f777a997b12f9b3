"""The safety net of a shared upload: somebody looks at it every few minutes until it is over.

Workers bring such an upload to its end by themselves. A look finds what they cannot see:

| what is found, in this order | status | what is done |
|---|---|---|
| the ledger does not know it, or somebody has ended it | OVER | nothing |
| its source is gone, or another object | CANCELLED | it is ended, aborted, and the key evaluated |
| no part was counted for `timeout_seconds` | TIMED_OUT | it is ended and aborted |
| something moved within the last `stall_seconds` | UNDER_WAY | nothing |
| the peer's store does not know it (any more) | CANCELLED | as above |
| nothing moves, and parts are missing | RESENT | the messages of the missing runs are sent again |
| nothing moves, and all parts are there | RESENT | the key is evaluated, which completes it |

Ended comes before aborted: from there on no worker counts a part or completes it. A look at what
a look has ended does the rest once more, so that a crash in between leaves nothing undone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sync_core.events import job_body
from sync_core.model import SharedUpload
from sync_core.queues.protocol import SupportsBulkSend
from sync_core.records.uploads_protocol import UploadLedger
from sync_core.sharing import STALL_SECONDS, send_runs
from sync_core.stack import Sharing, Stack
from sync_core.storage.protocol import ObjectStore
from sync_core.storage.sync_store import SyncStore

TIMEOUT_SECONDS = 86_400

_MOST_STALLS = 4


class Status(StrEnum):
    """How an upload was found; see the module."""

    OVER = "over"
    UNDER_WAY = "under_way"
    RESENT = "resent"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def is_over(self) -> bool:
        """Tell whether nobody has to look again."""
        return self not in {Status.UNDER_WAY, Status.RESENT}


_ENDINGS = {Status.CANCELLED: "cancelled", Status.TIMED_OUT: "timed out"}
"""What the ledger is told; a look finds by it what an earlier look has begun."""

_BEGUN = {how: status for status, how in _ENDINGS.items()}


@dataclass(frozen=True, slots=True)
class Seen:
    """How many parts there were, and since when there have been no more."""

    done_parts: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look has found; `seen` is for the next look (None: the ledger knows no upload)."""

    status: Status
    seen: Seen | None = None
    done_bytes: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class WatchParts:
    """What a watch works with; keys are those behind `own_prefix`, which messages put before them.

    `clock` returns aware UTC.
    """

    own: ObjectStore
    peer: SyncStore
    ledger: UploadLedger
    send: SupportsBulkSend
    own_prefix: str
    clock: Callable[[], datetime]
    stall_seconds: int = STALL_SECONDS
    timeout_seconds: int = TIMEOUT_SECONDS


class Watch:
    """Looks at shared uploads; each look may be repeated, and several may happen at once."""

    def __init__(self, parts: WatchParts) -> None:
        self._parts = parts

    def look(self, key: str, upload_id: str, seen: Seen | None = None) -> Watched:
        """Look at an upload and do what is due; `seen` is what the last look returned.

        Raises what the stores, the ledger and the queue raise; the look is to be repeated then.
        """
        upload = self._parts.ledger.read(upload_id)
        if upload is None:
            return Watched(Status.OVER)
        now = self._parts.clock()
        if seen is None or seen.done_parts != upload.done_parts:
            seen = Seen(upload.done_parts, now)
        status = self._done(key, upload, self._due(key, upload, seen, now), now)
        return Watched(status, seen, upload.done_bytes, upload.size_bytes)

    def _due(self, key: str, upload: SharedUpload, seen: Seen, now: datetime) -> Status:
        if upload.ended is not None:
            return _BEGUN.get(upload.ended, Status.OVER)
        source = self._parts.own.head(key)
        if source is None or source.etag != upload.source_etag:
            return Status.CANCELLED
        if now - seen.since >= timedelta(seconds=self._parts.timeout_seconds):
            return Status.TIMED_OUT
        if now - upload.changed_at < self._patience(upload, seen):
            return Status.UNDER_WAY
        if self._parts.peer.list_parts(key, upload.upload_id, limit=1) is None:
            return Status.CANCELLED
        return Status.RESENT

    def _patience(self, upload: SharedUpload, seen: Seen) -> timedelta:
        """Return how long to wait for a movement: longer each time, as the queue may only be long.

        Otherwise every look would add another message for each run to it.
        """
        stall = timedelta(seconds=self._parts.stall_seconds)
        return min(max(stall, upload.changed_at - seen.since), _MOST_STALLS * stall)

    def _done(self, key: str, upload: SharedUpload, due: Status, now: datetime) -> Status:
        """Do what is due; return that, or what it is instead where somebody else came first."""
        if due is Status.RESENT:
            if not self._parts.ledger.claim(upload, now):
                return Status.UNDER_WAY
            self._send_again(key, upload)
        elif due in _ENDINGS:
            is_first = upload.ended is None
            if is_first and not self._parts.ledger.end(upload.upload_id, _ENDINGS[due], now):
                return Status.OVER
            self._parts.peer.abort_multipart_upload(key, upload.upload_id)
            if due is Status.CANCELLED:
                self._have_evaluated(key)
        return due

    def _send_again(self, key: str, upload: SharedUpload) -> None:
        if upload.is_whole:
            self._have_evaluated(key)
            return
        parts = self._parts
        counted = parts.ledger.runs(upload.upload_id)
        send_runs(Sharing(parts.ledger, parts.send), parts.own_prefix, upload, counted)

    def _have_evaluated(self, key: str) -> None:
        self._parts.send.send_many([job_body(self._parts.own_prefix + key)])


def watch_over(stack: Stack, own_prefix: str) -> Watch:
    """Return what looks at a stack's uploads; raises `ConfigError` where it shares none."""
    sides, sharing = stack.sides, stack.require_sharing("watch uploads")
    clock = stack.context.clock
    return Watch(
        WatchParts(sides.own, sides.peer, sharing.ledger, sharing.queue, own_prefix, clock)
    )
