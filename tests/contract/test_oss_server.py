"""The local OSS of the tests: what its documentation says, and what sets it apart from S3."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from sync_core.cli import app
from sync_core.errors import Blocked, PreconditionFailed
from sync_core.model import Ability, Capabilities, Site, SitePair
from sync_core.routing import longest_key_bytes
from sync_core.sentinel import Sentinels
from sync_core.stack import Sides
from sync_core.storage.dialects import AWS, OSS, Dialect
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, s3_clients
from sync_core.storage.weak import strengthened
from tests.object_benches import Stream, closing, write_of
from tests.object_benches import put as put_object
from tests.oss.client import abort, oss_client, upload
from tests.oss.contents import Event
from tests.oss.server import OssServer, oss_server
from tests.oss.signatures import RamUser
from tests.oss.uploads import MIN_PART_BYTES

BUCKET = "media"
KEY = "photos/a b+%20é中.jpg"


@pytest.fixture(scope="module")
def server() -> Iterator[OssServer]:
    with pytest.MonkeyPatch.context() as patch, oss_server() as started:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield started


@pytest.fixture(scope="module")
def ram_user(server: OssServer) -> RamUser:
    return server.new_user()


@pytest.fixture(scope="module")
def oss(server: OssServer, ram_user: RamUser) -> Iterator[Any]:
    with oss_client(server, ram_user) as client:
        yield client


@pytest.fixture
def told(server: OssServer) -> list[Event]:
    """All events of the bucket, which is empty at first."""
    events: list[Event] = []
    server.new_bucket(BUCKET, events.append)
    return events


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response: Any = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def put(oss: Any, body: bytes = b"data", **more: Any) -> str:
    etag: str = oss.put_object(Bucket=BUCKET, Key=KEY, Body=body, **more)["ETag"]
    return etag


class TestWhoAsks:
    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"access_key_id": "LTAI5tnobody"}, "InvalidAccessKeyId"),
            ({"secret_access_key": "x"}, "SignatureDoesNotMatch"),
        ],
    )
    def test_whoever_is_not_known_is_refused(
        self, server: OssServer, ram_user: RamUser, told: list[Event], given: Any, code: str
    ) -> None:
        with (
            oss_client(server, replace(ram_user, **given)) as stranger,
            pytest.raises(ClientError) as error,
        ):
            put(stranger)
        assert refusal(error) == (403, code)
        assert server.stored(BUCKET, KEY) is None
        assert told == []


class TestWhatIsNotS3:
    def test_an_etag_is_the_md5_in_capitals(self, oss: Any, told: list[Event]) -> None:
        etag = hashlib.md5(b"data").hexdigest().upper()
        assert put(oss) == f'"{etag}"'
        assert oss.head_object(Bucket=BUCKET, Key=KEY)["ETag"] == f'"{etag}"'
        (listed,) = oss.list_objects_v2(Bucket=BUCKET)["Contents"]
        assert (listed["Key"], listed["ETag"]) == (KEY, f'"{etag}"')

    @pytest.mark.parametrize("condition", ["IfMatch", "IfNoneMatch"])
    def test_a_write_with_a_condition_is_not_implemented(
        self, server: OssServer, oss: Any, told: list[Event], condition: str
    ) -> None:
        etag = put(oss)
        value = etag if condition == "IfMatch" else "*"
        with pytest.raises(ClientError) as error:
            put(oss, b"other", **{condition: value})
        assert refusal(error) == (501, "NotImplemented")
        stored = server.stored(BUCKET, KEY)
        assert stored is not None
        assert stored.data == b"data"

    def test_a_delete_does_not_look_at_its_condition(
        self, server: OssServer, oss: Any, told: list[Event]
    ) -> None:
        put(oss)
        oss.delete_object(Bucket=BUCKET, Key=KEY, IfMatch='"another"')
        assert server.stored(BUCKET, KEY) is None

    @pytest.mark.parametrize(
        "ask",
        [
            lambda oss: oss.put_object_tagging(
                Bucket=BUCKET, Key=KEY, Tagging={"TagSet": []}, ContentMD5="unused"
            ),
            lambda oss: put(oss, Tagging="a=b"),
            lambda oss: oss.get_object_tagging(Bucket=BUCKET, Key=KEY),
            lambda oss: oss.list_object_versions(Bucket=BUCKET),
            lambda oss: oss.get_bucket_versioning(Bucket=BUCKET),
            lambda oss: oss.list_multipart_uploads(Bucket=BUCKET),
        ],
        ids=["put tags", "put with tags", "tags", "versions", "versioning", "uploads"],
    )
    def test_what_the_facade_does_not_have_is_not_implemented(
        self, oss: Any, told: list[Event], ask: Any
    ) -> None:
        put(oss)
        with pytest.raises(ClientError) as error:
            ask(oss)
        assert refusal(error) == (501, "NotImplemented")

    def test_parts_have_100_kb_but_for_the_last(self, oss: Any, told: list[Event]) -> None:
        assert upload(oss, BUCKET, KEY, bytes(MIN_PART_BYTES), b"end")["ETag"].endswith('-2"')
        with pytest.raises(ClientError) as error:
            upload(oss, BUCKET, KEY, bytes(MIN_PART_BYTES - 1), b"end")
        assert refusal(error) == (400, "EntityTooSmall")

    def test_deletes_of_several_keys_need_an_md5(self, oss: Any, told: list[Event]) -> None:
        with pytest.raises(ClientError) as error:
            oss.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": KEY}]})
        assert refusal(error) == (400, "MissingArgument")


def store_of(server: OssServer, user: RamUser, dialect: Dialect) -> Iterator[S3ObjectStore]:
    key = AccessKey(user.access_key_id, user.secret_access_key)
    made = s3_clients(
        Session(), "cn-hangzhou", access_key=key, endpoint_url=server.url, dialect=dialect
    )
    with closing(made) as clients:
        yield S3ObjectStore(BUCKET, lambda: clients, dialect)


def test_a_body_with_a_trailer_is_refused(
    server: OssServer, ram_user: RamUser, told: list[Event]
) -> None:
    for store in store_of(server, ram_user, AWS):
        with pytest.raises(Blocked, match="aws-chunked"):
            store.put(write_of(KEY, b"data"), Stream(b"data"))
    assert server.stored(BUCKET, KEY) is None


def test_an_object_that_must_not_be_replaced_stays(
    server: OssServer, ram_user: RamUser, oss: Any, told: list[Event]
) -> None:
    for store in store_of(server, ram_user, OSS):
        store.put_if(write_of(KEY, b"first"), Stream(b"first"), None)
        with pytest.raises(PreconditionFailed, match="FileAlreadyExists"):
            store.put_if(write_of(KEY, b"second"), Stream(b"second"), None)
    stored = server.stored(BUCKET, KEY)
    assert stored is not None
    assert stored.data == b"first"


class TestWhatIsTold:
    def test_an_event_is_that_of_the_documentation(
        self, oss: Any, ram_user: RamUser, told: list[Event]
    ) -> None:
        put(oss, b"four", ContentType="image/jpeg", Metadata={"Album": "summer"})
        put(oss, b"sixsix")
        first, second = told
        golden = Path(__file__).parents[1] / "events" / "oss_created_put.json"
        (sample,) = json.loads(golden.read_text(encoding="utf-8"))["events"]
        assert shape(first) == {*shape(sample), "oss.bucket.virtualBucket"}
        assert first["eventName"] == "ObjectCreated:PutObject"
        assert first["userIdentity"] == {"principalId": ram_user.user_id}
        about = first["oss"]["object"]
        assert (about["key"], about["size"]) == (KEY, 4)
        assert about["eTag"] == hashlib.md5(b"four").hexdigest().upper()
        assert about["objectMeta"]["userMeta"] == {"x-oss-meta-album": "summer"}
        assert second["oss"]["object"]["deltaSize"] == 2

    def test_each_step_of_an_upload_has_an_event(self, oss: Any, told: list[Event]) -> None:
        upload(oss, BUCKET, KEY, b"part")
        abort(oss, BUCKET, KEY)
        names = [event["eventName"] for event in told]
        begin, part = "ObjectCreated:InitiateMultipartUpload", "ObjectCreated:UploadPart"
        assert names == [
            *(begin, part, "ObjectCreated:CompleteMultipartUpload"),
            *(begin, part, "ObjectRemoved:AbortMultipartUpload"),
        ]

    def test_copies_and_deletes_have_theirs(self, oss: Any, told: list[Event]) -> None:
        put(oss)
        oss.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": KEY})
        oss.delete_object(Bucket=BUCKET, Key="copy")
        oss.delete_object(Bucket=BUCKET, Key="absent")
        assert [(event["eventName"], event["oss"]["object"]["key"]) for event in told[1:]] == [
            ("ObjectCreated:CopyObject", "copy"),
            ("ObjectRemoved:DeleteObject", "copy"),
        ]

    def test_nothing_is_told_of_what_was_refused(self, oss: Any, told: list[Event]) -> None:
        with pytest.raises(ClientError):
            put(oss, IfNoneMatch="*")
        assert told == []


def shape(event: Any, path: str = "") -> set[str]:
    """Return the names of an event's fields, but not of what users make up."""
    if not isinstance(event, dict) or path.endswith("userMeta"):
        return {path}
    return {name for key in event for name in shape(event[key], f"{path}.{key}" if path else key)}


