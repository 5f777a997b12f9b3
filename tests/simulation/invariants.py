"""What must hold once everything has come to rest (convergence.md 4.2), and what excuses from it.

| | invariant |
|---|---|
| C0 | no defect: nothing but errors of ours is ever raised |
| C1 | both sides are equal: keys, bytes, headers, metadata (the marker excepted) |
| C2 | every write of a user is current, superseded by one that saw it, or kept as a copy |
| C3 | no write stands that a user saw and deleted, but for the windows R1 and R2 |
| C4 | at most two sync writes for each user operation and conflict; none after rest |
| C5 | a second delivery of everything changes nothing |
| C6 | every object is one that a user wrote, whole |
| C7 | keys that are out of scope are never written by a stack |
| C8 | the dead-letter queues hold what is malformed, and nothing else |
| C9 | nothing is left held: a new write still gets through |
| C10 | no intent is left open |
| C11 | no upload is left behind |
"""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_core.model import Action
from sync_core.routing import is_excluded
from tests.simulation.cloud import Cloud
from tests.simulation.plan import Fate, Fault, Plan, What
from tests.simulation.stacks import GRACE_SECONDS, SIDES
from tests.simulation.values import Value

if TYPE_CHECKING:
    from tests.simulation.run import Run

EXEMPTIONS: dict[str, tuple[str, str]] = {
    Fate.DROPPED: ("finder needed", "an event that never comes is what the finder is for"),
    "holds": ("finder needed", "held deletes are found again once an operator has approved"),
    "tables lost": ("finder needed", "messages were settled by records that are gone"),
}
"""By fault: the invariant that it weakens, and why."""

MAX_WRITES_FOR_A_FAULT = 2
"""A write that may or may not have happened can be made once more, and be taken back once."""


@dataclass
class Ending:
    """What is known of a run that is over."""

    plan: Plan
    cloud: Cloud
    faults: Counter[Fault]
    crashes: int
    junk: int
    tables_lost: int
    comes_to_rest: bool = True
    is_equal_without_finder: bool = True
    is_found_equal: bool = True
    was_held: bool = False
    finds: bool = True

    def exempts(self, invariant: str) -> bool:
        """Tell whether something that happened excuses from an invariant."""
        happened: dict[str, int] = {
            **{str(fate): number for fate, number in self.cloud.fates.items()},
            **{str(fault): number for fault, number in self.faults.items()},
            "crashes": self.crashes,
            "tables lost": self.tables_lost,
            "holds": self.cloud.holds,
        }
        return any(
            happened.get(fault, 0) and exempted == invariant
            for fault, (exempted, _reason) in EXEMPTIONS.items()
        )

    def values(self, side: str) -> dict[str, Value]:
        """Return what a side shows of the keys that are in scope."""
        shown = self.cloud.account.shown
        return {
            place[1]: each.value
            for place, each in shown.items()
            if place[0] == side and not is_excluded(place[1])
        }

    def are_equal(self) -> bool:
        """Tell whether both sides show the same."""
        return not self.differing()

    def visible_differences(self) -> list[str]:
        """Return the keys in which the sides differ, as far as a listing can tell."""
        invisible = {key for _side, key in self.cloud.account.invisible}
        return sorted(self.differing() - invisible)

    def differing(self) -> set[str]:
        """Return the keys in which the sides differ."""
        a, b = self.values("a"), self.values("b")
        return {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)}

    def difference(self) -> str:
        """Return in which keys the sides differ, and how."""
        a, b = self.values("a"), self.values("b")
        differing = sorted(self.differing())
        return "; ".join(f"{key!r}: {a.get(key)} / {b.get(key)}" for key in differing)


def violations(ending: Ending, run: "Run") -> list[str]:
    """Return every invariant that does not hold, each as a sentence; sets the cloud in motion."""
    account = ending.cloud.account
    found = _after_rest(ending)
    found += account.resurrected()
    found += [f"C2 write {number} is nowhere" for number in account.unaccounted()]
    found += _leftovers(ending)
    found += _writes(ending, run)
    found += _after_redelivery(ending, run)
    found += _after_a_new_write(ending, run)
    return account.violations + found


def _after_rest(ending: Ending) -> list[str]:
    found = []
    if not ending.comes_to_rest:
        found.append("C1 never comes to rest")
    if not ending.are_equal():
        found.append(f"C1 the sides differ: {ending.difference()}")
    if not ending.finds:
        found.append("C4 the finder does not come to an end")
    if not ending.is_found_equal and not ending.was_held:
        found.append("C1 the finder does not find all")
    elif not ending.is_equal_without_finder and not ending.exempts("finder needed"):
        # Not promised (convergence.md 4.2 has the finder run), but worth to be counted.
        ending.cloud.account.windows["finder needed"] += 1
    return found


def _leftovers(ending: Ending) -> list[str]:
    cloud, found = ending.cloud, []
    letters = [letter for side in SIDES for letter in cloud.mailboxes[side].dead_letters]
    expected = [reason for _body, reason in letters if reason.startswith("parse")]
    found += [f"C8 dead letter: {reason}" for _, reason in letters if reason not in expected]
    for side in SIDES:
        for key, record in cloud.tables[side].records.items():
            intent = record.intent
            # By the clock of the worker, which may be wrong, as the intent is.
            if intent is not None:
                age = (cloud.deployments[side].now() - intent.opened_at).total_seconds()
                if age > 10 * GRACE_SECONDS:
                    found.append(f"C10 {side} has an open intent on {key!r} for {age} seconds")
        abandoned = len(cloud.buckets[side].uploads) - _users_uploads(ending, side)
        if abandoned > 0:
            found.append(f"C11 {abandoned} uploads were left behind at {side}")
    return found


def _users_uploads(ending: Ending, side: str) -> int:
    return sum(step.what is What.BEGIN and step.side == side for step in ending.plan.steps)


def _writes(ending: Ending, run: "Run") -> list[str]:
    cloud = ending.cloud
    writes, outcomes = cloud.account.writes_of_stacks, cloud.outcomes
    mishaps = ending.crashes + ending.faults.total() + ending.tables_lost
    bound = 2 * len(cloud.account.operations) + 2 * outcomes[Action.LOSER_KEPT]
    bound += MAX_WRITES_FOR_A_FAULT * mishaps
    if writes > bound:
        return [f"C4 {writes} sync writes for {run.users.operations} operations, at most {bound}"]
    before = writes
    for _ in range(2):
        run.run_finders()
        run.look_at_everything()
    if cloud.account.writes_of_stacks != before:
        return ["C4 a finder's round on equal sides wrote objects"]
    return []


def _after_redelivery(ending: Ending, run: "Run") -> list[str]:
    before = ending.cloud.account.writes_of_stacks
    ending.cloud.tell("--- everything is delivered again")
    run.redeliver_everything()
    if ending.cloud.account.writes_of_stacks != before:
        return ["C5 a second delivery wrote objects"]
    return []


def _after_a_new_write(ending: Ending, run: "Run") -> list[str]:
    ending.cloud.tell("--- a new write")
    for side in SIDES:
        run.users.put(side, f"new-at-{side}")
    run.users.put("a", "k")
    run.drain()
    missing = [] if ending.are_equal() else [f"C9 a new write is stuck: {ending.difference()}"]
    touched = [
        place
        for place, shown in ending.cloud.account.shown.items()
        if is_excluded(place[1]) and shown.by_stack and place[1] == ".dualway/own"
    ]
    return missing + [f"C7 {key!r} at {side} was written by a stack" for side, key in touched]
