"""How a record changes when both sides agree, or are at odds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_core.agreement import (
    NO_PAIR,
    PAST_LIMIT,
    Agreement,
    Kept,
    agreed,
    agreed_tags,
    as_read,
    gone,
    intent,
    is_news,
    left_open,
    noted,
    received,
    says_more,
)
from sync_core.evidence import weigh
from sync_core.marker import replica_id
from sync_core.model import (
    Intent,
    Lease,
    NotedConflict,
    Pair,
    Side,
    SideState,
    SyncRecord,
    Waiting,
    listed_id,
)
from sync_core.tags import tags_hash
from tests.objects import AT_A, AT_B, KEY, instance_id, original, replica

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(days=30)
X, Y = original(b"x"), original(b"y")
NONCE = "a" * 16
X_AT_B = replica(X, to="b", nonce=NONCE)
NOTHING = SyncRecord(KEY)
NAME = replica_id(NONCE)
SETTLED = Agreement(Pair(SideState("1"), SideState("2")), (NAME,))
SETTLED_CONFLICT = NotedConflict(AT, "a", "w", "l", "k")
OPEN_CONFLICT = replace(SETTLED_CONFLICT, loser_key=None, is_open=True)


def test_an_agreement_ends_all_that_was_under_way() -> None:
    record = SyncRecord(
        KEY,
        gen=3,
        intent=Intent("1", None, NONCE, AT),
        lease=Lease("me", AT),
        waiting=Waiting("1:2", AT),
        blocked="e|1|t",
        expires_at=AT,
    )
    found = agreed(record, SETTLED, LATER)
    assert found == SyncRecord(KEY, gen=3, pair=SETTLED.pair, past=(NAME,))


def test_a_tombstone_expires_and_nothing_else_does() -> None:
    assert agreed(NOTHING, Agreement(NO_PAIR), LATER).expires_at == LATER
    assert agreed(NOTHING, SETTLED, LATER).expires_at is None
    one_sided = Agreement(Pair(None, SideState("2")))
    assert agreed(NOTHING, one_sided, LATER).expires_at is None


def test_a_tombstone_keeps_the_names_of_what_was_gone_before() -> None:
    record = agreed(NOTHING, SETTLED, LATER)
    assert agreed(record, Agreement(NO_PAIR), LATER).past == (NAME,)


def test_a_replica_is_remembered_once_and_the_oldest_are_forgotten() -> None:
    record = NOTHING
    for number in range(PAST_LIMIT + 2):
        for _ in range(2):
            record = agreed(record, replace(SETTLED, gone=(f"{number}",)), LATER)
    wanted = tuple(f"{number}" for number in range(2, PAST_LIMIT + 2))
    assert record.past == wanted


def test_an_open_conflict_ends_with_an_agreement_and_a_settled_one_stays_noted() -> None:
    settled = agreed(replace(NOTHING, conflict=SETTLED_CONFLICT), SETTLED, LATER)
    ended = agreed(replace(NOTHING, conflict=OPEN_CONFLICT), SETTLED, LATER)
    assert (settled.conflict, ended.conflict) == (SETTLED_CONFLICT, None)


def test_what_was_read_of_both_sides_is_exact() -> None:
    evidence = weigh(X, X_AT_B, NOTHING, AT_A)
    found = as_read(X, X_AT_B, evidence, "tags", NOTHING)
    assert found == Agreement(
        Pair(
            SideState(instance_id(X, "a"), listed_id(X)),
            SideState(NAME, listed_id(X_AT_B), NAME),
            "tags",
        )
    )
    nothing = weigh(None, None, NOTHING, AT_A)
    assert as_read(None, None, nothing, None, NOTHING) == Agreement(NO_PAIR)


def test_a_replica_tells_by_itself_what_the_peer_has() -> None:
    found = received(X_AT_B, AT_B, NOTHING)
    assert found == Agreement(
        Pair(
            SideState(NAME, listed_id(X_AT_B), NAME),
            SideState(instance_id(X, "a")),
            tags_hash({}),
        )
    )


@pytest.mark.parametrize(
    ("own", "record"),
    [
        (X, NOTHING),
        (replace(X_AT_B, metadata={"edited": "yes"}), NOTHING),
        (X_AT_B, agreed(agreed(NOTHING, SETTLED, LATER), Agreement(NO_PAIR), LATER)),
    ],
    ids=["a user's object", "an edited replica", "a revived replica"],
)
def test_anything_but_a_fresh_replica_tells_nothing(own: object, record: SyncRecord) -> None:
    assert received(own, AT_B, record) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "told", "news"),
    [
        (None, Pair(SideState("1"), SideState("2")), True),
        (NO_PAIR, Pair(SideState("1"), SideState("2")), True),
        (Pair(SideState("0"), SideState("9")), Pair(SideState("1"), SideState("2")), True),
        (Pair(SideState("1", "lid"), SideState("2", "lid")), Pair(SideState("1")), False),
        (Pair(SideState("1"), None), NO_PAIR, True),
        (NO_PAIR, NO_PAIR, True),
        (None, NO_PAIR, True),
    ],
)
def test_an_echo_is_news_unless_as_much_is_known_of_the_same_instance(
    known: Pair | None, told: Pair, *, news: bool
) -> None:
    assert is_news(replace(NOTHING, pair=known), Agreement(told)) is news


def test_the_agreed_tags_are_the_recorded_ones_or_those_the_replica_was_written_with() -> None:
    unrecorded = weigh(X, X_AT_B, NOTHING, AT_A)
    assert agreed_tags(NOTHING, unrecorded) == tags_hash({})
    record = agreed(NOTHING, as_read(X, X_AT_B, unrecorded, "12345678", NOTHING), LATER)
    assert agreed_tags(record, weigh(X, X_AT_B, record, AT_A)) == "12345678"
    assert agreed_tags(NOTHING, weigh(X, X, NOTHING, AT_A)) is None


def test_a_recorded_replica_that_is_no_longer_there_is_gone() -> None:
    first = weigh(X, X_AT_B, NOTHING, AT_A)
    record = agreed(NOTHING, as_read(X, X_AT_B, first, None, NOTHING), LATER)
    assert gone(record, weigh(X, X_AT_B, record, AT_A)) == ()
    for peer in (None, Y, replica(Y, to="b", nonce="b" * 16)):
        assert gone(record, weigh(X, peer, record, AT_A)) == (NAME,)
    assert gone(NOTHING, weigh(X, None, NOTHING, AT_A)) == ()


@pytest.mark.parametrize(
    ("lid", "told", "more"),
    [
        ("e|1|t", "e|1|t", False),
        ("e|1|", "e|1|t", False),
        (None, "e|1|t", True),
        (None, None, False),
        ("e|1|t", None, False),
        ("e|1|t", "e|1|u", True),
        ("e|1|", "f|1|t", True),
    ],
)
def test_the_same_instance_listed_otherwise_is_recorded_anew(
    lid: str | None, told: str | None, *, more: bool
) -> None:
    record = replace(NOTHING, pair=Pair(SideState("1", lid), SideState("2")))
    assert says_more(record, Agreement(Pair(SideState("1", told), SideState("2")))) is more


def test_other_tags_an_open_intent_and_no_pair_at_all_are_worth_a_record() -> None:
    record = replace(NOTHING, pair=SETTLED.pair)
    assert not says_more(record, SETTLED)
    assert says_more(record, Agreement(replace(SETTLED.pair, tags="12345678")))
    assert says_more(replace(record, intent=Intent("1", None, NONCE, AT)), SETTLED)
    assert says_more(NOTHING, SETTLED)


@pytest.mark.parametrize("to", Side)
def test_an_intent_says_what_is_put_in_place_of_what(to: Side) -> None:
    evidence = weigh(X, Y, NOTHING, AT_A)
    x_id, y_id = instance_id(X, "a"), instance_id(Y, "b")
    wanted = (x_id, y_id) if to is Side.PEER else (y_id, x_id)
    opened = intent(evidence, to, NONCE, AT)
    assert (opened.source_id, opened.replaced_id) == wanted
    assert (opened.nonce, opened.opened_at, opened.upload_id) == (NONCE, AT, None)


def test_an_intent_to_create_replaces_nothing() -> None:
    assert intent(weigh(X, None, NOTHING, AT_A), Side.PEER, NONCE, AT).replaced_id is None


def test_a_settled_conflict_names_both_versions_and_the_copy() -> None:
    note = noted(X, Kept(Y, "y.conflict"), "a", AT)
    assert note == NotedConflict(AT, "a", listed_id(X), listed_id(Y), "y.conflict")
    assert noted(X, Kept(Y, None), "a", AT).loser_key is None


def test_an_open_conflict_is_noted_once() -> None:
    first = left_open(NOTHING, X, Y, "a", AT)
    assert first.conflict == NotedConflict(AT, "a", listed_id(X), listed_id(Y), None, is_open=True)
    assert left_open(first, X, Y, "a", LATER) is first


def test_an_open_conflict_of_another_version_is_noted_anew() -> None:
    first = left_open(NOTHING, X, Y, "a", AT)
    second = left_open(first, X, original(b"z"), "a", LATER)
    assert second.conflict is not None
    assert second.conflict.at == LATER


def test_an_open_conflict_takes_the_place_of_a_settled_one() -> None:
    found = left_open(replace(NOTHING, conflict=SETTLED_CONFLICT), X, Y, "a", LATER).conflict
    assert found is not None
    assert found.is_open
