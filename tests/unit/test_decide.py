"""The truth table of `decide`, row by row, each row seen from both stacks."""

# ruff: noqa: E501 - a row of the table is read as one line

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from sync_core.decide import Terms, decide
from sync_core.evidence import facts, weigh
from sync_core.marker import replica_id
from sync_core.model import (
    Acknowledge,
    Conflict,
    Copy,
    Delete,
    Intent,
    Link,
    ObjectVersion,
    Pair,
    Side,
    SideState,
    Skip,
    SkipReason,
    SyncRecord,
    Unsure,
    Verdict,
)
from tests.objects import AT_A, AT_B, KEY, instance_id, original, replica

X = original(b"x", at=1_700_000_000)
Y = original(b"y", at=1_700_000_100)
OPENED_AT = datetime(2026, 1, 1, tzinfo=UTC)
PEER_ACTS, PEER_WINS = SkipReason.PEER_ACTS, SkipReason.PEER_WINS
LEFT_OPEN = SkipReason.CONFLICT_LEFT_OPEN
ONE_WAY = SkipReason.ONE_WAY


@dataclass(frozen=True)
class Row:
    """`a` and `b` as the stores show them, what each stack recorded, and both verdicts.

    `revived` names the stacks that know a replica of nonce 0 of the past; `preferred` is a site.
    """

    says: str
    a: ObjectVersion | None
    b: ObjectVersion | None
    at_a: Verdict
    at_b: Verdict
    pair_at_a: tuple[ObjectVersion | None, ObjectVersion | None] | None = None
    pair_at_b: tuple[ObjectVersion | None, ObjectVersion | None] | None = None
    intent_at_a: ObjectVersion | None = None
    waited: bool = False
    revived: str = ""
    preferred: str | None = None
    is_manual: bool = False

    def terms(self, side: str) -> Terms:
        preferred = None
        if self.preferred is not None:
            preferred = Side.OWN if self.preferred == side else Side.PEER
        return Terms(self.waited, preferred, self.is_manual)


@dataclass(frozen=True)
class OneWay:
    """A row where changes go from a to b only: both objects, what a recorded, and a's verdict."""

    says: str
    a: ObjectVersion | None
    b: ObjectVersion | None
    verdict: Verdict
    pair: tuple[ObjectVersion | None, ObjectVersion | None] | None = None
    intent: ObjectVersion | None = None
    knows_of_the_past: bool = False
    is_manual: bool = False


X_AT_B = replica(X, to="b")
Y_AT_A = replica(Y, to="a")
X_EDITED_AT_B = replace(X_AT_B, metadata={"edited": "yes"}, last_modified_at=Y.last_modified_at)
Y_EDITED_AT_A = replace(Y_AT_A, metadata={"edited": "yes"}, last_modified_at=X.last_modified_at)
LATE_X = original(b"x", at=1_700_000_200)
# Two replicas: b's user overwrote (with W) what a had pushed, a's user what b had pushed.
W = original(b"w", at=1_700_000_050)
W_AT_A_OVER_X = replica(W, to="a", nonce="1" * 16, replaced=X)
X_AT_B_OVER_W = replica(X, to="b", nonce="2" * 16, replaced=W)
X_AT_B_OVER_Y = replica(X, to="b", nonce="3" * 16, replaced=Y)
# The replica X_AT_B was overwritten (with Y_AT_B) or deleted, and a user has brought it back.
Y_AT_B = replica(Y, to="b", nonce="4" * 16)
Z, LATE_Z = original(b"z", at=1_700_000_300), original(b"z", at=1_900_000_000)
GONE, OLD = (None, None), (Y, Y_AT_B)

