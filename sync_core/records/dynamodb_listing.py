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
from sync_core.records.shown import from_shown

PAGE_ITEMS = 1000
"""How many items one Query asks for, unless told otherwise."""

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
    for page in found:
        # Most of them wait while other shards are read: as texts, they are nothing that the garbage
        # collector has to visit again and again.
        for key, shown in [_texts(item) for item in page]:
            try:
                record = from_shown(key, shown)
            except ValueError as error:
                raise no_record({"sk": {"S": key}}, error) from error
            yield record


def _texts(item: Item) -> tuple[str, str]:
    try:
        return item["sk"]["S"], item["shown"]["S"]
    except KeyError as error:
        raise no_record(item, error) from error


def pages(
    query: Query, request: Mapping[str, Any], start_after: Mapping[str, str] | None
) -> Iterator[Sequence[Item]]:
    """Yield all pages of a query, from behind the primary key `start_after` on.

    It must satisfy the query's own condition; there need not be such an item.
    """
    start = {name: {"S": text} for name, text in start_after.items()} if start_after else None
    while True:
        answer = query({**request, **({"ExclusiveStartKey": start} if start else {})})
        yield answer["Items"]
        start = answer.get("LastEvaluatedKey")
        if not start:
            return
