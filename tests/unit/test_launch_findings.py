"""What is looked at before a launch, judged."""

from datetime import UTC, datetime

import pytest

from sync_core.launch import findings
from sync_core.launch.accounts import seconds_ahead
from sync_core.launch.findings import Finding, Level


def level(found: Finding) -> Level:
    assert found.text
    return found.level


@pytest.mark.parametrize(
    ("status", "bucket_region", "expected", "says"),
    [
        (200, "cn-north-1", Level.OK, "is there"),
        (200, "", Level.OK, "is there"),
        (200, "us-west-2", Level.ERROR, "in us-west-2, not in cn-north-1"),
        (301, "", Level.ERROR, "in another region"),
        (403, "", Level.ERROR, "belongs to another account"),
        (404, "", Level.ERROR, "there is no bucket"),
    ],
)
def test_a_bucket_has_to_be_there_ours_and_in_the_region(
    status: int, bucket_region: str, expected: Level, says: str
) -> None:
    [found] = findings.judge_bucket("a", "data", status, bucket_region, "cn-north-1")
    assert level(found) is expected
    assert says in found.text


@pytest.mark.parametrize(
    ("ahead_seconds", "expected"),
    [
        (0.0, Level.OK),
        (-2.0, Level.OK),
        (2.5, Level.WARNING),
        (-299.0, Level.WARNING),
        (300.0, Level.ERROR),
        (-9000.0, Level.ERROR),
    ],
)
def test_a_clock_may_be_two_seconds_off_and_not_five_minutes(
    ahead_seconds: float, expected: Level
) -> None:
    assert level(findings.judge_clock("a", ahead_seconds)) is expected


@pytest.mark.parametrize(
    ("asked_second", "answered_second", "expected_seconds"),
    [(10, 10, 0.0), (6, 14, 0.0), (11, 12, 0.0), (12, 13, -1.0), (4, 7, 3.0)],
)
def test_the_time_that_an_answer_took_is_not_taken_for_a_wrong_clock(
    asked_second: int, answered_second: int, expected_seconds: float
) -> None:
    asked_at, answered_at = (
        datetime(2026, 11, 21, 10, 0, second, tzinfo=UTC)
        for second in (asked_second, answered_second)
    )
    date = "Sat, 21 Nov 2026 10:00:10 GMT"
    assert seconds_ahead(date, asked_at, answered_at) == expected_seconds


@pytest.mark.parametrize(
    ("status", "expected", "says"),
    [
        (None, Level.OK, "will be created"),
        ("CREATE_COMPLETE", Level.OK, "is there"),
        ("UPDATE_ROLLBACK_COMPLETE", Level.OK, "is there"),
        ("REVIEW_IN_PROGRESS", Level.OK, "is there"),
        ("ROLLBACK_COMPLETE", Level.ERROR, "dualway destroy"),
        ("DELETE_FAILED", Level.ERROR, "dualway destroy"),
        ("UPDATE_ROLLBACK_FAILED", Level.ERROR, "continue its rollback"),
        ("UPDATE_IN_PROGRESS", Level.ERROR, "wait until that is done"),
        ("DELETE_IN_PROGRESS", Level.ERROR, "wait until that is done"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_told_with_what_to_do(
    status: str | None, expected: Level, says: str
) -> None:
    found = findings.judge_stack("a", "dualway", status)
    assert level(found) is expected
    assert says in found.text


@pytest.mark.parametrize(
    ("decisions", "by_organization", "expected", "says"),
    [
        ({"sqs:CreateQueue": "allowed"}, False, Level.OK, "may do"),
        ({"sqs:CreateQueue": "implicitDeny"}, False, Level.WARNING, "sqs:CreateQueue"),
        ({"sqs:CreateQueue": "explicitDeny"}, False, Level.ERROR, "a policy forbids"),
        ({"sqs:CreateQueue": "implicitDeny"}, True, Level.ERROR, "service control policy"),
    ],
)
def test_what_the_operator_may_not_do_is_named(
    decisions: dict[str, str],
    by_organization: bool,  # noqa: FBT001 - a column of the table
    expected: Level,
    says: str,
) -> None:
    found = findings.judge_permissions("a", decisions, by_organization=by_organization)
    assert level(found) is expected
    assert says in found.text


@pytest.mark.parametrize(
    ("key_ids", "mirrored", "expected"),
    [
        ([], "", Level.OK),
        (["AKIA1"], "", Level.OK),
        (["AKIA1", "AKIA2"], "AKIA2", Level.OK),
        (["AKIA1", "AKIA2"], "AKIA3", Level.ERROR),
    ],
)
def test_a_user_with_two_unknown_key_pairs_has_no_room_for_ours(
    key_ids: list[str], mirrored: str, expected: Level
) -> None:
    assert level(findings.judge_access_keys("a", "user", key_ids, mirrored)) is expected


def test_a_quota_of_functions_that_the_workers_would_use_up_is_a_warning() -> None:
    assert level(findings.judge_concurrency("a", 1000, 20)) is Level.OK
    assert level(findings.judge_concurrency("a", 10, 20)) is Level.WARNING


def test_a_key_of_kms_and_object_lock_are_warnings_and_their_absence_is_fine() -> None:
    assert level(findings.judge_encryption("a", "AES256", "")) is Level.OK
    assert level(findings.judge_encryption("a", "aws:kms", "")) is Level.OK
    found = findings.judge_encryption("a", "aws:kms", "arn:aws:kms:key/1")
    assert level(found) is Level.WARNING
    assert "arn:aws:kms:key/1" in found.text
    assert level(findings.judge_lock("a", is_locked=True)) is Level.WARNING
    assert level(findings.judge_lock("a", is_locked=False)) is Level.OK
    assert "versions" in findings.judge_versioning("a", "Enabled").text
    assert "turn versioning on" in findings.judge_versioning("a", None).text


def test_errors_alone_stop_a_launch() -> None:
    found = [
        Finding("a", Level.OK, "x"),
        findings.unchecked("a", "the quota", "the profile may not"),
        Finding("a", Level.ERROR, "z"),
    ]
    assert findings.errors_of(found) == found[2:]
    assert str(found[2]) == "a: error   z"
