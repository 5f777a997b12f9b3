"""What a deployment does before its first work.

It reads the list of prefixes, tries what both stores can do, and sets the guard up. All of it needs
the network, which may be out when a process starts, so it is done when it is first needed and again
when it has failed; and once a day anew, because stores and lists change.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Protocol

from cachetools import TTLCache

from sync_core.errors import Blocked, ConfigError
from sync_core.finder import Ended, Finder, FinderReport
from sync_core.guard import Announcer, Guard, GuardParts, GuardRules, GuardStatus
from sync_core.model import Capabilities, Side
from sync_core.pipeline import Pipeline, Settlement
from sync_core.prefix_list import MAX_BYTES, PrefixList, parse_prefix_list
from sync_core.probe import ability_name, can_fetch, guarantee, probed, recall, untried
from sync_core.queues.protocol import Message, SupportsBulkSend
from sync_core.routing import longest_key_bytes
from sync_core.shared_round import SharedRound
from sync_core.stack import Stack
from sync_core.storage.protocol import ObjectStore
from sync_core.storage.weak import strengthened

_DAY_SECONDS = 24 * 3600


class StartupTelemetry(Announcer, Protocol):
    """Where the start tells what it has found."""

    def say_guarantee(self, sentence: str) -> None:
        """Tell what a store's abilities allow to promise."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """A deployment that is ready to work."""

    stack: Stack
    guard: Guard
    pipeline: Pipeline
    guarantees: tuple[str, ...]

    def finder(self, queue: SupportsBulkSend) -> Finder:
        """Return the finder that sends its hints to `queue`; the guards are verified for it."""
        return self._finder(queue, self.guard.begin())

    def looking_finder(self, queue: SupportsBulkSend) -> Finder:
        """Return a finder to compare with only: nothing is verified, planted or written for it."""
        return self._finder(queue, self.guard.status())

    def shared_round(self, queue: SupportsBulkSend) -> SharedRound:
        """Return the calls of a round that several processes run together."""
        return SharedRound(self.stack, self.guard, queue)

    def _finder(self, queue: SupportsBulkSend, status: GuardStatus) -> Finder:
        owner = self.stack.context.nonce()
        return Finder(self.stack, queue, owner, deletes_are_held=status.is_held)


class Startup:
    """Starts a deployment when it is first needed; a `BatchPipeline`, safe to share.

    `stack` reaches both stores as they are, and `read_prefixes` returns the list of those that take
    part, or None. Methods raise what reading it, probing and guarding raise; the next call tries
    again.
    """

    def __init__(
        self,
        stack: Stack,
        rules: GuardRules,
        telemetry: StartupTelemetry,
        read_prefixes: Callable[[], PrefixList | None] = lambda: None,
    ) -> None:
        self._stack = stack
        self._rules = rules
        self._telemetry = telemetry
        self._read_prefixes = read_prefixes
        self._started: TTLCache[str, Running] = TTLCache(1, _DAY_SECONDS)
        self._lock = Lock()

    def running(self) -> Running:
        """Return the deployment, started within the last day."""
        with self._lock:
            found = self._started.get("running")
            if found is None:
                found = self._started["running"] = self._start()
                # The SDK's many objects live as long as the process: the garbage collector, which
                # a finder round of millions of keys keeps busy, need not look at them again.
                gc.freeze()
            return found

    def run(self, messages: Sequence[Message]) -> list[Settlement]:
        """Process all messages in hand as one batch; one settlement for each, in their order."""
        return self.running().pipeline.run(messages)

    def find(self, queue: SupportsBulkSend, is_ending: Callable[[], bool]) -> FinderReport:
        """Run a finder round, or the rest of one, with verified guards."""
        running = self.running()
        report = running.finder(queue).run(is_ending=is_ending)
        if report.ended is Ended.COMPLETE:
            running.guard.note_synced(report.synced)
        return report

    def looking(self) -> Running:
        """Return the deployment as it is known from the table, to look at: nothing is tried.

        Abilities that were never tried are those that the store says (see `untried`).
        """
        abilities = {}
        for side in Side:
            item = self._stack.records.read_control(ability_name(self._stack.sides.site_name(side)))
            found = recall(item.text) if item else None
            lacks = self._stack.sides.store(side).lacks
            abilities[side] = found.capabilities if found else untried(lacks)
        return self._assembled(abilities, self._read_prefixes())

    def _start(self) -> Running:
        prefixes = self._read_prefixes()
        abilities = {side: self._probed(side) for side in Side}
        running = self._assembled(abilities, prefixes, peer_fetches=self._peer_fetches())
        for sentence in running.guarantees:
            self._telemetry.say_guarantee(sentence)
        running.guard.begin()
        return running

    def _probed(self, side: Side) -> Capabilities:
        raw, context = self._stack.sides, self._stack.context
        store, name = raw.store(side), raw.site_name(side)
        try:
            return probed(self._stack.records, store, name, context.clock, context.nonce)
        except Blocked as error:
            # A store that takes no object at all: no message is to blame for it.
            cause = f"{error.cause}; check the bucket, and the options for writing"
            raise ConfigError("try the store", f"bucket {store.bucket}", cause) from error

    def _peer_fetches(self) -> bool:
        raw = self._stack
        if not raw.settings.tries_server_side_copy:
            return False
        return can_fetch(raw.sides.own, raw.sides.peer, raw.context.nonce())

    def _assembled(
        self,
        abilities: Mapping[Side, Capabilities],
        prefixes: PrefixList | None,
        *,
        peer_fetches: bool = False,
    ) -> Running:
        raw, context = self._stack.sides, self._stack.context
        pair = raw.pair
        longest_bytes = longest_key_bytes(pair.own.prefix, pair.peer.prefix)
        stores = {
            side: strengthened(raw.store(side), found, context.clock, context.nonce, longest_bytes)
            for side, found in abilities.items()
        }
        sides = replace(
            raw,
            own=stores[Side.OWN],
            peer=stores[Side.PEER],
            abilities=abilities,
            peer_fetches=peer_fetches,
        )
        settings = replace(self._stack.settings, prefixes=prefixes)
        stack = replace(self._stack, sides=sides, settings=settings)
        sentences = tuple(
            guarantee(raw.site_name(side), abilities[side], raw.store(side).lacks) for side in Side
        )
        parts = GuardParts(sides, stack.records, context.clock, context.nonce)
        guard = Guard(parts, _ruled(self._rules, prefixes), self._telemetry)
        return Running(stack, guard, Pipeline(stack, guard), sentences)


def read_prefix_list(store: ObjectStore, key: str) -> PrefixList:
    """Read a list of prefixes from the store of a whole bucket.

    Raises what the store raises, and `ConfigError` where there is no list to work with.
    """
    operation, advice = "read the prefix list", "put it there, or name no list"
    try:
        reader = store.get(key)
    except Blocked as error:
        raise ConfigError(operation, key, f"{error.cause}; {advice}") from error
    if reader is None:
        raise ConfigError(operation, key, f"the bucket {store.bucket} has no such object: {advice}")
    with reader:
        return parse_prefix_list(reader.read(MAX_BYTES + 1), key)


def _ruled(rules: GuardRules, prefixes: PrefixList | None) -> GuardRules:
    """Let the epoch tell one list from another."""
    if prefixes is None or rules.epoch is None:
        return rules
    return replace(rules, epoch=f"{rules.epoch}-{prefixes.digest}")
