"""What the S3 adapter asks for where large objects are concerned, and what it makes of answers."""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from boto3.session import Session

from sync_core.checksums import crc64nvme
from sync_core.errors import (
    Ambiguous,
    Archived,
    Blocked,
    DualwayError,
    IntegrityError,
    PreconditionFailed,
    Throttled,
    Unavailable,
)
from sync_core.model import ObjectVersion, OpenUpload, Place, UploadedPart
from sync_core.storage.dialects import AWS, Dialect
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectWrite
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import s3_clients
from sync_core.storage.s3_stream import CHUNK_BYTES
from tests.object_benches import REGION, BrokenStream, Serve, Stream, closing
from tests.scripted_server import Answer, ScriptedServer, Seen, s3_error

XML = {"Content-Type": "application/xml"}
TAKEN = Answer(headers={"ETag": '"e"'})
COPIED = Answer(200, b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>", XML)
COMPLETED = Answer(200, b"<R><ETag>&quot;e-2&quot;</ETag></R>", XML)
AT = datetime(2026, 11, 20, tzinfo=UTC)
SOURCE = ObjectVersion("s", "abc", 4, AT, version_id="v1")
IN_PARTS = ObjectVersion("k", "abc-3", 25, AT)
PLACE = Place("elsewhere", "a b/é")
BEFORE_CRC = replace(AWS, has_crc64nvme=False)
WITHOUT_MD5 = replace(BEFORE_CRC, part_etag_is_md5=False)


def query(seen: Seen) -> dict[str, list[str]]:
    return parse_qs(urlsplit(seen.path).query, keep_blank_values=True)


@contextmanager
def serving(
    session: Session, *answers: Answer, dialect: Dialect = AWS, arns: Collection[str] = ()
) -> Iterator[tuple[S3ObjectStore, ScriptedServer]]:
    with ScriptedServer(*answers) as server:
        own = frozenset(arns)
        with closing(s3_clients(session, REGION, endpoint_url=server.url)) as clients:
            yield S3ObjectStore("bucket", lambda: clients, dialect, identities=lambda: own), server


def sent(store: S3ObjectStore, data: bytes) -> UploadedPart:
    return store.upload_part("k", "u", 2, Stream(data), len(data))


def dechunked(body: bytes) -> tuple[list[int], bytes, bytes]:
    """Return the sizes of the chunks, what they hold, and the trailer."""
    sizes: list[int] = []
    data = b""
    while True:
        line, _, body = body.partition(b"\r\n")
        size = int(line, 16)
        if size == 0:
            return sizes, data, body
        sizes.append(size)
        data += body[:size]
        assert body[size : size + 2] == b"\r\n"
        body = body[size + 2 :]


class TestStreamedParts:
    @pytest.mark.parametrize(
        "size_bytes", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES]
    )
    def test_the_digest_of_a_part_follows_it(self, serve: Serve, size_bytes: int) -> None:
        store, server = serve(TAKEN)
        data = bytes(number % 251 for number in range(size_bytes))
        part = sent(store, data)
        (seen,) = server.seen
        sizes, received, trailer = dechunked(seen.body)
        assert received == data
        assert all(size == CHUNK_BYTES for size in sizes[:-1])
        assert trailer == f"x-amz-checksum-crc64nvme:{crc64nvme(data)}\r\n\r\n".encode()
        assert part == UploadedPart(2, "e", size_bytes, crc64nvme(data))

    def test_a_part_is_sent_with_its_length_and_the_announcement_of_its_digest(
        self, serve: Serve
    ) -> None:
        store, server = serve(TAKEN)
        sent(store, b"data")
        (seen,) = server.seen
        assert query(seen) == {"uploadId": ["u"], "partNumber": ["2"]}
        assert seen.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        assert seen.headers["X-Amz-Trailer"] == "x-amz-checksum-crc64nvme"
        assert seen.headers["X-Amz-Decoded-Content-Length"] == "4"
        assert seen.headers["Content-Encoding"] == "aws-chunked"
        assert seen.headers["Content-Length"] == str(len(seen.body))
        assert "Transfer-Encoding" not in seen.headers
        signed = seen.headers["Authorization"]
        assert "x-amz-trailer" in signed
        assert "x-amz-decoded-content-length" in signed

    def test_what_the_store_has_of_a_part_is_compared(self, serve: Serve) -> None:
        headers = {"ETag": '"e"', "x-amz-checksum-crc64nvme": crc64nvme(b"other")}
        store, _ = serve(Answer(headers=headers))
        with pytest.raises(IntegrityError):
            sent(store, b"data")

    def test_a_part_that_is_refused_beforehand_is_not_sent(self, serve: Serve) -> None:
        # Were it sent, a server that does not read it would break the connection off.
        store, _ = serve(replace(s3_error(404, "NoSuchUpload"), reads_body=False))
        with pytest.raises(PreconditionFailed):
            sent(store, bytes(32 * CHUNK_BYTES))

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (Answer(sends=False), Unavailable),
            (s3_error(500, "InternalError"), Unavailable),
            (s3_error(503, "SlowDown"), Throttled),
            (s3_error(400, "BadDigest"), IntegrityError),
            (s3_error(404, "NoSuchUpload"), PreconditionFailed),
        ],
        ids=["reset", "500", "503", "400", "404"],
    )
    def test_a_part_is_sent_once(
        self, serve: Serve, answer: Answer, expected: type[DualwayError]
    ) -> None:
        store, server = serve(answer)
        with pytest.raises(expected):
            sent(store, b"data")
        assert len(server.seen) == 1

    def test_a_part_whose_source_breaks_off_is_never_whole(self, serve: Serve) -> None:
        store, server = serve(TAKEN)
        with pytest.raises(Unavailable, match="the connection broke off"):
            store.upload_part("k", "u", 1, BrokenStream(b"data"), 4)
        assert server.seen == []

    def test_a_part_that_is_longer_than_declared_is_never_whole(self, serve: Serve) -> None:
        store, server = serve(TAKEN)
        with pytest.raises(IntegrityError, match="upload part"):
            store.upload_part("k", "u", 1, Stream(b"x" * 20_001), 20_000)
        assert server.seen == []


