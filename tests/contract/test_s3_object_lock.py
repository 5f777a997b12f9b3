"""Retentions and legal holds: shown by sources, and kept by what is written where wanted."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sync_core.local.cloud import LocalCloud
from sync_core.model import ObjectLock, ObjectVersion
from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import S3Clients
from sync_core.storage.s3_options import WriteOptions
from tests.object_benches import REGION, Stream, present, put, put_in_parts

NOW = datetime.now(UTC).replace(microsecond=0)
RETAINED = ObjectLock("GOVERNANCE", NOW + timedelta(days=1))
HELD = ObjectLock(legal_hold=True)
BOTH = ObjectLock("COMPLIANCE", NOW + timedelta(days=1), legal_hold=True)


@pytest.fixture
def bucket(local_cloud: LocalCloud) -> str:
    name = f"locked-{uuid4().hex[:12]}"
    local_cloud.client("s3", "b").create_bucket(
        Bucket=name,
        CreateBucketConfiguration={"LocationConstraint": REGION},
        ObjectLockEnabledForBucket=True,
    )
    return name


@pytest.fixture
def locking(bucket: str, cloud_clients: S3Clients) -> S3ObjectStore:
    options = WriteOptions(with_object_lock=True)
    return S3ObjectStore(bucket, lambda: cloud_clients, options=options)


def in_one(store: S3ObjectStore, **more: Any) -> ObjectVersion:
    return put(store, "k", b"data", **more)


def in_parts(store: S3ObjectStore, **more: Any) -> ObjectVersion:
    return put_in_parts(store, "k", b"data", **more)


def copied(store: S3ObjectStore, **more: Any) -> ObjectVersion:
    source = put(store, "source", b"data", lock=HELD)
    store.copy_from(store.place("source"), source, ObjectWrite("k", 4, **more), None)
    return present(store.head("k"))


WAYS = pytest.mark.parametrize("written", [in_one, in_parts, copied])


@WAYS
@pytest.mark.parametrize("lock", [RETAINED, HELD, BOTH], ids=["retained", "held", "both"])
def test_what_is_written_is_locked_as_its_write_says(
    locking: S3ObjectStore, written: Any, lock: ObjectLock
) -> None:
    assert written(locking, lock=lock).lock == lock
    with present_reader(locking) as reader:
        assert reader.version.lock == lock


@WAYS
def test_without_a_lock_it_is_free(locking: S3ObjectStore, written: Any) -> None:
    assert written(locking).lock is None


def test_a_store_that_is_not_to_lock_objects_does_not(
    bucket: str, cloud_clients: S3Clients
) -> None:
    store = S3ObjectStore(bucket, lambda: cloud_clients)
    assert in_one(store, lock=BOTH).lock is None


def test_a_body_without_a_known_digest_is_taken_with_a_lock(locking: S3ObjectStore) -> None:
    locking.put_if(ObjectWrite("k", 4, lock=RETAINED), Stream(b"data"), None)
    assert present(locking.head("k")).lock == RETAINED


def present_reader(store: S3ObjectStore) -> Any:
    reader = store.get("k")
    assert reader is not None
    return reader
