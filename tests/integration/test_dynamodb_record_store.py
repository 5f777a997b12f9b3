"""The table of records when DynamoDB refuses, stalls or loses an answer, and what a batch costs."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from moto import mock_aws
from pynamodb.connection.base import Connection
from pynamodb.exceptions import VerboseClientError

from sync_core.errors import (
    AccessDenied,
    Ambiguous,
    DualwayError,
    Poison,
    Throttled,
    Unavailable,
)
from sync_core.model import ControlItem, Lease, SyncRecord
from sync_core.records.dynamodb import TABLE_SCHEMA, DynamoDBRecordStore, table_connection
from sync_core.records.dynamodb_answers import Columns
from sync_core.records.dynamodb_item import SHARDS, primary_key

REGION = "us-east-1"
TABLE = "records"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

Fault = Callable[[str, dict[str, Any]], dict[str, Any] | None]
"""Given an operation and its request: raise, answer, or return None to let it through."""


class FaultyConnection(Connection):
    """A connection whose next calls meet the given faults, one each; it keeps the names called."""

    def __init__(self) -> None:
        super().__init__(region=REGION)
        self.add_meta_table(table_connection(TABLE, REGION).get_meta_table())
        self.calls: list[str] = []
        self.faults: list[Fault] = []

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(operation_name)
        answer = self.faults.pop(0)(operation_name, operation_kwargs) if self.faults else None
        return super().dispatch(operation_name, operation_kwargs) if answer is None else answer

    def deliver(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Make a call past the faults."""
        return super().dispatch(operation_name, operation_kwargs)


class Bench:
    """A store on moto's table, its faults, and the waits between its tries."""

    def __init__(self) -> None:
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName=TABLE, BillingMode="PAY_PER_REQUEST", **TABLE_SCHEMA
        )
        self.pauses_seconds: list[float] = []
        self.connection = FaultyConnection()
        table = table_connection(TABLE, REGION)
        table.connection = self.connection
        self.store = DynamoDBRecordStore(
            table, randomness=random.Random(7), pause=self.pauses_seconds.append, page_items=2
        )

    def calls(self) -> list[str]:
        """Return the calls made since the last time."""
        calls, self.connection.calls = self.connection.calls, []
        return calls


@pytest.fixture
def bench() -> Iterator[Bench]:
    with mock_aws():
        yield Bench()


def raising(error: Exception) -> Fault:
    def fault(_name: str, _request: dict[str, Any]) -> None:
        raise error

    return fault


def refusal(
    code: str, *, status: int = 400, reasons: list[dict[str, Any]] | None = None
) -> ClientError:
    """Return the error as pynamodb raises it: its own, with botocore's as the cause."""
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": reasons or [],
    }
    error = VerboseClientError({"Error": response["Error"]}, "AnyOperation")
    error.__cause__ = ClientError(response, "AnyOperation")
    return error


def cancelled(*codes: str) -> ClientError:
    reasons = [{"Code": code, "Message": f"because of {code}"} for code in codes]
    return refusal("TransactionCanceledException", reasons=reasons)


def records(count: int) -> list[SyncRecord]:
    return [SyncRecord(f"key/{n}") for n in range(count)]


