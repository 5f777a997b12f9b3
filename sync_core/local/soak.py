"""Random operations by two users at once on the same keys, and what must be true afterwards."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from threading import Event
from typing import Any

from sync_core.local.demonstration import watched_sites
from sync_core.local.observe import Observer
from sync_core.local.ready_file import ReadyCloud
from sync_core.local.rounds import Rounds
from sync_core.local.user import User
from sync_core.local.workload import SIDES, DeleteObject, SideName, random_operations

DOOMED_KEYS = 20
"""So many keys are deleted at the end, to see that they stay deleted."""

TRANSFERS_PER_WRITE = 2
"""Of one key, at most: writes of both users that cross may each arrive before one is settled on."""

Kill = Callable[[], None]
"""Kills some worker, if one is running."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done: `operations` by both users together on the same `keys` keys.

    With `kill_every_seconds`, a worker is killed so often while the users work. With `more_rounds`,
    finder rounds make good what events did not tell, and then so many more must find nothing.
    """

    operations: int = 2000
    keys: int = 200
    seed: int = 1
    kill_every_seconds: float | None = None
    quiet_seconds: float = 300
    more_rounds: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen; `complaints` are what must not be, one sentence each.

    `transfers` were completed in both directions, `echoes` recognised, `conflicts` kept a loser.
    """

    writes: int
    transfers: int
    echoes: int
    conflicts: int
    kills: int
    users_seconds: float
    quiet_seconds: float
    complaints: tuple[str, ...]
    rounds: int = 0


def soak(
    cloud: ReadyCloud,
    clients: Callable[[str, str], Any],
    plan: Plan,
    kill: Kill,
    find: Callable[[str], int],
) -> Report:
    """Have both users work, wait until all is quiet, and count.

    `clients` returns the boto3 client of a service as a site's user; `kill` kills some worker;
    `find` runs a finder round on a site and returns how many keys it has sent to the queue.
    Whether both buckets are equal is not looked at here: that is `dualway verify`'s question.
    Raises `TimeoutError` when the sides do not become quiet.
    """
    users = {side: User(clients("s3", side), cloud.sites[side].bucket) for side in SIDES}
    observer = Observer(watched_sites(cloud, clients))
    began = time.monotonic()
    kills = _have_users_work(users, plan, kill)
    worked = time.monotonic()
    observer.wait_until_quiet(plan.quiet_seconds)
    quiet = time.monotonic()
    writes = sum((user.writes for user in users.values()), Counter[str]())
    rounds, complaints = 0, _complaints(observer, writes)
    if plan.more_rounds:
        rounds, more = _find(Rounds(find, observer), users, plan)
        complaints += more
    tally = observer.tally
    return Report(
        writes=writes.total(),
        transfers=tally.transfers.total(),
        echoes=tally.echoes.total(),
        conflicts=tally.conflicts.total(),
        kills=kills,
        users_seconds=worked - began,
        quiet_seconds=quiet - worked,
        complaints=tuple(complaints),
        rounds=rounds,
    )


def _have_users_work(users: Mapping[SideName, User], plan: Plan, kill: Kill) -> int:
    """Return, when both users are done, how many workers were killed meanwhile."""
    with ThreadPoolExecutor(len(SIDES), thread_name_prefix="user") as threads:
        stop = Event()
        working = [threads.submit(_work, users[side], side, plan, stop) for side in SIDES]
        try:
            kills = _kill_while(working, plan.kill_every_seconds, kill)
        except BaseException:
            # The users' threads are waited for on the way out.
            stop.set()
            raise
    for user in working:
        user.result()
    return kills


def _find(rounds: Rounds, users: Mapping[SideName, User], plan: Plan) -> tuple[int, list[str]]:
    """Run finder rounds; then delete some keys, of which no trace may come back."""
    taken = rounds.until_silent()
    doomed = users[SIDES[0]].keys()[:DOOMED_KEYS]
    for key in doomed:
        users[SIDES[0]].do(DeleteObject(SIDES[0], key))
    rounds.until_silent()
    silence = rounds.stays_silent(plan.more_rounds)
    complaints = [
        f"{key!r} was deleted, and is there again on side {side}"
        for side, user in users.items()
        for key in sorted(set(doomed) & set(user.keys()))
    ]
    if silence.hints or silence.transfers:
        complaints.append(
            f"{silence.rounds} more finder rounds found {silence.hints} keys, "
            f"after which {silence.transfers} transfers were made"
        )
    return taken, complaints


def _work(user: User, side: SideName, plan: Plan, stop: Event) -> None:
    for operation in random_operations(side, plan.operations // 2, plan.keys, plan.seed):
        if stop.is_set():
            return
        user.do(operation)


def _kill_while(working: list[Future[None]], every_seconds: float | None, kill: Kill) -> int:
    kills = 0
    while wait_for(working, timeout=every_seconds).not_done:
        kill()
        kills += 1
    return kills


def _complaints(observer: Observer, writes: Counter[str]) -> list[str]:
    """Say what must not be after any number of operations."""
    tally = observer.tally
    found = [
        f"{site.dead_letter_depth()} messages in the dead-letter queue of side {name}"
        for name, site in observer.sites.items()
        if site.dead_letter_depth()
    ]
    found += [
        f"side {name} recognised no echo"
        for name, site in observer.sites.items()
        if not tally.repeated_transfers[site.bucket]
    ]
    found += [
        f"{transfers} transfers of {key!r}, which was written {writes[key]} times"
        for key, transfers in sorted(tally.by_key.items())
        # The loser of a conflict is kept under a key of its own, which is copied once.
        if transfers > TRANSFERS_PER_WRITE * max(writes[key], 1)
    ]
    return found
