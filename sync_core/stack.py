"""One deployment's stack: all that its parts share while they work on keys."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync_core.decide import Terms
from sync_core.errors import ConfigError
from sync_core.model import Capabilities, ConflictPolicy, Direction, Outcome, Side, SitePair
from sync_core.prefix_list import PrefixList
from sync_core.queues.protocol import SupportsBulkSend
from sync_core.records.protocol import Table
from sync_core.records.uploads_protocol import UploadLedger
from sync_core.routing import is_excluded
from sync_core.storage.sync_store import SyncStore

ONE_PUT_BYTES = 8 * 1024 * 1024
"""Objects up to this size go in one conditional PUT, larger ones in parts."""

SHARED_UPLOAD_BYTES = 1024 * 1024 * 1024
"""The parts of objects from this size on are sent by all workers together."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set.

    `echo_principals` are the ids of the own account's dedicated user and of the stack's own role.
    `grace_seconds` is how long an unexplained snapshot must last before it is acted upon;
    `lease_seconds` how long a key stays with a worker that died; `tombstone_seconds` must exceed
    the time that any message can live (two queues' retention, 14 days each). `preferred_site` goes
    with the policy `prefer`. `excluded` are patterns of keys and `prefixes` those that take part
    (None: all), see `routing.is_excluded`. Archived objects are restored for `restore_days`, and
    copied then; 0: they are left alone.
    """

    echo_principals: frozenset[str]
    grace_seconds: int = 60
    lease_seconds: int = 180
    one_put_bytes: int = ONE_PUT_BYTES
    shared_upload_bytes: int = SHARED_UPLOAD_BYTES
    restore_days: int = 0
    tries_server_side_copy: bool = False
    tombstone_seconds: int = 30 * 24 * 3600
    conflict_policy: ConflictPolicy = ConflictPolicy.KEEP_COPY
    preferred_site: str | None = None
    excluded: tuple[str, ...] = ()
    prefixes: PrefixList | None = None
    direction: Direction = Direction.TWO_WAY

    @property
    def is_one_way(self) -> bool:
        """Tell whether changes go to the peer only."""
        return self.direction is Direction.TO_PEER

    @property
    def is_selective(self) -> bool:
        """Tell whether keys are excluded beside those of our own."""
        return bool(self.excluded) or self.prefixes is not None

    def excludes(self, key: str) -> bool:
        """Tell whether the key is never synchronised."""
        return is_excluded(key, self.excluded, self.prefixes)

    def terms(self, pair: SitePair, *, waited: bool) -> Terms:
        """Return what the verdicts of this stack depend on beside the snapshot."""
        preferred = None
        if self.conflict_policy is ConflictPolicy.PREFER:
            preferred = Side.OWN if self.preferred_site == pair.own.name else Side.PEER
        is_manual = self.conflict_policy is ConflictPolicy.MANUAL
        return Terms(waited, preferred, is_manual, self.is_one_way)


_UNVERSIONED = Capabilities()


@dataclass(frozen=True, slots=True)
class Sides:
    """The two buckets: which they are, how they are reached, and what their stores can do.

    `peer_fetches`: the peer's store can read from the own bucket, so that no byte comes by here.
    """

    pair: SitePair
    own: SyncStore
    peer: SyncStore
    abilities: Mapping[Side, Capabilities] = field(default_factory=dict)
    peer_fetches: bool = False

    def capabilities(self, side: Side) -> Capabilities:
        """Return what one side's store was seen to do; an unversioned one with all conditions."""
        return self.abilities.get(side, _UNVERSIONED)

    def store(self, side: Side) -> SyncStore:
        """Return the store of one side."""
        return self.own if side is Side.OWN else self.peer

    def site_name(self, side: Side) -> str:
        """Return the name of one side's site."""
        return (self.pair.own if side is Side.OWN else self.pair.peer).name


@dataclass(frozen=True, slots=True)
class Context:
    """The outside world, as arguments: time, chance, threads, the log, and word to the peer.

    `clock` returns aware UTC; `nonce` 16 hex digits never returned before; `nudge`, where the
    peer has a stack, asks it to look at a key. Keys are worked on by `executor`, which waits for
    the parts of large objects that `part_executor` sends.
    """

    clock: Callable[[], datetime]
    nonce: Callable[[], str]
    executor: Executor
    part_executor: Executor
    report: Callable[[Outcome], None]
    nudge: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Sharing:
    """What it takes to have uploads shared among workers: the ledger, the queue, and who watches.

    `watch`, where there is a state machine, has it watch an upload (key, upload_id); to ask it
    again is harmless.
    """

    ledger: UploadLedger
    queue: SupportsBulkSend
    watch: Callable[[str, str], None] | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployment: its sides, its records, its settings and its surroundings.

    Without `sharing` each upload is one worker's.
    """

    sides: Sides
    records: Table
    settings: Settings
    context: Context = field(repr=False)
    sharing: Sharing | None = field(default=None, repr=False)

    def require_sharing(self, operation: str) -> Sharing:
        """Return what uploads are shared by; raises `ConfigError` where they are not."""
        if self.sharing is None:
            cause = "is not set: take its value from the outputs of the site's stack"
            raise ConfigError(operation, "DUALWAY_PARTS_TABLE", cause)
        return self.sharing

    def now(self) -> datetime:
        """Return the present instant."""
        return self.context.clock()

    def in_seconds(self, seconds: int) -> datetime:
        """Return the instant so many seconds from now."""
        return self.now() + timedelta(seconds=seconds)