ROWS = [
    Row("1: nothing anywhere and nothing recorded", None, None,
        Skip(1, SkipReason.BOTH_ABSENT), Skip(1, SkipReason.BOTH_ABSENT)),
    Row("1: both gone since the last agreement", None, None,
        Acknowledge(1, None), Acknowledge(1, None), pair_at_a=(X, X_AT_B), pair_at_b=(X, X_AT_B)),
    Row("2: the pair is the recorded one", X, X_AT_B,
        Skip(2, SkipReason.IN_SYNC), Skip(2, SkipReason.IN_SYNC),
        pair_at_a=(X, X_AT_B), pair_at_b=(X, X_AT_B)),
    Row("2: one is the replica of the other, not recorded yet", X, X_AT_B,
        Acknowledge(2, Link.MARKER), Acknowledge(2, Link.MARKER)),
    Row("2: equal by content, written by users on both sides", X, replace(X, last_modified_at=Y.last_modified_at),
        Acknowledge(2, Link.CONTENT), Acknowledge(2, Link.CONTENT)),
    Row("2: equal by full-object checksum, whatever the etags",
        replace(X, md5=None, etag="e-2", crc64nvme="c"), replace(X, md5=None, etag="f-3", crc64nvme="c"),
        Acknowledge(2, Link.CONTENT), Acknowledge(2, Link.CONTENT)),
    Row("2: equal values outrank an open intent", X, replace(X, last_modified_at=Y.last_modified_at),
        Acknowledge(2, Link.CONTENT), Acknowledge(2, Link.CONTENT), intent_at_a=X),
    Row("3 and 6: deleted at b, both stacks know", X, None,
        Delete(3, X, at=Side.OWN), Delete(6, X), pair_at_a=(X, X_AT_B), pair_at_b=(X, X_AT_B)),
    Row("3 and 7: deleted at b, only a's stack knows: it helps", X, None,
        Delete(3, X, at=Side.OWN), Skip(7, PEER_ACTS), pair_at_a=(X, X_AT_B)),
    Row("3 and 6: a replica whose original is gone is deleted by the original's stack", Y_AT_A, None,
        Skip(3, PEER_ACTS), Delete(6, Y_AT_A)),
    Row("3 outranks an open intent", X, None,
        Delete(3, X, at=Side.OWN), Skip(7, PEER_ACTS), pair_at_a=(X, X_AT_B), intent_at_a=X),
    Row("4: our own write may have happened and been deleted", X, None,
        Unsure(4), Skip(7, PEER_ACTS), intent_at_a=X),
    Row("4: after the grace period it is created", X, None,
        Copy(5, X, None), Skip(7, PEER_ACTS), intent_at_a=X, waited=True),
    Row("5 and 7: new at a", X, None, Copy(5, X, None), Skip(7, PEER_ACTS)),
    Row("5: an intent for another instance does not matter", X, None,
        Copy(5, X, None), Skip(7, PEER_ACTS), intent_at_a=Y),
    Row("5: written again after both were deleted", LATE_X, None,
        Copy(5, LATE_X, None), Skip(7, PEER_ACTS), pair_at_a=(None, None), pair_at_b=(None, None)),
    Row("5: changed at a and deleted at b: the write beats the delete", Y, None,
        Copy(5, Y, None), Skip(7, PEER_ACTS), pair_at_a=(X, X_AT_B), pair_at_b=(X, X_AT_B)),
    Row("8 and 9: overwritten at a, the replica at b proves that a had been seen", Y, X_AT_B,
        Copy(8, Y, X_AT_B), Skip(9, PEER_ACTS)),
    Row("8 and 9: overwritten at a, both stacks recorded the old pair", LATE_X, Y,
        Copy(8, LATE_X, Y), Skip(9, PEER_ACTS), pair_at_a=(Y_AT_A, Y), pair_at_b=(Y_AT_A, Y)),
    Row("8 and 9: a replica edited at b goes back as an update", X, X_EDITED_AT_B,
        Skip(9, PEER_ACTS), Copy(8, X_EDITED_AT_B, X)),
    Row("9: only a knows that b is newer, and b would act by its stamp", X, Y,
        Skip(9, PEER_ACTS), Conflict(11, Y, X), pair_at_a=(X, X_AT_B)),
    Row("9: only a knows that b is newer, and b never would act: wait", LATE_X, Y,
        Unsure(9), Skip(11, PEER_WINS), pair_at_a=(LATE_X, X_AT_B)),
    Row("9: after the grace period a helps itself", LATE_X, Y,
        Copy(9, Y, LATE_X, to=Side.OWN), Skip(11, PEER_WINS), pair_at_a=(LATE_X, X_AT_B), waited=True),
    Row("10: original at a, replica of something else at b, a's instance recorded by both", Y, X_AT_B,
        Copy(10, Y, X_AT_B), Skip(10, PEER_WINS), pair_at_a=(Y, None), pair_at_b=(Y, None)),
    Row("10: two replicas, what a's came from was overwritten at b unseen", W_AT_A_OVER_X, X_AT_B_OVER_Y,
        Skip(10, PEER_WINS), Conflict(10, X_AT_B_OVER_Y, W_AT_A_OVER_X)),
    Row("10: two replicas, each replaced the other's source: stamps", W_AT_A_OVER_X, X_AT_B_OVER_W,
        Conflict(10, W_AT_A_OVER_X, X_AT_B_OVER_W), Skip(10, PEER_WINS)),
    Row("10: two originals, each known to have been seen: stamps, the loser kept", Y_EDITED_AT_A, Y,
        Skip(10, PEER_WINS), Conflict(10, Y, Y_EDITED_AT_A),
        pair_at_a=(Y_EDITED_AT_A, X_AT_B), pair_at_b=(Y_EDITED_AT_A, X_AT_B)),
    Row("11: written on both sides unseen, the later one wins", X, Y,
        Skip(11, PEER_WINS), Conflict(11, Y, X)),
    Row("11: the same second, the side's name decides", X, replace(Y, last_modified_at=X.last_modified_at),
        Skip(11, PEER_WINS), Conflict(11, replace(Y, last_modified_at=X.last_modified_at), X)),
    Row("11: equal bytes with other metadata are another value", X, replace(X, metadata={"m": "1"}),
        Skip(11, PEER_WINS), Conflict(11, replace(X, metadata={"m": "1"}), X)),
    Row("11: nothing comparable is known of the bytes", LATE_X, replace(X, md5=None, etag="e-2"),
        Conflict(11, LATE_X, replace(X, md5=None, etag="e-2")), Skip(11, PEER_WINS)),
    Row("11: our own write may have been overwritten: wait", LATE_X, Y,
        Unsure(11), Skip(11, PEER_WINS), intent_at_a=LATE_X),
    Row("11: after the grace period it is a conflict", LATE_X, Y,
        Conflict(11, LATE_X, Y), Skip(11, PEER_WINS), intent_at_a=LATE_X, waited=True),
    Row("11: the preferred site wins although it wrote earlier", X, Y,
        Conflict(11, X, Y), Skip(11, PEER_WINS), preferred="a"),
    Row("11: the preferred site wins although it is the other one's peer", LATE_X, Y,
        Skip(11, PEER_WINS), Conflict(11, Y, LATE_X), preferred="b"),
    Row("10: two originals, each known to have been seen: the preferred site wins", Y_EDITED_AT_A, Y,
        Conflict(10, Y_EDITED_AT_A, Y), Skip(10, PEER_WINS),
        pair_at_a=(Y_EDITED_AT_A, X_AT_B), pair_at_b=(Y_EDITED_AT_A, X_AT_B), preferred="a"),
    Row("8 and 9: a change of one side is no conflict, whichever site is preferred", Y, X_AT_B,
        Copy(8, Y, X_AT_B), Skip(9, PEER_ACTS), preferred="b"),
    Row("9: only a knows that b is newer, and b would act because it is preferred", LATE_X, Y,
        Skip(9, PEER_ACTS), Conflict(11, Y, LATE_X), pair_at_a=(LATE_X, X_AT_B), preferred="b"),
    Row("9: only a knows that b is newer, and b never would act because a is preferred", X, Y,
        Unsure(9), Skip(11, PEER_WINS), pair_at_a=(X, X_AT_B), preferred="a"),
    Row("9: then a helps itself after the grace period", X, Y,
        Copy(9, Y, X, to=Side.OWN), Skip(11, PEER_WINS), pair_at_a=(X, X_AT_B), preferred="a", waited=True),
    Row("11: a person decides", X, Y, Skip(11, LEFT_OPEN), Skip(11, LEFT_OPEN), is_manual=True),
    Row("11: a person decides, however long it lasts", X, Y,
        Skip(11, LEFT_OPEN), Skip(11, LEFT_OPEN), is_manual=True, waited=True),
    Row("11: a person decides only once it is sure that there is a conflict", LATE_X, Y,
        Unsure(11), Skip(11, LEFT_OPEN), intent_at_a=LATE_X, is_manual=True),
    Row("10: two originals, each known to have been seen: a person decides", Y_EDITED_AT_A, Y,
        Skip(10, LEFT_OPEN), Skip(10, LEFT_OPEN),
        pair_at_a=(Y_EDITED_AT_A, X_AT_B), pair_at_b=(Y_EDITED_AT_A, X_AT_B), is_manual=True),
    Row("10: an original against a replica needs no person", Y, X_AT_B,
        Copy(10, Y, X_AT_B), Skip(10, PEER_WINS), pair_at_a=(Y, None), pair_at_b=(Y, None), is_manual=True),
    Row("9: only a knows that b is newer, b takes it for a conflict to be left open", X, Y,
        Unsure(9), Skip(11, LEFT_OPEN), pair_at_a=(X, X_AT_B), is_manual=True),
    Row("9: then too a helps itself after the grace period", X, Y,
        Copy(9, Y, X, to=Side.OWN), Skip(11, LEFT_OPEN), pair_at_a=(X, X_AT_B), is_manual=True, waited=True),
    Row("5 and 7: a deleted replica was brought back at b, both stacks know", None, X_AT_B,
        Unsure(7), Copy(5, X_AT_B, None), pair_at_a=GONE, pair_at_b=GONE, revived="ab"),
    Row("7: a deleted replica was brought back at b, whose stack takes it for ours", None, X_AT_B,
        Unsure(7), Skip(3, PEER_ACTS), pair_at_a=GONE, revived="a"),
    Row("7: then a helps itself after the grace period", None, X_AT_B,
        Copy(7, X_AT_B, None, to=Side.OWN), Skip(3, PEER_ACTS), pair_at_a=GONE, revived="a", waited=True),
    Row("6: a replica that is where it always was is not revived", None, X_AT_B,
        Delete(6, X_AT_B), Skip(3, PEER_ACTS), pair_at_a=(X, X_AT_B), revived="a"),
    Row("8 and 9: an overwritten replica was brought back at b, both stacks know", Y, X_AT_B,
        Unsure(9), Copy(8, X_AT_B, Y), pair_at_a=OLD, pair_at_b=OLD, revived="ab"),
    Row("9: an overwritten replica was brought back at b, whose stack takes it for ours", Y, X_AT_B,
        Unsure(9), Skip(9, PEER_ACTS), pair_at_a=OLD, revived="a"),
    Row("9: then also a helps itself after the grace period", Y, X_AT_B,
        Copy(9, X_AT_B, Y, to=Side.OWN), Skip(9, PEER_ACTS), pair_at_a=OLD, revived="a", waited=True),
    Row("11: brought back at b and changed at a, both stacks know: stamps", Z, X_AT_B,
        Unsure(11), Conflict(11, X_AT_B, Z), pair_at_a=OLD, pair_at_b=OLD, revived="ab"),
    Row("11: brought back at b and changed at a later, both stacks know", LATE_Z, X_AT_B,
        Conflict(11, LATE_Z, X_AT_B), Skip(11, PEER_WINS), pair_at_a=OLD, pair_at_b=OLD, revived="ab"),
    Row("11: brought back at b, whose stack takes it for ours, and changed at a", Z, X_AT_B,
        Unsure(11), Skip(9, PEER_ACTS), pair_at_a=OLD, revived="a"),
    Row("11: then a keeps its own as the loser after the grace period", Z, X_AT_B,
        Conflict(11, X_AT_B, Z, to=Side.OWN), Skip(9, PEER_ACTS), pair_at_a=OLD, revived="a", waited=True),
    Row("11: brought back at b, whose stack takes it for ours, and changed at a later", LATE_Z, X_AT_B,
        Conflict(11, LATE_Z, X_AT_B), Skip(9, PEER_ACTS), pair_at_a=OLD, revived="a"),
    Row("11: brought back at b and changed at a: a person decides", Z, X_AT_B,
        Skip(11, LEFT_OPEN), Skip(11, LEFT_OPEN), pair_at_a=OLD, pair_at_b=OLD, revived="ab", is_manual=True),
]  # fmt: skip

