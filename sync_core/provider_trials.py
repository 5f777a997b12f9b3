"""The trials of `provider_check`: each asks one thing of a store, on keys of its own."""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.header import decode_header, make_header

from sync_core.checksums import crc64nvme, md5_of
from sync_core.errors import AccessDenied, DualwayError, IntegrityError, Poison, Stale
from sync_core.model import Ability, ObjectVersion, UploadedPart
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectReader, ObjectWrite, Written
from sync_core.storage.sync_store import SyncStore

ODD_KEYS = ("a b+c%20é中", "a//b", "dir/", "x\ty", "plain", "plain.", "~'\"<&>")
"""Keys that stores, and listings of stores, are known to change."""

DATA = b"0123456789"
"""What most trials write."""

_TYPE = {"content-type": "text/plain; charset=utf-8"}
_HEADERS = {
    **_TYPE,
    "content-encoding": "gzip",
    "content-language": "zh-CN, en",
    "content-disposition": 'attachment; filename="a b.txt"',
    "cache-control": "max-age=0, no-cache",
    "expires": "Thu, 01 Jan 2026 00:00:00 GMT",
}
_METADATA = {"owner": "me", "with": "a; b=c, d"}
_NON_ASCII = "é中"
_TAGS = {"team": "a b", "näme": "+/=:"}
_OTHER_ETAG = "0" * 32
_MOST_VERSIONS = 100


class Lacking(Exception):
    """The store does not do what was tried; the text says what it did."""