class TestCost:
    @pytest.mark.parametrize(("count", "calls"), [(1, 1), (100, 1), (101, 2), (250, 3)])
    def test_a_read_takes_one_call_for_each_hundred_keys(
        self, bench: Bench, count: int, calls: int
    ) -> None:
        bench.store.read([record.key for record in records(count)])
        assert bench.calls() == ["BatchGetItem"] * calls

    def test_no_keys_and_no_records_take_no_call(self, bench: Bench) -> None:
        bench.store.read([])
        bench.store.write([])
        assert bench.calls() == []

    def test_one_record_is_one_conditional_put(self, bench: Bench) -> None:
        bench.store.write(records(1))
        assert bench.calls() == ["PutItem"]

    @pytest.mark.parametrize(("count", "calls"), [(2, 1), (100, 1), (250, 3)])
    def test_a_write_takes_one_transaction_for_each_hundred_records(
        self, bench: Bench, count: int, calls: int
    ) -> None:
        bench.store.write(records(count))
        assert bench.calls() == ["TransactWriteItems"] * calls

    def test_a_rest_of_one_record_is_a_put(self, bench: Bench) -> None:
        bench.store.write(records(101))
        assert bench.calls() == ["TransactWriteItems", "PutItem"]

    def test_refused_records_cost_one_more_call_however_many_they_are(self, bench: Bench) -> None:
        bench.store.write(records(3))
        assert bench.calls() == ["TransactWriteItems"]
        bench.store.write(records(30))
        assert bench.calls() == ["TransactWriteItems", "TransactWriteItems"]
        assert bench.pauses_seconds == []

    def test_a_control_item_is_read_by_one_call_and_written_by_one(self, bench: Bench) -> None:
        bench.store.write_control(ControlItem("guard", "{}"))
        bench.store.read_control("guard")
        assert bench.calls() == ["PutItem", "GetItem"]


class TestListing:
    def test_an_empty_table_takes_one_query_for_each_shard(self, bench: Bench) -> None:
        assert list(bench.store.list()) == []
        assert bench.calls() == ["Query"] * len(SHARDS)

    def test_nothing_is_asked_for_before_the_first_record_is(self, bench: Bench) -> None:
        bench.store.list()
        bench.store.list_control("")
        assert bench.calls() == []

    def test_it_holds_one_page_of_each_shard(self, bench: Bench) -> None:
        keys = [key for n in range(400) if in_first_shard(key := f"key/{n:03}")][:10]
        bench.store.write([SyncRecord(key) for key in keys])
        bench.calls()
        listing = bench.store.list()
        asked = []
        for key in keys:
            assert next(listing).key == key
            asked.append(len(bench.calls()))
        # A page holds two records; the next is asked for when a page's last one has been taken.
        assert asked == [len(SHARDS), 0, 1, 0, 1, 0, 1, 0, 1, 0]

    def test_only_what_a_comparison_needs_is_asked_for(self, bench: Bench) -> None:
        bench.store.write(records(1))
        asked: list[dict[str, Any]] = []
        answers: list[dict[str, Any]] = []

        def watch(name: str, request: dict[str, Any]) -> dict[str, Any]:
            asked.append(request)
            answers.append(bench.connection.deliver(name, request))
            return answers[-1]

        bench.connection.faults = [watch] * len(SHARDS)
        assert len(list(bench.store.list())) == 1
        assert {request["ConsistentRead"] for request in asked} == {True}
        assert {request["Limit"] for request in asked} == {2}
        (page,) = [answer["Items"] for answer in answers if answer["Count"]]
        # An item that had anything else would not have been read by its columns.
        assert page == Columns(["key/0"], ["- - - -"])

    def test_a_page_that_is_throttled_is_asked_for_again(self, bench: Bench) -> None:
        bench.store.write(records(40))
        throttled = raising(refusal("ProvisionedThroughputExceededException"))
        bench.connection.faults = [throttled] * 3
        assert len(list(bench.store.list())) == 40
        assert len(bench.pauses_seconds) == 3

    def test_pages_that_stay_throttled_end_as_throttled(self, bench: Bench) -> None:
        for listing in (bench.store.list(), bench.store.list_control("")):
            bench.connection.faults = [raising(refusal("ThrottlingException"))] * 6
            with pytest.raises(Throttled, match=TABLE):
                next(listing)
            assert bench.calls() == ["Query"] * 6
        assert len(bench.pauses_seconds) == 10

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (refusal("AccessDeniedException"), AccessDenied),
            (ReadTimeoutError(endpoint_url="https://dynamodb"), Unavailable),
            (refusal("InternalServerError", status=500), Unavailable),
        ],
        ids=["denied", "no answer", "no sound answer"],
    )
    def test_any_other_failure_ends_the_listing_at_once(
        self, bench: Bench, error: Exception, expected: type[DualwayError]
    ) -> None:
        bench.connection.faults = [raising(error)]
        with pytest.raises(expected, match=TABLE):
            next(bench.store.list())
        assert bench.calls() == ["Query"]


