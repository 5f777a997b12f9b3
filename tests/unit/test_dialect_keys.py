"""Keys that a store does not take: refused before a request, and never made up by dualway."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import NoReturn

import pytest

from sync_core.errors import Blocked
from sync_core.model import Place
from sync_core.routing import conflict_key, longest_key_bytes
from sync_core.storage.dialects import AWS, COS, DIALECTS, OSS, Dialect
from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.weak import trash_key
from tests.objects import original

NOW = datetime(2026, 11, 21, tzinfo=UTC)
INSTANCE = original(b"a")
LIMITS = pytest.mark.parametrize(("dialect", "most"), [(COS, 850), (OSS, 1023), (AWS, 1024)])


class Asked(Exception):
    """A request would have been sent."""


def store_of(dialect: Dialect) -> S3ObjectStore:
    """Return a store that shows by `Asked` that it asks for a client to send a request with."""

    def clients() -> NoReturn:
        raise Asked

    return S3ObjectStore("bucket", clients, dialect)


class TestKeysOfUsers:
    @LIMITS
    def test_one_that_is_too_long_is_refused_with_the_reason(
        self, dialect: Dialect, most: int
    ) -> None:
        key = "é" * (most // 2) + "xx"
        with pytest.raises(Blocked, match=f"{dialect.name} takes keys of up to {most} bytes"):
            store_of(dialect).head(key)

    @LIMITS
    def test_the_longest_is_tried(self, dialect: Dialect, most: int) -> None:
        with pytest.raises(Asked):
            store_of(dialect).head("x" * most)

    @pytest.mark.parametrize("dialect", [COS, OSS], ids=lambda dialect: dialect.name)
    @pytest.mark.parametrize("first", ["/", "\\"])
    def test_one_with_a_slash_of_any_kind_in_front_is_refused_where_none_may_be(
        self, dialect: Dialect, first: str
    ) -> None:
        with pytest.raises(Blocked, match="takes no key that begins with"):
            store_of(dialect).head(f"{first}x")

    @pytest.mark.parametrize("first", ["/", "\\"])
    def test_elsewhere_it_is_tried(self, first: str) -> None:
        with pytest.raises(Asked):
            store_of(AWS).head(f"{first}x")

    @pytest.mark.parametrize(
        "request_of",
        [
            lambda store, key: store.get(key),
            lambda store, key: store.put(ObjectWrite(key, 1), io.BytesIO(b"a")),
            lambda store, key: store.put_if(ObjectWrite(key, 1), io.BytesIO(b"a"), None),
            lambda store, key: store.delete(key),
            lambda store, key: store.copy_if(replace(INSTANCE, key=key), "copy"),
            lambda store, key: store.copy_from(
                Place("other", "k"), INSTANCE, ObjectWrite(key, 1), None
            ),
            lambda store, key: store.create_multipart_upload(ObjectWrite(key, 1)),
            lambda store, key: store.upload_part(key, "u", 1, io.BytesIO(b"a"), 1),
            lambda store, key: store.complete_if(key, "u", [], None),
        ],
    )
    def test_no_operation_sends_one(
        self, request_of: Callable[[S3ObjectStore, str], object]
    ) -> None:
        with pytest.raises(Blocked, match="up to 850 bytes"):
            request_of(store_of(COS), "x" * 851)

    def test_a_listing_of_the_whole_bucket_is_no_matter_of_keys(self) -> None:
        with pytest.raises(Asked):
            next(store_of(COS).list())


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("prefix", ["", "data/"])
class TestKeysThatWeMakeUp:
    def test_a_loser_is_kept_under_a_key_that_every_store_takes(
        self, dialect: Dialect, prefix: str
    ) -> None:
        loser = replace(INSTANCE, key="é" * 500)
        key = conflict_key(loser, "a" * 16, "b" * 8, longest_key_bytes(prefix, ""))
        assert dialect.why_not(prefix + key) is None

    def test_what_is_deleted_is_kept_under_a_key_that_every_store_takes(
        self, dialect: Dialect, prefix: str
    ) -> None:
        key = trash_key("é" * 500, NOW, "n" * 8, longest_key_bytes(prefix, ""))
        assert dialect.why_not(prefix + key) is None