ONE_WAY_ROWS = [
    OneWay("1: both gone since the last agreement", None, None, Acknowledge(1, None), pair=(X, X_AT_B)),
    OneWay("2: the replica is there", X, X_AT_B, Acknowledge(2, Link.MARKER)),
    OneWay("3: what is deleted at the peer is not deleted here", X, None, Skip(3, ONE_WAY), pair=(X, X_AT_B)),
    OneWay("3: nor is a replica from the time when it went both ways", Y_AT_A, None, Skip(3, ONE_WAY)),
    OneWay("4: our own write may have happened and been deleted", X, None, Unsure(4), intent=X),
    OneWay("5: new here", X, None, Copy(5, X, None)),
    OneWay("5: changed here and deleted at the peer", Y, None, Copy(5, Y, None), pair=(X, X_AT_B)),
    OneWay("6: deleted here", None, X_AT_B, Delete(6, X_AT_B), pair=(X, X_AT_B)),
    OneWay("7: new at the peer", None, Y, Skip(7, ONE_WAY)),
    OneWay("7: deleted here and changed at the peer", None, Y, Skip(7, ONE_WAY), pair=(X, X_AT_B)),
    OneWay("7: a deleted replica was brought back at the peer", None, X_AT_B, Skip(7, ONE_WAY),
        pair=GONE, knows_of_the_past=True),
    OneWay("8: changed here", Y, X_AT_B, Copy(8, Y, X_AT_B), pair=(X, X_AT_B)),
    OneWay("9: changed at the peer, later", X, Y, Skip(9, ONE_WAY), pair=(X, X_AT_B)),
    OneWay("9: changed at the peer, which shows it", X, X_EDITED_AT_B, Skip(9, ONE_WAY)),
    OneWay("9: an overwritten replica was brought back at the peer", Y, X_AT_B, Skip(9, ONE_WAY),
        pair=OLD, knows_of_the_past=True),
    OneWay("10: the peer's is newer than a replica from the time when it went both ways", Y_AT_A, Z,
        Skip(10, ONE_WAY), pair=(X, Z)),
    OneWay("10: two replicas, what ours came from was overwritten at the peer", W_AT_A_OVER_X, X_AT_B_OVER_Y,
        Skip(10, ONE_WAY)),
    OneWay("10: two originals, each known to have been seen: ours wins although it is older", Y_EDITED_AT_A, Y,
        Conflict(10, Y_EDITED_AT_A, Y), pair=(Y_EDITED_AT_A, X_AT_B)),
    OneWay("11: written on both sides unseen: ours wins although it is older", X, Y, Conflict(11, X, Y)),
    OneWay("11: changed on both sides: ours wins although it is older", X, Y,
        Conflict(11, X, Y), pair=(W, X_AT_B_OVER_W)),
    OneWay("11: our own write may have been overwritten", X, Y, Unsure(11), intent=X),
    OneWay("11: brought back at the peer and changed here: ours wins although it is older", Z, X_AT_B,
        Conflict(11, Z, X_AT_B), pair=OLD, knows_of_the_past=True),
    OneWay("11: a person decides", X, Y, Skip(11, LEFT_OPEN), is_manual=True),
]  # fmt: skip


