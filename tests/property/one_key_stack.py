"""Production's worker on one key, one request at a time.

A `Moment` is how far an evaluation has got: the real `Pipeline` runs on one message against a
script of answers, and as soon as it asks beyond the script, that request is what the explorer has
to answer, after whatever else may happen before. So everything that a stack does is production's
own: order of reads, optimistic path, evidence, decision, claim, lease, markers, conditional writes,
histories, tags, retries, records, hints.
"""

from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from sync_core.errors import AccessDenied, Ambiguous
from sync_core.model import Capabilities, ConflictPolicy, Side
from sync_core.pipeline import Pipeline
from sync_core.queues import protocol as queues
from sync_core.stack import Context, Sides, Stack
from tests.inline_executor import Inline
from tests.property.one_key_adapters import PAIRS, Script, Unanswered, message_body
from tests.property.one_key_faults import OF_PRODUCTION, taken_away
from tests.property.one_key_rules import Delivery, Fault, Rules
from tests.property.one_key_translation import SETTINGS, instant
from tests.property.one_key_values import Answer, Message, Request

_EXPECTED = (AccessDenied, Ambiguous)
_NO_HINT: frozenset[Message] = frozenset()


class Setup(NamedTuple):
    """One stack as it is set up; `is_timed`: it asks the explorer for the time."""

    stack: int
    versioned: frozenset[int]
    keeps_versions: bool
    is_timed: bool
    nudges: bool
    faults: frozenset[Fault]


def setup_of(rules: Rules, stack: int) -> Setup:
    """Return how a stack is set up under some rules."""
    return Setup(
        stack,
        rules.versioned,
        rules.keeps_versions,
        is_timed=rules.leases > 0,
        nudges=rules.delivery is Delivery.EVENTS,
        faults=rules.faults & OF_PRODUCTION,
    )


@dataclass(eq=False, slots=True)
class Moment:
    """How far an evaluation has got; for equal answers it is the same object.

    `request` is what it asks for next (None: it is done), `reports` what it has reported, `leaves`
    the messages that it puts back on the own queue in the end.
    """

    setup: Setup
    message: Message
    waited: bool
    answers: tuple[Answer, ...] = ()
    request: Request | None = None
    reports: tuple[str, ...] = ()
    leaves: frozenset[Message] = _NO_HINT
    _following: dict[Answer, "Moment"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with taken_away(self.setup.faults):
            self._run()

    @property
    def stack(self) -> int:
        return self.setup.stack

    def after(self, answer: Answer) -> "Moment":
        """Return how far the evaluation gets with one answer more."""
        moment = self._following.get(answer)
        if moment is None:
            answers = (*self.answers, answer)
            moment = Moment(self.setup, self.message, self.waited, answers)
            self._following[answer] = moment
        return moment

    def _run(self) -> None:
        """Process the message with these answers, as far as they go."""
        script = Script(self.stack, self.answers)
        pipeline = Pipeline(_stack(script, self.setup, waited=self.waited))
        message = queues.Message("1", message_body(self.stack, self.message), "1")
        try:
            (settlement,) = pipeline.run([message])
        except Unanswered as question:
            self.request, self.reports = question.request, tuple(script.reports)
            return
        if settlement.error is not None and not isinstance(settlement.error, _EXPECTED):
            raise settlement.error
        self.reports = tuple(script.reports)
        left = [self.message] if settlement.error else []
        hints = {False: Message.HINT, True: Message.TAGS_HINT}
        self.leaves = frozenset([*left, *(hints[d.for_tags] for d in settlement.deferrals)])


@cache
def evaluation(setup: Setup, message: Message, *, waited: bool = False) -> Moment:
    """Return the beginning of an evaluation; `waited` says that the grace period is over."""
    return Moment(setup, message, waited)


def _stack(script: Script, setup: Setup, *, waited: bool) -> Stack:
    own, peer = setup.stack, 1 - setup.stack
    abilities = {
        Side.OWN: Capabilities(is_versioned=own in setup.versioned),
        Side.PEER: Capabilities(is_versioned=peer in setup.versioned),
    }
    sides = Sides(PAIRS[own], script.bucket(own), script.bucket(peer), abilities)
    context = Context(
        clock=lambda: instant(script.clock() if setup.is_timed else 0, waited=waited),
        nonce=script.nonce,
        executor=Inline(),
        part_executor=Inline(),
        report=script.report,
        nudge=script.nudge if setup.nudges else None,
    )
    policy = ConflictPolicy.KEEP_VERSION if setup.keeps_versions else ConflictPolicy.KEEP_COPY
    return Stack(sides, script.table(), replace(SETTINGS, conflict_policy=policy), context)
