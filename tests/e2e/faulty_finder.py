"""The finder's function with faults: part of the package that these tests launch.

The folder FAULTS holds `calls`, to which every call is added as a line of JSON, and `fault`: of
which round, of which range, and how it fails.
"""

# First of all, as in every handler.
import handlers.finder as real

# isort: split

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sync_core import finder, orphans
from sync_core.model import OpenUpload
from sync_core.orphans import abort_orphans
from sync_core.records.protocol import RecordStore
from sync_core.records.uploads_protocol import UploadLedger
from sync_core.storage.sync_store import SyncStore

LONGEST_HANG_SECONDS = 300


class LittleTime:
    """A context whose invocation is always about to end."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 1


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    folder = Path(os.environ["FAULTS"])
    call = [event["round"], event["task"], event.get("range", {}).get("number")]
    with (folder / "calls").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(call) + "\n")
    fault = json.loads((folder / "fault").read_text(encoding="utf-8"))
    is_later = fault and (event["round"], "later") == (fault["round"], fault["how"])
    orphans.abort_orphans = _abort_orphans_later if is_later else abort_orphans
    if fault and call == [fault["round"], "compare", fault["range"]]:
        if fault["how"] == "fail":
            raise RuntimeError("the range cannot be read")
        if fault["how"] == "hang":
            _hang(folder)
        if fault["how"] == "hurry":
            finder.CHECKPOINT_KEYS, context = 1, LittleTime(context)
    return real.handler(event, context)


def _abort_orphans_later(
    store: SyncStore,
    ledger: UploadLedger | None,
    records: RecordStore,
    now: datetime,
    days: int,
) -> list[OpenUpload]:
    """Abort orphans as if what was begun just now had been begun so many days ago."""
    return abort_orphans(store, ledger, records, now + timedelta(days=days, hours=1), days)


def _hang(folder: Path) -> None:
    """Answer no more until the fault is taken away."""
    deadline = time.monotonic() + LONGEST_HANG_SECONDS
    while json.loads((folder / "fault").read_text(encoding="utf-8")):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
