"""Whatever users, faults and the order of things: both sides get equal, and nothing is lost."""

from collections import Counter

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from tests.examples import examples
from tests.simulation.__main__ import smallest
from tests.simulation.generate import plan_of
from tests.simulation.plan import Conditions, Fate, Fault, Plan, Step, What
from tests.simulation.run import Run

SEEDS = 400
_SEEDS_OF_A_TEST = 50

steps = st.builds(
    Step,
    what=st.sampled_from(What),
    side=st.sampled_from("ab"),
    key=st.integers(0, 1),
    number=st.integers(-1, 3),
    count=st.sampled_from((1, 2, 3, 4, 6, 31, 61)),
    fault=st.just(Fault.NONE) | st.sampled_from(Fault),
    fate=st.just(Fate.SENT) | st.sampled_from(Fate),
)
conditions = st.builds(
    Conditions,
    keys=st.integers(1, 2),
    bucket_skews=st.sampled_from(((0, 0), (600, -600), (-600, 0))),
    versioned=st.tuples(st.booleans(), st.booleans()),
    in_parts=st.booleans(),
    shared=st.booleans(),
)
plans = st.builds(Plan, conditions, st.lists(steps, max_size=40).map(tuple))


@pytest.mark.parametrize("first", range(0, SEEDS, _SEEDS_OF_A_TEST))
def test_no_invariant_is_violated(first: int) -> None:
    for seed in range(first, first + _SEEDS_OF_A_TEST):
        plan = plan_of(seed)
        violations = Run(plan).result().violations
        if violations:
            small = Run(smallest(plan, violations[0])).result()
            pytest.fail(f"seed {seed}\n{small}", pytrace=False)


@given(plans)
@examples(2)
def test_no_invariant_is_violated_by_any_plan(plan: Plan) -> None:
    result = Run(plan).result()
    if result.violations:
        note(str(result))
    assert result.violations == []


def test_equal_seeds_give_equal_traces() -> None:
    for seed in range(20):
        first, second = Run(plan_of(seed)).result(), Run(plan_of(seed)).result()
        assert first.trace == second.trace
        assert len(first.trace) > 20


def test_every_kind_of_step_fault_and_fate_occurs() -> None:
    happened: Counter[str] = Counter()
    for seed in range(SEEDS):
        plan = plan_of(seed)
        happened.update(step.what for step in plan.steps)
        happened.update(step.fault for step in plan.steps)
        happened.update(step.fate for step in plan.steps)
    missing = {*What, *Fault, *Fate} - happened.keys()
    assert missing == set()


def test_a_part_of_a_plan_is_a_plan() -> None:
    plan = plan_of(7)
    for length in range(len(plan.steps)):
        assert Run(Plan(plan.conditions, plan.steps[length:])).result().violations == []
