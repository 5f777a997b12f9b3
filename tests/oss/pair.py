"""Two started deployments on one bench: side a in memory as S3, side b at a local OSS."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from boto3.session import Session

from sync_core.routing import OWN_PREFIX
from sync_core.stack import Stack
from sync_core.storage.dialects import OSS
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, s3_clients
from tests.object_benches import closing
from tests.oss.contents import Event
from tests.oss.happening import REGION
from tests.oss.server import OssServer, oss_server
from tests.oss.signatures import RamUser
from tests.two_stacks import Kind, TwoStacks


class OssStacks(TwoStacks):
    """Stacks whose side b is at `oss`, where both are the RAM user `dedicated`.

    `user` is who writes there otherwise; `oss_writes` are the keys that the stacks have changed.
    Time is the server's own, and what has passed besides.
    """

    passed = timedelta()
    users: dict[str, Any]

    def __init__(self, oss: OssServer, dedicated: RamUser, user: RamUser, undo: ExitStack) -> None:
        self.oss, self.dedicated, self.user = oss, dedicated, user
        self.events: list[Event] = []
        oss.new_bucket("bucket-b", self._told)
        self._at_oss = {each: undo.enter_context(_store(oss, each)) for each in (dedicated, user)}
        super().__init__(Kind(one_put_bytes=256 * 1024))
        self.users = {**self.users, "b": self._at_oss[user]}

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.passed

    def pass_time(self, seconds: float) -> None:
        self.passed += timedelta(seconds=seconds)

    def stores(self, side: str) -> tuple[Any, Any]:
        at_oss = self._at_oss[self.dedicated]
        own, peer = super().stores(side)
        return (own, at_oss) if side == "a" else (at_oss, peer)

    def stack(self, side: str) -> Stack:
        made = super().stack(side)
        if side == "a":
            return made
        echoes = frozenset({self.dedicated.user_id})
        return replace(made, settings=replace(made.settings, echo_principals=echoes))

    def writes(self, key: str) -> int:
        """Return how often a key was changed on either side by a stack."""
        return self.sync_writes[key] + self.oss.writers("bucket-b", key).count(
            self.dedicated.user_id
        )

    def trash(self) -> list[str]:
        """Return the keys at OSS of what is kept there."""
        return [each.key for each in self.users["b"].list(f"{OWN_PREFIX}trash/")]

    def _told(self, event: Event) -> None:
        self.events.append(event)
        self.queues["b"].send(json.dumps({"events": [event]}))


@contextmanager
def oss_stacks(*, one_user: bool = False) -> Iterator[OssStacks]:
    """Give a bench; with `one_user` the stacks use the key pair of the account's own user."""
    with ExitStack() as undo:
        server = undo.enter_context(oss_server())
        dedicated = server.new_user()
        user = dedicated if one_user else server.new_user()
        yield OssStacks(server, dedicated, user, undo)


@contextmanager
def _store(oss: OssServer, user: RamUser) -> Iterator[S3ObjectStore]:
    key = AccessKey(user.access_key_id, user.secret_access_key)
    made = s3_clients(Session(), REGION, access_key=key, endpoint_url=oss.url, dialect=OSS)
    with closing(made) as clients:
        yield S3ObjectStore("bucket-b", lambda: clients, OSS)