def record(
    pair: tuple[ObjectVersion | None, ObjectVersion | None] | None,
    intent: ObjectVersion | None = None,
    *,
    mirrored: bool = False,
    knows_of_the_past: bool = False,
) -> SyncRecord:
    """Return a record whose pair is (a, b), or (b, a) when mirrored."""
    known = None
    if pair is not None:
        states = [
            SideState(instance_id(version, side), replica=facts(version, side, AT_A).replica)
            if version
            else None
            for version, side in zip(pair, "ab", strict=True)
        ]
        known = Pair(*(reversed(states) if mirrored else states))
    source_id = instance_id(intent, "b" if mirrored else "a") if intent else ""
    opened = Intent(source_id, None, "f" * 16, OPENED_AT) if intent else None
    past = (replica_id("0" * 16),) if knows_of_the_past else ()
    return SyncRecord(KEY, gen=1, pair=known, intent=opened, past=past)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.says)
def test_stack_a_decides_by_the_table(row: Row) -> None:
    known = record(row.pair_at_a, row.intent_at_a, knows_of_the_past="a" in row.revived)
    evidence = weigh(row.a, row.b, known, AT_A)
    assert decide(row.a, row.b, evidence, row.terms("a")) == row.at_a


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.says)
def test_stack_b_decides_by_the_same_table(row: Row) -> None:
    known = record(row.pair_at_b, mirrored=True, knows_of_the_past="b" in row.revived)
    evidence = weigh(row.b, row.a, known, AT_B)
    assert decide(row.b, row.a, evidence, row.terms("b")) == row.at_b


@pytest.mark.parametrize("waited", [False, True])
@pytest.mark.parametrize("row", ONE_WAY_ROWS, ids=lambda row: row.says)
def test_one_way_nothing_is_done_on_the_own_side(row: OneWay, *, waited: bool) -> None:
    known = record(row.pair, row.intent, knows_of_the_past=row.knows_of_the_past)
    terms = Terms(waited, is_manual=row.is_manual, is_one_way=True)
    expected = row.verdict
    if waited and isinstance(expected, Unsure) and row.a is not None:
        expected = Copy(5, row.a, None) if row.b is None else Conflict(11, row.a, row.b)
    assert decide(row.a, row.b, weigh(row.a, row.b, known, AT_A), terms) == expected


def test_every_row_is_specified_one_way_as_well() -> None:
    assert {row.verdict.row for row in ONE_WAY_ROWS} == set(range(1, 12))


def test_every_row_of_the_table_is_specified() -> None:
    assert {row.at_a.row for row in ROWS} | {row.at_b.row for row in ROWS} == set(range(1, 12))
