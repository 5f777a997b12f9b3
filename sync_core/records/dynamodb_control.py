"""Control items as DynamoDB items, and back: pure but for the query that lists them.

pk          S  `control`                               the partition key
sk          S  the name                                the sort key
gen         N  the generation, from 1
text        S
expires_at  N  epoch seconds                           the table's time-to-live attribute
write_id    S  names the call that wrote the item
"""

from collections.abc import Iterator

from sync_core.errors import Poison
from sync_core.model import ControlItem
from sync_core.records.dynamodb_listing import Query, pages
from sync_core.records.dynamodb_values import (
    Item,
    Value,
    from_expiry,
    from_number,
    from_text,
    present,
    to_expiry,
)

CONTROL = "control"
"""The partition key of all control items."""


def control_key(name: str) -> dict[str, Value]:
    """Return the primary key of the control item with this name."""
    return {"pk": {"S": CONTROL}, "sk": {"S": name}}


def to_control_item(item: ControlItem, write_id: str) -> dict[str, Value]:
    """Return the table's item for exactly this control item, marked with `write_id`."""
    return control_key(item.name) | present(
        gen=from_number(item.gen),
        text=from_text(item.text),
        expires_at=from_expiry(item.expires_at),
        write_id=from_text(write_id),
    )


def from_control_item(item: Item) -> ControlItem:
    """Return the control item that an item of the table holds; `Poison` when it holds none."""
    try:
        return ControlItem(
            name=item["sk"]["S"],
            text=item["text"]["S"],
            gen=int(item["gen"]["N"]),
            expires_at=to_expiry(item, "expires_at"),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Poison(
            "read control item",
            str(item.get("sk", {}).get("S", "")),
            f"the table's item is no control item ({error!r}): mend or delete it",
        ) from error


def listed_control_items(query: Query, prefix: str, start_after: str) -> Iterator[ControlItem]:
    """Yield the control items whose names begin with `prefix` and come after `start_after`."""
    is_inside = start_after.startswith(prefix)
    if start_after > prefix and not is_inside:
        return
    values = {":pk": CONTROL, ":prefix": prefix} if prefix else {":pk": CONTROL}
    begins = " AND begins_with(sk, :prefix)" if prefix else ""
    request = {
        "KeyConditionExpression": f"pk = :pk{begins}",
        "ExpressionAttributeValues": {name: {"S": text} for name, text in values.items()},
    }
    start = {"pk": CONTROL, "sk": start_after} if start_after and is_inside else None
    for page in pages(query, request, start):
        yield from map(from_control_item, page)