def test_a_sentinel_that_stands_already_is_no_obstacle(
    server: OssServer, ram_user: RamUser, told: list[Event]
) -> None:
    """A worker may die between planting it and noting so."""
    for store in store_of(server, ram_user, OSS):
        pair = SitePair(Site("oss", BUCKET, "cn-hangzhou"), Site("a", BUCKET, "cn-hangzhou"))
        sentinels = Sentinels(Sides(pair, store, store))
        sentinels.plant("number")
        sentinels.plant("number")
        assert sentinels.strays("number") == ()


def test_an_object_with_the_longest_key_can_be_deleted(
    server: OssServer, ram_user: RamUser, told: list[Event]
) -> None:
    key = "k" * 1023
    for store in store_of(server, ram_user, OSS):
        weak = strengthened(
            store,
            Capabilities(replaces_if_match=False, deletes_if_match=False),
            lambda: datetime(2026, 11, 21, tzinfo=UTC),
            lambda: "nonce",
            longest_key_bytes("", ""),
        )
        weak.delete_if(put_object(weak, key))
    assert server.stored(BUCKET, key) is None


Check = Callable[[str], tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def check(
    server: OssServer, ram_user: RamUser, told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> Check:
    """Checks the bucket against a dialect; gives the status and what is printed."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ram_user.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ram_user.secret_access_key)
    place = ["--endpoint", server.url, "--region", "cn-hangzhou", "--bucket", BUCKET]

    def run(dialect: str) -> tuple[int, list[dict[str, Any]]]:
        options = ["check-provider", "--dialect", dialect, "--json", *place]
        result = CliRunner().invoke(app, options)
        return result.exit_code, [json.loads(line) for line in result.output.splitlines()]

    return run


def test_a_check_finds_what_the_dialect_says(check: Check) -> None:
    status, documents = check("oss")
    assert [each for each in documents if each["verdict"] != "as_said"] == []
    assert len(documents) == len(Ability)
    assert status == 0


def test_a_check_ends_with_status_1_where_a_dialect_says_more(check: Check) -> None:
    status, documents = check("cos")
    less = {each["ability"] for each in documents if each["verdict"] == "less"}
    assert less >= {"creates_if_absent", "completes_if_absent"}
    assert status == 1
