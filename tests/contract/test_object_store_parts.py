"""What every store promises of objects written in parts."""

import hashlib

import pytest

from sync_core.errors import (
    Blocked,
    IntegrityError,
    PreconditionFailed,
)
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import (
    HEADERS,
    Bench,
    Raw,
    Stream,
    moto_deviates,
    present,
    put,
    read,
    upload,
    write_of,
)

MIB = 1024**2


class TestMultipart:
    PARTS = (b"a" * 5 * MIB, b"b" * 10)

    def test_nothing_is_visible_before_completion(self, objects: Bench) -> None:
        tags, metadata = {"a": "b c"}, {"owner": "me"}
        upload_id, parts = upload(
            objects.store,
            "k",
            *self.PARTS,
            headers=HEADERS,
            metadata=metadata,
            marker="1;x",
            tags=tags,
        )
        assert objects.raw("k") is None
        written = objects.store.complete_if("k", upload_id, parts, None)
        data = b"".join(self.PARTS)
        assert objects.raw("k") == Raw(data, HEADERS, {**metadata, "dualway": "1;x"}, tags)
        assert present(objects.store.head("k")).etag == written.etag

    def test_the_etag_of_an_object_in_parts_is_no_md5(self, store: SyncStore) -> None:
        upload_id, parts = upload(store, "k", *self.PARTS)
        written = store.complete_if("k", upload_id, parts, None)
        digests = b"".join(hashlib.md5(data).digest() for data in self.PARTS)
        assert written.etag == f"{hashlib.md5(digests).hexdigest()}-2"
        assert present(store.head("k")).md5 is None

    def test_a_part_that_is_sent_again_replaces_the_first(self, objects: Bench) -> None:
        upload_id, _ = upload(objects.store, "k", b"one")
        again = objects.store.upload_part("k", upload_id, 1, Stream(b"two"), 3)
        assert [part.etag for part in objects.store.list_parts("k", upload_id) or ()] == [
            again.etag
        ]
        objects.store.complete_if("k", upload_id, [again], None)
        raw = objects.raw("k")
        assert raw is not None
        assert raw.data == b"two"

    def test_a_create_in_parts_needs_a_free_key(self, objects: Bench) -> None:
        upload_id, parts = upload(objects.store, "k", b"part")
        put(objects.store, "k", b"first")
        with pytest.raises(PreconditionFailed):
            objects.store.complete_if("k", upload_id, parts, None)
        raw = objects.raw("k")
        assert raw is not None
        assert raw.data == b"first"

    def test_an_overwrite_in_parts_of_the_instance_that_was_read_succeeds(
        self, store: SyncStore
    ) -> None:
        old = put(store, "k", b"old")
        upload_id, parts = upload(store, "k", b"part")
        store.complete_if("k", upload_id, parts, old)
        assert read(store.get("k")) == b"part"

    @moto_deviates("ignores If-Match on CompleteMultipartUpload")
    def test_an_overwrite_in_parts_of_another_instance_is_refused(self, store: SyncStore) -> None:
        old = put(store, "k", b"old")
        upload_id, parts = upload(store, "k", b"part")
        put(store, "k", b"new")
        with pytest.raises(PreconditionFailed):
            store.complete_if("k", upload_id, parts, old)
        assert read(store.get("k")) == b"new"

    @moto_deviates("ignores If-Match on CompleteMultipartUpload")
    def test_an_overwrite_in_parts_of_an_object_that_is_gone_is_refused(
        self, objects: Bench
    ) -> None:
        old = put(objects.store, "k", b"old")
        upload_id, parts = upload(objects.store, "k", b"part")
        objects.store.delete("k")
        with pytest.raises(PreconditionFailed):
            objects.store.complete_if("k", upload_id, parts, old)
        assert objects.raw("k") is None

    def test_parts_other_than_those_sent_are_refused(self, objects: Bench) -> None:
        upload_id, parts = upload(objects.store, "k", b"part")
        other = parts[0]._replace(etag=hashlib.md5(b"other").hexdigest())
        with pytest.raises(IntegrityError):
            objects.store.complete_if("k", upload_id, [other], None)
        assert objects.raw("k") is None

    @moto_deviates("answers with a server error")
    def test_an_aborted_upload_cannot_be_completed(self, objects: Bench) -> None:
        upload_id, parts = upload(objects.store, "k", b"part")
        objects.store.abort_multipart_upload("k", upload_id)
        with pytest.raises(PreconditionFailed):
            objects.store.complete_if("k", upload_id, parts, None)
        assert objects.raw("k") is None

    def test_aborting_an_unknown_upload_is_no_error(self, store: SyncStore) -> None:
        store.abort_multipart_upload("k", "unknown")

    @moto_deviates("answers with a server error")
    def test_a_part_of_an_unknown_upload_is_refused(self, store: SyncStore) -> None:
        with pytest.raises(PreconditionFailed):
            store.upload_part("k", "unknown", 1, Stream(b"part"), 4)

    @moto_deviates("takes them")
    def test_metadata_of_an_upload_is_bounded_too(self, store: SyncStore) -> None:
        with pytest.raises(Blocked):
            store.create_multipart_upload(write_of("k", b"", metadata={"a": "x" * 2048}))