class TestStoresWithoutCrc:
    def test_a_part_is_sent_plain_and_compared_with_its_etag(self, session: Session) -> None:
        etag = hashlib.md5(b"data").hexdigest()
        answer = Answer(headers={"ETag": f'"{etag}"'})
        with serving(session, answer, dialect=BEFORE_CRC) as (store, server):
            assert sent(store, b"data") == UploadedPart(2, etag, 4)
        (seen,) = server.seen
        assert seen.body == b"data"
        assert seen.headers["X-Amz-Content-SHA256"] == "UNSIGNED-PAYLOAD"
        assert not {"Content-Encoding", "X-Amz-Trailer"} & set(seen.headers)

    def test_another_etag_is_other_bytes(self, session: Session) -> None:
        answer = Answer(headers={"ETag": f'"{hashlib.md5(b"other").hexdigest()}"'})
        with (
            serving(session, answer, dialect=BEFORE_CRC) as (store, _),
            pytest.raises(IntegrityError),
        ):
            sent(store, b"data")

    @pytest.mark.parametrize(
        ("dialect", "headers"),
        [(BEFORE_CRC, {"x-amz-server-side-encryption": "aws:kms"}), (WITHOUT_MD5, {})],
        ids=["under KMS", "of another kind of store"],
    )
    def test_an_etag_that_is_no_md5_says_nothing(
        self, session: Session, dialect: Dialect, headers: dict[str, str]
    ) -> None:
        etag = hashlib.md5(b"other").hexdigest()
        answer = Answer(headers={"ETag": f'"{etag}"', **headers})
        with serving(session, answer, dialect=dialect) as (store, _):
            assert sent(store, b"data").etag == etag

    def test_no_digest_is_asked_for(self, session: Session) -> None:
        begun = Answer(200, b"<R><UploadId>u</UploadId></R>", XML)
        with serving(session, begun, COMPLETED, dialect=BEFORE_CRC) as (store, server):
            store.create_multipart_upload(ObjectWrite("k", 4))
            store.complete_if("k", "u", [UploadedPart(1, "e", 4, "AAAAAAAAAAA=")], None, "B")
        for seen in server.seen:
            assert not [name for name in seen.headers if "checksum" in name.lower()]
            assert b"Checksum" not in seen.body


