"""Every interleaving around one key, breadth first: production's stacks, users, crashes, echoes.

    python -m tests.property.exploration --operations 3

prints a line for each variant: the states, the seconds, what was violated. (Four operations also
reach R2: two replicas that crossed, while the users deleted both originals.) Reading order:
`one_key_values` (what is exchanged), `one_key_stack` (production, one request at a time),
`one_key_state` (the world and its rules), `one_key_services` (the buckets and tables),
`one_key_steps` (what can happen next), `one_key_end` (what must hold in the end), this search.

Not explored: versioned buckets, tags, objects in parts, several keys or pairs, listings.
"""

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.property.one_key_end import RESURRECTED, End, FairRuns
from tests.property.one_key_services import ABA
from tests.property.one_key_state import Echo, Rules, State, Step, first_state
from tests.property.one_key_steps import Steps
from tests.property.one_key_values import A, B, Message

_MAX_TRACE = 60


@dataclass(frozen=True, slots=True)
class Variant:
    """Rules under which nothing may be violated but what a window, known by its name, allows.

    R1: a replica is deleted before anybody has recorded it. R3: an edit of the metadata races a
    write, and the etag does not show it. No lease: a worker that was held up for longer than its
    lease writes after another one, and after the user's delete of what that had written.
    """

    rules: Rules
    window: str = ""
    allowed: frozenset[str] = frozenset()


_TWO_AT_A = Rules(workers=(A, A, B), evaluations=2, stamps=(1,))
VARIANTS: Mapping[str, Variant] = {
    "echoes acknowledged": Variant(Rules()),
    "any kind of event": Variant(
        Rules(messages=(Message.CREATED, Message.REMOVED, Message.HINT), evaluations=2, stamps=(1,))
    ),
    "echoes acknowledged, and repeated": Variant(
        Rules(echo=Echo.REPEATED, evaluations=3, stamps=(1,))
    ),
    "echoes late": Variant(Rules(echo=Echo.LATE, crashes=0)),
    "every echo lost": Variant(Rules(echo=Echo.LOST, crashes=0)),
    "every echo lost, and a crash": Variant(Rules(echo=Echo.LOST), "R1", frozenset({RESURRECTED})),
    "an answer lost": Variant(Rules(lost_answers=1, crashes=0, evaluations=2)),
    "edits that keep the marker": Variant(
        Rules(has_edits=True, evaluations=2), "R3", frozenset({ABA})
    ),
    "two workers at a": Variant(_TWO_AT_A),
    "two workers at a, leases run out": Variant(
        _TWO_AT_A._replace(leases_expire=True, crashes=0), "no lease", frozenset({RESURRECTED})
    ),
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What an exploration saw: how many states, and of each kind of violation count and trace."""

    states: int
    seconds: float
    violations: Counter[str]
    traces: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        found = ", ".join(f"{kind} {n:,}" for kind, n in sorted(self.violations.items()))
        return f"{self.states:>10,} states {self.seconds:>7.1f} s  {found or 'no violation'}"

    def told(self) -> str:
        """Return the findings with the first trace of each violation."""
        lines = [str(self)]
        for kind, trace in self.traces.items():
            lines += [f"The first {kind}:", *(f"    {says}" for says in trace[:_MAX_TRACE])]
            lines += ["    ..."] if len(trace) > _MAX_TRACE else []
        return "\n".join(lines)


class Exploration:
    """One search. `until` names a kind of violation after which it may end."""

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
        return Findings(len(self._parents), seconds, self._violations, self._traces)

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


def explore(rules: Rules, until: str | None = None) -> Findings:
    """Explore all that the rules allow, or as far as the first violation of one kind."""
    with _no_garbage():
        return Exploration(rules, until).run()


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


def main() -> int:
    """Explore the variants; 1 where one violates what no window allows."""
    parser = argparse.ArgumentParser(description="Explore every interleaving around one key.")
    parser.add_argument("--operations", type=int, default=2, help="of the users (default: 2)")
    parser.add_argument("--evaluations", type=int, help="at any time (default: as in the tests)")
    parser.add_argument("--variant", default="", help="only those whose name has this in it")
    wanted = parser.parse_args()
    status = 0
    for name, variant in VARIANTS.items():
        if wanted.variant not in name:
            continue
        rules = variant.rules._replace(operations=wanted.operations)
        rules = rules._replace(evaluations=wanted.evaluations or rules.evaluations)
        findings = explore(rules)
        bounds = f"{rules.operations}/{rules.evaluations}/{rules.crashes}"
        window = f" ({variant.window})" if findings.violations and variant.window else ""
        sys.stdout.write(f"{name:36} {bounds} {findings}{window}\n")
        if not variant.allowed.issuperset(findings.violations):
            sys.stdout.write(f"{findings.told()}\n")
            status = 1
        sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(main())
