"""The ledger of shared uploads in a table of its own in DynamoDB.

All uploads are in one partition, so that a listing is one Query, and each upload's runs in one of
their own (see `uploads_item`). A run is counted by one transaction: its item must be new, and the
upload must not have ended. So a run counts once, whoever repeats the write and why.
"""

import random
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Self

from sync_core.errors import Unavailable
from sync_core.model import SharedUpload, UploadedPart
from sync_core.records.dynamodb import table_connection
from sync_core.records.dynamodb_calls import Change, TableCalls
from sync_core.records.dynamodb_item import write_id_of
from sync_core.records.dynamodb_listing import PAGE_ITEMS, pages
from sync_core.records.dynamodb_values import (
    Item,
    Value,
    from_instant,
    from_number,
    from_text,
    present,
)
from sync_core.records.uploads_item import (
    RUN_PREFIX,
    UPLOADS,
    ended_expiry,
    from_run_item,
    from_run_key,
    from_upload_item,
    run_key,
    to_run_item,
    to_upload_item,
    upload_key,
)

CONTENTS = "uploads"
"""What errors call the items of the ledger."""

NOTE_ATTEMPTS = 20
"""How often it is tried to count a run, for ten seconds or so: its parts took longer to send.

All workers of an upload count in one item, and of transactions on one item that meet DynamoDB
cancels all but one (developer guide, "Transaction conflict handling in DynamoDB", 2025).
"""

_IS_OPEN = "attribute_exists(sk) AND attribute_not_exists(ended)"


