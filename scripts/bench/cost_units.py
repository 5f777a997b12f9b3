"""How many billed pieces one request comes to, by the rules of its service. Pure."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from scripts.bench.cost_naming import Exchange, Unnamed

SQS_CHUNK_BYTES = 64 * 1024
"""Each 64 KB of a request's payload is billed as one request (Amazon SQS pricing, 2026)."""

WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
"""What a write and a strongly consistent read request unit are enough for; half a read unit where
it is eventually consistent, two write units in a transaction (DynamoDB developer guide, "Read and
write request units", 2025)."""

Sizes = MutableMapping[tuple[str, str], int]
"""The size in bytes of each item as last written, by its table and its primary key."""


def sqs_units(exchange: Exchange) -> int:
    """Return the billed requests; what is around the payload counts as payload here."""
    largest = max(len(exchange.request), len(exchange.answer))
    return max(1, math.ceil(largest / SQS_CHUNK_BYTES))


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return the size of an item as DynamoDB counts it, in its JSON form.

    Developer guide, "DynamoDB item sizes and formats" (2025): names and strings by their UTF-8
    bytes, a number by about half of its digits and one byte, a list or map by 3 bytes and 1 for
    each of its elements.
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def write_units(operation: str, exchange: Exchange, sizes: Sizes) -> int:
    """Return the write request units of PutItem or TransactWriteItems, and note the items' sizes.

    An item is billed by its size before or after, whichever is larger, and when it is refused too.
    """
    body = json.loads(exchange.request)
    transact = operation == "TransactWriteItems"
    puts = _transacted(body) if transact else [body]
    units = 0
    for put in puts:
        name = (str(put["TableName"]), json.dumps([put["Item"].get("pk"), put["Item"].get("sk")]))
        size = item_bytes(put["Item"])
        units += _blocks(max(size, sizes.get(name, 0)), WRITE_UNIT_BYTES)
        if exchange.status == 200:  # noqa: PLR2004 - HTTP's own number
            sizes[name] = size
    return units * (2 if transact else 1)


def read_units(operation: str, exchange: Exchange) -> float:
    """Return the read request units of GetItem, BatchGetItem or Query.

    An item that is not there is billed as the smallest one. A query is billed by the sum of what it
    returns, for it filters nothing out.
    """
    return _READS[operation](json.loads(exchange.request), json.loads(exchange.answer or b"{}"))


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    sized = _VALUES.get(kind)
    if sized is None:
        raise Unnamed(f"no size is known for DynamoDB's type {kind}")
    return sized(content)


_VALUES: Mapping[str, Callable[[Any], int]] = {
    "S": lambda text: len(text.encode()),
    "N": lambda digits: math.ceil(len(digits.strip("-").replace(".", "")) / 2) + 1,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda texts: sum(len(text.encode()) for text in texts),
    "L": lambda values: 3 + sum(1 + _value_bytes(value) for value in values),
    "M": lambda item: 3 + len(item) + item_bytes(item),
}


def _transacted(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for action in body["TransactItems"]:
        if set(action) != {"Put"}:
            raise Unnamed(f"no units are known for {sorted(action)} in TransactWriteItems")
        yield action["Put"]


def _blocks(size: int, block: int) -> int:
    return max(1, math.ceil(size / block))


def _unit(request: Mapping[str, Any]) -> float:
    return 1 if request.get("ConsistentRead") else 0.5


def _of_get(request: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    return _unit(request) * _blocks(item_bytes(answer.get("Item", {})), READ_UNIT_BYTES)


def _of_batch(request: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    units = 0.0
    for table, asked in request["RequestItems"].items():
        found = answer.get("Responses", {}).get(table, [])
        blocks = sum(_blocks(item_bytes(item), READ_UNIT_BYTES) for item in found)
        units += _unit(asked) * (blocks + len(asked["Keys"]) - len(found))
    return units


def _of_query(request: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    found = sum(item_bytes(item) for item in answer.get("Items", []))
    return _unit(request) * _blocks(found, READ_UNIT_BYTES)


_READS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], float]] = {
    "GetItem": _of_get,
    "BatchGetItem": _of_batch,
    "Query": _of_query,
}
