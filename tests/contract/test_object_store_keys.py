"""What every store promises of keys, listings and whatever an object may say."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.sync_store import SyncStore
from tests.examples import examples
from tests.object_benches import (
    HEADERS,
    Bench,
    Stream,
    memory_bench,
    named,
    present,
    put,
    read,
)

KEYS = (
    "plain",
    "a/b/c",
    "a//b",
    "//",
    "/leading",
    "dir/",
    "../x",
    "./y",
    ".",
    "..",
    " ",
    " a b ",
    "+",
    "a+b c",
    "%",
    "%2F",
    "%zz",
    "'\"",
    "?a=b&c#d;e",
    "<&>",
    "\\",
    "~!@$^*()[]{}|`,:=",
    "\t",
    "\x01",
    "é",
    "e\u0301",
    "日本語",
    "😀",
    "x" * 1024,
    "é" * 512,
)


class TestKeys:
    @pytest.mark.parametrize("key", KEYS, ids=named)
    def test_a_key_is_stored_as_it_is(self, objects: Bench, key: str) -> None:
        store, data = objects.store, key.encode()
        version = put(store, key, data)
        raw = objects.raw(key)
        assert raw is not None
        assert raw.data == data
        assert version.key == key
        assert read(store.get(key)) == data
        assert [listed.key for listed in store.list()] == [key]
        store.copy_if(version, f"copy of {key}"[:512])
        store.delete(key)
        assert store.head(key) is None

    def test_keys_that_look_alike_are_different_objects(self, store: SyncStore) -> None:
        keys = ["a", "A", "a/", "a//", "./a", "á", "a\u0301", "a ", "a+", "a%20"]
        for key in keys:
            put(store, key, key.encode())
        assert {read(store.get(key)) for key in keys} == {key.encode() for key in keys}

    def test_a_listing_is_in_the_order_of_utf_8_bytes(self, objects: Bench) -> None:
        # By UTF-16 code units, as in Java or JavaScript, the emoji would come before the tilde.
        keys = ["Z", "a", "a b", "a+b", "a/b", "é", "日", "\uff5e", "😀"]
        for key in reversed(keys):
            put(objects.store, key)
        assert [listed.key for listed in objects.store.list()] == keys
        assert [listed.key for listed in objects.cramped.list()] == keys

    def test_a_listing_can_be_narrowed(self, store: SyncStore) -> None:
        for key in ("a", "b/1", "b/2", "b/é", "c"):
            put(store, key)
        assert [listed.key for listed in store.list("b/")] == ["b/1", "b/2", "b/é"]
        assert [listed.key for listed in store.list("b/", "b/1")] == ["b/2", "b/é"]
        assert [listed.key for listed in store.list(start_after="b/é")] == ["c"]
        assert list(store.list("absent")) == []


NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=20)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60).map(str.strip)
HEADER_VALUES = VALUES.filter(bool)
ANY_KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


class TestAnyObject:
    """Whatever a key, a header or metadata says comes back; each example has its own key."""

    @staticmethod
    def check(store: SyncStore, write: ObjectWrite) -> None:
        store.put(write, Stream(b""))
        version = present(store.head(write.key))
        assert version.metadata == write.metadata
        assert version.headers.items() >= write.headers.items()
        assert next(listed.key for listed in store.list(write.key)) == write.key
        store.delete(write.key)

    @given(
        key=ANY_KEYS,
        metadata=st.dictionaries(NAMES.filter(lambda name: name != "dualway"), VALUES, max_size=4),
        headers=st.fixed_dictionaries({}, optional=dict.fromkeys(HEADERS, HEADER_VALUES)),
    )
    @examples(2)
    def test_it_comes_back_from_memory(
        self, key: str, metadata: dict[str, str], headers: dict[str, str]
    ) -> None:
        self.check(memory_bench().store, ObjectWrite(key, 0, headers, metadata))

    @given(
        key=ANY_KEYS,
        metadata=st.dictionaries(NAMES.filter(lambda name: name != "dualway"), VALUES, max_size=4),
        headers=st.fixed_dictionaries({}, optional=dict.fromkeys(HEADERS, HEADER_VALUES)),
    )
    @settings(
        examples(0.5),
        # One bucket serves all examples: each cleans up after itself.
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_it_comes_back_through_boto3(
        self, moto_objects: Bench, key: str, metadata: dict[str, str], headers: dict[str, str]
    ) -> None:
        assume(len(key.encode()) <= 1024)
        self.check(moto_objects.store, ObjectWrite(key, 0, headers, metadata))