class TestBeginningAndEnd:
    def test_an_upload_is_begun_for_a_digest_of_the_whole(self, serve: Serve) -> None:
        store, server = serve(Answer(200, b"<R><UploadId>u</UploadId></R>", XML))
        assert store.create_multipart_upload(ObjectWrite("k", 4)) == "u"
        (seen,) = server.seen
        assert seen.headers["x-amz-checksum-algorithm"] == "CRC64NVME"
        assert seen.headers["x-amz-checksum-type"] == "FULL_OBJECT"

    def test_parts_are_joined_by_number_etag_and_digest(self, serve: Serve) -> None:
        store, server = serve(COMPLETED)
        parts = [UploadedPart(1, "e1", 4, "AAAAAAAAAAA="), UploadedPart(2, "e2", 4)]
        store.complete_if("k", "u", parts, None, "BBBBBBBBBBA=")
        (seen,) = server.seen
        assert seen.headers["If-None-Match"] == "*"
        assert seen.headers["x-amz-checksum-crc64nvme"] == "BBBBBBBBBBA="
        assert seen.headers["x-amz-checksum-type"] == "FULL_OBJECT"
        assert seen.body.count(b"<Part>") == 2
        assert seen.body.count(b"<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>") == 1

    def test_without_a_digest_of_the_whole_none_is_compared(self, serve: Serve) -> None:
        store, server = serve(COMPLETED)
        store.complete_if("k", "u", [UploadedPart(1, "e1", 4)], IN_PARTS)
        (seen,) = server.seen
        assert seen.headers["If-Match"] == '"abc-3"'
        assert not [name for name in seen.headers if "checksum" in name.lower()]

    def test_an_answer_that_took_long_may_begin_with_spaces(self, serve: Serve) -> None:
        text = b'<?xml version="1.0" encoding="UTF-8"?>' + b" \n" * 20
        store, _ = serve(Answer(200, text + COMPLETED.body, XML))
        assert store.complete_if("k", "u", [UploadedPart(1, "e1", 4)], None).etag == "e-2"


class TestSizeOfParts:
    def test_the_first_part_is_asked_for(self, serve: Serve) -> None:
        store, server = serve(Answer(206, b"x" * 10, headers={"x-amz-mp-parts-count": "3"}))
        assert store.uniform_part_bytes(IN_PARTS) == 10
        (seen,) = server.seen
        assert (seen.method, query(seen)) == ("HEAD", {"partNumber": ["1"]})
        assert seen.headers["If-Match"] == '"abc-3"'

    def test_of_an_object_put_in_one_nothing_is_asked(self, serve: Serve) -> None:
        store, server = serve(Answer(500))
        assert store.uniform_part_bytes(SOURCE) is None
        assert server.seen == []

    @pytest.mark.parametrize(
        "answer",
        [Answer(412), Answer(404), Answer(416), Answer(501), Answer(200, b"x" * 25)],
        ids=["another instance", "gone", "no such part", "not known", "ignored"],
    )
    def test_what_does_not_tell_leaves_it_open(self, serve: Serve, answer: Answer) -> None:
        store, _ = serve(answer)
        assert store.uniform_part_bytes(IN_PARTS) is None

    def test_other_errors_are_errors(self, serve: Serve) -> None:
        store, _ = serve(Answer(503))
        with pytest.raises(Throttled):
            store.uniform_part_bytes(IN_PARTS)


