"""What holds of a merged notification configuration, whatever else is in the bucket."""

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync_core.errors import ConfigError
from sync_core.notifications import (
    EVENTS,
    Trigger,
    entries,
    identity_of,
    is_same,
    merged,
    own_entry,
    refuse_overlaps,
    without,
)

IDENTITY = identity_of("a")
TEXTS = st.text(max_size=8)
FILTERS = st.fixed_dictionaries(
    {
        "Key": st.fixed_dictionaries(
            {
                "FilterRules": st.lists(
                    st.fixed_dictionaries(
                        {"Name": st.sampled_from(["prefix", "Prefix", "Suffix"]), "Value": TEXTS}
                    ),
                    max_size=2,
                )
            }
        )
    }
)
OF_OURS = sorted({event for events in EVENTS.values() for event in events})
OTHERS = ["s3:ObjectCreated:Put", "s3:ObjectAcl:Put", "s3:ObjectRestore:*"]
EVENT_LISTS = st.lists(st.sampled_from([*OF_OURS, *OTHERS]), min_size=1, unique=True)


def foreign(arn: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return lists as S3 answers with them, never empty."""
    entry = st.fixed_dictionaries(
        {"Id": TEXTS.filter(lambda text: text != IDENTITY), arn: TEXTS, "Events": EVENT_LISTS},
        optional={"Filter": FILTERS},
    )
    return st.lists(entry, min_size=1, max_size=3)


FOREIGN = st.fixed_dictionaries(
    {},
    optional={
        "QueueConfigurations": foreign("QueueArn"),
        "TopicConfigurations": foreign("TopicArn"),
        "LambdaFunctionConfigurations": foreign("LambdaFunctionArn"),
        "EventBridgeConfiguration": st.just({}),
        "OfTheFuture": st.dictionaries(TEXTS, TEXTS),
    },
)
OWN = st.builds(
    own_entry,
    st.just(IDENTITY),
    TEXTS,
    TEXTS,
    st.sampled_from([Trigger.CREATE, Trigger.CREATE_AND_DELETE]),
)
FORMER = st.lists(OWN, max_size=2)

Entry = Mapping[str, Any]


def with_former(foreign_ones: Entry, former: list[Entry], place: int) -> dict[str, Any]:
    """Return the configuration with former entries of ours among the foreign ones."""
    found = list(foreign_ones.get("QueueConfigurations", []))
    found[place:place] = former
    return {**foreign_ones, "QueueConfigurations": found} if found else {**foreign_ones}


@given(FOREIGN, FORMER, st.integers(0, 3), OWN)
def test_merging_twice_is_merging_once(
    foreign_ones: Entry, former: list[Entry], place: int, own: Entry
) -> None:
    once = merged(with_former(foreign_ones, former, place), own)
    assert merged(once, own) == once
    assert [entry for entry in once["QueueConfigurations"] if entry["Id"] == IDENTITY] == [own]


@given(FOREIGN, FORMER, st.integers(0, 3), OWN)
def test_what_was_merged_can_be_taken_out_without_a_trace(
    foreign_ones: Entry, former: list[Entry], place: int, own: Entry
) -> None:
    before = copy.deepcopy(foreign_ones)
    assert without(merged(foreign_ones, own), IDENTITY) == before
    assert without(merged(with_former(foreign_ones, former, place), own), IDENTITY) == before
    assert without(foreign_ones, IDENTITY) == before


@given(FOREIGN, OWN)
def test_an_entry_is_refused_exactly_when_it_overlaps_from_the_other_side_too(
    foreign_ones: Entry, own: Entry
) -> None:
    (ours,) = entries({"QueueConfigurations": [own]})
    overlapping = [entry for entry in entries(foreign_ones) if ours.overlaps(entry)]
    try:
        refuse_overlaps(foreign_ones, own)
    except ConfigError as error:
        assert overlapping
        assert str(overlapping[0]) in str(error.cause)  # noqa: PT017 - either way is a case
    else:
        assert not overlapping


@given(st.text(min_size=1, max_size=20))
def test_a_prefix_is_read_back_as_it_was_given(prefix: str) -> None:
    own = own_entry(IDENTITY, "queue", prefix, Trigger.CREATE)
    (ours,) = entries({"QueueConfigurations": [own]})
    assert ours.prefix == prefix


@given(FOREIGN, FOREIGN, OWN)
def test_sameness_is_about_every_part(one: Entry, other: Entry, own: Entry) -> None:
    assert is_same(one, copy.deepcopy(one))
    assert is_same(one, other) == is_same(other, one)
    assert not is_same(one, merged(one, own))
