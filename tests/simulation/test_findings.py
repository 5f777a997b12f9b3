"""The smallest plans of what the simulation has found, so that it stays mended."""

from tests.simulation.plan import Conditions, Fault, Plan, Step, What
from tests.simulation.run import Run


def result_of(conditions: Conditions, *steps: Step) -> tuple[list[str], dict[str, int]]:
    result = Run(Plan(conditions, steps)).result()
    return result.violations, result.counts


def test_an_edit_that_keeps_the_marker_is_seen_though_the_etag_says_nothing() -> None:
    violations, _ = result_of(
        Conditions(md5_etags=(False, False)),
        Step(What.PUT, "b"),
        Step(What.SETTLE),
        Step(What.EDIT, "a"),
    )
    assert violations == []


def test_a_delete_by_hand_with_the_dedicated_users_key_pair_is_a_delete() -> None:
    violations, _ = result_of(
        Conditions(),
        Step(What.PUT, "a"),
        Step(What.SETTLE),
        Step(What.DELETE_BY_HAND, "a"),
    )
    assert violations == []


def test_an_intent_that_a_crash_has_left_is_closed_once_both_sides_agree() -> None:
    _, counts = result_of(
        Conditions(),
        Step(What.PUT, "a"),
        Step(What.START, "a"),
        Step(What.GO, count=6),
        Step(What.CRASH),
        Step(What.DELETE, "a"),
        Step(What.SETTLE),
        Step(What.CLOCK, count=900),
    )
    assert not any(name.startswith("window open") for name in counts)


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


def test_a_delete_of_a_restored_object_is_not_undone_after_the_grace_period() -> None:
    _, counts = result_of(
        Conditions(versioned=(False, True)),
        Step(What.PUT, "a"),
        Step(What.WORK, "a"),
        Step(What.WORK, "b"),
        Step(What.PUT, "b"),
        Step(What.DELETE, "a"),
        Step(What.RESTORE, "b"),
        Step(What.WORK, "b"),
        Step(What.EXPIRE, "a"),
    )
    assert not any(name.startswith("window open") for name in counts)


def test_a_write_of_ours_that_a_user_has_edited_since_is_not_taken_for_what_we_wrote() -> None:
    violations, _ = result_of(
        Conditions(),
        Step(What.PUT, "b"),
        Step(What.START, "b"),
        Step(What.GO_TO_EFFECT),
        Step(What.VERSIONING, "a"),
        Step(What.GO, fault=Fault.RETRIED_INSIDE),
        Step(What.TOUCH, "a"),
    )
    assert violations == []


def test_the_finder_sees_two_overwrites_that_crossed() -> None:
    """The restored version has the etag that the overwrite asks for, so that both get through."""
    violations, _ = result_of(
        Conditions(versioned=(True, True)),
        Step(What.BY_HAND, "a"),
        Step(What.START, "a"),
        Step(What.GO_TO_EFFECT),
        Step(What.BY_HAND, "a"),
        Step(What.WORK, "b"),
        Step(What.GO, count=3),
        Step(What.START, "a"),
        Step(What.GO, number=-1, count=2),
        Step(What.GO, number=-1, count=3),
        Step(What.EDIT, "b"),
        Step(What.RESTORE, "b"),
        Step(What.START, "b", count=2),
        Step(What.GO, number=-1, count=5),
    )
    assert violations == []
