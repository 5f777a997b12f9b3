"""Records in the order of their keys, out of the shards of a table.

Each shard is a partition that DynamoDB keeps sorted by the UTF-8 bytes of its sort keys; the
listing merges the shards, page by page, and holds one page of each.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sync_core.model import ListedRecord
from sync_core.records.dynamodb_item import SHARDS, no_record
from sync_core.records.dynamodb_values import Item
from sync_core.records.shown import from_shown, usual_records

PAGE_ITEMS = 2000
"""How many items one Query asks for, unless told otherwise.

Usual items have some 500 bytes, and DynamoDB ends a page at 1 MB (developer guide, "Paginating
table query results", 2025): about as much as comes at once.
"""

Query = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Sends one Query to the table, consistent and a page long, and returns DynamoDB's answer."""


def listed_records(query: Query, start_after: str = "") -> Iterator[ListedRecord]:
    """Yield the records of all shards behind `start_after`, in order."""
    shards = (listed(shard_pages(query, shard, start_after)) for shard in SHARDS)
    # Python orders texts by code points, which is the order of their UTF-8 bytes.
    return heapq.merge(*shards, key=itemgetter(0))


def shard_pages(query: Query, shard: str, start_after: str) -> Iterator[Sequence[Item]]:
    """Yield one shard's items behind `start_after`, with no more in them than `listed` needs."""
    request = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": shard}},
        "ProjectionExpression": "sk, shown",
    }
    return pages(query, request, {"pk": shard, "sk": start_after} if start_after else None)


def listed(found: Iterable[Sequence[Item]]) -> Iterator[ListedRecord]:
    """Yield the records of some pages; raises `Poison` at an item that is no record."""
    for keys, shown in map(_columns, found):
        yield from _records(keys, shown)


def _records(keys: Sequence[str], shown: Sequence[str]) -> Iterator[ListedRecord]:
    return usual_records(keys, shown) or map(_record, keys, shown)


def _record(key: str, shown: str) -> ListedRecord:
    try:
        return from_shown(key, shown)
    except ValueError as error:
        raise no_record({"sk": {"S": key}}, error) from error


def _columns(page: Sequence[Item]) -> tuple[Sequence[str], Sequence[str]]:
    # Most of a page waits while other shards are read: as texts, it is small, and nothing that the
    # garbage collector has to visit again and again.
    return [item["sk"]["S"] for item in page], [_shown(item) for item in page]


def _shown(item: Item) -> str:
    try:
        text: str = item["shown"]["S"]
    except KeyError as error:
        raise no_record(item, error) from error
    return text


def pages(
    query: Query, request: Mapping[str, Any], start_after: Mapping[str, str] | None
) -> Iterator[Sequence[Item]]:
    """Yield all pages of a query, from behind the primary key `start_after` on.

    It must satisfy the query's own condition; there need not be such an item.
    """
    start = {name: {"S": text} for name, text in start_after.items()} if start_after else None
    while True:
        answer = dict(query({**request, **({"ExclusiveStartKey": start} if start else {})}))
        start = answer.get("LastEvaluatedKey")
        # Whoever takes the page decides how long it stays in memory.
        yield answer.pop("Items")
        if not start:
            return
