"""The state of a bucket in memory, and what is told of its changes."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock

from sync_core.errors import ConfigError
from sync_core.model import ObjectVersion
from sync_core.storage.protocol import ObjectWrite


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One change, with what an S3 event record says of it.

    `event_name` is such as `ObjectCreated:Put`; `principal_id` that of the store that made the
    change; `etag` and `sequencer` are None where S3 leaves them out; `at` is the bucket's clock.
    """

    event_name: str
    bucket: str
    key: str
    principal_id: str
    at: datetime
    size_bytes: int = 0
    etag: str | None = None
    sequencer: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the bucket keeps it."""

    version: ObjectVersion
    data: bytes
    tags: Mapping[str, str]


@dataclass(slots=True)
class Upload:
    """A multipart upload under way; `parts` by part number."""

    write: ObjectWrite
    initiated_at: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryBucket:
    """The shared state of one bucket; each principal reaches it through its own store.

    `clock` returns the time (aware UTC). Each of `listeners` is called after each change, in the
    order of the changes and before another can happen; it may read the bucket. `objects` and
    `uploads` are looked at and changed only while the bucket is `held`.
    """

    def __init__(self, name: str, clock: Callable[[], datetime]) -> None:
        self.name = name
        self.listeners: list[Callable[[ChangeRecord], None]] = []
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, Upload] = {}
        self._clock = clock
        self._lock = RLock()
        self._removed = False
        self._numbers = itertools.count(1)

    @contextmanager
    def held(self, operation: str) -> Iterator[None]:
        """Keep others out; raises `ConfigError` once the bucket is removed."""
        with self._lock:
            if self._removed:
                cause = "the specified bucket does not exist; check the bucket's name"
                raise ConfigError(operation, f"bucket {self.name}", cause)
            yield

    def now(self) -> datetime:
        """Return the time as S3 shows it: in whole seconds."""
        return self._clock().replace(microsecond=0)

    def number(self) -> int:
        """Return a number that is greater than any before."""
        return next(self._numbers)

    def remove(self) -> None:
        """Delete the bucket with all that is in it."""
        with self._lock:
            self._removed = True
            self.objects.clear()
            self.uploads.clear()

    def announce(self, event_name: str, version: ObjectVersion, principal_id: str) -> None:
        """Tell the listeners of a change to this instance.

        Events on tags carry no sequencer, deletions neither size nor etag (S3 user guide, Event
        message structure).
        """
        lives = not event_name.startswith("ObjectRemoved:")
        ordered = not event_name.startswith("ObjectTagging:")
        change = ChangeRecord(
            event_name=event_name,
            bucket=self.name,
            key=version.key,
            principal_id=principal_id,
            at=self._clock(),
            size_bytes=version.size_bytes if lives else 0,
            etag=version.etag if lives else None,
            sequencer=f"{self.number():018X}" if ordered else None,
        )
        for listener in tuple(self.listeners):
            listener(change)
