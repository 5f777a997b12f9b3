"""Every interleaving around one key, breadth first: production's stacks, users, crashes, echoes.

    python -m tests.property.exploration --operations 3

prints a line for each variant, and what was violated where no known window allows it; then the exit
status is 1. Reading order: `one_key_values` (what is exchanged), `one_key_rules` (what can happen),
`one_key_stack` (production, one request at a time), `one_key_state` (the world), `one_key_services`
(the buckets and tables), `one_key_users`, `one_key_steps` (what can happen next), `one_key_losses`
and `one_key_end` (what must hold), this search, and `one_key_variants`.

Not explored: objects in parts, several keys or pairs, listings that are stale.
"""

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.property.one_key_end import (
    BURIED,
    DIVERGED,
    LIVELOCK,
    MANY_WRITES,
    RESTLESS,
    RESURRECTED,
    TAGS_LOST,
    End,
    FairRuns,
)
from tests.property.one_key_losses import ABA, LOST, UNDONE
from tests.property.one_key_rules import Rules
from tests.property.one_key_state import State, Step, first_state
from tests.property.one_key_steps import Steps
from tests.property.one_key_variants import VARIANTS, Variant

_MAX_TRACE = 60
_COLUMNS = (
    (LOST, UNDONE, TAGS_LOST, BURIED),
    (ABA,),
    (DIVERGED, LIVELOCK, RESTLESS, MANY_WRITES),
    (RESURRECTED,),
)
_HEAD = (
    "| variant | operations/evaluations/crashes | states | lost | ABA | diverged or livelock "
    "| resurrected | by a window | seconds |\n|---|---|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What an exploration saw: how many states, and of each kind of violation count and trace.

    `is_whole` is False where the time was up before all states were visited.
    """

    states: int
    seconds: float
    violations: Counter[str]
    traces: Mapping[str, tuple[str, ...]]
    is_whole: bool = True

    def told(self, *, without: Collection[str] = ()) -> str:
        """Return the findings with the first trace of each violation, but for some kinds."""
        found = ", ".join(f"{kind} {n:,}" for kind, n in sorted(self.violations.items()))
        lines = [f"{self.states:,} states, {self.seconds:.1f} s: {found or 'no violation'}"]
        for kind, trace in self.traces.items():
            if kind in without:
                continue
            lines += [f"The first {kind}:", *(f"    {says}" for says in trace[:_MAX_TRACE])]
            lines += ["    ..."] if len(trace) > _MAX_TRACE else []
        return "\n".join(lines)


class Exploration:
    """One search. `until` names a kind of violation after which it may end."""

    def __init__(
        self, rules: Rules, until: str | None = None, seconds: float | None = None
    ) -> None:
        self._rules = rules
        self._until = until
        self._seconds = seconds
        self._steps = Steps(rules)
        self._fair = FairRuns(rules)
        self._parents: dict[State, State | None] = {}
        self._violations: Counter[str] = Counter()
        self._traces: dict[str, tuple[str, ...]] = {}

    def run(self) -> Findings:
        """Visit every state that can be reached, in so many seconds."""
        began = time.monotonic()
        ends = began + self._seconds if self._seconds else float("inf")
        start = first_state(self._rules)
        self._parents[start] = None
        frontier, is_whole = [start], True
        while frontier and is_whole and self._until not in self._traces:
            following: list[State] = []
            for state in frontier:
                following += self._visit(state)
                if time.monotonic() > ends:
                    is_whole = False
                    break
            frontier = following
        seconds = time.monotonic() - began
        return Findings(len(self._parents), seconds, self._violations, self._traces, is_whole)

    def _visit(self, state: State) -> Iterator[State]:
        """Yield the states that were not known before."""
        if not state.operations and not any(state.workers):
            for end in self._fair.ends(state):
                self._note_end(state, end)
        for step in self._steps.after(state):
            if step.violation:
                self._note(step.violation, state, (step,))
            known = len(self._parents)
            self._parents.setdefault(step.state, state)
            if len(self._parents) > known:
                yield step.state

    def _note_end(self, state: State, end: End) -> None:
        for kind in end.violations:
            self._note(kind, state, end.steps)

    def _note(self, kind: str, state: State, steps: tuple[Step, ...]) -> None:
        self._violations[kind] += 1
        if kind not in self._traces:
            told = [*self._steps_to(state), *steps]
            self._traces[kind] = tuple(" ".join(map(str, step.says)) for step in told)

    def _steps_to(self, state: State) -> list[Step]:
        """Find the way to a state again."""
        steps: list[Step] = []
        while (parent := self._parents[state]) is not None:
            steps.append(next(s for s in self._steps.after(parent) if s.state == state))
            state = parent
        return steps[::-1]


def explore(rules: Rules, until: str | None = None, seconds: float | None = None) -> Findings:
    """Explore all that the rules allow, or as far as the first violation of one kind."""
    with _no_garbage():
        return Exploration(rules, until, seconds).run()


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Millions of tuples without a cycle: looking for cycles would take a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def table_row(name: str, variant: Variant, rules: Rules, findings: Findings) -> str:
    """Return the line of one variant; what a window allows is counted in a column of its own."""
    counts, windows = findings.violations, variant.windows_at(rules.operations)
    cells = [sum(counts[kind] for kind in kinds if kind not in windows) for kinds in _COLUMNS]
    seen = [f"{window} {counts[kind]:,}" for kind, window in windows.items() if counts[kind]]
    bounds = f"{rules.operations}/{rules.evaluations}/{rules.crashes}"
    states = f"{'' if findings.is_whole else 'first '}{findings.states:,}"
    told = [name, bounds, states, *(f"{cell:,}" for cell in cells)]
    return f"| {' | '.join([*told, ', '.join(seen) or '0', f'{findings.seconds:.0f}'])} |\n"


def main() -> int:
    """Explore the variants; 1 where one violates what no window allows."""
    parser = argparse.ArgumentParser(description="Explore every interleaving around one key.")
    parser.add_argument("--operations", type=int, default=2, help="of the users (default: 2)")
    parser.add_argument("--evaluations", type=int, help="at any time (default: as in the tests)")
    parser.add_argument("--variant", default="", help="only those whose name has this in it")
    parser.add_argument("--exactly", default="", help="only the one of this name")
    parser.add_argument("--seconds", type=float, help="for each variant (default: as it takes)")
    wanted = parser.parse_args()
    status = 0
    sys.stdout.write(_HEAD)
    for name, variant in VARIANTS.items():
        if wanted.variant not in name or wanted.exactly not in {"", name}:
            continue
        rules = variant.rules._replace(operations=wanted.operations)
        rules = rules._replace(evaluations=wanted.evaluations or rules.evaluations)
        findings = explore(rules, seconds=wanted.seconds)
        sys.stdout.write(table_row(name, variant, rules, findings))
        allowed = variant.windows_at(rules.operations).keys()
        if not allowed >= findings.violations.keys():
            sys.stdout.write(f"\n{findings.told(without=allowed)}\n\n")
            status = 1
        sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(main())
