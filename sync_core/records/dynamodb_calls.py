"""The calls to one table: errors in our words, patience, and writes that know their own traces.

Records are written by one conditional PutItem, or one TransactWriteItems for each hundred items.
One refused item cancels its whole transaction; the answer names it together with the item that
stands in its way, and the others are sent once more.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import TableConnection
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from sync_core.backoff import delay_seconds
from sync_core.errors import Throttled
from sync_core.records.dynamodb_answers import keep_json
from sync_core.records.dynamodb_errors import (
    CONDITION_FAILED,
    Reason,
    read_failure,
    reasons_of,
    write_failure,
)
from sync_core.records.dynamodb_item import write_id_of
from sync_core.records.dynamodb_values import Item

ITEMS_PER_CALL = 100
"""Most items in one BatchGetItem or TransactWriteItems (API reference, 2025)."""

ATTEMPTS = 6
"""How often a call is made before the table counts as throttled."""

_BASE_SECONDS = 0.05
_CAP_SECONDS = 1.0

_Thing = TypeVar("_Thing")

Change = Mapping[str, dict[str, Any]]
"""One conditional write: `Put` or `Update`, and its request as a transaction takes it."""


@dataclass(frozen=True, slots=True)
class Put:
    """An item to be stored if the table still holds generation `gen` of it (0: none).

    `name` is what the caller calls it: a key, or a control item's name.
    """

    name: str
    item: Item
    gen: int


class TableCalls:
    """Reads and conditional writes of one table; safe to share between threads.

    `randomness` names writes and spreads retries; `pause` waits that many seconds. `contents` is
    what errors call the items.
    """

    def __init__(
        self,
        table: TableConnection,
        randomness: random.Random,
        pause: Callable[[float], None],
        *,
        contents: str = "records",
    ) -> None:
        self._table = table
        self._contents = contents
        self._randomness = randomness
        self._pause = pause

    @property
    def table_name(self) -> str:
        """The table's name."""
        return str(self._table.table_name)

    def new_write_id(self) -> str:
        """Return a mark for the items of one call to `store`: 16 hex digits."""
        return f"{self._randomness.getrandbits(64):016x}"

    def read(self, operation: str, request: dict[str, Any], label: str) -> dict[str, Any]:
        """Make one call that changes nothing; `label` stands for the keys in errors."""
        connection = self._table.connection
        try:
            keep_json(connection.client)
            return connection.dispatch(operation, request)
        except (ClientError, BotoCoreError) as error:
            context = (f"read {self._contents}", label)
            raise read_failure(_original(error), context, self.table_name) from error

    def read_patiently(self, operation: str, request: dict[str, Any], label: str) -> dict[str, Any]:
        """Make one call that changes nothing, again and again while the table is throttled."""
        for failures in range(1, ATTEMPTS):
            try:
                return self.read(operation, request, label)
            except Throttled:
                self.rest(failures)
        return self.read(operation, request, label)

    def write(self, changes: Sequence[Change], label: str) -> Sequence[Reason]:
        """Make all changes or none: return no reasons, or one for each change."""
        dispatch = self._table.connection.dispatch
        try:
            if len(changes) == 1:
                ((kind, request),) = changes[0].items()
                dispatch(f"{kind}Item", request)
            else:
                dispatch("TransactWriteItems", {"TransactItems": changes})
        except (ClientError, BotoCoreError) as error:
            original = _original(error)
            reasons = reasons_of(original) if isinstance(original, ClientError) else None
            if reasons is None:
                context = (f"write {self._contents}", label)
                raise write_failure(original, context, self.table_name) from error
            return reasons
        return []

    def write_patiently(
        self, changes: Sequence[Change], label: str, attempts: int = ATTEMPTS
    ) -> Sequence[Reason]:
        """Make all changes or none, again and again while other writes are in the way.

        Returns no reasons, or one for each change, at least one of them a condition that does not
        hold; `Throttled` when other writes are still in the way at the last attempt.
        """
        for failures in range(1, attempts):
            try:
                return self._write_decided(changes, label)
            except Throttled:
                self.rest(failures)
        return self._write_decided(changes, label)

    def store(self, puts: Sequence[Put], write_id: str) -> frozenset[str]:
        """Store what is still at its generation; return the names of what is not.

        All items bear the mark `write_id`. Writes that collide with another transaction are
        repeated; `Throttled` when they keep colliding.
        """
        refused: set[str] = set()
        for chunk in chunks(puts):
            refused |= self._store_chunk(list(chunk), write_id)
        return frozenset(refused)

    def rest(self, failures: int) -> None:
        """Wait before the next try, after so many failures in a row (0: do not)."""
        if failures:
            spread = self._randomness.random()
            self._pause(
                delay_seconds(
                    failures, base_seconds=_BASE_SECONDS, cap_seconds=_CAP_SECONDS, spread=spread
                )
            )

    def _store_chunk(self, pending: list[Put], write_id: str) -> set[str]:
        refused: set[str] = set()
        failures = 0
        while pending and failures < ATTEMPTS:
            self.rest(failures)
            changes = [{"Put": self._put_request(put)} for put in pending]
            reasons = self.write(changes, label_of([put.name for put in pending]))
            if not reasons:
                return refused
            decided = _decided(pending, reasons)
            # The client repeats a write whose answer was lost; the second one then fails on the
            # first one's item. An item with this call's id in it was stored by this call.
            refused |= {name for name, item in decided.items() if write_id_of(item) != write_id}
            pending = [put for put in pending if put.name not in decided]
            failures += not decided
        if pending:
            cause = f"{len(pending)} writes kept colliding with other transactions"
            raise Throttled(
                f"write {self._contents}", label_of([put.name for put in pending]), cause
            )
        return refused

    def _write_decided(self, changes: Sequence[Change], label: str) -> Sequence[Reason]:
        reasons = self.write(changes, label)
        if reasons and not any(reason["Code"] == CONDITION_FAILED for reason in reasons):
            cause = "it kept colliding with other transactions"
            raise Throttled(f"write {self._contents}", label, cause)
        return reasons

    def _put_request(self, put: Put) -> dict[str, Any]:
        return self._table.get_operation_kwargs(
            put.item["pk"]["S"],
            put.item["sk"]["S"],
            key="Item",
            attributes=put.item,
            condition=_still_at(put.gen),
            return_values_on_condition_failure="ALL_OLD",
        )


def label_of(names: Sequence[str]) -> str:
    """Return what stands for several names in an error."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def chunks(things: Sequence[_Thing]) -> Iterator[Sequence[_Thing]]:
    """Yield as many at a time as one call takes."""
    for start in range(0, len(things), ITEMS_PER_CALL):
        yield things[start : start + ITEMS_PER_CALL]


def _still_at(gen: int) -> Condition:
    return Path("gen") == {"N": str(gen)} if gen else Path("pk").does_not_exist()


def _decided(puts: Sequence[Put], reasons: Sequence[Reason]) -> dict[str, Item]:
    """Return, by name, the stored items that stand in the way."""
    return {
        put.name: reason.get("Item") or {}
        for put, reason in zip(puts, reasons, strict=True)
        if reason["Code"] == CONDITION_FAILED
    }


def _original(error: ClientError | BotoCoreError) -> ClientError | BotoCoreError:
    # pynamodb raises a ClientError of its own without the HTTP status and the old item, and chains
    # botocore's, which has both.
    return error.__cause__ if isinstance(error.__cause__, ClientError) else error