@dataclass(slots=True)
class Trial:
    """The trials in one folder; each raises `Lacking` or what the store raises.

    `daring` is the same store, which sends conditions that `store` knows to be of no use.
    """

    store: SyncStore
    daring: SyncStore
    folder: str
    keys: set[str] = field(default_factory=set)
    uploads: list[tuple[str, str]] = field(default_factory=list)
    has_history: bool = False

    def attempts(self) -> Mapping[Ability, Callable[[], None]]:
        """Return the trials that need nothing of one another, in the order of `Ability`."""
        return {
            Ability.READS_RANGE_IF_MATCH: self.reads_range_if_match,
            Ability.ETAG_IS_MD5: self.etag_is_md5,
            Ability.HAS_CRC64NVME: self.has_crc64nvme,
            Ability.KEEPS_HEADERS: self.keeps_headers,
            Ability.KEEPS_METADATA: self.keeps_metadata,
            Ability.KEEPS_NON_ASCII_METADATA: self.keeps_non_ascii_metadata,
            Ability.HAS_TAGS: self.has_tags,
            Ability.COUNTS_TAGS: self.counts_tags,
            Ability.TAKES_ANY_KEY: self.takes_any_key,
            Ability.HAS_PARTS: self.has_parts,
            Ability.COMPLETES_IF_ABSENT: self.completes_if_absent,
            Ability.COPIES: self.copies,
            Ability.COPIES_IF_MATCH: self.copies_if_match,
            Ability.COPIES_PARTS: self.copies_parts,
        }

    def reads_and_writes(self) -> None:
        """Write, read, delete; an absent object is none."""
        version = self.present("plain")
        require(version.size_bytes == len(DATA), f"HEAD shows {version.size_bytes} bytes")
        self._expect_data(version.key)
        self.store.delete(version.key)
        require(self.store.head(version.key) is None, "a deleted object is still shown")
        require(self.store.get(version.key) is None, "a deleted object can still be read")

    def reads_range_if_match(self) -> None:
        """Read a range of the instance that is there, and none of another."""
        version = self.present("range")
        data = _read(self.store.get(version.key, etag=version.etag, byte_range=ByteRange(2, 5)))
        require(data == DATA[2:6], f"bytes 2-5 are read as {data!r}")
        self._expect_refusal(lambda: self.store.get(version.key, etag=_OTHER_ETAG), "GET")

    def etag_is_md5(self) -> None:
        """Compare the etag, in whichever case."""
        etag = self.present("etag").etag
        require(etag.lower() == md5_of(DATA), f"the etag is {etag}")

    def has_crc64nvme(self) -> None:
        """Send a digest and have it shown; where the dialect has none, none is shown either."""
        digest = crc64nvme(DATA)
        shown = self.present("crc64nvme", crc64nvme=digest).crc64nvme
        require(shown == digest, f"HEAD shows {shown}, not {digest}")

    def keeps_headers(self) -> None:
        """Write all content headers."""
        _require_same(self.present("headers", headers=_HEADERS).headers, _HEADERS)

    def keeps_metadata(self) -> None:
        """Write user metadata, and a marker as dualway writes them."""
        version = self.present("metadata", metadata=_METADATA, marker="1;check")
        _require_same(version.metadata, _METADATA)
        require(version.marker == "1;check", f"dualway's own entry is {version.marker}")

    def keeps_non_ascii_metadata(self) -> None:
        """Write a value that is no ASCII; it may come back as the RFC 2047 words that were sent."""
        metadata = self.present("non-ascii", metadata={"name": _NON_ASCII}).metadata
        shown = str(make_header(decode_header(metadata.get("name", ""))))
        require(shown == _NON_ASCII, f"{_NON_ASCII} comes back as {shown!r}")

    def has_tags(self) -> None:
        """Write tags along with an object, then replace them."""
        key = self.present("tags", tags=_TAGS).key
        _require_same(self.store.tags(key) or {}, _TAGS)
        self.store.put_tags(key, {"new": "1"})
        _require_same(self.store.tags(key) or {}, {"new": "1"})

    def counts_tags(self) -> None:
        """Open an object that has two tags."""
        reader = self.store.get(self.present("counted", tags=_TAGS).key)
        require(reader is not None, "an object that was just written is not shown")
        if reader is not None:
            with reader:
                count = reader.version.tag_count
            require(count == len(_TAGS), f"GET shows {count} tags, not {len(_TAGS)}")

    def takes_any_key(self, names: Sequence[str] = ODD_KEYS) -> None:
        """Write each key, then list all of them, in the order of their UTF-8 bytes."""
        taken = {name for name in names if self._takes(f"keys/{name}")}
        prefix = f"{self.folder}keys/"
        listed = [entry.key.removeprefix(prefix) for entry in self.store.list(prefix)]
        refused = [repr(name) for name in names if name not in taken]
        strange = sorted(map(repr, taken ^ set(listed)))
        require(
            not refused and not strange,
            f"not stored: {', '.join(refused) or 'none'}; "
            f"missing or altered in a listing: {', '.join(strange) or 'none'}",
        )
        expected = sorted(listed, key=str.encode)
        require(listed == expected, "a listing is not in the order of UTF-8 bytes")

    def has_parts(self) -> None:
        """Send two parts and list them, join them; abort another upload."""
        key, upload_id, parts = self._uploaded("parts")
        listed = self.store.list_parts(key, upload_id) or ()
        sizes = [part.size_bytes for part in listed]
        require(sizes == [part.size_bytes for part in parts], f"listed parts have {sizes} bytes")
        self._note(self.store.complete_if(key, upload_id, parts, None))
        version = self.store.head(key)
        whole_bytes = sum(part.size_bytes for part in parts)
        shown_bytes = None if version is None else version.size_bytes
        require(shown_bytes == whole_bytes, f"{whole_bytes} bytes are shown as {shown_bytes}")
        key, upload_id, _ = self._uploaded("aborted")
        self.store.abort_multipart_upload(key, upload_id)
        require(self.store.list_parts(key, upload_id) is None, "an aborted upload has parts")

    def completes_if_absent(self) -> None:
        """Join parts where an object is, which has to be refused."""
        key, upload_id, parts = self._uploaded("joined")
        self.present("joined")
        self._expect_refusal(
            lambda: self._note(self.daring.complete_if(key, upload_id, parts, None)),
            "CompleteMultipartUpload",
        )

    def copies(self) -> None:
        """Copy the instance that is there."""
        source, copy = self.present("source"), self.key("copy")
        self._note(self.store.copy_if(source, copy))
        self._expect_data(copy)

    def copies_if_match(self) -> None:
        """Copy no other instance than the one that is there."""
        source, copy = self.present("source"), self.key("refused copy")
        other = replace(source, etag=_OTHER_ETAG)
        self._expect_refusal(lambda: self._note(self.store.copy_if(other, copy)), "CopyObject")

    def copies_parts(self) -> None:
        """Take a part from an object that is there."""
        source, key = self.present("source"), self.key("copied parts")
        upload_id = self._begun(key)
        piece = Piece(self.store.place(source.key), source.etag)
        part = self.store.copy_part_from(key, upload_id, 1, piece)
        require(part.size_bytes == len(DATA), f"a part of {part.size_bytes} bytes was copied")

    def clean_up(self) -> None:
        """Leave nothing behind: no upload, no object, and where there are versions, none of them.

        What the store will not have deleted must not hide what it was seen to do.
        """
        for key, upload_id in self.uploads:
            with suppress(DualwayError):
                self.store.abort_multipart_upload(key, upload_id)
        for key in sorted(self.keys):
            with suppress(DualwayError):
                self._remove(key)

    def present(self, name: str, **more: object) -> ObjectVersion:
        """Put an object there, and return what is shown."""
        write = replace(self._write(name), **more)  # type: ignore[arg-type]  # fields of ObjectWrite
        self._note(self.store.put(write, io.BytesIO(DATA)))
        version = self.store.head(write.key)
        if version is None:
            raise Lacking("an object that was just written is not shown")
        return version

    def _takes(self, name: str) -> bool:
        try:
            key = self.present(name).key
            return _read(self.store.get(key)) == DATA
        except (Lacking, Stale, Poison, IntegrityError, AccessDenied):
            # A key that was altered on its way is denied for its signature.
            return False

    def _uploaded(self, name: str) -> tuple[str, str, Sequence[UploadedPart]]:
        key = self.key(name)
        upload_id = self._begun(key)
        bodies = (bytes(self.store.part_limits.least_bytes), DATA)
        return (
            key,
            upload_id,
            [
                self.store.upload_part(key, upload_id, number, io.BytesIO(body), len(body))
                for number, body in enumerate(bodies, start=1)
            ],
        )

    def _begun(self, key: str) -> str:
        upload_id = self.store.create_multipart_upload(ObjectWrite(key, 0, _TYPE))
        self.uploads.append((key, upload_id))
        return upload_id

    def _expect_data(self, key: str) -> None:
        data = _read(self.store.get(key))
        require(data == DATA, f"{DATA!r} is read as {data!r}")

    def _expect_refusal(self, request: Callable[[], object], operation: str) -> None:
        with suppress(Stale):
            request()
            raise Lacking(f"{operation} ignores a condition that does not hold")

    def _write(self, name: str) -> ObjectWrite:
        return ObjectWrite(self.key(name), len(DATA), _TYPE)

    def key(self, name: str) -> str:
        """Return the key of that name; nothing is left there in the end."""
        key = self.folder + name
        self.keys.add(key)
        return key

    def _note(self, written: Written) -> None:
        self.has_history = self.has_history or written.version_id is not None

    def _remove(self, key: str) -> None:
        if not self.has_history:
            self.store.delete(key)
            return
        try:
            for entry in self.store.versions(key, _MOST_VERSIONS):
                self.store.delete_version(key, entry.version_id)
        except AccessDenied:
            # What may not be taken away is at least not shown.
            self.store.delete(key)


def _read(reader: ObjectReader | None) -> bytes | None:
    if reader is None:
        return None
    with reader:
        return reader.read()


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - as `assert` has it
    """Raise `Lacking`, which says `otherwise`, unless it holds."""
    if not holds:
        raise Lacking(otherwise)


def _require_same(shown: Mapping[str, str], written: Mapping[str, str]) -> None:
    different = [
        f"{name}: {shown.get(name)!r}" for name in written if shown.get(name) != written[name]
    ]
    require(not different, f"comes back as {', '.join(different)}")
