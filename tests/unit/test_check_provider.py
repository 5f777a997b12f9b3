"""What is found out about a live store, and what a person is told of it."""

import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from sync_core.cli import app
from sync_core.errors import AccessDenied, Blocked, ConfigError, Throttled, Unavailable
from sync_core.launch.store_check import daring_form
from sync_core.local.cloud import LocalCloud
from sync_core.model import Ability, ListedObject, ObjectVersion, UploadedPart
from sync_core.provider_check import Finding, Verdict, check
from sync_core.storage.dialects import DIALECTS, Dialect
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.memory_bucket import Condition
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectWrite, Readable, Written
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import put

ALL: frozenset[Condition] = frozenset({"create", "replace", "delete"})
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def bucket_of(**more: Any) -> MemoryBucket:
    return MemoryBucket("bucket", lambda: NOW, **more)


def store_of(bucket: MemoryBucket) -> MemoryObjectStore:
    return MemoryObjectStore(bucket, "AWS:AIDASYNC")


def found(store: SyncStore, daring: SyncStore | None = None) -> Mapping[Ability, Finding[Ability]]:
    """Return all findings; no ability may be left out or come twice."""
    findings = list(check(store, daring or store, "n1"))
    assert [finding.ability for finding in findings] == list(Ability)
    return {finding.ability: finding for finding in findings}


def lacking(store: SyncStore, daring: SyncStore | None = None) -> set[Ability]:
    return {ability for ability, each in found(store, daring).items() if not each.does}


class Headless(MemoryObjectStore):
    """A store that forgets headers, metadata and markers."""

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        return super().put(ObjectWrite(write.key, write.size_bytes, tags=write.tags), body)


class Careless(MemoryObjectStore):
    """A store that does not look at conditions on what is read or copied."""

    def get(self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None) -> Any:
        return super().get(key, byte_range=byte_range)

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        current = self.head(source.key)
        assert current is not None
        return super().copy_if(current, destination_key)


class Tagless(MemoryObjectStore):
    """A store that knows no tags."""

    def tags(self, key: str) -> Mapping[str, str] | None:
        raise Blocked("read tags", key, "not implemented")


class Folders(MemoryObjectStore):
    """A store over folders and files: no empty names."""

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        if "//" in write.key:
            raise Blocked("put", write.key, "unsupported characters")
        return super().put(write, body)

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        for entry in super().list(prefix, start_after):
            yield entry._replace(key=entry.key.rstrip("/"))


class Partless(MemoryObjectStore):
    """A store that copies no parts, and has no uploads but in name."""

    def copy_part_from(
        self, key: str, upload_id: str, part_number: int, piece: Piece
    ) -> UploadedPart:
        raise Blocked("copy part", key, "not implemented")

    def list_parts(
        self, key: str, upload_id: str, limit: int | None = None
    ) -> list[UploadedPart] | None:
        return None


class Weird(MemoryObjectStore):
    """A store whose answers lack a field that the adapter needs."""

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        raise KeyError("TagSet")


