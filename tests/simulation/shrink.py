"""Makes a failing plan small: fewer steps, fewer faults, plainer conditions, the same failure."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.plan import Conditions, Fate, Fault, Plan, Step

Fails = Callable[[Plan], bool]

_PLAIN = Conditions()


def shrunk(plan: Plan, fails: Fails) -> Plan:
    """Return a plan that fails still, and of which nothing can be left out or made plainer."""
    while True:
        smaller = _plainer(_shorter(plan, fails), fails)
        if smaller == plan:
            return plan
        plan = smaller


def _shorter(plan: Plan, fails: Fails) -> Plan:
    """Leave out halves, quarters and at last single steps, from the end."""
    size = len(plan.steps)
    while size >= 1:
        end = len(plan.steps)
        while end > 0:
            start = max(0, end - size)
            tried = replace(plan, steps=plan.steps[:start] + plan.steps[end:])
            if fails(tried):
                plan = tried
            end = start
        size //= 2
    return plan


def _plainer(plan: Plan, fails: Fails) -> Plan:
    for name in _PLAIN.__dataclass_fields__:
        tried = replace(plan, conditions=replace(plan.conditions, **{name: getattr(_PLAIN, name)}))
        if tried != plan and fails(tried):
            plan = tried
    for index in range(len(plan.steps)):
        for step in _plainer_steps(plan.steps[index]):
            tried = replace(plan, steps=(*plan.steps[:index], step, *plan.steps[index + 1 :]))
            if fails(tried):
                plan = tried
    return plan


def _plainer_steps(step: Step) -> Iterator[Step]:
    for name, plain in (("fault", Fault.NONE), ("fate", Fate.SENT), ("key", 0), ("number", 0)):
        if getattr(step, name) != plain:
            yield replace(step, **{name: plain})  # type: ignore[arg-type]
    if step.count > 1:
        yield replace(step, count=1)
        yield replace(step, count=step.count - 1)
