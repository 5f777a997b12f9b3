"""Whether a key is to be looked at, by listings and record alone: the table of `hints`."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.compare import Known
from sync_core.hints import Reason, reason_of, reasons_of
from sync_core.model import ListedObject, ListedRecord

X = ListedObject("k", "x", 1, "2026-01-01T00:00:00")
X_EDITED = X._replace(modified="2026-01-01T00:00:01")
X_GROWN = X_EDITED._replace(size_bytes=2)
X_OF_SAME_SIZE = X._replace(etag="x2")
Y = ListedObject("k", "y", 1, "2026-01-02T00:00:00")
Y_EDITED = Y._replace(modified="2026-01-02T00:00:01")
PAIR = ListedRecord("k", X.lid, Y.lid)
PUSHED = ListedRecord("k", X.lid, "y|1|")
RECEIVED = ListedRecord("k", X.lid, "")
TOMBSTONE = ListedRecord("k", None, None)
OPEN = TOMBSTONE._replace(is_open=True)
BLOCKED = TOMBSTONE._replace(blocked=X.lid)
EDIT_BLOCKED = PAIR._replace(blocked=X_EDITED.lid)


class Row(NamedTuple):
    """One state of a key as a finder sees it."""

    name: str
    own: ListedObject | None
    peer: ListedObject | None
    record: ListedRecord | None
    reason: Reason


ROWS = [
    Row("as recorded", X, Y, PAIR, Reason.IN_SYNC),
    Row("as recorded, the peer's time not known", X, Y, PUSHED, Reason.IN_SYNC),
    Row("as recorded, nothing known of the peer's", X, X_EDITED, RECEIVED, Reason.IN_SYNC),
    Row("the same, its etag in capitals", X, X_EDITED._replace(etag="X"), RECEIVED, Reason.IN_SYNC),
    Row("not what was to be expected there", X, Y, RECEIVED, Reason.PEER_CHANGED),
    Row("the same, of another size", X, X_GROWN, RECEIVED, Reason.PEER_CHANGED),
    Row("only here, never seen", X, None, None, Reason.NEW),
    Row("only here, after a tombstone", X, None, TOMBSTONE, Reason.NEW),
    Row("only there, never seen", None, Y, None, Reason.LEFT_TO_PEER),
    Row("only there, after a tombstone", None, Y, TOMBSTONE, Reason.LEFT_TO_PEER),
    Row("on both sides, never seen", X, Y, None, Reason.UNRECORDED),
    Row("on both sides, after a tombstone", X, Y, TOMBSTONE, Reason.UNRECORDED),
    Row("metadata edited here", X_EDITED, Y, PAIR, Reason.OWN_CHANGED),
    Row("other bytes of the same size here", X_OF_SAME_SIZE, Y, PAIR, Reason.OWN_CHANGED),
    Row("changed here, gone there", X_EDITED, None, PAIR, Reason.OWN_CHANGED),
    Row("metadata edited there", X, Y_EDITED, PAIR, Reason.PEER_CHANGED),
    Row("the same, for the peer's finder to see", X, Y_EDITED, PUSHED, Reason.IN_SYNC),
    Row("other bytes there", X, Y._replace(etag="z"), PUSHED, Reason.PEER_CHANGED),
    Row("gone here", None, Y, PAIR, Reason.GONE_HERE),
    Row("gone there", X, None, PAIR, Reason.GONE_AT_PEER),
    Row("gone there, nothing known of it", X, None, RECEIVED, Reason.GONE_AT_PEER),
    Row("gone on both sides", None, None, PAIR, Reason.GONE_ON_BOTH_SIDES),
    Row("a tombstone alone", None, None, TOMBSTONE, Reason.NOTHING_THERE),
    Row("an open intent", X, Y, PAIR._replace(is_open=True), Reason.UNFINISHED),
    Row("an open intent, nothing there", None, None, OPEN, Reason.UNFINISHED),
    Row("an open intent, only here", X, None, OPEN, Reason.UNFINISHED),
    Row("can never be copied", X, None, BLOCKED, Reason.BLOCKED),
    Row("can never be copied over what is there", X_EDITED, Y, EDIT_BLOCKED, Reason.BLOCKED),
    Row("could not be copied, changed since", X_EDITED, None, BLOCKED, Reason.NEW),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_the_reason_for(row: Row) -> None:
    assert reason_of(row.own, row.peer, row.record) is row.reason


def test_the_reasons_of_many_keys_are_those_of_each() -> None:
    run = [(row.name, row.own, row.peer, row.record) for row in ROWS]
    assert reasons_of(run) == [row.reason for row in ROWS]


lids = st.sampled_from([None, "", X.lid, Y.lid, "x|1|", "y|1|", "x|1|2026"])
objects = st.sampled_from([None, X, X_EDITED, X_GROWN, X_OF_SAME_SIZE, Y, Y_EDITED])
records = st.none() | st.builds(ListedRecord, st.just("k"), lids, lids, st.booleans(), lids)


@given(st.lists(st.tuples(st.just("k"), objects, objects, records)))
def test_a_reason_does_not_depend_on_the_other_keys(run: list[Known]) -> None:
    assert reasons_of(run) == [reason_of(own, peer, record) for _, own, peer, record in run]


def test_every_reason_has_a_row() -> None:
    assert {row.reason for row in ROWS} == set(Reason) - {Reason.DELETE_HELD}


def test_in_sync_asks_for_nothing_and_a_change_for_a_look() -> None:
    assert not Reason.IN_SYNC.asks_for_a_look
    assert Reason.OWN_CHANGED.asks_for_a_look
