"""The ledger of shared uploads when DynamoDB refuses, or when answers are lost."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws
from pynamodb.connection.base import Connection
from pynamodb.exceptions import VerboseClientError

from sync_core.errors import AccessDenied, Ambiguous, DualwayError, Throttled, Unavailable
from sync_core.model import SharedUpload, UploadedPart
from sync_core.records.dynamodb import TABLE_SCHEMA, table_connection
from sync_core.records.dynamodb_calls import ATTEMPTS, TableCalls
from sync_core.records.uploads_dynamodb import CONTENTS, NOTE_ATTEMPTS, DynamoDBUploadLedger

REGION = "us-east-1"
TABLE = "parts"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
UPLOAD = SharedUpload("k", "id", "etag", 10, 5, 1, NOON, NOON)
PARTS = [UploadedPart(1, "e1", 5)]
NOTED = replace(UPLOAD, changed_at=LATER, done_parts=1, done_bytes=5)

Send = Callable[[], Any]


class FaultyConnection(Connection):
    """A connection whose next calls meet the given faults, one each; it keeps the names called.

    A fault is given what sends the call; it is a client's whole doing, its own retries included.
    """

    def __init__(self) -> None:
        super().__init__(region=REGION)
        self.add_meta_table(table_connection(TABLE, REGION).get_meta_table())
        self.calls: list[str] = []
        self.faults: list[Callable[[Send], Any]] = []

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(operation_name)
        send = super().dispatch
        fault = self.faults.pop(0) if self.faults else lambda go: go()
        answer: dict[str, Any] = fault(lambda: send(operation_name, operation_kwargs))
        return answer


class Bench:
    """A ledger on moto's table with an open upload, its faults, and the waits between its tries."""

    def __init__(self) -> None:
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName=TABLE, BillingMode="PAY_PER_REQUEST", **TABLE_SCHEMA
        )
        self.pauses_seconds: list[float] = []
        self.connection = FaultyConnection()
        table = table_connection(TABLE, REGION)
        table.connection = self.connection
        pause = self.pauses_seconds.append
        calls = TableCalls(table, random.Random(7), pause, contents=CONTENTS)
        self.ledger = DynamoDBUploadLedger(calls)
        self.ledger.open(UPLOAD)
        self.connection.calls.clear()

    def meet(self, *faults: Callable[[Send], Any]) -> None:
        self.connection.faults = list(faults)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with mock_aws():
        yield Bench()


def raising(error: Exception) -> Callable[[Send], Any]:
    def fault(_send: Send) -> None:
        raise error

    return fault


def losing_the_answer(send: Send) -> None:
    send()
    raise ReadTimeoutError(endpoint_url="https://dynamodb")


def repeated_after_a_lost_answer(send: Send) -> Any:
    """What the client does by itself; a transaction of the same token would even succeed."""
    send()
    return send()


