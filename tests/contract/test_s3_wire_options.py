"""What the S3 adapter sends along where a bucket's owner wants more than S3's defaults."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
from boto3.session import Session

from sync_core.errors import ConfigError
from sync_core.model import ObjectVersion, Place, UploadedPart
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectWrite
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import s3_clients
from sync_core.storage.s3_options import WriteOptions
from tests.object_benches import REGION, Bench, Stream, closing, present, put, write_of
from tests.scripted_server import Answer, ScriptedServer, s3_error

OPTIONS = WriteOptions("GLACIER_IR", "bucket-owner-full-control", "aws:kms", "key-1")
KMS_HEADERS = {
    "x-amz-storage-class": "GLACIER_IR",
    "x-amz-acl": "bucket-owner-full-control",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "key-1",
    "x-amz-server-side-encryption-bucket-key-enabled": "true",
}
SOURCE = ObjectVersion("k", "e", 1, datetime(2026, 11, 20, tzinfo=UTC), version_id="v1")
MARKED = ObjectVersion("k", "e", 1, datetime(2026, 11, 20, tzinfo=UTC), marker="1;x")
PLACE, RANGE = Place("elsewhere", "k"), ByteRange(0, 0)
SENT = UploadedPart(1, "e", 4)
XML = {"Content-Type": "application/xml"}
OBJECT = {"ETag": '"e"', "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT"}
PAGE = (
    "<Contents><Key>{key}</Key><LastModified>2026-11-21T10:15:00.000Z</LastModified>"
    "<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents><IsTruncated>{goes_on}</IsTruncated>"
    "<NextContinuationToken>t</NextContinuationToken>"
)
TAKEN = Answer(headers=OBJECT)
COPIED = Answer(200, b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>", XML)
BEGUN = Answer(200, b"<R><UploadId>u</UploadId></R>", XML)
COMPLETED = Answer(200, b"<R><ETag>&quot;e&quot;</ETag></R>", XML)
TAGS = Answer(200, b"<Tagging><TagSet></TagSet></Tagging>", XML)
PART = Answer(200, b"<CopyPartResult><ETag>&quot;e&quot;</ETag></CopyPartResult>", XML)
HISTORY = Answer(200, b"<R><IsTruncated>false</IsTruncated></R>", XML)

Operation = Callable[[S3ObjectStore], object]


@contextmanager
def serving(
    session: Session, *answers: Answer, options: WriteOptions = OPTIONS, pays: bool = False
) -> Iterator[tuple[S3ObjectStore, ScriptedServer]]:
    with ExitStack() as running:
        server = running.enter_context(ScriptedServer(*answers))
        made = s3_clients(session, REGION, endpoint_url=server.url, requester_pays=pays)
        clients = running.enter_context(closing(made))
        own = frozenset({"arn"})
        store = S3ObjectStore("bucket", lambda: clients, options=options, identities=lambda: own)
        yield store, server


def option_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() in KMS_HEADERS}


WRITES: Mapping[str, tuple[Answer, Operation]] = {
    "put": (TAKEN, lambda store: store.put(write_of("k", b"data"), Stream(b"data"))),
    "create": (TAKEN, lambda store: store.put_if(write_of("k", b"data"), Stream(b"data"), None)),
    "begin": (BEGUN, lambda store: store.create_multipart_upload(write_of("k", b"data"))),
    "copy": (COPIED, lambda store: store.copy_if(SOURCE, "loser")),
    "copy without the marker": (COPIED, lambda store: store.copy_if(MARKED, "loser")),
    "copy from elsewhere": (
        COPIED,
        lambda store: store.copy_from(PLACE, SOURCE, write_of("k", b"d"), None),
    ),
    "copy a version": (COPIED, lambda store: store.copy_version(SOURCE, "loser")),
}
OTHERS: Mapping[str, tuple[Answer, Operation]] = {
    "head": (TAKEN, lambda store: store.head("k")),
    "get": (TAKEN, lambda store: store.get("k")),
    "delete": (TAKEN, lambda store: store.delete("k")),
    "read tags": (TAGS, lambda store: store.tags("k")),
    "write tags": (TAKEN, lambda store: store.put_tags("k", {"a": "b"})),
    "upload part": (TAKEN, lambda store: store.upload_part("k", "u", 1, Stream(b"data"), 4)),
    "copy part": (PART, lambda store: store.copy_part_from("k", "u", 1, Piece(PLACE, "e", RANGE))),
    "list parts": (HISTORY, lambda store: store.list_parts("k", "u")),
    "list uploads": (HISTORY, lambda store: list(store.open_uploads())),
    "complete": (COMPLETED, lambda store: store.complete_if("k", "u", [SENT], None)),
    "restore": (TAKEN, lambda store: store.restore(SOURCE, 1)),
    "abort": (TAKEN, lambda store: store.abort_multipart_upload("k", "u")),
    "list versions": (HISTORY, lambda store: store.versions("k", 9)),
    "head version": (TAKEN, lambda store: store.head_version("k", "v1")),
    "delete version": (TAKEN, lambda store: store.delete_version("k", "v1")),
}
EVERY = {**WRITES, **OTHERS}


@pytest.mark.parametrize("name", WRITES)
def test_whatever_makes_an_object_sends_the_options_for_objects(
    session: Session, name: str
) -> None:
    answer, operation = WRITES[name]
    with serving(session, answer) as (store, server):
        operation(store)
    assert option_headers(server.seen[0].headers) == KMS_HEADERS


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_does_not_sends_none(session: Session, name: str) -> None:
    answer, operation = OTHERS[name]
    with serving(session, answer) as (store, server):
        operation(store)
    assert option_headers(server.seen[0].headers) == {}


@pytest.mark.parametrize("name", WRITES)
def test_without_options_the_buckets_own_settings_count(session: Session, name: str) -> None:
    answer, operation = WRITES[name]
    with serving(session, answer, options=WriteOptions()) as (store, server):
        operation(store)
    assert option_headers(server.seen[0].headers) == {}


def test_without_kms_there_is_no_bucket_key() -> None:
    assert WriteOptions(encryption="AES256").parameters() == {"ServerSideEncryption": "AES256"}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("pays", [False, True])
def test_the_requester_pays_for_every_request_or_for_none(
    session: Session, name: str, *, pays: bool
) -> None:
    answer, operation = EVERY[name]
    with serving(session, answer, pays=pays) as (store, server):
        operation(store)
    shown = [seen.headers.get("x-amz-request-payer") for seen in server.seen]
    assert shown == ["requester" if pays else None]


def test_the_requester_pays_for_every_page_of_a_listing(session: Session) -> None:
    pages = [
        Answer(200, f"<R>{PAGE.format(key=key, goes_on=goes_on)}</R>".encode(), XML)
        for key, goes_on in (("a", "true"), ("b", "true"), ("c", "false"))
    ]
    with serving(session, *pages, pays=True) as (store, server):
        assert [entry.key for entry in store.list()] == ["a", "b", "c"]
    shown = [seen.headers.get("x-amz-request-payer") for seen in server.seen]
    assert shown == ["requester"] * 3


@pytest.mark.parametrize(
    "code",
    ["AccessControlListNotSupported", "KMS.NotFoundException", "KMS.DisabledException"],
)
def test_options_that_a_bucket_does_not_take_are_a_wrong_configuration(
    session: Session, code: str
) -> None:
    with serving(session, s3_error(400, code)) as (store, _), pytest.raises(ConfigError) as caught:
        store.put(ObjectWrite("k", 4), Stream(b"data"))
    assert "the options for writing" in caught.value.cause


@pytest.mark.parametrize("objects", ["moto", "cloud"], indirect=True)
def test_an_object_under_kms_shows_no_md5(objects: Bench) -> None:
    inner = objects.store
    assert isinstance(inner, S3ObjectStore)
    # The emulator does not know the key that AWS takes where none is named.
    kms = WriteOptions("STANDARD_IA", encryption="aws:kms", kms_key_id="alias/aws/s3")
    store = S3ObjectStore(inner.bucket, inner._clients, options=kms)  # noqa: SLF001 - the same clients
    version = put(store, "k", b"data")
    store.copy_if(version, "copy")
    for key in ("k", "copy"):
        assert present(store.head(key)).md5 is None
