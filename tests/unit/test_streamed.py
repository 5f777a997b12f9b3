"""A large object on its way into a store without parts, while its lease is renewed."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import Any

import pytest

from sync_core.errors import LeaseLost
from sync_core.model import Action, Direction
from sync_core.stack import Stack
from tests.two_stacks import Kind, TwoStacks

PATIENCE_SECONDS = 60
FEED = Kind(direction=Direction.TO_PEER, has_plain_peer=True, one_put_bytes=1000)
DATA = bytes(5000)


class Remembering(ThreadPoolExecutor):
    """One thread; remembers the body that it was given last."""

    def __init__(self) -> None:
        super().__init__(1)
        self.body: Any = None

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        _, self.body, _ = args
        return super().submit(function, *args, **kwargs)


class Threaded(TwoStacks):
    """Two stacks whose streams are sent by a thread of their own."""

    def __init__(self, sender: Remembering) -> None:
        self.sender = sender
        super().__init__(FEED)

    def stack(self, side: str) -> Stack:
        made = super().stack(side)
        return replace(made, context=replace(made.context, part_executor=self.sender))

    def hold_up(self, happening: Callable[[], object], is_over: Callable[[], bool]) -> None:
        """Hold the next stream up for most of its lease, until its renewal is over."""

        def hold() -> None:
            self.now += timedelta(seconds=120)
            self.before["a.records.write"] = happening
            deadline = monotonic() + PATIENCE_SECONDS
            while not is_over() and monotonic() < deadline:
                Event().wait(0.01)

        self.before["a.peer.put"] = hold


@pytest.fixture
def world() -> Iterator[Threaded]:
    with Remembering() as sender:
        made = Threaded(sender)
        made.running("a")
        made.put("a", "k", DATA)
        yield made


def test_the_lease_is_renewed_while_the_bytes_travel(world: Threaded) -> None:
    writes_before = world.calls.count("a.records.write")
    renewed = Event()
    world.hold_up(renewed.set, renewed.is_set)
    world.quiesce()
    assert world.contents("b") == {"k": DATA}
    # The claim, its renewal and the outcome.
    assert world.calls.count("a.records.write") - writes_before == 3
    assert world.actions()[Action.OBJECT_COPIED] == 1


def test_a_lease_that_cannot_be_renewed_ends_the_stream_before_its_end(world: Threaded) -> None:
    def lose() -> None:
        raise LeaseLost("copy", "k", "another writer came first")

    world.hold_up(lose, lambda: world.sender.body.is_stopped)
    world.quiesce()
    assert world.calls.count("a.peer.put") >= 2
    assert world.sync_writes["k"] == 1
    assert world.contents("b") == {"k": DATA}


def test_a_stream_that_waits_for_its_turn_is_given_up_at_once(world: Threaded) -> None:
    is_free = Event()
    turn = ThreadPoolExecutor.submit(world.sender, is_free.wait, PATIENCE_SECONDS)

    def lose() -> None:
        world.before["a.peer.head"] = is_free.set
        raise LeaseLost("copy", "k", "another writer came first")

    def claim() -> None:
        world.now += timedelta(seconds=120)
        world.before["a.records.write"] = lose

    world.before["a.records.write"] = claim
    world.quiesce()
    assert turn.result()
    assert world.contents("b") == {"k": DATA}


def test_the_source_is_opened_only_when_its_bytes_can_be_sent(world: Threaded) -> None:
    opened_before: list[int] = []
    world.before["a.peer.put"] = lambda: opened_before.append(world.calls.count("a.own.get"))
    world.calls.clear()
    world.quiesce()
    assert (opened_before, world.calls.count("a.own.get")) == ([0], 1)
    assert world.contents("b") == {"k": DATA}
