"""Acts a story out on a running local cloud: two users at once, one on either side."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

from sync_core.local.observe import Observer, Tally, WatchedSite
from sync_core.local.ready_file import ReadyCloud
from sync_core.local.user import User
from sync_core.local.workload import SIDES, Operation, SideName, Story

QUIET_DEADLINE_SECONDS = 600.0
SHOW_SECONDS = 0.5
"""Progress is shown so often: counting objects takes the emulator away from the workers."""

_MEETING_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class SideProgress:
    """What can be seen of one side at a moment; `transfers` are those it has received."""

    objects: int
    queue_depth: int
    transfers: int
    echoes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the demonstration has come: `done` of `total` operations, and both sides."""

    doing: str
    done: int
    total: int
    sides: Mapping[str, SideProgress]


@dataclass(frozen=True, slots=True)
class SideResult:
    """What happened to one side: by its user (see `User.done`), and by its peer's worker."""

    bucket: str
    done: Mapping[str, int]
    transfers: int
    repeated_transfers: int
    conflicts: int
    queue_depth: int
    dead_letters: int


class Demonstration:
    """One story on one cloud; `show` is told the progress every `SHOW_SECONDS`.

    `clients` returns the boto3 client of a service, as a site's user.
    """

    def __init__(
        self,
        cloud: ReadyCloud,
        clients: Callable[[str, str], Any],
        story: Story,
        show: Callable[[Progress], None],
    ) -> None:
        self._clients = clients
        self._story = story
        self._show = show
        self._doing = ""
        self._shown_at = 0.0
        self._is_stopped = False
        self._users = {
            name: User(clients("s3", name), site.bucket) for name, site in cloud.sites.items()
        }
        self._observer = Observer(watched_sites(cloud, clients))

    def run(self) -> dict[str, SideResult]:
        """Act the story out and wait until both sides are quiet.

        Raises `TimeoutError` when they do not become so.
        """
        story = self._story
        self._act("create objects on both sides", lambda side: self._do(side, story.creates))
        self._act("overwrite, edit, delete", lambda side: self._do(side, story.changes))
        meeting = Barrier(len(SIDES), timeout=_MEETING_SECONDS)
        self._act("write the same keys at once", lambda side: self._collide(side, meeting))
        return {name: self._result(name) for name in self._users}

    def _act(self, doing: str, act: Callable[[SideName], None]) -> None:
        self._doing = f"users {doing}"
        with ThreadPoolExecutor(len(SIDES), thread_name_prefix="user") as users:
            acting = [users.submit(act, side) for side in SIDES]
            try:
                while wait_for(acting, timeout=SHOW_SECONDS).not_done:
                    self._observer.read_logs()
                    self._tell(self._observer.depths())
            except BaseException:
                # The users' threads are waited for on the way out.
                self._is_stopped = True
                raise
        _raise_first(acting)
        self._doing = "both sides settle"
        self._observer.wait_until_quiet(QUIET_DEADLINE_SECONDS, self._tell)

    def _do(self, side: SideName, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if operation.side == side and not self._is_stopped:
                self._users[side].do(operation)

    def _collide(self, side: SideName, meeting: Barrier) -> None:
        try:
            for pair in self._story.conflicts:
                meeting.wait()
                self._do(side, pair)
        except BaseException:
            meeting.abort()
            raise

    def _tell(self, depths: Mapping[str, int]) -> None:
        now = time.monotonic()
        if now - self._shown_at < SHOW_SECONDS:
            return
        self._shown_at = now
        tally = self._observer.tally
        done = sum(sum(user.writes.values()) for user in self._users.values())
        sides = {
            name: SideProgress(
                objects=count_objects(self._clients("s3", name), site.bucket),
                queue_depth=depths[name],
                transfers=tally.transfers[site.bucket],
                echoes=tally.echoes[site.bucket],
            )
            for name, site in self._observer.sites.items()
        }
        self._show(Progress(self._doing, done, self._story.count(), sides))

    def _result(self, name: str) -> SideResult:
        site, tally = self._observer.sites[name], self._observer.tally
        return side_result(site, tally, self._users[name].done)


def side_result(site: WatchedSite, tally: Tally, done: Mapping[str, int]) -> SideResult:
    """Return what the logs and the queues say of one side at the end."""
    return SideResult(
        bucket=site.bucket,
        done=done,
        transfers=tally.transfers[site.bucket],
        repeated_transfers=tally.repeated_transfers[site.bucket],
        conflicts=tally.conflicts[site.bucket],
        queue_depth=site.depth(),
        dead_letters=site.dead_letter_depth(),
    )


def watched_sites(cloud: ReadyCloud, clients: Callable[[str, str], Any]) -> dict[str, WatchedSite]:
    """Return what an observer of the cloud looks at; `clients` as for a `Demonstration`."""

    def watched(name: str) -> WatchedSite:
        site = cloud.sites[name]
        return WatchedSite(
            bucket=site.bucket,
            queue_url=site.queue_url,
            dead_letter_queue_url=site.dead_letter_queue_url,
            log_file=Path(site.log_file),
            client=lambda service: clients(service, name),
        )

    return {name: watched(name) for name in cloud.sites}


def count_objects(s3: Any, bucket: str) -> int:
    """Return how many objects a listing of the bucket shows."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sum(int(page["KeyCount"]) for page in pages)


def _raise_first(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        future.result()
