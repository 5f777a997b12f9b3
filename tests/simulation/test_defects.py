"""The simulation notices when one of the things that the design relies on is taken away."""

import pytest

from tests.simulation.defects import DEFECTS
from tests.simulation.generate import plan_of
from tests.simulation.run import Run

MOST_RUNS = 1500


@pytest.mark.parametrize("name", DEFECTS)
def test_the_simulation_notices_when(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defect = DEFECTS[name]
    defect.build_in(monkeypatch)
    for seed in range(defect.first_seed, defect.first_seed + MOST_RUNS):
        run = Run(plan_of(seed), defect.wrap, drops_echoes=defect.drops_echoes)
        if any(each.startswith(defect.invariants) for each in run.result().violations):
            monkeypatch.undo()
            assert Run(plan_of(seed)).result().violations == []
            return
    pytest.fail(f"{MOST_RUNS} runs violated none of {defect.invariants}")
