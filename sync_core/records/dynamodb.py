"""A stack's table in DynamoDB, through pynamodb's connection to one table.

A read is one BatchGetItem for each hundred keys, a write one conditional PutItem or one
TransactWriteItems for each hundred records (see `dynamodb_calls`), a listing one Query for each
page of a shard (see `dynamodb_listing`).
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Self

from pynamodb.connection import TableConnection
from pynamodb.connection.base import MetaTable

from sync_core.errors import Throttled
from sync_core.model import ControlItem, ListedRecord, SyncRecord
from sync_core.records.dynamodb_calls import ATTEMPTS, Put, TableCalls, chunks, label_of
from sync_core.records.dynamodb_control import (
    control_key,
    from_control_item,
    listed_control_items,
    to_control_item,
)
from sync_core.records.dynamodb_item import from_item, primary_key, to_item
from sync_core.records.dynamodb_listing import PAGE_ITEMS, listed_records
from sync_core.records.dynamodb_values import Item
from sync_core.records.stored import (
    as_stored,
    as_stored_control,
    require_distinct_keys,
    require_name,
)

TABLE_SCHEMA: dict[str, Any] = {
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
}
"""The keys of the table, as CreateTable takes them."""

_CONNECT_TIMEOUT_SECONDS = 5
_READ_TIMEOUT_SECONDS = 10
_CONNECTIONS = 32


class DynamoDBRecordStore:
    """A `Table` in one table of TABLE_SCHEMA; safe to share between threads.

    The table's time-to-live attribute is `expires_at` (see `dynamodb_item`). `randomness` names
    writes and spreads retries, `pause` waits that many seconds, and `page_items` is how many items
    a Query asks for. A table that is missing raises `ConfigError`, an item that is no record
    `Poison`.
    """

    def __init__(
        self,
        table: TableConnection,
        *,
        randomness: random.Random | None = None,
        pause: Callable[[float], None] = time.sleep,
        page_items: int = PAGE_ITEMS,
    ) -> None:
        self._calls = TableCalls(table, randomness or random.SystemRandom(), pause)
        self._page_items = page_items

    @classmethod
    def connect(
        cls,
        table_name: str,
        region: str,
        *,
        endpoint_url: str | None = None,
        key_pair: tuple[str, str] | None = None,
    ) -> Self:
        """Return the store of a table; nothing is sent before the first call.

        Without `endpoint_url` it is AWS's in that region; without `key_pair` (access key id, secret
        access key) credentials come from botocore's chain: environment, profile, role.
        """
        return cls(table_connection(table_name, region, endpoint_url, key_pair))

    def read(self, keys: Collection[str]) -> dict[str, SyncRecord]:
        """Return the records of those keys that have one, strongly consistent.

        Keys that the table leaves unprocessed are asked for again; `Throttled` when it keeps
        doing so.
        """
        distinct = list(dict.fromkeys(keys))
        items = (item for chunk in chunks(distinct) for item in self._read_chunk(chunk))
        return {record.key: record for record in map(from_item, items)}

    def write(self, records: Sequence[SyncRecord]) -> frozenset[str]:
        """Store what is still at the generation it was read with; return the refused keys.

        Writes that collide with another transaction are repeated; `Throttled` when they keep
        colliding. When it raises, any of the records may have been stored.
        """
        require_distinct_keys(records)
        write_id = self._calls.new_write_id()
        puts = [Put(r.key, to_item(as_stored(r), write_id), r.gen) for r in records]
        return self._calls.store(puts, write_id)

    def list(self, start_after: str = "") -> Iterator[ListedRecord]:
        """Yield all records behind `start_after` in order, each shard read page by page.

        A page that the table throttles is asked for again; `Throttled` when it keeps doing so.
        """
        return listed_records(self._query, start_after)

    def read_control(self, name: str) -> ControlItem | None:
        """Return the control item as it is now, strongly consistent."""
        require_name(name)
        request = {
            "TableName": self._calls.table_name,
            "Key": control_key(name),
            "ConsistentRead": True,
        }
        item = self._calls.read("GetItem", request, name).get("Item")
        return from_control_item(item) if item else None

    def write_control(self, item: ControlItem) -> bool:
        """Store the item if it is still at the generation it was read with; False: it is not."""
        require_name(item.name)
        write_id = self._calls.new_write_id()
        stored = to_control_item(as_stored_control(item), write_id)
        return not self._calls.store([Put(item.name, stored, item.gen)], write_id)

    def list_control(self, prefix: str, start_after: str = "") -> Iterator[ControlItem]:
        """Yield the items whose names begin with `prefix` and come after `start_after`, in order.

        Throttled pages are asked for again, as in `list`.
        """
        return listed_control_items(self._query, prefix, start_after)

    def _read_chunk(self, keys: Sequence[str]) -> Sequence[Item]:
        name = self._calls.table_name
        items: list[Item] = []
        wanted = [primary_key(key) for key in keys]
        for failures in range(ATTEMPTS):
            self._calls.rest(failures)
            request = {"RequestItems": {name: {"Keys": wanted, "ConsistentRead": True}}}
            answer = self._calls.read("BatchGetItem", request, label_of(keys))
            items += answer["Responses"].get(name, [])
            wanted = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", [])
            if not wanted:
                return items
        raise Throttled("read records", label_of(keys), f"{len(wanted)} keys were left unread")

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        name = self._calls.table_name
        paged = {"TableName": name, "ConsistentRead": True, "Limit": self._page_items, **request}
        return self._calls.read_patiently("Query", paged, name)


def table_connection(
    table_name: str,
    region: str,
    endpoint_url: str | None = None,
    key_pair: tuple[str, str] | None = None,
) -> TableConnection:
    """Return pynamodb's connection to a table of records, with this module's time-outs.

    The schema is given here, so that no DescribeTable is ever sent.
    """
    access_key_id, secret_access_key = key_pair or (None, None)
    return TableConnection(
        table_name,
        region=region,
        host=endpoint_url,
        connect_timeout_seconds=_CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=_READ_TIMEOUT_SECONDS,
        max_retry_attempts=3,
        max_pool_connections=_CONNECTIONS,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        meta_table=MetaTable({"TableName": table_name, **TABLE_SCHEMA}),
    )