class DynamoDBUploadLedger:
    """An `UploadLedger` in one table of `dynamodb.TABLE_SCHEMA`; safe to share between threads.

    The table's time-to-live attribute is `expires_at`; `page_items` is how many items a Query asks
    for. A table that is missing raises `ConfigError`, an item that is none of ours `Poison`.
    """

    def __init__(self, calls: TableCalls, *, page_items: int = PAGE_ITEMS) -> None:
        self._calls = calls
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
        """Return the ledger in a table, given as `DynamoDBRecordStore.connect` takes it."""
        table = table_connection(table_name, region, endpoint_url, key_pair)
        return cls(TableCalls(table, random.SystemRandom(), time.sleep, contents=CONTENTS))

    def open(self, upload: SharedUpload) -> SharedUpload:
        """Enter an upload, or return what is there.

        `Unavailable` in the instant in which DynamoDB forgets what has been there.
        """
        entry = self._put(to_upload_item(upload))
        if not self._calls.write_patiently([entry], upload.upload_id):
            return upload
        # Refused, the upload is there: entered before, maybe by this call, whose answer was lost.
        found = self.read(upload.upload_id)
        if found is None:
            raise Unavailable("open upload", upload.upload_id, "it is being forgotten: try again")
        return found

    def read(self, upload_id: str) -> SharedUpload | None:
        """Return the upload as it is now, strongly consistent."""
        item = self._item(upload_key(upload_id), upload_id)
        return from_upload_item(item) if item else None

    def note(
        self, upload_id: str, run: int, parts: Sequence[UploadedPart], at: datetime
    ) -> SharedUpload | None:
        """Count the parts of a run, once; return the upload as it is then.

        Writes that collide with those of other workers are repeated, `NOTE_ATTEMPTS` times at most;
        then `Throttled`. When it raises, the run may have been counted.
        """
        counted = self._update(
            upload_id,
            "SET done_parts = done_parts + :parts, done_bytes = done_bytes + :bytes, "
            "changed_at = :at",
            _IS_OPEN,
            parts=from_number(len(parts)),
            bytes=from_number(sum(part.size_bytes for part in parts)),
            at=from_instant(at),
        )
        entry = self._put(to_run_item(upload_id, run, parts, at))
        self._calls.write_patiently([entry, counted], f"{upload_id} run {run}", NOTE_ATTEMPTS)
        # Whichever condition did not hold, the upload itself tells what to say.
        found = self.read(upload_id)
        return None if found is None or found.ended is not None else found

    def claim(self, upload: SharedUpload, at: datetime) -> bool:
        """Set `changed_at`, if it is still `upload.changed_at` and the upload has not ended."""
        return self._mark(
            upload.upload_id,
            "SET changed_at = :at, write_id = :write_id",
            f"{_IS_OPEN} AND changed_at = :known",
            at=from_instant(at),
            known=from_instant(upload.changed_at),
        )

    def note_split(self, upload_id: str, at: datetime) -> None:
        """Note that a message for each missing run was sent."""
        self._mark(
            upload_id,
            "SET changed_at = :at, is_split = :split, write_id = :write_id",
            _IS_OPEN,
            at=from_instant(at),
            split={"BOOL": True},
        )

    def has_run(self, upload_id: str, run: int) -> bool:
        """Tell whether a run was counted: one GetItem, strongly consistent."""
        return self._item(run_key(upload_id, run), f"{upload_id} run {run}") is not None

    def runs(self, upload_id: str) -> frozenset[int]:
        """Return the runs that were counted, read page by page."""
        items = self._run_items(upload_id, ProjectionExpression="sk")
        return frozenset(from_run_key(item) for item in items)

    def parts(self, upload_id: str) -> Sequence[UploadedPart]:
        """Return the parts of all runs that were counted, by number; read page by page."""
        items = self._run_items(upload_id)
        found = [part for item in items for part in from_run_item(item)]
        return sorted(found, key=lambda part: part.number)

    def end(self, upload_id: str, how: str, at: datetime) -> bool:
        """Note how the upload ended, once; DynamoDB forgets it `ENDED_DAYS` later."""
        return self._mark(
            upload_id,
            "SET ended = :how, ended_at = :at, expires_at = :expiry, write_id = :write_id",
            _IS_OPEN,
            how=from_text(how),
            at=from_instant(at),
            expiry=ended_expiry(at),
        )

    def list(self) -> Iterator[SharedUpload]:
        """Yield the uploads that have not ended, page by page."""
        filtered = {"FilterExpression": "attribute_not_exists(ended)"}
        for item in self._items("pk = :pk", {":pk": {"S": UPLOADS}}, filtered):
            yield from_upload_item(item)

    def _mark(
        self, upload_id: str, expression: str, condition: str, **values: Value | None
    ) -> bool:
        """Update the upload; tell whether this call did, also when its answer was lost."""
        write_id = self._calls.new_write_id()
        change = self._update(
            upload_id, expression, condition, write_id=from_text(write_id), **values
        )
        reasons = self._calls.write_patiently([change], upload_id)
        return all(write_id_of(reason.get("Item") or {}) == write_id for reason in reasons)

    def _item(self, key: Item, label: str) -> Item | None:
        request = {"TableName": self._calls.table_name, "Key": key, "ConsistentRead": True}
        item: Item | None = self._calls.read_patiently("GetItem", request, label).get("Item")
        return item

    def _put(self, item: Item) -> Change:
        return {
            "Put": {
                "TableName": self._calls.table_name,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(sk)",
            }
        }

    def _update(
        self, upload_id: str, expression: str, condition: str, **values: Value | None
    ) -> Change:
        return {
            "Update": {
                "TableName": self._calls.table_name,
                "Key": upload_key(upload_id),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": {
                    f":{name}": value for name, value in present(**values).items()
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _run_items(self, upload_id: str, **options: str) -> Iterator[Item]:
        values: dict[str, Value] = {":pk": {"S": upload_id}, ":runs": {"S": RUN_PREFIX}}
        return self._items("pk = :pk AND begins_with(sk, :runs)", values, options)

    def _items(
        self, condition: str, values: dict[str, Value], options: dict[str, str]
    ) -> Iterator[Item]:
        request = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            **options,
        }
        for page in pages(self._query, request, None):
            yield from page

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        name = self._calls.table_name
        paged = {"TableName": name, "ConsistentRead": True, "Limit": self._page_items, **request}
        return self._calls.read_patiently("Query", paged, name)
