"""What a dialect says of its stores, and what it changes in what is sent to them."""

import base64
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import pytest
from boto3.session import Session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from sync_core.errors import Blocked, ConfigError, IntegrityError, PreconditionFailed
from sync_core.model import Ability, ObjectVersion, Place, UploadedPart
from sync_core.parts import plan_parts
from sync_core.storage.dialects import (
    AWS,
    CEPH,
    COS,
    DIALECTS,
    GCS,
    GENERIC,
    KODO,
    MINIO,
    OSS,
    Dialect,
    named,
)
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import S3Clients, client_config, s3_clients
from tests.object_benches import closing
from tests.scripted_server import Answer, ScriptedServer, s3_error

ETAG = "0cc175b9c0f1b6a831c399e269772661"
INSTANCE = ObjectVersion("k", ETAG, 1, datetime(2026, 1, 1, tzinfo=UTC))
XML = {"Content-Type": "application/xml"}
TAKEN = Answer(headers={"ETag": f'"{ETAG}"'})
FOREIGN = [each for each in DIALECTS.values() if each is not AWS]


@pytest.fixture(scope="module")
def session() -> Session:
    return Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")


@contextmanager
def served(
    session: Session, dialect: Dialect, *answers: Answer
) -> Iterator[tuple[S3ObjectStore, ScriptedServer]]:
    """Give a store that speaks the dialect; an address of a number has no room for a bucket."""
    spoken = replace(dialect, addressing="path")
    with ScriptedServer(*answers) as server:
        made = s3_clients(session, "us-east-1", endpoint_url=server.url, dialect=spoken)
        with closing(made) as clients:
            yield S3ObjectStore("bucket", lambda: clients, spoken), server


def put(store: S3ObjectStore, *, replaces: ObjectVersion | None) -> None:
    store.put_if(ObjectWrite("k", 1), io.BytesIO(b"a"), replaces)


def page(keys: str, *, goes_on: bool, encoding: str = "") -> Answer:
    entries = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{ETAG}&quot;</ETag><Size>1</Size></Contents>"
        for key in keys.split(" ")
    )
    body = (
        f"<ListBucketResult>{encoding}<IsTruncated>{str(goes_on).lower()}</IsTruncated>"
        f"{entries}</ListBucketResult>"
    )
    return Answer(body=body.encode(), headers=XML)


class TestNames:
    @pytest.mark.parametrize("name", DIALECTS)
    def test_each_has_the_name_under_which_it_is_found(self, name: str) -> None:
        assert named(name).name == name

    def test_a_name_that_nobody_knows_is_refused_with_those_that_are_known(self) -> None:
        with pytest.raises(ConfigError) as raised:
            named("s4")
        assert all(name in raised.value.cause for name in ("s4", *DIALECTS))

    @pytest.mark.parametrize("dialect", FOREIGN, ids=lambda dialect: dialect.name)
    def test_no_other_store_is_sent_trailers_or_asked_for_digests_of_amazon(
        self, dialect: Dialect
    ) -> None:
        assert not dialect.has_crc64nvme
        assert dialect.needs_content_md5

    @pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
    def test_an_object_of_five_tebibytes_fits_into_its_parts(self, dialect: Dialect) -> None:
        limits = dialect.part_limits
        plan = plan_parts(5 * 1024**4, limits)
        assert plan.count <= limits.most_parts
        assert limits.least_bytes <= plan.part_bytes <= limits.most_bytes

    def test_a_field_that_is_added_says_by_itself_what_amazon_does(self) -> None:
        required = {"name", "etag_is_md5", "get_counts_tags", "has_crc64nvme", "addressing"}
        shown = {each.name: getattr(AWS, each.name) for each in fields(Dialect)}
        defaults = {each.name: each.default for each in fields(Dialect)}
        different = {name for name, value in shown.items() if defaults[name] != value}
        assert different == {*required, "endpoint_template"}


class TestEndpoints:
    @pytest.mark.parametrize(
        ("dialect", "expected"),
        [
            (AWS, None),
            (OSS, "https://s3.oss-cn-north.aliyuncs.com"),
            (COS, "https://cos.cn-north.myqcloud.com"),
            (KODO, "https://s3.cn-north.qiniucs.com"),
            (GCS, "https://storage.googleapis.com"),
        ],
        ids=lambda value: getattr(value, "name", ""),
    )
    def test_an_endpoint_follows_from_the_region(
        self, dialect: Dialect, expected: str | None
    ) -> None:
        assert dialect.endpoint_of("cn-north") == expected

    def test_stores_that_everybody_runs_himself_have_none(self) -> None:
        with pytest.raises(ConfigError, match="give one"):
            CEPH.endpoint_of("cn-north")

    def test_the_style_of_addresses_is_the_dialects_where_an_endpoint_is_given(self) -> None:
        config = client_config(OSS, attempts=1, custom_endpoint=True)
        assert vars(config)["s3"]["addressing_style"] == "virtual"


