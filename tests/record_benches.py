"""Tables of records to test against: each backend, and back doors into what it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from uuid import uuid4

from pynamodb.connection import TableConnection
from pynamodb.connection.base import Connection

from sync_core.model import (
    Intent,
    Lease,
    NotedConflict,
    Pair,
    SideState,
    SyncRecord,
    Waiting,
)
from sync_core.records.dynamodb import TABLE_SCHEMA, DynamoDBRecordStore, table_connection
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.protocol import Table

RECORD_BACKENDS = ("memory", "moto", "cloud")
RECORD_REGION = "us-east-1"
PAGE_ITEMS = 3
"""Small, so that listings of a few records take many pages."""

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(frozen=True)
class RecordBench:
    """A table, and a back door that reads a key's generation past it (None: no record)."""

    store: Table
    stored_generation: Callable[[str], int | None]


@dataclass(frozen=True)
class TableBench(RecordBench):
    """A real table: how to put any item into it, and the store of a table that is missing."""

    put_raw: Callable[[dict[str, Any]], None]
    of_missing_table: Table


def memory_records_bench() -> RecordBench:
    store = MemoryRecordStore()

    def stored_generation(key: str) -> int | None:
        return store.records[key].gen if key in store.records else None

    return RecordBench(store, stored_generation)


def table_bench(client: Any, table: TableConnection, missing: TableConnection) -> TableBench:
    name = table.table_name

    def stored_generation(key: str) -> int | None:
        pages = client.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
        items = [item for item in items if item.get("key", item["sk"])["S"] == key]
        assert len(items) <= 1, "one item per key"
        return int(items[0]["gen"]["N"]) if items else None

    def put_raw(item: dict[str, Any]) -> None:
        client.put_item(TableName=name, Item=item)

    return TableBench(
        DynamoDBRecordStore(table, page_items=PAGE_ITEMS),
        stored_generation,
        put_raw,
        DynamoDBRecordStore(missing),
    )


def create_table(client: Any) -> str:
    """Make a table of records; return its name."""
    name = f"records-{uuid4().hex[:8]}"
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **TABLE_SCHEMA)
    client.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    return name


class OneRequestAtATime(Connection):
    """moto checks a condition and writes without a lock between; DynamoDB's requests are atomic."""

    lock = Lock()

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            return super().dispatch(operation_name, operation_kwargs)


def moto_connection(table_name: str) -> TableConnection:
    table = table_connection(table_name, RECORD_REGION)
    meta_table = table.get_meta_table()
    table.connection = OneRequestAtATime(region=RECORD_REGION)
    table.connection.add_meta_table(meta_table)
    return table


def full_record(key: str, gen: int = 0) -> SyncRecord:
    """Return a record with every field set."""
    return SyncRecord(
        key,
        gen,
        pair=Pair(own=SideState("o:etag|1|2|m", "lid"), peer=SideState("n:nonce"), tags="t1"),
        intent=Intent("o:1", "o:0", "nonce", NOON, upload_id="upload"),
        lease=Lease("worker-1", NOON),
        waiting=Waiting("o:1|o:2", NOON),
        expires_at=datetime(2026, 4, 1, tzinfo=UTC),
        past=("r:2", "r:1", "r:2"),
        blocked="etag|1|2026-03-01T12:00:00",
        conflict=NotedConflict(NOON, "b", "e|2|m", "f|3|m", "k.conflict-a", is_open=True),
    )


def in_byte_order(keys: Sequence[str]) -> list[str]:
    return sorted(keys, key=str.encode)
