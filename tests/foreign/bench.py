"""A store of somebody else's, as the contract suite wants to have it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from sync_core.model import Ability
from sync_core.storage.dialects import Dialect
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import S3Clients
from sync_core.storage.sync_store import SyncStore
from sync_core.storage.untagged import without_tags
from sync_core.storage.weak import strengthened
from tests.foreign.kinds import Kind
from tests.object_benches import HEADERS, Bench, Raw, cramped, s3_bench


def foreign_bench(clients: S3Clients, client: Any, kind: Kind) -> Bench:
    """Give a store over an empty bucket, opened as a deployment opens one that can do so much.

    `client` is boto3's own, for the back door.
    """
    dialect, capabilities = kind.dialect, kind.capabilities
    made = s3_bench(clients, client, lambda: "nobody")
    numbers = map(str, count(1))

    def store(bucket: str, speaking: Dialect = dialect) -> SyncStore:
        whole: SyncStore = S3ObjectStore(bucket, lambda: clients, speaking)
        if kind.hides_tags:
            whole = without_tags(whole)
        now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731 - a clock
        return strengthened(whole, capabilities, now, lambda: next(numbers))

    def raw(key: str) -> Raw | None:
        try:
            response = client.get_object(Bucket=made.store.bucket, Key=key)
        except client.exceptions.NoSuchKey:
            return None
        headers = response["ResponseMetadata"]["HTTPHeaders"]
        return Raw(
            response["Body"].read(),
            {header: headers[header] for header in HEADERS if header in headers},
            response["Metadata"],
            _tags(client, made.store.bucket, key) if dialect.says(Ability.HAS_TAGS) else {},
        )

    return replace(
        made,
        store=store(made.store.bucket),
        raw=raw,
        missing=store(f"missing-{uuid4().hex[:12]}"),
        cramped=store(made.store.bucket, cramped(dialect)),
        neighbour=store(made.neighbour.bucket),
    )


def _tags(client: Any, bucket: str, key: str) -> dict[str, str]:
    tag_set = client.get_object_tagging(Bucket=bucket, Key=key).get("TagSet", [])
    return {tag["Key"]: tag["Value"] for tag in tag_set}
