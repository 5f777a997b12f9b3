"""Records in a DynamoDB table, through pynamodb's connection to one table.

A read is one BatchGetItem for each hundred keys; a write is one conditional PutItem, or one
TransactWriteItems for each hundred records. One refused record cancels its whole transaction; the
answer names it together with the item that stands in its way, and the others are sent once more.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from sync_core.backoff import delay_seconds
from sync_core.errors import Throttled
from sync_core.model import SyncRecord
from sync_core.records.dynamodb_errors import (
    CONDITION_FAILED,
    Reason,
    read_failure,
    reasons_of,
    write_failure,
)
from sync_core.records.dynamodb_item import (
    Item,
    from_item,
    partition_key,
    to_item,
    write_id_of,
)
from sync_core.records.stored import as_stored, require_distinct_keys

ITEMS_PER_CALL = 100
"""Most items in one BatchGetItem or TransactWriteItems (API reference, 2025)."""

_ATTEMPTS = 6
_BASE_SECONDS = 0.05
_CAP_SECONDS = 1.0
_CONNECT_TIMEOUT_SECONDS = 5
_READ_TIMEOUT_SECONDS = 10
_CONNECTIONS = 32

_Thing = TypeVar("_Thing")


class DynamoDBRecordStore:
    """A `RecordStore` in one table; safe to share between threads.

    The table has the string partition key `pk` and nothing else in its schema; its time-to-live
    attribute is `expires_at` (see `dynamodb_item`). `randomness` names writes and spreads retries;
    `pause` waits that many seconds. A table that is missing raises `ConfigError`, an item that is
    no record `Poison`.
    """

    def __init__(
        self,
        table: TableConnection,
        *,
        randomness: random.Random | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._randomness = randomness or random.SystemRandom()
        self._pause = pause

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
        items = (item for chunk in _chunks(distinct) for item in self._read_chunk(chunk))
        return {record.key: record for record in map(from_item, items)}

    def write(self, records: Sequence[SyncRecord]) -> frozenset[str]:
        """Store what is still at the generation it was read with; return the refused keys.

        Writes that collide with another transaction are repeated; `Throttled` when they keep
        colliding. When it raises, any of the records may have been stored.
        """
        require_distinct_keys(records)
        write_id = f"{self._randomness.getrandbits(64):016x}"
        refused: set[str] = set()
        for chunk in _chunks(records):
            refused |= self._write_chunk(list(chunk), write_id)
        return frozenset(refused)

    def _read_chunk(self, keys: Sequence[str]) -> list[Item]:
        name = self._table.table_name
        items: list[Item] = []
        wanted = [{"pk": {"S": partition_key(key)}} for key in keys]
        for failures in range(_ATTEMPTS):
            self._rest(failures)
            answer = self._batch_get(wanted, keys)
            items += answer["Responses"].get(name, [])
            wanted = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", [])
            if not wanted:
                return items
        raise Throttled("read records", _label(keys), f"{len(wanted)} keys were left unread")

    def _batch_get(self, wanted: list[dict[str, Any]], keys: Sequence[str]) -> dict[str, Any]:
        name = self._table.table_name
        request = {"RequestItems": {name: {"Keys": wanted, "ConsistentRead": True}}}
        try:
            return self._table.connection.dispatch("BatchGetItem", request)
        except (ClientError, BotoCoreError) as error:
            raise read_failure(_original(error), _label(keys), name) from error

    def _write_chunk(self, pending: list[SyncRecord], write_id: str) -> set[str]:
        refused: set[str] = set()
        failures = 0
        while pending and failures < _ATTEMPTS:
            self._rest(failures)
            reasons = self._put(pending, write_id)
            if not reasons:
                return refused
            decided = _decided(pending, reasons)
            # The client repeats a write whose answer was lost; the second one then fails on the
            # first one's item. An item with this call's id in it was stored by this call.
            refused |= {key for key, item in decided.items() if write_id_of(item) != write_id}
            pending = [record for record in pending if record.key not in decided]
            failures += not decided
        if pending:
            cause = f"{len(pending)} writes kept colliding with other transactions"
            raise Throttled("write records", _label([r.key for r in pending]), cause)
        return refused

    def _put(self, records: Sequence[SyncRecord], write_id: str) -> Sequence[Reason]:
        """Store all or nothing: return no reasons, or one for each record."""
        puts = [self._put_request(record, write_id) for record in records]
        try:
            if len(puts) == 1:
                self._table.connection.dispatch("PutItem", puts[0])
            else:
                request = {"TransactItems": [{"Put": put} for put in puts]}
                self._table.connection.dispatch("TransactWriteItems", request)
        except (ClientError, BotoCoreError) as error:
            original = _original(error)
            reasons = reasons_of(original) if isinstance(original, ClientError) else None
            if reasons is None:
                key = _label([record.key for record in records])
                raise write_failure(original, key, self._table.table_name) from error
            return reasons
        return []

    def _put_request(self, record: SyncRecord, write_id: str) -> dict[str, Any]:
        item = to_item(as_stored(record), write_id)
        return self._table.get_operation_kwargs(
            item["pk"]["S"],
            key="Item",
            attributes=item,
            condition=_still_at(record.gen),
            return_values_on_condition_failure="ALL_OLD",
        )

    def _rest(self, failures: int) -> None:
        if failures:
            spread = self._randomness.random()
            self._pause(
                delay_seconds(
                    failures, base_seconds=_BASE_SECONDS, cap_seconds=_CAP_SECONDS, spread=spread
                )
            )


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
        meta_table=MetaTable(
            {
                "TableName": table_name,
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            }
        ),
    )


def _still_at(gen: int) -> Condition:
    return Path("gen") == {"N": str(gen)} if gen else Path("pk").does_not_exist()


def _decided(records: Sequence[SyncRecord], reasons: Sequence[Reason]) -> dict[str, Item]:
    """Return, by key, the stored items that stand in the way of their records."""
    return {
        record.key: reason.get("Item") or {}
        for record, reason in zip(records, reasons, strict=True)
        if reason["Code"] == CONDITION_FAILED
    }


def _original(error: ClientError | BotoCoreError) -> ClientError | BotoCoreError:
    # pynamodb raises a ClientError of its own without the HTTP status and the old item, and chains
    # botocore's, which has both.
    return error.__cause__ if isinstance(error.__cause__, ClientError) else error


def _label(keys: Sequence[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1} more"


def _chunks(things: Sequence[_Thing]) -> Iterator[Sequence[_Thing]]:
    for start in range(0, len(things), ITEMS_PER_CALL):
        yield things[start : start + ITEMS_PER_CALL]
