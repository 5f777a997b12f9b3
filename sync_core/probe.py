"""What a store can really do: each condition is tried on an object of our own and has to refuse.

Some stores take a header and ignore it, others answer 501, and none says so beforehand. A write
that succeeds where a refusal was due shows that the ability is absent, and so does a refusal of the
request as such. What the network or a policy has refused shows nothing, and is raised.
"""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sync_core.checksums import md5_of
from sync_core.errors import AccessDenied, Poison, Stale, Unavailable
from sync_core.model import Ability, Capabilities, ControlItem, ObjectVersion
from sync_core.records.protocol import ControlStore
from sync_core.routing import OWN_PREFIX
from sync_core.storage.protocol import ObjectWrite, Written
from sync_core.storage.sync_store import SyncStore

REMEMBERED_FOR = timedelta(days=1)
"""Stores gain and lose abilities with their releases, buckets with their settings."""

_FETCHED = b"fetched"
_WRONG_ETAG = "0" * 32
_MOST_VERSIONS = 100


def probe(store: SyncStore, nonce: str) -> Capabilities:
    """Try each ability on the key `.dualway/probe-<nonce>`, which is free before and after.

    Takes some 25 small requests. Raises what the store raises when it denies, throttles, does not
    answer or takes no plain write: an ability is never taken for granted, nor for absent either.
    """
    trial = _Trial(store, probe_key(nonce))
    try:
        trial.require_plain_writes()
        return Capabilities(
            creates_if_absent=trial.creates_if_absent(),
            replaces_if_match=trial.replaces_if_match(),
            deletes_if_match=trial.deletes_if_match(),
            is_versioned=trial.is_versioned(),
        )
    finally:
        trial.clean_up()


def probe_key(nonce: str) -> str:
    """Return the key on which abilities are tried."""
    return f"{OWN_PREFIX}probe-{nonce}"


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found out about a bucket, and when."""

    bucket: str
    capabilities: Capabilities
    at: datetime


def remembered(probed: Probed) -> str:
    """Return the text of the control item that keeps it."""
    found = {"bucket": probed.bucket, "at": probed.at.isoformat(), **asdict(probed.capabilities)}
    return json.dumps(found)


def recall(text: str) -> Probed | None:
    """Return what such a text says; None when it is none of ours, or an earlier release's."""
    try:
        found = json.loads(text)
        bucket, at = found.pop("bucket"), datetime.fromisoformat(found.pop("at"))
        return Probed(bucket, Capabilities(**found), at)
    except (ValueError, TypeError, AttributeError, KeyError):
        return None


def ability_name(side: str) -> str:
    """Return the name of the control item that remembers what was found out about a side."""
    return f"abilities/{side}"


def probed(
    table: ControlStore,
    store: SyncStore,
    side: str,
    clock: Callable[[], datetime],
    nonce: Callable[[], str],
) -> Capabilities:
    """Return what the side's store can do, as probed within the last day by any worker.

    `clock` returns aware UTC; `nonce` text that it never returned before. Of two workers that probe
    at once, either may be remembered.
    """
    name = ability_name(side)
    item = table.read_control(name)
    known = recall(item.text) if item else None
    if known and known.bucket == store.bucket and abs(clock() - known.at) < REMEMBERED_FOR:
        return known.capabilities
    found = Probed(store.bucket, probe(store, nonce()), clock())
    table.write_control(ControlItem(name, remembered(found), item.gen if item else 0))
    return found.capabilities


def can_fetch(own: SyncStore, peer: SyncStore, nonce: str) -> bool:
    """Tell whether the peer's store can copy from the own bucket, and heeds a condition with it.

    Tried on a key as `probe` tries it, in both buckets. A refusal says no, whatever its reason: it
    may be for want of a permission, or another partition's. Raises `Throttled` and `Unavailable`.
    """
    key = probe_key(nonce)
    write = ObjectWrite(key, len(_FETCHED))
    there, fetched = _Trial(own, key), _Trial(peer, key)
    try:
        source = there.present(_FETCHED)
        place = own.place(key)
        with suppress(Stale, Poison, AccessDenied):
            fetched.note(peer.copy_from(place, source, write, None))
            return _is_refused(lambda: fetched.note(peer.copy_from(place, source, write, None)))
        return False
    finally:
        there.clean_up()
        fetched.clean_up()


def untried(lacks: frozenset[Ability]) -> Capabilities:
    """Return what an unversioned store does that was never tried: all but what it is said to lack.

    `lacks` is what `SyncStore` says of itself.
    """
    return Capabilities(
        creates_if_absent=Ability.CREATES_IF_ABSENT not in lacks,
        replaces_if_match=Ability.REPLACES_IF_MATCH not in lacks,
        deletes_if_match=Ability.DELETES_IF_MATCH not in lacks,
    )


