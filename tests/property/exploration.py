"""Every interleaving around one key, breadth first, with production's decisions.

python -m tests.property.exploration --operations 3
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.property.one_key_end import End, FairRuns
from tests.property.one_key_state import A, B, Echo, Fault, Rules, State, Step, first_state
from tests.property.one_key_steps import Steps


@dataclass(frozen=True, slots=True)
class Findings:
    """What an exploration saw: the number of states, and per kind of violation count and trace."""

    states: int
    violations: Counter[str]
    traces: Mapping[str, tuple[str, ...]]
    seconds: float

    def __str__(self) -> str:
        found = ", ".join(f"{kind} {n:,}" for kind, n in sorted(self.violations.items()))
        lines = [f"{self.states:,} states, {self.seconds:.1f} s: {found or 'no violation'}"]
        for kind, trace in self.traces.items():
            lines += ["", f"The first {kind}:", *(f"  {says}" for says in trace)]
        return "\n".join(lines)


class Exploration:
    """One search. `until` names a kind of violation after which the search may end."""

    def __init__(self, rules: Rules, until: str | None = None) -> None:
        self._rules = rules
        self._until = until
        self._steps = Steps(rules)
        self._fair = FairRuns(rules)
        self._parents: dict[State, State | None] = {}
        self._violations: Counter[str] = Counter()
        self._traces: dict[str, tuple[str, ...]] = {}

    def run(self) -> Findings:
        """Visit every state that can be reached."""
        began = time.monotonic()
        start = first_state(self._rules)
        self._parents[start] = None
        frontier = [start]
        while frontier and self._until not in self._traces:
            frontier = [found for state in frontier for found in self._visit(state)]
        seconds = time.monotonic() - began
        return Findings(len(self._parents), self._violations, self._traces, seconds)

    def _visit(self, state: State) -> Iterator[State]:
        """Yield the states that were not known before."""
        if not state.operations and not any(state.workers):
            for end in self._fair.ends(state):
                self._note_end(state, end)
        for step in self._steps.after(state):
            if step.violation:
                self._note(step.violation, state, (step,))
            if step.state not in self._parents:
                self._parents[step.state] = state
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


def explore(rules: Rules, until: str | None = None) -> Findings:
    """Explore everything that the rules allow, or up to the first violation of one kind."""
    return Exploration(rules, until).run()
