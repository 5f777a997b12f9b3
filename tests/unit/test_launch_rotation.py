"""What a rotation does first, whatever an interrupted one has left; and how waiting ends."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_core.launch.keys import UserKey
from sync_core.launch.proof import Proving, why_not
from sync_core.launch.rotation import Rotation, plan_rotation
from sync_core.launch.waiting import Overdue, wait_for
from tests.launched_sites import launched_site

BEGAN = datetime(2026, 11, 21, tzinfo=UTC)


def key(name: str, days: int, *, is_active: bool = True) -> UserKey:
    return UserKey(name, is_active, BEGAN + timedelta(days=days))


@pytest.mark.parametrize(
    ("keys", "mirrored", "expected"),
    [
        ([key("old", 0)], "old", Rotation(makes_new=True, old="old")),
        ([key("old", 0), key("new", 1)], "new", Rotation(makes_new=False, old="old")),
        (
            [key("old", 0, is_active=False), key("new", 1)],
            "new",
            Rotation(makes_new=False, old="old"),
        ),
        (
            [key("new", 0), key("off", 0, is_active=False)],
            "new",
            Rotation(makes_new=False, old="off"),
        ),
        (
            [key("old", 0), key("lost", 1)],
            "old",
            Rotation(makes_new=True, old="old", lost="lost"),
        ),
        (
            [key("old", 0), key("lost in the same second", 0)],
            "old",
            Rotation(makes_new=True, old="old", lost="lost in the same second"),
        ),
        ([key("other", 0)], "none of them", None),
        ([], "", None),
    ],
)
def test_a_rotation_begins_or_finishes_what_was_begun(
    keys: list[UserKey], mirrored: str, expected: Rotation | None
) -> None:
    assert plan_rotation(keys, mirrored) == expected


def test_waiting_returns_what_is_found_and_looks_again_until_then() -> None:
    answers = iter([None, None, "found"])
    assert wait_for(lambda: next(answers), 10.0, "an answer") == "found"


def test_waiting_ends_with_what_it_waited_for() -> None:
    with pytest.raises(Overdue) as late:
        wait_for(lambda: None, 0.0, "an answer")
    assert late.value.key == "an answer"


@pytest.mark.parametrize(
    ("source", "destination", "says"),
    [
        ({}, {}, None),
        ({"WorkerRuntime": "EC2"}, {"WorkerRuntime": "Elsewhere"}, None),
        ({"WorkerRuntime": "Elsewhere"}, {}, "elsewhere"),
        ({"EventTrigger": "No"}, {}, "EventTrigger"),
        ({}, {"PrefixListFile": "list.txt"}, "PrefixListFile of b"),
        ({"Exclude": "*.tmp, dualway-*"}, {}, "Exclude of a"),
        ({"Exclude": "*.tmp"}, {}, None),
    ],
)
def test_a_proof_is_left_out_where_it_could_not_succeed(
    source: dict[str, str], destination: dict[str, str], says: str | None
) -> None:
    reason = why_not(Proving(launched_site("a"), source), Proving(launched_site("b"), destination))
    assert reason is None if says is None else says in (reason or "")
