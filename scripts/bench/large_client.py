"""One worker's way with large objects, all in one batch, from a benchmark's source to its sink."""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count

from boto3.session import Session

from scripts.bench.large_objects import BUCKETS, keys
from sync_core.events.job import job_body
from sync_core.model import Action, Outcome, Site, SitePair
from sync_core.pipeline import Pipeline
from sync_core.queues.protocol import Message
from sync_core.records.memory import MemoryRecordStore
from sync_core.stack import Context, Settings, Sides, Stack
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, s3_clients

_REGION = "us-east-1"
_KEY_PAIR = AccessKey("AKIAIOSFODNN7EXAMPLE", "secret")


def store(session: Session, name: str, url: str) -> S3ObjectStore:
    """Return one server's bucket."""
    clients = s3_clients(session, _REGION, access_key=_KEY_PAIR, endpoint_url=url)
    return S3ObjectStore(BUCKETS[name], lambda: clients)


def nonces() -> Callable[[], str]:
    """Return what gives a new nonce each time."""
    numbers = count(1)
    return lambda: f"{next(numbers):016x}"


def main() -> None:
    """Have the objects copied; print OK, or what happened instead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="URL of the source")
    parser.add_argument("sink", help="URL of the sink")
    parser.add_argument("--objects", type=int, required=True)
    parser.add_argument("--parts", type=int, default=16, help="how many travel at once")
    asked = parser.parse_args()
    pair = SitePair(
        own=Site("a", BUCKETS["source"], _REGION), peer=Site("b", BUCKETS["sink"], _REGION)
    )
    session = Session()
    outcomes: list[Outcome] = []
    with (
        ThreadPoolExecutor(asked.objects) as executor,
        ThreadPoolExecutor(asked.parts) as part_executor,
    ):
        stack = Stack(
            Sides(pair, store(session, "source", asked.source), store(session, "sink", asked.sink)),
            MemoryRecordStore(),
            Settings(frozenset()),
            Context(
                lambda: datetime.now(UTC),
                nonces(),
                executor,
                part_executor,
                outcomes.append,
            ),
        )
        messages = [Message(key, job_body(key), key) for key in keys(asked.objects)]
        settled = Pipeline(stack).run(messages)
    copied = [outcome for outcome in outcomes if outcome.action is Action.OBJECT_COPIED]
    errors = [settlement.error for settlement in settled if settlement.error is not None]
    if len(copied) != asked.objects or errors:
        sys.exit(f"only {len(copied)} of {asked.objects} objects were copied: {outcomes} {errors}")
    sys.stdout.write("OK\n")


if __name__ == "__main__":
    main()
