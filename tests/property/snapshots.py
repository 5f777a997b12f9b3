"""Snapshots for tests of `decide`: two buckets and two tables, and what may have led to them.

The triples (own, peer, record) are correlated, in two ways. Some are where a short random history
ends, in which users write, edit and delete, and stacks act, late or at once, forget to record, lose
their records or fall back to old ones. Others are arranged: any two instances that could meet, and
records of pairs that could have been agreed on.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from sync_core.decide import Terms, decide
from sync_core.evidence import Evidence, weigh
from sync_core.model import (
    Acknowledge,
    Conflict,
    Copy,
    Delete,
    Intent,
    ObjectVersion,
    Pair,
    Side,
    SideState,
    SyncRecord,
    Verdict,
)
from tests.objects import AT_A, AT_B, KEY, instance_id, original, replica

NAMES = ("a", "b")
PAIRS = (AT_A, AT_B)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Effect = tuple[int, ObjectVersion | None, ObjectVersion | None]
"""What a verdict writes: to which bucket, what (None: a delete), in place of what."""


@dataclass
class Snapshot:
    """Both buckets and both tables, by number: 0 is side "a", 1 is side "b"."""

    objects: list[ObjectVersion | None] = field(default_factory=lambda: [None, None])
    records: list[SyncRecord] = field(default_factory=lambda: [SyncRecord(KEY), SyncRecord(KEY)])
    old_records: list[tuple[int, SyncRecord]] = field(default_factory=list)
    nonces: int = 0

    def evidence(self, stack: int) -> Evidence:
        own, peer = self.objects[stack], self.objects[1 - stack]
        return weigh(own, peer, self.records[stack], PAIRS[stack])

    def verdict(self, stack: int, *, waited: bool = False, is_one_way: bool = False) -> Verdict:
        own, peer = self.objects[stack], self.objects[1 - stack]
        return decide(own, peer, self.evidence(stack), Terms(waited, is_one_way=is_one_way))

    def carry_out(self, stack: int, verdict: Verdict, *, is_recorded: bool = True) -> None:
        """Do what the verdict says; a stack that does not record it keeps its intent open."""
        effect = effect_of(stack, verdict)
        if effect is None and not isinstance(verdict, Acknowledge):
            return
        if effect is not None:
            side, source, replaced = effect
            if source is not None:
                source_id = instance_id(source, NAMES[1 - side])
                intent = Intent(source_id, None, "f" * 16, NOW)
                self.records[stack] = replace(self.records[stack], intent=intent)
                source = replica(source, NAMES[side], f"{self.nonces:016x}", replaced)
                self.nonces += 1
            self.objects[side] = source
        if is_recorded:
            self.record(stack)

    def carry_out_late(self, stack: int, verdict: Verdict | None) -> None:
        """Do what was decided on an earlier snapshot, if the destination is as it was then."""
        effect = effect_of(stack, verdict) if verdict is not None else None
        if verdict is not None and effect is not None:
            side, _, replaced = effect
            if replaced == self.objects[side]:
                self.carry_out(stack, verdict, is_recorded=False)

    def edit(self, side: int, text: str, at: int) -> None:
        """A user edits the metadata: the etag stays, and our marker with it."""
        current = self.objects[side]
        if current is not None:
            then = datetime.fromtimestamp(at, UTC)
            self.objects[side] = replace(current, metadata={"m": text}, last_modified_at=then)

    def record(self, stack: int) -> None:
        own, peer = (self.state(side) for side in (stack, 1 - stack))
        self.old_records.append((stack, self.records[stack]))
        self.records[stack] = SyncRecord(KEY, gen=1, pair=Pair(own, peer))

    def state(self, side: int) -> SideState | None:
        version = self.objects[side]
        return SideState(instance_id(version, NAMES[side])) if version else None

    def share_knowledge(self, stack: int) -> None:
        """Have the other stack know just what this one knows, and neither have an open intent."""
        pair = self.records[stack].pair
        mirrored = Pair(pair.peer, pair.own) if pair else None
        self.records[stack] = replace(self.records[stack], intent=None)
        self.records[1 - stack] = SyncRecord(KEY, gen=1, pair=mirrored)

    @property
    def values(self) -> list[tuple[str, dict[str, str]] | None]:
        return [(each.etag, dict(each.metadata)) if each else None for each in self.objects]


def effect_of(stack: int, verdict: Verdict) -> Effect | None:
    if isinstance(verdict, Copy):
        return side_of(stack, verdict.to), verdict.source, verdict.replaces
    if isinstance(verdict, Conflict):
        return side_of(stack, verdict.to), verdict.source, verdict.loser
    if isinstance(verdict, Delete):
        return side_of(stack, verdict.at), None, verdict.instance
    return None


def side_of(stack: int, side: Side) -> int:
    return stack if side is Side.OWN else 1 - stack


numbers = st.sampled_from([0, 1])
instants = st.sampled_from([1_700_000_000, 1_700_000_001])
puts = st.tuples(st.just("put"), numbers, st.sampled_from([b"x", b"y", b"z"]), instants)
edits = st.tuples(st.just("edit"), numbers, st.sampled_from(["1", "2"]), instants)
acts = st.tuples(st.just("act"), numbers, st.booleans(), st.booleans())
plans = st.tuples(st.sampled_from(["plan", "act late"]), numbers)
others = st.tuples(st.sampled_from(["delete", "forget", "fall back"]), numbers)
histories = st.lists(st.one_of(puts, puts, edits, acts, acts, plans, plans, others), max_size=16)


@st.composite
def ends_of_histories(draw: st.DrawFn) -> Snapshot:
    """Return where a random history of users and stacks ends."""
    snapshot = Snapshot()
    plans: list[Verdict | None] = [None, None]
    for step in draw(histories):
        match step:
            case "put", int(side), bytes(data), int(at):
                snapshot.objects[side] = original(data, at)
            case "edit", int(side), str(text), int(at):
                snapshot.edit(side, text, at)
            case "act", int(stack), bool(waited), bool(is_recorded):
                verdict = snapshot.verdict(stack, waited=waited)
                snapshot.carry_out(stack, verdict, is_recorded=is_recorded)
            case "plan", int(stack):
                plans[stack] = snapshot.verdict(stack)
            case "act late", int(stack):
                snapshot.carry_out_late(stack, plans[stack])
            case "delete", int(side):
                snapshot.objects[side] = None
            case "forget", int(stack):
                snapshot.records[stack] = SyncRecord(KEY)
            case "fall back", int(stack):
                old = [record for of, record in snapshot.old_records if of == stack]
                snapshot.records[stack] = draw(st.sampled_from(old or [SyncRecord(KEY)]))
    return snapshot


def replicas_on(side: int) -> list[tuple[ObjectVersion, ObjectVersion]]:
    """Return replicas that could stand on a side, of anything and in place of anything.

    Each comes with its source: the other side's originals, and its replicas of our originals.
    """
    mine, theirs = ORIGINALS[side], ORIGINALS[1 - side]
    relayed = replica(mine[0], NAMES[1 - side], f"{side}" * 16)
    return [
        (source, replica(source, NAMES[side], f"{side}{number}{place}", replaced))
        for number, source in enumerate([*theirs, relayed])
        for place, replaced in enumerate([None, *mine])
    ]


ORIGINALS = (
    [original(b"x", 1_700_000_000), original(b"w", 1_700_000_001)],
    [original(b"y", 1_700_000_000), original(b"x", 1_700_000_001)],
)
REPLICAS = (replicas_on(0), replicas_on(1))
AGREED = [
    (None, None),
    (ORIGINALS[0][0], ORIGINALS[1][1]),
    *((here, there) for there, here in REPLICAS[0]),
    *((here, there) for here, there in REPLICAS[1]),
]
"""What a record may name: both absent, equal contents, a replica and its source."""

INSTANCES = tuple(
    [
        None,
        *ORIGINALS[side],
        *(copy for _, copy in REPLICAS[side]),
        *(replace(copy, metadata={"m": "2"}) for _, copy in REPLICAS[side]),
    ]
    for side in (0, 1)
)


@st.composite
def arranged(draw: st.DrawFn) -> Snapshot:
    """Return any two instances, and records of pairs that either of them is part of."""
    now = [draw(st.sampled_from(INSTANCES[side])) for side in (0, 1)]
    snapshot = Snapshot()
    for stack in (0, 1):
        known = [pair for pair in AGREED if pair[0] == now[0] or pair[1] == now[1]]
        is_known = draw(st.booleans())
        if known and is_known:
            snapshot.objects = [*draw(st.sampled_from(known))]
            snapshot.record(stack)
        own = now[stack]
        if own is not None and draw(st.booleans()):
            intent = Intent(instance_id(own, NAMES[stack]), None, "f" * 16, NOW)
            snapshot.records[stack] = replace(snapshot.records[stack], intent=intent)
    snapshot.objects = now
    return snapshot


snapshots = st.one_of(ends_of_histories(), arranged())
