"""Records in the order of their keys, out of the shards of a table.

Each shard is a partition that DynamoDB keeps sorted by the UTF-8 bytes of its sort keys; the
listing merges the shards, some hundred records of each at a time, and holds one page of each.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sync_core.model import ListedRecord
from sync_core.records.dynamodb_answers import Columns
from sync_core.records.dynamodb_item import SHARDS, no_record
from sync_core.records.dynamodb_values import Item
from sync_core.records.shown import from_shown, usual_records

PAGE_ITEMS = 2000
"""How many items one Query asks for, unless told otherwise.

Usual items have some 500 bytes, and DynamoDB ends a page at 1 MB (developer guide, "Paginating
table query results", 2025): about as much as comes at once.
"""

AHEAD_ITEMS = 256
"""So many of each shard, or about so, are merged at a time."""

Page = Columns | Sequence[Item]
"""A page of items: as texts alone, where `dynamodb_answers` could read it so."""

Query = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Sends one Query to the table, consistent and a page long, and returns DynamoDB's answer."""


def listed_records(query: Query, start_after: str = "") -> Iterator[ListedRecord]:
    """Yield the records of all shards behind `start_after`, in order."""
    return listed([shard_pages(query, shard, start_after) for shard in SHARDS])


def shard_pages(query: Query, shard: str, start_after: str) -> Iterator[Page]:
    """Yield one shard's items behind `start_after`, with no more in them than `listed` needs."""
    request = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": shard}},
        "ProjectionExpression": "sk, shown",
    }
    return pages(query, request, {"pk": shard, "sk": start_after} if start_after else None)


def listed(shards: Iterable[Iterator[Page]]) -> Iterator[ListedRecord]:
    """Yield the records of all shards, of which there are pages, in order.

    Raises `Poison` at an item that is no record.
    """
    return chain.from_iterable(_merged([_Shard(pages) for pages in shards]))


class _Shard:
    """What comes next of a shard: the rest of a page, or the next one."""

    def __init__(self, pages: Iterator[Page]) -> None:
        self._pages = pages
        self._keys: Sequence[str] = ()
        self._shown: Sequence[str] = ()
        self._start = self._end = 0

    def ahead(self) -> str | None:
        """Return the last key to be taken at a time; None when there are no more."""
        while self._start == len(self._keys):
            page = next(self._pages, None)
            if page is None:
                # The last page may have been an empty one.
                self._end = self._start
                return None
            # Most of a page waits while other shards are read: as texts, it is small, and nothing
            # that the garbage collector has to visit again and again.
            self._start, self._keys, self._shown = 0, *_columns(page)
        self._end = min(self._start + AHEAD_ITEMS, len(self._keys))
        return self._keys[self._end - 1]

    def take(self, until: str) -> Iterator[tuple[str, str]]:
        """Hand over what is shown of the keys up to this one."""
        # Even in a shard out of order, which is for a merge to see, one of them goes on.
        is_all = self._keys[self._end - 1 : self._end] == [until]
        end = self._end if is_all else bisect_right(self._keys, until, self._start, self._end)
        part, self._start = slice(self._start, end), end
        return zip(self._keys[part], self._shown[part], strict=True)


def _merged(shards: Sequence[_Shard]) -> Iterator[Iterator[ListedRecord]]:
    while ends := [end for shard in shards if (end := shard.ahead()) is not None]:
        # Python orders texts by code points, which is the order of their UTF-8 bytes.
        until = min(ends)
        # A sort finds the runs that are in order already, and merges them.
        shown = dict(chain.from_iterable([shard.take(until) for shard in shards]))
        keys = sorted(shown)
        for start in range(0, len(keys), AHEAD_ITEMS):
            part = keys[start : start + AHEAD_ITEMS]
            yield _records(part, [*map(shown.__getitem__, part)])


def _records(keys: Sequence[str], shown: Sequence[str]) -> Iterator[ListedRecord]:
    return usual_records(keys, shown) or map(_record, keys, shown)


def _record(key: str, shown: str) -> ListedRecord:
    try:
        return from_shown(key, shown)
    except ValueError as error:
        raise no_record({"sk": {"S": key}}, error) from error


def _columns(page: Page) -> Columns:
    if isinstance(page, Columns):
        return page
    return Columns([item["sk"]["S"] for item in page], [_shown(item) for item in page])


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
