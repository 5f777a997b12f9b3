"""What the simulation has found and production does not yet stand; each strict, so that it tells.

When one of these passes: delete it, and what leaves it out of the other runs (`LEFT_OUT` and the
condition beside it in `generate`, `OPEN` in `invariants`, the windows named "open" in `account`).
"""

import pytest

from tests.simulation.plan import Conditions, Plan, Step, What
from tests.simulation.run import Run


def result_of(conditions: Conditions, *steps: Step) -> tuple[list[str], dict[str, int]]:
    result = Run(Plan(conditions, steps)).result()
    return result.violations, result.counts


@pytest.mark.xfail(strict=True, reason="the etag of a replica is not compared with the record's")
def test_an_edit_that_keeps_the_marker_is_seen_though_the_etag_says_nothing() -> None:
    violations, _ = result_of(
        Conditions(md5_etags=(False, False)),
        Step(What.PUT, "b"),
        Step(What.SETTLE),
        Step(What.EDIT, "a"),
    )
    assert violations == []


@pytest.mark.xfail(strict=True, reason="an echo of a removal is taken for proof that both are gone")
def test_a_delete_by_hand_with_the_dedicated_users_key_pair_is_a_delete() -> None:
    violations, _ = result_of(
        Conditions(),
        Step(What.PUT, "a"),
        Step(What.SETTLE),
        Step(What.DELETE_BY_HAND, "a"),
    )
    assert violations == []


@pytest.mark.xfail(strict=True, reason="a verdict to skip does not close the intent of a dead one")
def test_an_intent_that_a_crash_has_left_is_closed_once_both_sides_agree() -> None:
    _, counts = result_of(
        Conditions(),
        Step(What.PUT, "a"),
        Step(What.START, "a"),
        Step(What.GO, count=4),
        Step(What.CRASH),
        Step(What.DELETE, "a"),
        Step(What.SETTLE),
        Step(What.CLOCK, count=900),
    )
    assert not any(name.startswith("window open") for name in counts)


@pytest.mark.xfail(strict=True, reason="the newest delete marker is taken for the stack's own")
def test_a_users_delete_marker_is_never_taken_back() -> None:
    _, counts = result_of(
        Conditions(versioned=(True, True)),
        Step(What.PUT, "a"),
        Step(What.WORK, "a"),
        Step(What.DELETE, "a"),
        Step(What.START, "a"),
        Step(What.GO_TO_EFFECT),
        Step(What.PUT, "b"),
        Step(What.DELETE, "b"),
    )
    assert not any(name.startswith("window open") for name in counts)
