"""What a store can really do is found out by trying, and remembered for a day."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_core.errors import (
    AccessDenied,
    Blocked,
    ConfigError,
    DualwayError,
    Throttled,
    Unavailable,
)
from sync_core.model import Capabilities, ControlItem, ObjectVersion
from sync_core.probe import Probed, guarantee, probe, probed, recall, remembered
from sync_core.records.memory import MemoryRecordStore
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.memory_bucket import Condition
from sync_core.storage.protocol import ObjectWrite, Readable, Written
from sync_core.storage.weak import TRASH_PREFIX
from tests.object_benches import put

ALL: frozenset[Condition] = frozenset({"create", "replace", "delete"})
NOW = datetime(2026, 11, 21, 10, 15, 0, 123_456, tzinfo=UTC)
KEY = ".dualway/probe-n1"


class Refusing(MemoryObjectStore):
    """A store that answers conditional requests with an error of its own."""

    def __init__(self, bucket: MemoryBucket, error: type[DualwayError], *what: Condition) -> None:
        super().__init__(bucket, "AWS:AIDASYNC")
        self._error = error
        self._what = what

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        self._refuse("create" if replaces is None else "replace", write.key)
        return super().put_if(write, body, replaces)

    def delete_if(self, instance: ObjectVersion) -> None:
        self._refuse("delete", instance.key)
        super().delete_if(instance)

    def _refuse(self, condition: Condition, key: str) -> None:
        if condition in self._what:
            raise self._error(condition, key, "not today")


class Misplaced(MemoryObjectStore):
    """A store that is sent to another region at its first write, and found there from then on."""

    is_found = False

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        self._look_up(write.key)
        return super().put(write, body)

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        self._look_up(write.key)
        return super().put_if(write, body, replaces)

    def _look_up(self, key: str) -> None:
        was_found, self.is_found = self.is_found, True
        if not was_found:
            raise ConfigError("put", key, "the bucket is in another region")


class Counting(MemoryObjectStore):
    """A store that counts how often it was probed."""

    probes = 0

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        self.probes += replaces is None
        return super().put_if(write, body, replaces)


def bucket_of(
    ignores: frozenset[Condition] = frozenset(), versioning: Versioning = Versioning.OFF
) -> MemoryBucket:
    return MemoryBucket("bucket", lambda: NOW, versioning=versioning, ignores=ignores)


def store_of(bucket: MemoryBucket) -> MemoryObjectStore:
    return MemoryObjectStore(bucket, "AWS:AIDASYNC")


def without(*conditions: Condition, versioned: bool = False) -> Capabilities:
    return Capabilities(
        creates_if_absent="create" not in conditions,
        replaces_if_match="replace" not in conditions,
        deletes_if_match="delete" not in conditions,
        is_versioned=versioned,
    )


class TestProbe:
    def test_a_store_that_honours_all_conditions_has_all_abilities(self) -> None:
        assert probe(store_of(bucket_of()), "n1") == Capabilities()

    @pytest.mark.parametrize("condition", sorted(ALL))
    @pytest.mark.parametrize("versioning", [Versioning.OFF, Versioning.ON])
    def test_a_condition_that_is_taken_and_ignored_is_found(
        self, condition: Condition, versioning: Versioning
    ) -> None:
        bucket = bucket_of(frozenset({condition}), versioning)
        found = probe(store_of(bucket), "n1")
        assert found == without(condition, versioned=versioning is Versioning.ON)

    def test_all_conditions_may_be_ignored(self) -> None:
        assert probe(store_of(bucket_of(ALL)), "n1") == without(*ALL)

    @pytest.mark.parametrize("condition", sorted(ALL))
    @pytest.mark.parametrize("error", [Blocked, ConfigError])
    def test_a_condition_that_the_store_does_not_know_is_absent(
        self, condition: Condition, error: type[DualwayError]
    ) -> None:
        assert probe(Refusing(bucket_of(), error, condition), "n1") == without(condition)

    def test_a_delete_that_is_refused_and_done_all_the_same_is_none(self) -> None:
        class Deceiving(MemoryObjectStore):
            def delete_if(self, instance: ObjectVersion) -> None:
                self.delete(instance.key)
                super().delete_if(instance)

        assert probe(Deceiving(bucket_of(), "AWS:AIDASYNC"), "n1") == without("delete")

    @pytest.mark.parametrize("versioning", [Versioning.OFF, Versioning.SUSPENDED])
    def test_a_bucket_that_keeps_no_overwritten_instance_is_not_versioned(
        self, versioning: Versioning
    ) -> None:
        assert not probe(store_of(bucket_of(versioning=versioning)), "n1").is_versioned

    @pytest.mark.parametrize("ignores", [frozenset(), ALL])
    @pytest.mark.parametrize("versioning", [Versioning.OFF, Versioning.ON])
    def test_nothing_is_left_behind(
        self, ignores: frozenset[Condition], versioning: Versioning
    ) -> None:
        bucket = bucket_of(ignores, versioning)
        put(store_of(bucket), "k")
        probe(store_of(bucket), "n1")
        assert store_of(bucket).versions(KEY, 99) == []
        assert [listed.key for listed in store_of(bucket).list()] == ["k"]

    @pytest.mark.parametrize("error", [AccessDenied, Throttled, Unavailable])
    @pytest.mark.parametrize("condition", sorted(ALL))
    @pytest.mark.parametrize("versioning", [Versioning.OFF, Versioning.ON])
    def test_what_says_nothing_of_abilities_is_raised_and_nothing_is_left_behind(
        self, error: type[DualwayError], condition: Condition, versioning: Versioning
    ) -> None:
        bucket = bucket_of(versioning=versioning)
        with pytest.raises(error):
            probe(Refusing(bucket, error, condition), "n1")
        assert store_of(bucket).versions(KEY, 99) == []

    def test_a_plain_write_that_is_refused_is_no_conditions_fault(self) -> None:
        store = Misplaced(bucket_of(), "AWS:AIDASYNC")
        with pytest.raises(ConfigError):
            probe(store, "n1")
        assert probe(store, "n1") == Capabilities()

    def test_a_bucket_that_is_missing_has_no_abilities_to_tell_of(self) -> None:
        bucket = bucket_of()
        bucket.remove()
        with pytest.raises(ConfigError):
            probe(store_of(bucket), "n1")


class TestMemory:
    @pytest.mark.parametrize("capabilities", [Capabilities(), without(*ALL, versioned=True)])
    def test_what_is_remembered_can_be_recalled(self, capabilities: Capabilities) -> None:
        found = Probed("bucket", capabilities, NOW)
        assert recall(remembered(found)) == found

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            "1",
            "{}",
            '{"bucket": "b", "at": "soon"}',
            '{"bucket": "b", "at": "2026-11-21T10:15:00+00:00", "flies": true}',
        ],
    )
    def test_a_text_of_another_release_is_not_recalled(self, text: str) -> None:
        assert recall(text) is None


class Worker:
    """A worker's view: a table, a store, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.table = MemoryRecordStore()
        self.bucket = bucket_of()
        self.store = Counting(self.bucket, "AWS:AIDASYNC")
        self.now = NOW

    def ask(self, side: str = "a") -> Capabilities:
        return probed(self.table, self.store, side, lambda: self.now, lambda: "n1")


