"""What every store promises of conditional writes, copies and tags, and of access."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from boto3.session import Session

from sync_core.errors import (
    AccessDenied,
    PreconditionFailed,
    WriteConflict,
)
from sync_core.local.cloud import LocalCloud
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, s3_clients
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import (
    HEADERS,
    REGION,
    Bench,
    Raw,
    Stream,
    moto_deviates,
    present,
    put,
    read,
    stale,
    without_moto,
    write_of,
)


class TestConditionalWrites:
    def test_a_create_needs_a_free_key(self, objects: Bench) -> None:
        objects.store.put_if(write_of("k", b"one"), Stream(b"one"), None)
        with pytest.raises(PreconditionFailed):
            objects.store.put_if(write_of("k", b"two"), Stream(b"two"), None)
        raw = objects.raw("k")
        assert raw is not None
        assert raw.data == b"one"

    def test_an_overwrite_needs_the_instance_that_was_read(self, store: SyncStore) -> None:
        old = put(store, "k", b"old")
        store.put_if(write_of("k", b"new"), Stream(b"new"), old)
        with pytest.raises(PreconditionFailed):
            store.put_if(write_of("k", b"late"), Stream(b"late"), old)
        assert read(store.get("k")) == b"new"

    def test_an_overwrite_of_an_object_that_is_gone_is_refused(self, objects: Bench) -> None:
        old = put(objects.store, "k", b"old")
        objects.store.delete("k")
        with pytest.raises(PreconditionFailed):
            objects.store.put_if(write_of("k", b"new"), Stream(b"new"), old)
        assert objects.raw("k") is None

    def test_a_delete_needs_the_instance_that_was_read(self, objects: Bench) -> None:
        version = put(objects.store, "k")
        with pytest.raises(PreconditionFailed):
            objects.store.delete_if(stale(version))
        assert objects.raw("k") is not None
        objects.store.delete_if(version)
        assert objects.raw("k") is None

    def test_a_conditional_delete_of_an_absent_key_deletes_nothing(self, store: SyncStore) -> None:
        version = put(store, "k")
        store.delete("k")
        with suppress(PreconditionFailed):
            store.delete_if(version)
        assert store.head("k") is None

    @without_moto("checks and writes in two steps")
    def test_of_creates_that_race_one_wins(self, store: SyncStore) -> None:
        def create(number: int) -> bool:
            data = b"%d" % number
            try:
                store.put_if(write_of("k", data), Stream(data), None)
            except (PreconditionFailed, WriteConflict):
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(create, range(8))) == 1


class TestServerSideCopy:
    @pytest.mark.parametrize("marker", [None, "1;x"])
    def test_a_copy_is_the_source_without_the_marker(
        self, objects: Bench, marker: str | None
    ) -> None:
        tags, metadata = {"a": "b c"}, {"owner": "me", "empty": ""}
        source = put(
            objects.store, "k", headers=HEADERS, metadata=metadata, marker=marker, tags=tags
        )
        written = objects.store.copy_if(source, "dir/k+é.copy")
        assert objects.raw("dir/k+é.copy") == Raw(b"data", HEADERS, metadata, tags)
        assert written.etag == present(objects.store.head("dir/k+é.copy")).etag
        assert present(objects.store.head("k")).marker == marker

    @moto_deviates("ignores x-amz-copy-source-if-match")
    def test_a_source_that_has_changed_is_not_copied(self, objects: Bench) -> None:
        old = put(objects.store, "k", b"old")
        put(objects.store, "k", b"new")
        with pytest.raises(PreconditionFailed):
            objects.store.copy_if(old, "copy")
        assert objects.raw("copy") is None

    def test_a_source_that_is_gone_is_not_copied(self, objects: Bench) -> None:
        old = put(objects.store, "k")
        objects.store.delete("k")
        with pytest.raises(PreconditionFailed):
            objects.store.copy_if(old, "copy")
        assert objects.raw("copy") is None


class TestTags:
    def test_tags_are_replaced(self, objects: Bench) -> None:
        put(objects.store, "k", tags={"old": "1"})
        objects.store.put_tags("k", {"new": "a b"})
        raw = objects.raw("k")
        assert raw is not None
        assert raw.tags == objects.store.tags("k") == {"new": "a b"}
        assert raw.data == b"data"

    @moto_deviates("fails on an empty tag set")
    def test_tags_can_be_removed(self, store: SyncStore) -> None:
        put(store, "k", tags={"old": "1"})
        store.put_tags("k", {})
        assert store.tags("k") == {}

    def test_tags_do_not_touch_the_instance(self, store: SyncStore) -> None:
        before = put(store, "k")
        store.put_tags("k", {"a": "b"})
        after = present(store.head("k"))
        assert replace(after, tag_count=None) == replace(before, tag_count=None)

    def test_tags_of_an_object_that_is_gone_cannot_be_set(self, store: SyncStore) -> None:
        with pytest.raises(PreconditionFailed):
            store.put_tags("absent", {"a": "b"})


class TestAccess:
    """Only the local cloud has more than one principal."""

    @pytest.mark.parametrize(
        "operation",
        [
            pytest.param(lambda store: store.head("k"), id="head"),
            pytest.param(lambda store: store.get("k"), id="get"),
            pytest.param(lambda store: next(store.list(), None), id="list"),
            pytest.param(lambda store: store.put(write_of("k", b""), Stream(b"")), id="put"),
            pytest.param(lambda store: store.delete("k"), id="delete"),
        ],
    )
    @pytest.mark.parametrize("secret", ["of the other account", "wrong"])
    def test_a_key_pair_without_the_right_is_denied(
        self,
        cloud_objects: Bench,
        local_cloud: LocalCloud,
        operation: Callable[[SyncStore], object],
        secret: str,
    ) -> None:
        user = local_cloud.sites["a"].user
        right = user.secret_access_key if secret == "of the other account" else secret
        foreign = s3_clients(
            Session(),
            REGION,
            access_key=AccessKey(user.access_key_id, right),
            endpoint_url=local_cloud.endpoint_url,
        )
        try:
            with pytest.raises(AccessDenied):
                operation(S3ObjectStore(cloud_objects.store.bucket, lambda: foreign))
        finally:
            foreign.reads.close()
            foreign.writes.close()
