"""From what was counted to dollars for a million objects and for a TB of them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scripts.bench.cost_count import DESTINATION, SOURCE, Entry, Usage
from scripts.bench.prices import GB, PRICES, TB_GB, Kind, Reference

MEMORY_GB = 1
"""What the template gives the worker's Lambda function: 1,024 MB, arm64."""

LAMBDA_LOG_BYTES = 300
"""Assumed: what Lambda itself logs of one invocation, three lines."""

SERVICES = ("s3", "dynamodb", "sqs", "other")
_SERVICE_OF = {"s3": "s3", "dynamodb": "dynamodb", "sqs": "sqs", "secretsmanager": "other"}

_MILLION = 1_000_000
_WORKERS = (SOURCE, DESTINATION)


@dataclass(frozen=True, slots=True)
class Split:
    """A figure for one object: of the way there, and of the echo's handling at the other side."""

    one_way: float
    echo: float

    @property
    def both(self) -> float:
        """Return the sum."""
        return self.one_way + self.echo

    def times(self, factor: float) -> "Split":
        """Return both parts multiplied."""
        return Split(self.one_way * factor, self.echo * factor)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill for one object, with what it counts.

    `published` and `today` are the reference's dollars for a TB: as it says, and from its own
    counts at today's prices.
    """

    name: str
    counts: str
    dollars: Split
    published: float = 0.0
    today: float = 0.0


@dataclass(frozen=True, slots=True)
class Bill:
    """What one object costs but for computing, and computing in several ways.

    `files` is how many objects the reference's TB has.
    """

    files: int
    lines: tuple[Line, ...]
    computing: tuple[Line, ...]
    data_out: Line

    def total(self, computing: Line, *, with_data_out: bool) -> Line:
        """Return the sum of all lines and one way of computing."""
        lines = [*self.lines, computing] + ([self.data_out] if with_data_out else [])
        return Line(
            "data transfer included" if with_data_out else "without data transfer",
            computing.name,
            Split(
                sum(line.dollars.one_way for line in lines),
                sum(line.dollars.echo for line in lines),
            ),
            sum(line.published for line in lines),
            sum(line.today for line in lines),
        )


def bill_of(usage: Usage, reference: Reference) -> Bill:
    """Return what one object costs, beside the reference's example of objects of that size."""
    if usage.size_bytes != reference.size_bytes:
        raise ValueError(f"{reference.name} is no example for objects of {usage.size_bytes} bytes")
    today = _today(reference)
    lines = [_requests_line(usage, service) for service in SERVICES]
    data_out = Line("data out", "as the reference: 1,024 GB", _data_out(reference))
    computing = _computing(usage, reference)
    return Bill(
        reference.files,
        tuple(_beside(line, line.name, reference, today) for line in lines),
        tuple(_beside(line, "compute", reference, today) for line in computing),
        _beside(data_out, "data_out", reference, today),
    )


def per_object(usage: Usage, chosen: Callable[[Entry], bool]) -> Split:
    """Return how many billed pieces of the chosen entries one object took."""
    pieces = usage.counted.pieces
    one_way, echo = (
        sum(count for entry, count in pieces.items() if entry.worker == worker and chosen(entry))
        for worker in _WORKERS
    )
    return Split(one_way, echo).times(1 / usage.objects)


def _beside(line: Line, name: str, reference: Reference, today: Mapping[str, float]) -> Line:
    return Line(line.name, line.counts, line.dollars, reference.published[name], today[name])


def _today(reference: Reference) -> Mapping[str, float]:
    """Return the reference's lines from its own counts; "other" has none and stays."""
    files = reference.files
    s3 = PRICES["s3_get"].of(reference.gets) + PRICES["s3_put"].of(reference.puts)
    return {
        "compute": PRICES["t4g_micro_second"].of(reference.instance_hours * 3600),
        "s3": s3 * files,
        "dynamodb": PRICES["dynamodb_write"].of(reference.writes) * files,
        "sqs": PRICES["sqs_request"].of(reference.sqs_requests) * files,
        "other": reference.published["other"],
        "data_out": PRICES["data_out_byte"].of(TB_GB * GB),
    }


def _requests_line(usage: Usage, service: str) -> Line:
    kinds = {entry.kind for entry in usage.counted.pieces if _SERVICE_OF[entry.service] == service}
    counts, dollars = [], Split(0, 0)
    for kind in sorted(kinds):
        pieces = per_object(usage, _is(kind))
        counts.append(f"{kind.removeprefix(service + '_')} {pieces.one_way:.3g}+{pieces.echo:.3g}")
        dollars = _plus(dollars, _priced(kind, pieces))
    if service == "other":
        logged = Split(*(usage.log_bytes[worker] for worker in _WORKERS)).times(1 / usage.objects)
        counts.append(f"bytes logged {logged.one_way:.0f}+{logged.echo:.0f}")
        dollars = _plus(dollars, _priced("log_byte", logged))
    return Line(service, ", ".join(counts), dollars)


def _computing(usage: Usage, reference: Reference) -> list[Line]:
    """Return the ways to compute: by the reference's pace, and by CPU alone.

    The reference's pace holds for the way there; the echo's handling waits for nothing far away,
    and is taken by its CPU in each case.
    """
    cpu = Split(*(usage.cpu_seconds[worker] for worker in _WORKERS)).times(1 / usage.objects)
    pace_seconds = reference.instance_hours * 3600 / reference.files
    paced = Split(pace_seconds, cpu.echo)
    hours = f"{pace_seconds:.3g} s at the reference's pace"
    invoked = _invocations(usage)
    return [
        Line("EC2 t4g.small", hours, _priced("t4g_small_second", paced)),
        Line("EC2 t4g.micro", hours, _priced("t4g_micro_second", paced)),
        Line("Lambda", f"{hours}; {_told(invoked)} calls", _lambda(paced, invoked)),
        Line("Lambda, CPU only", f"{_told(cpu)} s; {_told(invoked)} calls", _lambda(cpu, invoked)),
    ]


def _lambda(seconds: Split, invoked: Split) -> Split:
    duration = _priced("lambda_gb_second", seconds.times(MEMORY_GB))
    logged = _priced("log_byte", invoked.times(LAMBDA_LOG_BYTES))
    return _plus(_plus(duration, _priced("lambda_request", invoked)), logged)


def _invocations(usage: Usage) -> Split:
    """Return the Lambda calls for one object: one for each receive that was worth it."""
    return per_object(usage, lambda entry: entry.operation == "ReceiveMessage")


def _data_out(reference: Reference) -> Split:
    return Split(PRICES["data_out_byte"].of(TB_GB * GB / reference.files), 0)


def _is(kind: Kind) -> Callable[[Entry], bool]:
    return lambda entry: entry.kind == kind


def _priced(kind: Kind, pieces: Split) -> Split:
    price = PRICES[kind]
    return Split(price.of(pieces.one_way), price.of(pieces.echo))


def _plus(one: Split, other: Split) -> Split:
    return Split(one.one_way + other.one_way, one.echo + other.echo)


def _told(pieces: Split) -> str:
    return f"{pieces.one_way:.3g}+{pieces.echo:.3g}"