class TestProbed:
    def test_within_a_day_a_store_is_probed_once(self) -> None:
        worker = Worker()
        first = worker.ask()
        once = worker.store.probes
        worker.now += timedelta(hours=23)
        assert worker.ask() == first
        assert worker.store.probes == once > 0

    def test_after_a_day_it_is_probed_again(self) -> None:
        worker = Worker()
        assert worker.ask().deletes_if_match
        worker.bucket.ignores = frozenset({"delete"})
        worker.now += timedelta(days=1)
        assert not worker.ask().deletes_if_match
        worker.now += timedelta(hours=1)
        assert not worker.ask().deletes_if_match

    def test_each_side_is_probed_for_itself(self) -> None:
        worker = Worker()
        worker.ask("a")
        once = worker.store.probes
        worker.ask("b")
        assert worker.store.probes == 2 * once

    def test_another_bucket_in_the_sides_place_is_probed_at_once(self) -> None:
        worker = Worker()
        worker.ask()
        other = MemoryBucket("other", lambda: NOW, ignores=ALL)
        worker.store = Counting(other, "AWS:AIDASYNC")
        assert worker.ask() == without(*ALL)

    def test_what_cannot_be_recalled_is_probed_again_and_replaced(self) -> None:
        worker = Worker()
        worker.table.write_control(ControlItem("abilities/a", "?"))
        worker.ask()
        item = worker.table.read_control("abilities/a")
        assert item is not None
        assert recall(item.text) == Probed("bucket", Capabilities(), NOW)

    def test_a_store_that_cannot_be_probed_leaves_no_memory(self) -> None:
        worker = Worker()
        store = Refusing(worker.bucket, Throttled, "replace")
        with pytest.raises(Throttled):
            probed(worker.table, store, "a", lambda: NOW, lambda: "n1")
        assert worker.table.read_control("abilities/a") is None


PUTS_STAY = "what a copy overwrites unseen stays as a version"
PUTS_COLLIDE = "a copy may overwrite a write that arrives just before it"
DELETES_RETURN = "a delete that hits another instance than was read is taken back"
DELETES_COLLIDE = (
    "a delete may undo a write that arrives within the same milliseconds, "
    f"the object as it was read is kept under {TRASH_PREFIX}"
)


class TestGuarantee:
    @pytest.mark.parametrize(
        ("capabilities", "level", "clauses"),
        [
            (without(), "U", ["all writes are conditional"]),
            (
                without(versioned=True),
                "V",
                ["all writes are conditional, and what they replace stays as a version"],
            ),
            (without("delete"), "D", ["DELETE does not honour If-Match", DELETES_COLLIDE]),
            (
                without("create", "replace"),
                "D",
                ["PUT does not honour If-None-Match and If-Match", PUTS_COLLIDE],
            ),
            (
                without("replace", "delete", versioned=True),
                "V",
                [
                    "PUT does not honour If-Match",
                    PUTS_STAY,
                    "DELETE does not honour If-Match",
                    DELETES_RETURN,
                ],
            ),
        ],
    )
    def test_a_sentence_names_the_level_what_is_missing_and_what_follows(
        self, capabilities: Capabilities, level: str, clauses: list[str]
    ) -> None:
        sentence = f"guarantee level {level} at b: {'; '.join(clauses)}"
        assert guarantee("b", capabilities) == sentence
