"""What is left of a lock, and whether it makes an instance another one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_core.model import ObjectLock, ObjectVersion
from sync_core.storage.s3_options import WriteOptions

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
HELD = ObjectLock(legal_hold=True)


@pytest.mark.parametrize(
    ("lock", "left"),
    [
        (ObjectLock("GOVERNANCE", LATER), ObjectLock("GOVERNANCE", LATER)),
        (ObjectLock("COMPLIANCE", LATER, legal_hold=True),) * 2,
        (HELD, HELD),
        (ObjectLock("GOVERNANCE", EARLIER), None),
        (ObjectLock("GOVERNANCE", NOW), None),
        (ObjectLock("GOVERNANCE", EARLIER, legal_hold=True), HELD),
    ],
)
def test_a_retention_that_has_ended_is_left_out(lock: ObjectLock, left: ObjectLock | None) -> None:
    assert lock.in_force_at(NOW) == left


def test_a_lock_makes_no_instance_another_one() -> None:
    version = ObjectVersion("k", "e", 1, NOW)
    assert replace(version, lock=HELD) == version


@pytest.mark.parametrize("lock", [None, HELD])
def test_locks_are_sent_only_where_that_is_wanted(lock: ObjectLock | None) -> None:
    assert WriteOptions().lock_parameters(lock) == {}


def test_a_lock_is_sent_as_it_is() -> None:
    options = WriteOptions(with_object_lock=True)
    assert options.lock_parameters(HELD) == {"ObjectLockLegalHoldStatus": "ON"}
    assert options.lock_parameters(ObjectLock("GOVERNANCE", LATER)) == {
        "ObjectLockMode": "GOVERNANCE",
        "ObjectLockRetainUntilDate": LATER,
    }