class TestCheck:
    def test_a_store_that_does_all_lacks_nothing(self) -> None:
        assert lacking(store_of(bucket_of(versioning=Versioning.ON))) == set()

    def test_a_bucket_without_versions_keeps_nothing_that_is_overwritten(self) -> None:
        assert lacking(store_of(bucket_of())) == {Ability.IS_VERSIONED}

    def test_conditions_that_are_ignored_are_found(self) -> None:
        assert lacking(store_of(bucket_of(ignores=ALL, versioning=Versioning.ON))) == {
            Ability.CREATES_IF_ABSENT,
            Ability.REPLACES_IF_MATCH,
            Ability.DELETES_IF_MATCH,
            Ability.COMPLETES_IF_ABSENT,
        }

    def test_conditions_are_tried_where_a_dialect_would_not_send_them(self) -> None:
        bucket = bucket_of(versioning=Versioning.ON)

        class Shy(MemoryObjectStore):
            def put_if(
                self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None
            ) -> Written:
                raise Blocked("put", write.key, "this dialect knows no conditions")

        assert lacking(Shy(bucket, "AWS:AIDASYNC"), store_of(bucket)) == set()

    def test_an_etag_that_is_no_md5_is_found(self) -> None:
        bucket = bucket_of(etag_is_md5=False, versioning=Versioning.ON)
        assert lacking(store_of(bucket)) == {Ability.ETAG_IS_MD5}

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            (
                Headless,
                {
                    Ability.HAS_CRC64NVME,
                    Ability.KEEPS_HEADERS,
                    Ability.KEEPS_METADATA,
                    Ability.KEEPS_NON_ASCII_METADATA,
                },
            ),
            (Careless, {Ability.READS_RANGE_IF_MATCH, Ability.COPIES_IF_MATCH}),
            (Tagless, {Ability.HAS_TAGS}),
            (Folders, {Ability.TAKES_ANY_KEY}),
            (Partless, {Ability.HAS_PARTS, Ability.COPIES_PARTS}),
            (Weird, {Ability.HAS_TAGS}),
        ],
        ids=lambda value: getattr(value, "__name__", ""),
    )
    def test_what_a_store_does_not_do_is_found(
        self, kind: type[MemoryObjectStore], expected: set[Ability]
    ) -> None:
        store = kind(bucket_of(versioning=Versioning.ON), "AWS:AIDASYNC")
        findings = found(store)
        assert {ability for ability, each in findings.items() if each.does is False} == expected
        assert all(findings[ability].detail for ability in expected)

    def test_the_keys_that_are_altered_are_named(self) -> None:
        detail = found(Folders(bucket_of(), "AWS:AIDASYNC"))[Ability.TAKES_ANY_KEY].detail
        assert "not stored: 'a//b'; " in detail
        assert "'dir'" in detail
        assert "'dir/'" in detail

    @pytest.mark.parametrize("error", [Throttled, Unavailable, AccessDenied])
    def test_what_the_network_or_a_policy_refuses_says_nothing_of_the_store(
        self, error: type[Exception]
    ) -> None:
        class Denying(MemoryObjectStore):
            def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
                raise error("write tags", key, "not today")

        finding = found(Denying(bucket_of(), "AWS:AIDASYNC"))[Ability.HAS_TAGS]
        assert finding == Finding(Ability.HAS_TAGS, None, "write tags: not today")

    def test_conditions_that_could_not_be_tried_are_not_taken_for_absent(self) -> None:
        class Busy(MemoryObjectStore):
            def put_if(
                self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None
            ) -> Written:
                raise Throttled("put", write.key, "slow down")

        findings = found(Busy(bucket_of(), "AWS:AIDASYNC"))
        assert findings[Ability.CREATES_IF_ABSENT].does is None
        assert findings[Ability.IS_VERSIONED].does is None

    def test_a_bucket_that_is_missing_is_no_store_without_abilities(self) -> None:
        bucket = bucket_of()
        bucket.remove()
        with pytest.raises(ConfigError):
            list(check(store_of(bucket), store_of(bucket), "n1"))

    def test_of_a_store_that_forgets_what_is_written_no_more_is_said(self) -> None:
        class Forgetful(MemoryObjectStore):
            def put(self, write: ObjectWrite, body: Readable) -> Written:
                return Written("etag")

        store = Forgetful(bucket_of(), "AWS:AIDASYNC")
        (finding,) = check(store, store, "n1")
        assert (finding.ability, finding.does) == (Ability.READS_AND_WRITES, False)

    @pytest.mark.parametrize("kind", [MemoryObjectStore, Partless, Folders])
    @pytest.mark.parametrize("versioning", [Versioning.OFF, Versioning.ON])
    def test_nothing_is_left_behind(
        self, kind: type[MemoryObjectStore], versioning: Versioning
    ) -> None:
        bucket = bucket_of(versioning=versioning)
        deleted: list[str] = []
        bucket.listeners.append(lambda change: deleted.append(change.key))
        put(store_of(bucket), "k")
        list(check(kind(bucket, "AWS:AIDASYNC"), store_of(bucket), "n1"))
        assert [listed.key for listed in store_of(bucket).list()] == ["k"]
        assert bucket.uploads == {}
        touched = set(deleted) - {"k"}
        assert all(key.startswith(".dualway/") for key in touched)
        assert [store_of(bucket).versions(key, 9) for key in touched] == [[] for _ in touched]

    def test_where_no_history_may_be_listed_nothing_is_shown_any_more(self) -> None:
        class Secretive(MemoryObjectStore):
            def versions(self, key: str, limit: int) -> NoReturn:
                raise AccessDenied("list versions", key, "no permission")

        bucket = bucket_of(versioning=Versioning.ON)
        seen = found(Secretive(bucket, "AWS:AIDASYNC"))
        assert seen[Ability.CREATES_IF_ABSENT].does is None
        assert list(store_of(bucket).list()) == []


