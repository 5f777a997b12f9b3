"""What stands between deciding and deleting: too many deletes, an emptied or re-created bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sync_core.local.rounds import Rounds
from tests.e2e.conftest import DEADLINE_SECONDS, Running, eventually, run_local

KEYS = [f"stock/{number:03}" for number in range(50)]
MOST = 60 * len(KEYS) // 100
LIMIT = "10"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Running]:
    """Both sides hold the same keys, and at most ten of them may go at once."""
    limits = {"DUALWAY_MAX_DELETES": LIMIT, "DUALWAY_MAX_DELETE_PERCENT": "10"}
    with run_local(tmp_path, **limits) as running:
        for number, key in enumerate(KEYS):
            running.put("a", key, f"content {number}".encode())
        eventually(lambda: running.keys("b", "stock/") == KEYS, "the stock is at b")
        yield running


def is_held(running: Running) -> bool:
    return "held" in running.command("deletes", "status", "--site", "a")


def test_too_many_deletes_are_held_and_creates_are_not_until_somebody_approves(
    stocked: Running,
) -> None:
    for key in KEYS[:MOST]:
        stocked.delete("a", key)
    stocked.put("a", "stock/new", b"new")
    eventually(lambda: is_held(stocked), "deletes are held")
    eventually(lambda: stocked.body("b", "stock/new") == b"new", "creates pass")
    stocked.observer().wait_until_quiet(DEADLINE_SECONDS)
    left = stocked.keys("b", "stock/")
    assert len(left) >= len(KEYS) + 1 - int(LIMIT)
    Rounds(stocked.find, stocked.observer()).run()
    assert stocked.keys("b", "stock/") == left
    stocked.command("deletes", "approve", "--site", "a")
    Rounds(stocked.find, stocked.observer()).until_silent()
    assert stocked.keys("b", "stock/") == [*KEYS[MOST:], "stock/new"]


def test_renames_are_no_deletes(stocked: Running) -> None:
    bucket = stocked.bucket("a")
    for key in KEYS[:MOST]:
        source = {"Bucket": bucket, "Key": key}
        stocked.client("s3", "a").copy_object(Bucket=bucket, Key=f"moved-{key}", CopySource=source)
        stocked.delete("a", key)
    moved = [f"moved-{key}" for key in KEYS[:MOST]]
    eventually(lambda: stocked.keys("b", "moved-") == moved, "the new names are at b")
    eventually(lambda: stocked.keys("b", "stock/") == KEYS[MOST:], "the old names are gone")
    assert not is_held(stocked)


def test_an_emptied_bucket_deletes_nothing_at_the_peer(stocked: Running) -> None:
    for key in [*stocked.keys("a", ".dualway/"), *KEYS]:
        stocked.delete("a", key)
    eventually(lambda: is_held(stocked), "deletes are held")
    Rounds(stocked.find, stocked.observer()).run()
    assert stocked.keys("b", "stock/") == KEYS


def test_a_bucket_that_was_deleted_and_made_again_deletes_nothing_at_the_peer(
    stocked: Running,
) -> None:
    s3, bucket = stocked.client("s3", "a"), stocked.bucket("a")
    queues = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]

    def is_removed() -> bool:
        """Delete the bucket, unless a worker has just written one of its own objects there."""
        for key in stocked.keys("a", ""):
            stocked.delete("a", key)
        try:
            s3.delete_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketNotEmpty":
                raise
            return False
        return True

    eventually(is_removed, "the bucket can be deleted")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": queues}
    )
    eventually(lambda: is_held(stocked), "deletes are held")
    Rounds(stocked.find, stocked.observer()).run()
    assert stocked.keys("b", "stock/") == KEYS