class TestAbilities:
    def test_versions_are_for_each_bucket_to_keep(self) -> None:
        assert AWS.says(Ability.IS_VERSIONED) is None

    @pytest.mark.parametrize("ability", sorted(set(Ability) - {Ability.IS_VERSIONED}), ids=str)
    def test_amazon_has_all_others(self, ability: Ability) -> None:
        assert AWS.says(ability) is True

    def test_what_is_lacking_is_said_so(self) -> None:
        assert OSS.says(Ability.IS_VERSIONED) is False
        assert GCS.says(Ability.COPIES_PARTS) is False
        assert KODO.says(Ability.ETAG_IS_MD5) is False
        assert OSS.says(Ability.ETAG_IS_MD5) is None

    def test_of_an_unknown_store_only_what_dualway_needs_is_expected(self) -> None:
        assert GENERIC.says(Ability.KEEPS_METADATA) is True
        assert GENERIC.says(Ability.CREATES_IF_ABSENT) is None


class TestOwnDomains:
    """A domain that a user has bound to a bucket names the bucket already."""

    @pytest.mark.parametrize(
        ("dialect", "endpoint", "url"),
        [
            (OSS, "https://data.example.com", "https://data.example.com/a%20/b?list-type=2"),
            (COS, "https://data.example.com", "https://data.example.com/a%20/b?list-type=2"),
            (
                OSS,
                "https://s3.oss-accelerate.aliyuncs.com",
                "https://bucket.s3.oss-accelerate.aliyuncs.com/a%20/b?list-type=2",
            ),
            (
                COS,
                "https://cos.ap-guangzhou.tencentcos.com",
                "https://bucket.cos.ap-guangzhou.tencentcos.com/a%20/b?list-type=2",
            ),
            (
                MINIO,
                "https://data.example.com",
                "https://data.example.com/bucket/a%20/b?list-type=2",
            ),
        ],
        ids=["oss", "cos", "its own", "another of its own", "minio"],
    )
    def test_the_bucket_stands_there_once(
        self, session: Session, dialect: Dialect, endpoint: str, url: str
    ) -> None:
        seen: list[str] = []
        token = "<NextContinuationToken>t</NextContinuationToken>"

        def answer(request: Any, **_: Any) -> Any:
            seen.append(request.url.partition("?")[0])
            body = page("k", goes_on=len(seen) < 3, encoding=token).body if len(seen) > 1 else b""
            headers: Any = {"ETag": ETAG, "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
            return AWSResponse(request.url, 200, headers | {"Content-Length": "1"}, Raw(body))

        with closing(s3_clients(session, "x", endpoint_url=endpoint, dialect=dialect)) as clients:
            clients.reads.meta.events.register("before-send.s3", answer)
            store = S3ObjectStore("bucket", lambda: clients, dialect)
            store.head("a /b")
            list(store.list())
        assert seen[0] == url.partition("?")[0]
        assert {each.removesuffix("/") for each in seen[1:]} == {
            url.partition("/a%20")[0].removesuffix("/")
        }


class Raw(io.BytesIO):
    """The body of an answer as botocore reads it."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


class TestConditions:
    def test_an_etag_stands_in_quotes(self, session: Session) -> None:
        with served(session, AWS, TAKEN) as (store, server):
            put(store, replaces=INSTANCE)
        assert server.seen[0].headers["If-Match"] == f'"{ETAG}"'

    def test_ceph_wants_it_without_quotes_on_writes(self, session: Session) -> None:
        with served(session, CEPH, TAKEN) as (store, server):
            put(store, replaces=INSTANCE)
        assert server.seen[0].headers["If-Match"] == ETAG

    @pytest.mark.parametrize(
        ("dialect", "header"),
        [(OSS, "x-oss-forbid-overwrite"), (COS, "x-cos-forbid-overwrite")],
        ids=["oss", "cos"],
    )
    def test_a_create_has_the_stores_own_header_which_is_signed(
        self, session: Session, dialect: Dialect, header: str
    ) -> None:
        with served(session, dialect, TAKEN) as (store, server):
            put(store, replaces=None)
        sent = {name.lower(): value for name, value in server.seen[0].headers.items()}
        assert sent[header] == "true"
        assert "if-none-match" not in sent
        assert header in sent["authorization"]

    @pytest.mark.parametrize("dialect", [OSS, COS, KODO, GCS], ids=lambda dialect: dialect.name)
    def test_a_condition_that_stores_do_not_know_is_refused_before_it_is_sent(
        self, session: Session, dialect: Dialect
    ) -> None:
        with served(session, dialect, TAKEN) as (store, server):
            with pytest.raises(Blocked, match=dialect.name):
                put(store, replaces=INSTANCE)
            with pytest.raises(Blocked, match=dialect.name):
                store.delete_if(INSTANCE)
        assert server.seen == []

    def test_a_completion_is_sent_without_it(self, session: Session) -> None:
        body = f"<R><ETag>&quot;{ETAG}-1&quot;</ETag></R>".encode()
        there = Answer(headers=dict(TAKEN.headers))
        answers = (there, Answer(body=body, headers=XML), s3_error(404, "NoSuchKey"))
        with served(session, GCS, *answers, Answer(body=body, headers=XML)) as (store, server):
            store.complete_if("k", "u", [], INSTANCE)
            store.complete_if("k", "u", [], None)
        assert [seen.method for seen in server.seen] == ["HEAD", "POST", "HEAD", "POST"]
        sent = {name.lower() for seen in server.seen for name in seen.headers}
        assert sent & {"if-match", "if-none-match"} == set()

    def test_where_completions_heed_none_it_is_looked_at_before(self, session: Session) -> None:
        there = Answer(
            headers={"ETag": '"other"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        )
        for replaces in (None, INSTANCE):
            with (
                served(session, CEPH, there) as (store, server),
                pytest.raises(PreconditionFailed, match="other is there"),
            ):
                store.complete_if("k", "u", [], replaces)
            assert [seen.method for seen in server.seen] == ["HEAD"]

    def test_so_it_is_where_copies_heed_none(self, session: Session) -> None:
        there = Answer(
            headers={"ETag": '"other"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        )
        with (
            served(session, CEPH, there) as (store, server),
            pytest.raises(PreconditionFailed, match="other is there"),
        ):
            store.copy_if(INSTANCE, "copy")
        assert [seen.method for seen in server.seen] == ["HEAD"]

    def test_another_instance_than_was_asked_for_is_not_read(self, session: Session) -> None:
        other = Answer(
            body=b"a", headers={"ETag": '"other"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        )
        with (
            served(session, GENERIC, other) as (store, _),
            pytest.raises(PreconditionFailed, match="another one"),
        ):
            store.get("k", etag=ETAG)


class TestBodies:
    @pytest.mark.parametrize("dialect", FOREIGN, ids=lambda dialect: dialect.name)
    def test_a_body_is_sent_plain_and_unsigned(self, session: Session, dialect: Dialect) -> None:
        with served(session, dialect, TAKEN) as (store, server):
            store.put(ObjectWrite("k", 1, crc64nvme="AAAAAAAAAAA="), io.BytesIO(b"a"))
        (seen,) = server.seen
        sent = {name.lower(): value for name, value in seen.headers.items()}
        assert seen.body == b"a"
        assert sent["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        assert [name for name in sent if "checksum" in name or "trailer" in name] == []

    def test_what_needs_a_digest_has_an_md5_and_no_other(self, session: Session) -> None:
        with served(session, GENERIC, Answer()) as (store, server):
            store.put_tags("k", {"a": "b"})
        (seen,) = server.seen
        sent = {name.lower(): value for name, value in seen.headers.items()}
        assert sent["content-md5"] == base64.b64encode(hashlib.md5(seen.body).digest()).decode()
        assert [name for name in sent if "checksum" in name] == []


class TestGzip:
    """What is stored as gzip is read as it is stored."""

    THERE = Answer(
        body=b"zipped",
        headers={
            "ETag": f'"{ETAG}"',
            "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
            "Content-Encoding": "gzip",
            "x-goog-stored-content-length": "6",
        },
        tells_length=False,
    )

    def test_google_is_told_that_it_is_taken_and_that_is_not_signed(self, session: Session) -> None:
        with served(session, GCS, self.THERE) as (store, server):
            version = store.head("k")
            reader = store.get("k")
            assert reader is not None
            with reader:
                assert reader.read() == b"zipped"
        assert version is not None
        assert version.size_bytes == 6
        for seen in server.seen:
            assert seen.headers["Accept-Encoding"] == "gzip"
            assert "accept-encoding" not in seen.headers["Authorization"]

    @pytest.mark.parametrize(
        "dialect",
        [each for each in DIALECTS.values() if each is not GCS],
        ids=lambda each: each.name,
    )
    def test_nobody_else_is_asked_to_zip(self, session: Session, dialect: Dialect) -> None:
        with served(session, dialect, replace(self.THERE, tells_length=True)) as (store, server):
            store.head("k")
        assert server.seen[0].headers["Accept-Encoding"] == "identity"


class TestForcedDownloads:
    def test_an_object_has_the_disposition_that_head_shows(self, session: Session) -> None:
        there = {"ETag": f'"{ETAG}"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        own = {**there, "Content-Disposition": 'inline; filename="a.pdf"'}
        forced = {"Content-Disposition": "attachment", "x-cos-force-download": "true"}
        answers = Answer(body=b"a", headers=there | forced), Answer(headers=own)
        with served(session, COS, *answers) as (store, server):
            reader = store.get("k")
            assert reader is not None
            with reader:
                assert reader.read() == b"a"
                assert reader.version.headers == {"content-disposition": 'inline; filename="a.pdf"'}
        assert [seen.method for seen in server.seen] == ["GET", "HEAD"]

    def test_an_object_is_closed_where_head_does_not_show_it(self) -> None:
        client: Any = ForcedAndHidden()
        store = S3ObjectStore("bucket", lambda: S3Clients(client, client), COS)
        with pytest.raises(PreconditionFailed):
            store.get("k")
        assert client.body.closed


class ForcedAndHidden:
    """A client of a store that forces downloads, and that has replaced the object by the HEAD."""

    def __init__(self) -> None:
        self.body = io.BytesIO(b"a")

    def get_object(self, **_: object) -> dict[str, object]:
        headers = {"content-disposition": "attachment", "x-cos-force-download": "true"}
        return {
            "Body": self.body,
            "ContentLength": 1,
            "ETag": f'"{ETAG}"',
            "LastModified": INSTANCE.last_modified_at,
            "Metadata": {},
            "ResponseMetadata": {"HTTPHeaders": headers},
        }

    def head_object(self, **_: object) -> NoReturn:
        answer: Any = {"Error": {"Code": "412"}, "ResponseMetadata": {"HTTPStatusCode": 412}}
        raise ClientError(answer, "HeadObject")


class TestListings:
    def test_version_1_goes_on_behind_the_last_key(self, session: Session) -> None:
        pages = (page("a b", goes_on=True), page("c d", goes_on=True), page("e", goes_on=False))
        with served(session, COS, *pages) as (store, server):
            assert [entry.key for entry in store.list("", "0")] == ["a", "b", "c", "d", "e"]
        assert all("list-type" not in seen.path for seen in server.seen)
        asked = [parse_qs(urlsplit(seen.path).query)["marker"] for seen in server.seen]
        assert asked == [["0"], ["b"], ["d"]]

    def test_its_last_key_is_decoded_first(self, session: Session) -> None:
        encoding = "<EncodingType>url</EncodingType>"
        pages = (
            page("a%2Bb+c", goes_on=True, encoding=encoding),
            page("z", goes_on=False, encoding=encoding),
        )
        with served(session, COS, *pages) as (store, server):
            assert [entry.key for entry in store.list()] == ["a+b c", "z"]
        assert server.seen[1].path.endswith("marker=a%2Bb%20c")

    @pytest.mark.parametrize("dialect", [CEPH, KODO], ids=["ceph", "kodo"])
    def test_keys_are_not_asked_for_encoded_where_stores_do_not_know_how(
        self, session: Session, dialect: Dialect
    ) -> None:
        with served(session, dialect, page("a%2Bb+c", goes_on=False)) as (store, server):
            assert [entry.key for entry in store.list()] == ["a%2Bb+c"]
        assert "encoding-type" not in server.seen[0].path

    @pytest.mark.parametrize("dialect", [AWS, OSS, COS], ids=lambda dialect: dialect.name)
    def test_elsewhere_they_are(self, session: Session, dialect: Dialect) -> None:
        with served(session, dialect, page("a", goes_on=False)) as (store, server):
            assert [entry.key for entry in store.list()] == ["a"]
        assert "encoding-type=url" in server.seen[0].path


class TestTags:
    def test_a_store_without_tags_is_never_asked_to_write_any(self, session: Session) -> None:
        with served(session, OSS, TAKEN) as (store, server), pytest.raises(Blocked, match="tags"):
            store.put_tags("k", {"a": "b"})
        assert server.seen == []

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (
                Answer(headers={**TAKEN.headers, "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}),
                {},
            ),
            (s3_error(404, "NoSuchKey"), None),
        ],
        ids=["there", "absent"],
    )
    def test_its_objects_have_none(
        self, session: Session, answer: Answer, expected: dict[str, str] | None
    ) -> None:
        with served(session, OSS, answer) as (store, server):
            assert store.tags("k") == expected
        assert all("tagging" not in seen.path for seen in server.seen)


class TestVersions:
    @pytest.mark.parametrize(("dialect", "expected"), [(OSS, None), (COS, "v1")])
    def test_an_id_is_seen_only_where_a_history_can_be(
        self, session: Session, dialect: Dialect, expected: str | None
    ) -> None:
        at = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        answer = Answer(headers={**TAKEN.headers, **at, "x-amz-version-id": "v1"})
        gone = Answer(204, headers={"x-amz-version-id": "v1", "x-amz-delete-marker": "true"})
        with served(session, dialect, answer, answer, gone) as (store, _):
            found = store.head("k")
            assert found is not None
            assert found.version_id == expected
            assert store.put(ObjectWrite("k", 1), io.BytesIO(b"a")).version_id == expected
            assert store.delete("k") == expected


class TestEtags:
    @pytest.mark.parametrize(("dialect", "expected"), [(GENERIC, ETAG), (OSS, None), (COS, None)])
    def test_one_is_taken_for_an_md5_only_where_no_other_looks_like_it(
        self, session: Session, dialect: Dialect, expected: str | None
    ) -> None:
        at = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        with served(session, dialect, Answer(headers={**TAKEN.headers, **at})) as (store, _):
            found = store.head("k")
        assert found is not None
        assert found.md5 == expected

    def test_that_of_a_part_is_one_at_oss_all_the_same(self, session: Session) -> None:
        other = Answer(headers={"ETag": f'"{"F" * 32}"'})
        with served(session, OSS, other) as (store, _), pytest.raises(IntegrityError):
            store.upload_part("k", "u", 1, io.BytesIO(b"a"), 1)


class TestParts:
    def test_a_last_page_of_parts_need_not_say_that_it_is_one(self, session: Session) -> None:
        body = (
            "<R><UploadId>u</UploadId><Part><PartNumber>1</PartNumber>"
            f"<ETag>{ETAG}</ETag><Size>1</Size></Part></R>"
        )
        with served(session, GENERIC, Answer(body=body.encode(), headers=XML)) as (store, _):
            parts = store.list_parts("k", "u")
        assert parts is not None
        assert [(part.number, part.etag) for part in parts] == [(1, ETAG)]

    def test_an_object_whose_etag_is_not_told_has_that_of_its_parts(self, session: Session) -> None:
        parts = [UploadedPart(number, ETAG, 1) for number in (1, 2)]
        whole = hashlib.md5(bytes.fromhex(ETAG) * 2).hexdigest()
        done = Answer(body=b"<R><ETag></ETag></R>", headers=XML)
        with served(session, GENERIC, done) as (store, _):
            assert store.complete_if("k", "u", parts, None).etag == f"{whole}-2"

    def test_a_store_without_copies_of_parts_is_not_asked_for_one(self, session: Session) -> None:
        with (
            served(session, GCS, TAKEN) as (store, server),
            pytest.raises(Blocked, match="gcs"),
        ):
            store.copy_part_from("k", "u", 1, Piece(Place("b", "s"), ETAG))
        assert server.seen == []

    def test_a_copy_of_a_part_that_was_none_is_found(self, session: Session) -> None:
        with served(session, GENERIC, TAKEN) as (store, _), pytest.raises(IntegrityError):
            store.copy_part_from("k", "u", 1, Piece(Place("b", "s"), ETAG))

    def test_what_is_too_large_for_one_copy_is_not_copied_where_parts_cannot_be(
        self, session: Session
    ) -> None:
        giant = replace(INSTANCE, size_bytes=5 * 1024**3 + 1)
        with served(session, GCS, TAKEN) as (store, server), pytest.raises(Blocked, match="gcs"):
            store.copy_version(giant, "copy")
        assert server.seen == []

    def test_oss_copies_more_than_a_gigabyte_in_parts(self, session: Session) -> None:
        begun = Answer(body=b"<R><Key>copy</Key><UploadId>u</UploadId></R>", headers=XML)
        answer = Answer(body=f"<R><ETag>&quot;{ETAG}&quot;</ETag></R>".encode(), headers=XML)
        with served(session, OSS, begun, answer) as (store, server):
            store.copy_if(replace(INSTANCE, size_bytes=10**9 + 1), "copy")
        _, *parts, _ = server.seen
        ranges = {seen.headers["x-amz-copy-source-range"] for seen in parts}
        assert ranges == {"bytes=0-999999999", "bytes=1000000000-1000000000"}