class TestVerdict:
    @pytest.mark.parametrize(
        ("says", "does", "expected"),
        [
            (True, True, Verdict.AS_SAID),
            (True, False, Verdict.LESS),
            (True, None, Verdict.UNKNOWN),
            (False, True, Verdict.MORE),
            (False, False, Verdict.AS_SAID),
            (False, None, Verdict.AS_SAID),
            (None, True, Verdict.AS_SAID),
            (None, False, Verdict.AS_SAID),
            (None, None, Verdict.AS_SAID),
        ],
    )
    def test_only_less_than_said_is_bad(
        self,
        says: bool | None,  # noqa: FBT001 - a row of the table
        does: bool | None,  # noqa: FBT001 - a row of the table
        expected: Verdict,
    ) -> None:
        verdict = Finding(Ability.HAS_TAGS, does).verdict(says)
        assert verdict is expected
        assert verdict.is_bad == (says is True and does is not True)


class TestCommand:
    """On the local cloud, which does what S3 does."""

    @pytest.fixture
    def bucket(self, local_cloud: LocalCloud) -> Iterator[str]:
        s3, name = local_cloud.client("s3", "b"), f"checked-{uuid4().hex[:12]}"
        region = local_cloud.sites["b"].region
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_object(Bucket=name, Key="in use", Body=b"data")
        yield name
        assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=name)["Contents"]] == ["in use"]

    @staticmethod
    def run(
        cloud: LocalCloud, bucket: str, monkeypatch: pytest.MonkeyPatch, *options: str
    ) -> tuple[int, str]:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloud.sites["b"].account_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "root")
        region = cloud.sites["b"].region
        place = ["--endpoint", cloud.endpoint_url, "--region", region, "--bucket", bucket]
        result = CliRunner().invoke(app, ["check-provider", *place, *options])
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result.exit_code, result.output

    def test_a_store_that_does_what_its_dialect_says_is_well(
        self, local_cloud: LocalCloud, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        status, text = self.run(local_cloud, bucket, monkeypatch, "--dialect", "aws", "--json")
        documents = [json.loads(line) for line in text.splitlines()]
        assert [each for each in documents if each["verdict"] != "as_said"] == []
        assert len(documents) == len(Ability)
        assert status == 0

    def test_a_table_names_what_it_does_not_do(
        self, local_cloud: LocalCloud, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        status, text = self.run(local_cloud, bucket, monkeypatch, "--dialect", "kodo")
        assert "more than said" in text
        assert str(Ability.KEEPS_METADATA) in text
        assert status == 0

    def test_a_store_with_regions_needs_one(self) -> None:
        result = CliRunner().invoke(app, ["check-provider", "--bucket", "b", "--dialect", "aws"])
        assert isinstance(result.exception, ConfigError)
        assert "--region" in result.exception.cause

    def test_a_dialect_that_nobody_knows_is_refused(
        self, local_cloud: LocalCloud, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
        result = CliRunner().invoke(
            app, ["check-provider", "--region", "r", "--bucket", bucket, "--dialect", "s4"]
        )
        assert isinstance(result.exception, ConfigError)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_what_is_tried_is_all_but_a_history_that_nobody_could_clean_up(dialect: Dialect) -> None:
    """On a versioned bucket in OSS the versions, which are not listed there, would be asked for."""
    has_none = Ability.IS_VERSIONED in dialect.lacks
    assert daring_form(dialect).lacks == ({Ability.IS_VERSIONED} if has_none else set())


def test_a_write_is_never_more_than_a_small_object() -> None:
    """The one large thing is the first part of an upload, which stores demand to be so large."""
    written: list[int] = []
    bucket = bucket_of()

    class Measuring(MemoryObjectStore):
        def put(self, write: ObjectWrite, body: Readable) -> Written:
            written.append(write.size_bytes)
            return super().put(write, io.BytesIO(body.read()))

    store = Measuring(bucket, "AWS:AIDASYNC")
    list(check(store, store, "n1"))
    assert max(written) < 100
