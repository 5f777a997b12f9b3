"""Uploads that everybody has forgotten: found by listing, and aborted once they are old enough.

A worker that dies between beginning an upload and noting it leaves one behind, whose parts cost
money for ever. Nobody goes on with an upload that was found by listing, so what is neither in a
record's intent nor open in the ledger stays forgotten, and may be aborted at any time.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice

from sync_core.model import Action, OpenUpload, Outcome, Side, SyncRecord
from sync_core.records.protocol import RecordStore
from sync_core.records.uploads_protocol import UploadLedger
from sync_core.stack import Stack
from sync_core.standing import give_up
from sync_core.storage.sync_store import SyncStore

_KEYS_AT_ONCE = 100


def abort_orphans(
    store: SyncStore,
    ledger: UploadLedger | None,
    records: RecordStore,
    now: datetime,
    days: int,
) -> list[OpenUpload]:
    """Abort the forgotten uploads to `store` that are older than so many days; return them.

    `ledger` None: no uploads are shared. `days` 0: nothing is done. Keys of our own are looked at
    too. Raises what the store, the ledger and the records raise; to repeat it is harmless.
    """
    if not days:
        return []
    # Listed before anything is aborted, which would shift the pages.
    old = [*_begun_before(now - timedelta(days=days), store.open_uploads())]
    # Read after the listing: what was noted meanwhile is known.
    shared = {upload.upload_id for upload in ledger.list()} if old and ledger else set[str]()
    aborted = []
    for batch in _batches(old):
        intended = records.read({upload.key for upload in batch})
        for orphan in orphans_among(batch, shared, intended):
            store.abort_multipart_upload(orphan.key, orphan.upload_id)
            aborted.append(orphan)
    return aborted


def orphans_among(
    uploads: Iterable[OpenUpload], shared: Collection[str], records: Mapping[str, SyncRecord]
) -> Iterator[OpenUpload]:
    """Yield the uploads that neither the ledger (`shared`) nor their key's record has."""
    for upload in uploads:
        is_intended = _is_intended(upload.upload_id, records.get(upload.key))
        if not is_intended and upload.upload_id not in shared:
            yield upload


def _is_intended(upload_id: str, record: SyncRecord | None) -> bool:
    intent = record.intent if record is not None else None
    return intent is not None and intent.upload_id == upload_id


def _begun_before(at: datetime, uploads: Iterable[OpenUpload]) -> Iterator[OpenUpload]:
    return (upload for upload in uploads if upload.initiated_at < at)


def _batches(uploads: Iterable[OpenUpload]) -> Iterator[list[OpenUpload]]:
    left = iter(uploads)
    while batch := list(islice(left, _KEYS_AT_ONCE)):
        yield batch


def end_orphans(stack: Stack, days: int) -> None:
    """Abort the forgotten uploads on both sides, and tell of each.

    And end in the ledger what the key's record has no more, at any age: the intent is written
    before an upload is entered.
    """
    ledger = stack.sharing.ledger if stack.sharing is not None else None
    for shared in [] if ledger is None else list(ledger.list()):
        record = stack.records.read([shared.key]).get(shared.key)
        if not _is_intended(shared.upload_id, record):
            give_up(stack, shared.key, shared.upload_id, "aborted")
    for side in Side:
        store = stack.sides.store(side)
        for orphan in abort_orphans(store, ledger, stack.records, stack.now(), days):
            outcome = Outcome(Action.ORPHAN_ABORTED, orphan.key, store.bucket)
            stack.context.report(outcome)
