"""What the programs took for the same bytes, and how they compare. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from scripts.bench.programs import Run, spread

GIB_IN_MIB = 1024


@dataclass(frozen=True, slots=True)
class Work:
    """How much every program moves: so many objects, each of so many MiB."""

    objects: int
    mib: int

    @property
    def total_mib(self) -> int:
        """All objects together."""
        return self.objects * self.mib


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run of a program took, and the CPU seconds of both servers meanwhile."""

    run: Run
    server_cpu_seconds: float


Results = Mapping[str, Sequence[Taken]]
"""The runs by program, in turns: the runs with the same number come from the same turn."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One column: its heading, how its figures are written, and where they come from."""

    name: str
    form: str
    value: Callable[[Work, Taken], float]


PACE = Measure("MiB/s", ",.0f", lambda work, taken: work.total_mib / taken.run.wall_seconds)
CPU = Measure(
    "CPU s/GiB",
    ".2f",
    lambda work, taken: taken.run.cpu_seconds * GIB_IN_MIB / work.total_mib,
)
PEAK = Measure("peak MiB", ",.0f", lambda _, taken: taken.run.peak_mib)
SERVERS = Measure(
    "servers' CPU s/GiB",
    ".2f",
    lambda work, taken: taken.server_cpu_seconds * GIB_IN_MIB / work.total_mib,
)
MEASURES = (PACE, CPU, PEAK, SERVERS)
COMPARED = (PACE, CPU, PEAK)


def ratios(work: Work, results: Results, measure: Measure) -> dict[str, list[float]]:
    """Return the first program's figure over each other one's, turn by turn."""
    (_, ours), *others = results.items()
    return {
        name: [
            measure.value(work, one) / measure.value(work, other)
            for one, other in zip(ours, theirs, strict=True)
        ]
        for name, theirs in others
    }


def table(work: Work, results: Results) -> str:
    """Return both tables: what each program took, and the first one's ratios to the others."""
    names = list(results)
    count = len(results[names[0]])
    title = f"{work.objects} objects of {work.mib:,} MiB at once"
    lines = [f"{title}; median (lowest to highest) of {count}", _row("", MEASURES)]
    for name, runs in results.items():
        figures = [
            spread([measure.value(work, taken) for taken in runs], measure.form)
            for measure in MEASURES
        ]
        lines.append(_line(name, figures))
    lines += ["", _row(f"{names[0]} : the other", COMPARED)]
    compared = [ratios(work, results, measure) for measure in COMPARED]
    lines += [
        _line(name, [spread(column[name], ".2f") for column in compared]) for name in names[1:]
    ]
    return "\n".join(lines)


def document(work: Work, results: Results) -> dict[str, Any]:
    """Return the same for a machine: every run, the medians and the medians of the ratios."""
    compared = {measure.name: ratios(work, results, measure) for measure in COMPARED}
    return {
        "work": asdict(work),
        "runs": {name: [asdict(taken) for taken in runs] for name, runs in results.items()},
        "medians": {
            name: {
                measure.name: median(measure.value(work, taken) for taken in runs)
                for measure in MEASURES
            }
            for name, runs in results.items()
        },
        "ratios": {
            name: {measure: median(found[name]) for measure, found in compared.items()}
            for name in list(results)[1:]
        },
    }


def _row(name: str, measures: Sequence[Measure]) -> str:
    return _line(name, [measure.name for measure in measures])


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:22}" + "".join(f"{cell:>26}" for cell in cells)
