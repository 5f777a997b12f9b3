"""One round of the finder against the servers of a benchmark; its report goes to the output."""

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import synthetic
from boto3.session import Session

from sync_core.finder import Finder
from sync_core.model import Outcome, Site, SitePair
from sync_core.records.dynamodb import DynamoDBRecordStore
from sync_core.stack import Context, Settings, Sides, Stack
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, s3_clients

_REGION = "us-east-1"
_KEY_PAIR = ("AKIAIOSFODNN7EXAMPLE", "secret")


class Refused:
    """The queue of two sides that are the same: nothing is ever sent to it."""

    def send_many(self, bodies: Sequence[str]) -> None:
        """Fail: every key is in sync."""
        raise AssertionError(f"not in sync: {bodies[:3]}")


def store(session: Session, side: str, url: str) -> S3ObjectStore:
    """Return one side's bucket."""
    clients = s3_clients(session, _REGION, access_key=AccessKey(*_KEY_PAIR), endpoint_url=url)
    return S3ObjectStore(synthetic.BUCKETS[side], lambda: clients)


def ignore(_: Outcome) -> None:
    """Take no notice: a finder has no outcomes."""


def main() -> None:
    """Run the round."""
    parser = argparse.ArgumentParser(description=__doc__)
    for server in ("own", "peer", "table"):
        parser.add_argument(server, help=f"URL of the server {server}")
    asked = parser.parse_args()
    pair = SitePair(
        own=Site("a", synthetic.BUCKETS["own"], _REGION),
        peer=Site("b", synthetic.BUCKETS["peer"], _REGION),
    )
    records = DynamoDBRecordStore.connect(
        synthetic.TABLE, _REGION, endpoint_url=asked.table, key_pair=_KEY_PAIR
    )
    session = Session()
    with ThreadPoolExecutor(1) as executor:
        stack = Stack(
            Sides(pair, store(session, "own", asked.own), store(session, "peer", asked.peer)),
            records,
            Settings(frozenset()),
            Context(lambda: datetime.now(UTC), lambda: "0" * 16, executor, executor, ignore),
        )
        # What has been made so far stays to the end; the collector need not visit it ever again.
        gc.freeze()
        report = Finder(stack, Refused(), "bench").run()
    json.dump({"scanned": report.scanned, "in_sync": report.equal}, sys.stdout)


if __name__ == "__main__":
    main()