class TestOpenUploads:
    USER = "arn:aws:iam::111122223333:user/dualway"
    ROLE = "arn:aws:sts::111122223333:assumed-role/worker"

    def page(self, *uploads: tuple[str, str], after: str = "") -> Answer:
        entries = "".join(
            f"<Upload><Key>{key}</Key><UploadId>u-{key}</UploadId><Initiator><ID>{who}</ID>"
            "</Initiator><Initiated>2026-11-20T00:00:00.000Z</Initiated></Upload>"
            for key, who in uploads
        )
        following = (
            f"<NextKeyMarker>{after}</NextKeyMarker><NextUploadIdMarker>m</NextUploadIdMarker>"
        )
        text = (
            f"<R><EncodingType>url</EncodingType><IsTruncated>{'true' if after else 'false'}"
            f"</IsTruncated>{following if after else ''}{entries}</R>"
        )
        return Answer(200, text.encode(), XML)

    def test_pages_follow_one_another(self, session: Session) -> None:
        answers = self.page(("a%2Bb+c", self.USER), after="a%2Bb+c"), self.page(("d", self.USER))
        with serving(session, *answers, arns=[self.USER]) as (store, server):
            found = list(store.open_uploads())
        assert found == [OpenUpload("a+b c", "u-a%2Bb+c", AT), OpenUpload("d", "u-d", AT)]
        assert query(server.seen[0])["encoding-type"] == ["url"]
        assert query(server.seen[1])["key-marker"] == ["a+b c"]
        assert query(server.seen[1])["upload-id-marker"] == ["m"]

    def test_sessions_of_one_role_are_one_principal(self, session: Session) -> None:
        mine, other = f"{self.ROLE}/first", "arn:aws:sts::111122223333:assumed-role/other/first"
        answer = self.page(("a", mine), ("b", other), ("c", self.USER))
        with serving(session, answer, arns=[f"{self.ROLE}/second"]) as (store, _):
            assert [each.key for each in store.open_uploads()] == ["a"]

    @pytest.mark.parametrize("partition", ["aws", "aws-cn"])
    @pytest.mark.parametrize("path", ["", "team/sync/"])
    def test_whoever_acts_in_a_role_that_is_ones_own_is_oneself(
        self, session: Session, partition: str, path: str
    ) -> None:
        sessions = f"arn:{partition}:sts::111122223333:assumed-role"
        role = f"arn:{partition}:iam::111122223333:role/{path}worker"
        answer = self.page(
            ("of the role", f"{sessions}/worker/i-0123"),
            ("of oneself", f"{sessions}/finder/first"),
            ("of a longer name", f"{sessions}/worker-2/i-0123"),
            ("of a session of that name", f"{sessions}/other/worker"),
            ("of another account", f"{sessions.replace('1111', '9999')}/worker/i-0123"),
            ("of a user of that name", f"arn:{partition}:iam::111122223333:user/worker"),
        )
        with serving(session, answer, arns=[f"{sessions}/finder/second", role]) as (store, _):
            found = [each.key for each in store.open_uploads()]
        assert found == ["of the role", "of oneself"]

    def test_who_does_not_know_itself_owns_none(self, session: Session) -> None:
        with serving(session, self.page(("a", self.USER))) as (store, server):
            assert list(store.open_uploads()) == []
        assert server.seen == []