class TestLostAnswers:
    @pytest.mark.parametrize("count", [1, 5])
    def test_a_write_that_the_client_repeats_is_not_refused_by_itself(
        self, bench: Bench, count: int
    ) -> None:
        bench.connection.faults = [losing_the_answer(bench)]
        assert bench.store.write(records(count)) == frozenset()
        keys = [record.key for record in records(count)]
        assert {record.gen for record in bench.store.read(keys).values()} == {1}

    def test_the_client_itself_repeats_after_a_time_out(self, bench: Bench) -> None:
        answers_lost = lose_first_answer(bench.connection)
        assert bench.store.write(records(1)) == frozenset()
        assert answers_lost == ["PutItem"]
        assert bench.store.read(["key/0"])["key/0"].gen == 1

    def test_a_control_item_is_not_refused_by_itself(self, bench: Bench) -> None:
        bench.connection.faults = [losing_the_answer(bench)]
        assert bench.store.write_control(ControlItem("guard", "ours"))
        assert bench.store.read_control("guard") == ControlItem("guard", "ours", gen=1)

    def test_the_client_itself_repeats_the_write_of_a_control_item(self, bench: Bench) -> None:
        answers_lost = lose_first_answer(bench.connection)
        assert bench.store.write_control(ControlItem("guard", "ours"))
        assert answers_lost == ["PutItem"]

    def test_a_control_item_that_another_overwrote_meanwhile_is_refused(self, bench: Bench) -> None:
        theirs = ControlItem("guard", "theirs", gen=1)
        bench.connection.faults = [
            losing_the_answer(bench, lambda: bench.store.write_control(theirs))
        ]
        assert not bench.store.write_control(ControlItem("guard", "ours"))
        assert bench.store.read_control("guard") == ControlItem("guard", "theirs", gen=2)

    @pytest.mark.parametrize("count", [1, 5])
    def test_a_record_that_another_overwrote_meanwhile_is_refused(
        self, bench: Bench, count: int
    ) -> None:
        theirs = SyncRecord("key/0", gen=1, lease=Lease("another", NOON))
        bench.connection.faults = [losing_the_answer(bench, lambda: bench.store.write([theirs]))]
        assert bench.store.write(records(count)) == {"key/0"}
        assert bench.store.read(["key/0"])["key/0"].lease == theirs.lease

    @pytest.mark.parametrize("count", [1, 2])
    @pytest.mark.parametrize(
        "error",
        [
            ReadTimeoutError(endpoint_url="https://dynamodb"),
            EndpointConnectionError(endpoint_url="https://dynamodb"),
            refusal("InternalServerError", status=500),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_a_write_without_any_answer_is_ambiguous_and_a_read_unavailable(
        self, bench: Bench, count: int, error: Exception
    ) -> None:
        bench.connection.faults = [raising(error), raising(error)]
        with pytest.raises(Ambiguous, match="key/0"):
            bench.store.write(records(count))
        with pytest.raises(Unavailable, match="key/0"):
            bench.store.read(["key/0"])


class TestThrottling:
    def test_unprocessed_keys_are_asked_for_again(self, bench: Bench) -> None:
        bench.store.write(records(10))

        def half(name: str, request: dict[str, Any]) -> dict[str, Any]:
            keys = request["RequestItems"][TABLE]["Keys"]
            request["RequestItems"][TABLE]["Keys"] = keys[:5]
            answer = bench.connection.deliver(name, request)
            return {**answer, "UnprocessedKeys": {TABLE: {"Keys": keys[5:]}}}

        bench.connection.faults = [half]
        assert len(bench.store.read([f"key/{n}" for n in range(10)])) == 10
        assert len(bench.pauses_seconds) == 1

    def test_keys_that_stay_unprocessed_end_as_throttled(self, bench: Bench) -> None:
        def nothing(_name: str, request: dict[str, Any]) -> dict[str, Any]:
            return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}

        bench.connection.faults = [nothing] * 20
        with pytest.raises(Throttled, match="2 keys"):
            bench.store.read(["k", "l"])
        assert len(bench.calls()) == 6
        assert bench.pauses_seconds == sorted(bench.pauses_seconds)

    @pytest.mark.parametrize(
        "code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
    )
    def test_a_transaction_that_collides_is_repeated(self, bench: Bench, code: str) -> None:
        bench.connection.faults = [raising(cancelled("None", code, "None"))] * 2
        assert bench.store.write(records(3)) == frozenset()
        assert len(bench.pauses_seconds) == 2
        assert len(bench.store.read(["key/0", "key/1", "key/2"])) == 3

    def test_a_single_write_that_collides_is_repeated(self, bench: Bench) -> None:
        bench.connection.faults = [raising(refusal("TransactionConflictException"))]
        assert bench.store.write(records(1)) == frozenset()
        assert bench.calls() == ["PutItem", "PutItem"]

    def test_writes_that_keep_colliding_end_as_throttled(self, bench: Bench) -> None:
        bench.connection.faults = [raising(cancelled("TransactionConflict", "None"))] * 20
        with pytest.raises(Throttled, match="key/0 and 1 more"):
            bench.store.write(records(2))
        assert len(bench.calls()) == 6

    def test_a_refused_record_beside_a_colliding_one_is_settled_first(self, bench: Bench) -> None:
        error = cancelled("ConditionalCheckFailed", "TransactionConflict", "None")
        bench.connection.faults = [raising(error)]
        assert bench.store.write(records(3)) == {"key/0"}
        assert set(bench.store.read(["key/0", "key/1", "key/2"])) == {"key/1", "key/2"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (refusal("ThrottlingException"), Throttled),
            (refusal("ProvisionedThroughputExceededException"), Throttled),
            (refusal("TransactionInProgressException"), Throttled),
            (refusal("AccessDeniedException"), AccessDenied),
            (refusal("UnrecognizedClientException"), AccessDenied),
            (refusal("ExpiredTokenException"), AccessDenied),
            (refusal("SomethingNew", status=403), AccessDenied),
            (NoCredentialsError(), AccessDenied),
            (refusal("ValidationException"), Poison),
        ],
        ids=str,
    )
    def test_each_refusal_has_one_meaning_for_reads_and_writes(
        self, bench: Bench, error: ClientError | BotoCoreError, expected: type[DualwayError]
    ) -> None:
        for call in (
            lambda: bench.store.read(["key/0"]),
            lambda: bench.store.write(records(1)),
            lambda: bench.store.write(records(2)),
            lambda: bench.store.read_control("key/0"),
            lambda: bench.store.write_control(ControlItem("key/0", "{}")),
        ):
            bench.connection.faults = [raising(error)]
            with pytest.raises(expected, match="key/0") as caught:
                call()
            assert type(caught.value) is expected

    def test_an_item_that_can_never_be_stored_is_poison_and_says_why(self, bench: Bench) -> None:
        bench.connection.faults = [raising(cancelled("None", "ValidationError"))]
        with pytest.raises(Poison, match="because of ValidationError"):
            bench.store.write(records(2))


def in_first_shard(key: str) -> bool:
    return primary_key(key)["pk"] == {"S": SHARDS[0]}


def losing_the_answer(bench: Bench, meanwhile: Callable[[], object] = list) -> Fault:
    """Return a fault that makes the call and loses its answer; the call is then made again."""

    def fault(name: str, request: dict[str, Any]) -> None:
        bench.connection.deliver(name, request)
        meanwhile()

    return fault


def lose_first_answer(connection: Connection) -> list[str]:
    """Let the first request reach the service, and then time out; return what was lost so far."""
    lost: list[str] = []

    def lose(event_name: str, **_: object) -> None:
        if not lost:
            lost.append(event_name.rsplit(".", 1)[-1])
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    connection.client.meta.events.register_last("before-send.dynamodb.*", lose)
    return lost
