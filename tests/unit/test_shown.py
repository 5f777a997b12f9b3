"""Pages of records as listings read them: together or one by one, they say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.errors import Poison
from sync_core.model import ListedRecord
from sync_core.records import dynamodb_listing
from sync_core.records.dynamodb_listing import listed
from sync_core.records.shown import from_shown, to_shown, usual_records

USUAL = [
    ListedRecord("a", "e|1|2026-11-21T10:15:00", "f-2|1|2026-11-21T10:15:01"),
    ListedRecord("b", "=|0|", ""),
    ListedRecord("c", "é-|0|-", "- -".replace(" ", "")),
]
TOMBSTONE = ListedRecord("d", None, None)

lids = st.none() | st.text("e|1=-% é\n", max_size=6)
records = st.builds(
    ListedRecord,
    st.just("k"),
    lids,
    lids,
    is_open=st.booleans(),
    blocked=lids,
    has_conflict=st.booleans(),
)
texts = records.map(to_shown) | st.text("=- a%\n", max_size=12)


def item(key: str, shown: str) -> dict[str, dict[str, str]]:
    return {"sk": {"S": key}, "shown": {"S": shown}}


def page(*of: ListedRecord) -> list[dict[str, dict[str, str]]]:
    return [item(record.key, to_shown(record)) for record in of]


def renamed(*keys: str) -> list[ListedRecord]:
    return [USUAL[0]._replace(key=key) for key in keys]


def test_usual_records_are_read_together() -> None:
    found = usual_records([record.key for record in USUAL], list(map(to_shown, USUAL)))
    assert found is not None
    assert list(found) == USUAL


@given(st.lists(texts, max_size=4))
def test_records_read_together_are_what_each_is_on_its_own(shown: list[str]) -> None:
    keys = [str(number) for number in range(len(shown))]
    together = usual_records(keys, shown)
    if together is not None:
        assert list(together) == list(map(from_shown, keys, shown))


def test_an_unusual_record_is_read_between_usual_ones() -> None:
    whole = [*USUAL, TOMBSTONE, *renamed("e", "f"), TOMBSTONE._replace(key="g")]
    pages = [page(*whole[:2]), [], page(*whole[2:5]), page(*whole[5:])]
    assert list(listed([iter(pages)])) == whole


def test_shards_are_listed_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_listing, "AHEAD_ITEMS", 2)
    whole = renamed(*map(chr, range(0xFFF0, 0x10010)))
    shards = [whole[:7], whole[7::3], [], whole[8::3], whole[9::3]]
    assert list(listed([iter([page(*of[:5]), page(*of[5:])]) for of in shards])) == whole


def test_shards_out_of_order_are_listed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_listing, "AHEAD_ITEMS", 2)
    keys = ["e", "d", "a", "c", "b", "f"]
    found = list(listed([iter([page(*renamed(*keys))]), iter([page(*renamed("bb", "aa"))])]))
    assert sorted(record.key for record in found) == sorted([*keys, "aa", "bb"])


@pytest.mark.parametrize("shown", ["", "=a =b -", "=a =b - - -", "a =b - -", "=a =b - -\n"])
def test_what_is_no_record_is_poison_between_usual_ones_too(shown: str) -> None:
    with pytest.raises(Poison, match="'bad'"):
        list(listed([iter([[*page(*USUAL), item("bad", shown)]])]))
