"""Large objects of the store in memory: uploads in parts, copies from other buckets, restores."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sync_core.checksums import etag_of_md5s, md5_of
from sync_core.errors import PreconditionFailed
from sync_core.model import ObjectVersion, OpenUpload, PartLimits, Place, UploadedPart
from sync_core.parts import uniform_part_bytes
from sync_core.storage.exact_body import ExactBody
from sync_core.storage.memory_access import MemoryAccess
from sync_core.storage.memory_bucket import NULL_VERSION, Upload
from sync_core.storage.memory_rules import (
    assembled,
    chosen_parts,
    cut,
    kept,
    require_copyable,
    require_part,
    require_storable,
)
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ObjectWrite, Readable, Written


class MemoryParts(MemoryAccess):
    """What the store in memory does with large objects, as S3 does it."""

    @property
    def part_limits(self) -> PartLimits:
        """Those of S3, unless the bucket says otherwise."""
        return self._bucket.part_limits

    def uniform_part_bytes(self, instance: ObjectVersion) -> int | None:
        """Return the size of the first part, if all but the last may have it."""
        stored = self._find("head", instance.key)
        if stored is None or stored.version.etag != instance.etag or not stored.part_sizes:
            return None
        sizes = stored.part_sizes
        return uniform_part_bytes(instance.size_bytes, sizes[0], len(sizes))

    def create_multipart_upload(self, write: ObjectWrite) -> str:
        """Begin an upload."""
        require_storable(write)
        with self._bucket.held("begin upload"):
            upload_id = f"upload-{self._bucket.number()}"
            upload = Upload(write, self._bucket.now(), self._principal_id)
            self._bucket.uploads[upload_id] = upload
            return upload_id

    def upload_part(
        self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
    ) -> UploadedPart:
        """Keep one part; a second one of the same number replaces it."""
        require_part(key, part_number, size_bytes, self.part_limits)
        with self._bucket.held("upload part"):
            self._upload("upload part", key, upload_id)
        with ExactBody(body, key, size_bytes, "upload part") as exact:
            data = exact.read()
        return self._keep("upload part", key, upload_id, part_number, data)

    def list_parts(
        self, key: str, upload_id: str, limit: int | None = None
    ) -> Sequence[UploadedPart] | None:
        """Return the parts that were kept, by number, up to `limit`; None: there is no upload."""
        with self._bucket.held("list parts"):
            upload = self._bucket.uploads.get(upload_id)
            if upload is None or upload.write.key != key:
                return None
            return [upload.parts[number].part for number in sorted(upload.parts)][:limit]

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> Written:
        """Make the object of parts 1..n current; on a failure the upload stays."""
        with self._bucket.held("complete upload"):
            upload = self._upload("complete upload", key, upload_id)
            chosen = chosen_parts(upload, parts, crc64nvme, self.part_limits)
            self._require_replaceable("complete upload", key, replaces)
            del self._bucket.uploads[upload_id]
            etag = self._bucket.shown_etag(etag_of_md5s([each.part.etag for each in chosen]))
            return self._add(assembled(upload, chosen, etag), "CompleteMultipartUpload")

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """Throw the parts away; an unknown upload is no error."""
        with self._bucket.held("abort upload"):
            upload = self._bucket.uploads.get(upload_id)
            if upload is not None and upload.write.key == key:
                del self._bucket.uploads[upload_id]

    def open_uploads(self) -> Iterator[OpenUpload]:
        """Yield this principal's uploads that are under way when the first one is asked for."""
        with self._bucket.held("list uploads"):
            own = [
                OpenUpload(upload.write.key, upload_id, upload.initiated_at)
                for upload_id, upload in self._bucket.uploads.items()
                if upload.principal_id == self._principal_id
            ]
        yield from sorted(own, key=lambda each: (each.key.encode(), each.initiated_at))

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Put the bytes of `instance`, which is at `source`, in place of `replaces`.

        The digest shown is the source's, for nobody compares the one in `write`.
        """
        require_storable(write)
        require_copyable(source.key, instance.size_bytes, self.part_limits)
        stored = self._at(source, instance.etag)
        with self._bucket.held("copy"):
            self._require_replaceable("copy", write.key, replaces)
            shown = replace(write, crc64nvme=stored.version.crc64nvme)
            return self._put(shown, stored.data, "Copy")

    def copy_part_from(
        self, key: str, upload_id: str, part_number: int, piece: Piece
    ) -> UploadedPart:
        """Keep one part with the bytes of `piece`."""
        byte_range = piece.byte_range
        if byte_range is not None:
            size_bytes = byte_range.last - byte_range.first + 1
            require_copyable(piece.place.key, size_bytes, self.part_limits)
        data = cut(self._at(piece.place, piece.etag, piece.version_id), byte_range)
        require_part(key, part_number, len(data), self.part_limits)
        return self._keep("copy part", key, upload_id, part_number, data)

    def restore(self, instance: ObjectVersion, days: int) -> None:
        """Ask for a readable copy of an archived version; the bucket's `restore` makes it.

        It stays, however many `days` were asked for. Raises `PreconditionFailed` when the version
        is gone or is not archived.
        """
        with self._bucket.held("restore"):
            stored = self._bucket.find(instance.key, instance.version_id or NULL_VERSION)
            if stored is None or not stored.is_archived:
                raise PreconditionFailed("restore", instance.key, "it is not in an archive")
            if stored.restore_days is None:
                self._bucket.begin_restore(stored, days, self._principal_id)

    def _keep(
        self, operation: str, key: str, upload_id: str, number: int, data: bytes
    ) -> UploadedPart:
        with self._bucket.held(operation):
            upload = self._upload(operation, key, upload_id)
            made = kept(number, data, self._bucket.shown_etag(md5_of(data)))
            upload.parts[number] = made
            return made.part