def guarantee(
    side: str, capabilities: Capabilities, lacks: frozenset[Ability] = frozenset()
) -> str:
    """Return a sentence for people: the level, what is missing, and what follows from it.

    `lacks` is what the side's store lacks (see `SyncStore`).
    """
    clauses = (*_about_puts(capabilities), *_about_deletes(capabilities, lacks))
    if not clauses and capabilities.is_versioned:
        clauses = ("all writes are conditional, and what they replace stays as a version",)
    text = "; ".join(clauses) or "all writes are conditional"
    return f"guarantee level {capabilities.level} at {side}: {text}"


def _about_puts(capabilities: Capabilities) -> tuple[str, ...]:
    conditions = (
        ("If-None-Match", capabilities.creates_if_absent),
        ("If-Match", capabilities.replaces_if_match),
    )
    missing = " and ".join(name for name, is_honoured in conditions if not is_honoured)
    if not missing:
        return ()
    if capabilities.is_versioned:
        follows = "what a copy overwrites unseen stays as a version"
    else:
        follows = "a copy may overwrite a write that arrives just before it"
    return (f"PUT does not honour {missing}", follows)


def _about_deletes(capabilities: Capabilities, lacks: frozenset[Ability]) -> tuple[str, ...]:
    if capabilities.deletes_if_match:
        return ()
    if capabilities.is_versioned:
        follows = "a delete that hits another instance than was read is taken back"
    else:
        kept = f"the object as it was read is kept under {OWN_PREFIX}trash/"
        if Ability.COPIES in lacks:
            kept = "no copy of the object is kept"
        follows = f"a delete may undo a write that arrives within the same milliseconds, {kept}"
    return ("DELETE does not honour If-Match", follows)


@dataclass(slots=True)
class _Trial:
    """The trials on one key; each starts from a state that it makes itself."""

    store: SyncStore
    key: str
    has_history: bool = False

    def require_plain_writes(self) -> None:
        """Write without a condition; what is wrong then is no condition's fault."""
        self.present(b"plain")
        self.store.delete(self.key)

    def creates_if_absent(self) -> bool:
        """Create twice: only the first may succeed."""
        return _is_taken(lambda: self._put_if(b"first", None)) and _is_refused(
            lambda: self._put_if(b"second", None)
        )

    def replaces_if_match(self) -> bool:
        """Overwrite another instance than is there, then the one that is."""
        current = self.present(b"to be replaced")
        return _is_refused(lambda: self._put_if(b"wrong", _other_than(current))) and _is_taken(
            lambda: self._put_if(b"right", current)
        )

    def deletes_if_match(self) -> bool:
        """Delete another instance than is there, which must stay, then the one that is."""
        current = self.present(b"to be deleted")
        return (
            _is_refused(lambda: self.store.delete_if(_other_than(current)))
            and self.store.head(self.key) is not None
            and _is_taken(lambda: self.store.delete_if(current))
            and self.store.head(self.key) is None
        )

    def is_versioned(self) -> bool:
        """Overwrite an instance and look for it; one without an id would not stay."""
        old = self.present(b"old").version_id
        self.present(b"new")
        return old is not None and self.store.head_version(self.key, old) is not None

    def clean_up(self) -> None:
        """Leave nothing behind; where ids of versions are shown, no version and no marker."""
        if self.has_history:
            for entry in self.store.versions(self.key, _MOST_VERSIONS):
                self.store.delete_version(self.key, entry.version_id)
        elif self.store.head(self.key) is not None:
            self.store.delete(self.key)

    def present(self, data: bytes) -> ObjectVersion:
        """Put these bytes there, and return what is shown."""
        self.note(self.store.put(self._write(data), io.BytesIO(data)))
        version = self.store.head(self.key)
        if version is None:
            raise Unavailable("probe", self.key, "an object that was just written is not shown")
        return version

    def _put_if(self, data: bytes, replaces: ObjectVersion | None) -> None:
        self.note(self.store.put_if(self._write(data), io.BytesIO(data), replaces))

    def note(self, written: Written) -> None:
        """Keep in mind whether the bucket has a history."""
        self.has_history = self.has_history or written.version_id is not None

    def _write(self, data: bytes) -> ObjectWrite:
        return ObjectWrite(self.key, len(data), md5=md5_of(data))


def _other_than(version: ObjectVersion) -> ObjectVersion:
    return replace(version, etag=_WRONG_ETAG)


def _is_taken(request: Callable[[], object]) -> bool:
    try:
        request()
    except (Stale, Poison):
        return False
    return True


def _is_refused(request: Callable[[], object]) -> bool:
    """Tell whether the condition did not hold; a request that is refused as such has no say."""
    try:
        with suppress(Poison):
            request()
    except Stale:
        return True
    return False