class TestCopies:
    def test_a_copy_names_all_conditions_and_all_that_it_replaces(self, serve: Serve) -> None:
        store, server = serve(COPIED)
        write = ObjectWrite("k", 4, {"content-type": "text/x"}, {"a": "b"}, "1;x", {"t": "1"})
        store.copy_from(PLACE, SOURCE, write, IN_PARTS)
        headers = server.seen[0].headers
        assert headers["x-amz-copy-source"] == "elsewhere/a%20b/%C3%A9?versionId=v1"
        assert headers["x-amz-copy-source-if-match"] == '"abc"'
        assert headers["If-Match"] == '"abc-3"'
        assert headers["x-amz-metadata-directive"] == "REPLACE"
        assert headers["x-amz-tagging-directive"] == "REPLACE"
        assert headers["x-amz-tagging"] == "t=1"
        assert headers["x-amz-checksum-algorithm"] == "CRC64NVME"
        assert headers["Content-Type"] == "text/x"
        assert headers["x-amz-meta-a"] == "b"
        assert headers["x-amz-meta-dualway"] == "1;x"

    def test_a_copy_to_a_free_key_without_tags_has_none(self, serve: Serve) -> None:
        store, server = serve(COPIED)
        store.copy_from(PLACE, replace(SOURCE, version_id=None), ObjectWrite("k", 4), None)
        headers = server.seen[0].headers
        assert headers["If-None-Match"] == "*"
        assert headers["x-amz-tagging-directive"] == "REPLACE"
        assert "versionId" not in headers["x-amz-copy-source"]

    def test_a_copy_is_asked_for_once_and_may_have_been_made(self, serve: Serve) -> None:
        store, server = serve(s3_error(200, "InternalError"))
        with pytest.raises(Ambiguous):
            store.copy_from(PLACE, SOURCE, ObjectWrite("k", 4), None)
        assert len(server.seen) == 1

    def test_more_than_one_request_can_copy_is_not_asked_for(self, serve: Serve) -> None:
        store, server = serve(COPIED)
        giant = replace(SOURCE, size_bytes=5 * 1024**3 + 1)
        with pytest.raises(Blocked):
            store.copy_from(PLACE, giant, ObjectWrite("k", giant.size_bytes), None)
        assert server.seen == []

    def test_a_part_is_copied_from_a_range_of_one_instance(self, serve: Serve) -> None:
        text = (
            f"<R><ETag>&quot;p&quot;</ETag><ChecksumCRC64NVME>{'A' * 11}=</ChecksumCRC64NVME></R>"
        )
        store, server = serve(Answer(200, text.encode(), XML))
        part = store.copy_part_from("k", "u", 3, Piece(PLACE, "abc-3", ByteRange(5, 9)))
        assert part == UploadedPart(3, "p", 5, f"{'A' * 11}=")
        (seen,) = server.seen
        assert seen.headers["x-amz-copy-source-range"] == "bytes=5-9"
        assert seen.headers["x-amz-copy-source-if-match"] == '"abc-3"'
        assert query(seen) == {"uploadId": ["u"], "partNumber": ["3"]}

    def test_how_large_a_part_is_that_was_copied_whole_is_looked_up(self, serve: Serve) -> None:
        listed = (
            "<R><IsTruncated>false</IsTruncated><Part><PartNumber>3</PartNumber>"
            "<ETag>&quot;p&quot;</ETag><Size>7</Size></Part></R>"
        )
        copied = Answer(200, b"<R><ETag>&quot;p&quot;</ETag></R>", XML)
        store, server = serve(copied, Answer(200, listed.encode(), XML))
        assert store.copy_part_from("k", "u", 3, Piece(PLACE, "abc")) == UploadedPart(3, "p", 7)
        assert "x-amz-copy-source-range" not in server.seen[0].headers
        assert query(server.seen[1])["part-number-marker"] == ["2"]


class TestArchives:
    def test_a_restore_names_the_version_and_how_long(self, serve: Serve) -> None:
        store, server = serve(Answer(202))
        store.restore(SOURCE, 7)
        (seen,) = server.seen
        assert query(seen) == {"restore": [""], "versionId": ["v1"]}
        assert b"<Days>7</Days>" in seen.body
        assert b"<Tier>Standard</Tier>" in seen.body

    def test_what_intelligent_tiering_has_archived_is_restored_for_good(self, serve: Serve) -> None:
        archived = Answer(headers={"x-amz-archive-status": "ARCHIVE_ACCESS"})
        store, server = serve(s3_error(400, "InvalidArgument"), archived, Answer(202))
        store.restore(SOURCE, 7)
        asked, looked, again = server.seen
        assert b"<Days>7</Days>" in asked.body
        assert (looked.method, query(looked)) == ("HEAD", {"versionId": ["v1"]})
        assert b"<Days>" not in again.body
        assert b"<Tier>Standard</Tier>" in again.body

    def test_what_is_refused_otherwise_is_not_asked_for_again(self, serve: Serve) -> None:
        store, server = serve(s3_error(400, "InvalidArgument"), Answer())
        with pytest.raises(Blocked):
            store.restore(SOURCE, 7)
        assert [seen.method for seen in server.seen] == ["POST", "HEAD"]

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (409, "RestoreAlreadyInProgress"),
            (403, "InvalidObjectState"),
            (403, "ObjectAlreadyInActiveTierError"),
        ],
    )
    def test_a_restore_that_is_not_needed_is_no_error(
        self, serve: Serve, status: int, code: str
    ) -> None:
        store, server = serve(s3_error(status, code))
        store.restore(SOURCE, 7)
        (seen,) = server.seen
        assert query(seen) == {"restore": [""], "versionId": ["v1"]}

    def test_what_is_gone_cannot_be_restored(self, serve: Serve) -> None:
        store, _ = serve(s3_error(404, "NoSuchKey"))
        with pytest.raises(PreconditionFailed):
            store.restore(SOURCE, 7)

    def test_what_is_archived_is_blocked_by_name(self, serve: Serve) -> None:
        store, _ = serve(s3_error(403, "InvalidObjectState"))
        with pytest.raises(Archived):
            store.get("s")