def refusal(code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> ClientError:
    """Return the error as pynamodb raises it: its own, with botocore's as the cause."""
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    error = VerboseClientError({"Error": response["Error"]}, "AnyOperation")
    error.__cause__ = ClientError(response, "AnyOperation")
    return error


def cancelled(*reasons: str) -> ClientError:
    return refusal("TransactionCanceledException", reasons=reasons)


COLLISIONS = [
    cancelled("None", "TransactionConflict"),
    cancelled("ThrottlingError", "None"),
    refusal("ProvisionedThroughputExceededException"),
    refusal("TransactionInProgressException"),
]


class TestLostAnswers:
    def test_a_run_whose_write_is_repeated_by_the_client_counts_once(self, bench: Bench) -> None:
        bench.meet(repeated_after_a_lost_answer)
        assert bench.ledger.note("id", 0, PARTS, LATER) == NOTED

    def test_a_run_that_is_noted_again_after_a_lost_answer_counts_once(self, bench: Bench) -> None:
        bench.meet(losing_the_answer)
        with pytest.raises(Ambiguous):
            bench.ledger.note("id", 0, PARTS, LATER)
        assert bench.ledger.note("id", 0, PARTS, LATER + timedelta(minutes=1)) == NOTED

    def test_a_claim_that_is_repeated_by_the_client_is_won_by_it(self, bench: Bench) -> None:
        bench.meet(repeated_after_a_lost_answer)
        assert bench.ledger.claim(UPLOAD, LATER)
        assert not bench.ledger.claim(UPLOAD, LATER)

    def test_an_end_that_is_repeated_by_the_client_is_its_own(self, bench: Bench) -> None:
        bench.meet(repeated_after_a_lost_answer)
        assert bench.ledger.end("id", "completed", LATER)
        assert not bench.ledger.end("id", "completed", LATER)

    def test_an_upload_that_is_entered_twice_by_the_client_is_there(self, bench: Bench) -> None:
        other = replace(UPLOAD, upload_id="other")
        bench.meet(repeated_after_a_lost_answer)
        assert bench.ledger.open(other) == other


class TestCollisions:
    @pytest.mark.parametrize("error", COLLISIONS, ids=str)
    def test_a_run_is_tried_again_until_it_is_counted(
        self, bench: Bench, error: ClientError
    ) -> None:
        bench.meet(*[raising(error)] * (NOTE_ATTEMPTS - 1))
        assert bench.ledger.note("id", 0, PARTS, LATER) == NOTED
        assert bench.connection.calls == ["TransactWriteItems"] * NOTE_ATTEMPTS + ["GetItem"]
        assert 5 < sum(bench.pauses_seconds) < 20

    def test_a_run_that_keeps_colliding_is_throttled_and_not_counted(self, bench: Bench) -> None:
        bench.meet(*[raising(COLLISIONS[0])] * NOTE_ATTEMPTS)
        with pytest.raises(Throttled, match="kept colliding"):
            bench.ledger.note("id", 0, PARTS, LATER)
        assert bench.ledger.read("id") == UPLOAD

    def test_a_refused_condition_decides_whatever_else_was_in_the_way(self, bench: Bench) -> None:
        bench.ledger.note("id", 0, PARTS, LATER)
        bench.connection.calls.clear()
        bench.meet(raising(cancelled("ConditionalCheckFailed", "TransactionConflict")))
        assert bench.ledger.note("id", 0, PARTS, LATER) == NOTED
        assert bench.connection.calls == ["TransactWriteItems", "GetItem"]

    def test_a_claim_that_meets_a_transaction_is_made_again(self, bench: Bench) -> None:
        bench.meet(raising(refusal("TransactionConflictException")))
        assert bench.ledger.claim(UPLOAD, LATER)

    def test_a_throttled_read_is_made_again(self, bench: Bench) -> None:
        bench.meet(*[raising(refusal("ThrottlingException"))] * (ATTEMPTS - 1))
        assert bench.ledger.read("id") == UPLOAD


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (refusal("AccessDeniedException"), AccessDenied),
            (refusal("InternalServerError", status=500), Ambiguous),
            (ReadTimeoutError(endpoint_url="https://dynamodb"), Ambiguous),
        ],
        ids=str,
    )
    def test_a_write_that_fails_is_told_in_our_words(
        self, bench: Bench, error: Exception, kind: type[DualwayError]
    ) -> None:
        bench.meet(raising(error))
        with pytest.raises(kind, match="write uploads 'id run 7'"):
            bench.ledger.note("id", 7, PARTS, LATER)

    def test_a_read_that_fails_is_told_in_our_words(self, bench: Bench) -> None:
        bench.meet(raising(ReadTimeoutError(endpoint_url="https://dynamodb")))
        with pytest.raises(Unavailable, match="read uploads 'id'"):
            bench.ledger.read("id")

    def test_what_is_forgotten_while_it_is_opened_is_to_be_tried_again(self, bench: Bench) -> None:
        bench.meet(raising(refusal("ConditionalCheckFailedException")), lambda _send: {})
        with pytest.raises(Unavailable, match="try again"):
            bench.ledger.open(UPLOAD)
