"""The cost as tables for people."""

from collections.abc import Iterable, Mapping, Sequence

from scripts.bench.cost_count import Usage
from scripts.bench.cost_model import Bill, Line
from scripts.bench.prices import Reference

_HEADINGS = (
    "",
    "for one object (there+echo)",
    "$ a million",
    "$ a TB",
    "there",
    "echo",
    "ref. published",
    "ref. today",
)


def requests_table(usage: Usage) -> str:
    """Return what was sent for one object, by who sent it to whom."""
    rows = [("worker", "account", "key pair", "operation", "requests", "billed")]
    for entry, requests in sorted(usage.counted.requests.items()):
        billed = usage.counted.pieces[entry] / usage.objects
        rows.append(
            (
                entry.worker,
                entry.account,
                entry.key_pair,
                f"{entry.service} {entry.operation}",
                f"{requests / usage.objects:.3f}",
                f"{billed:.3f} {entry.kind}",
            )
        )
    return _aligned(rows, numbers=frozenset({4}))


def bill_table(bill: Bill) -> str:
    """Return the bill, with the sums for each way of computing."""
    rows: list[tuple[str, ...]] = [_HEADINGS]
    rows += [_row(line, bill.files) for line in (*bill.lines, bill.data_out)]
    rows += [_row(line, bill.files) for line in bill.computing]
    rows += [
        _row(bill.total(computing, with_data_out=with_data_out), bill.files)
        for with_data_out in (False, True)
        for computing in bill.computing
    ]
    return _aligned(rows, numbers=frozenset(range(2, len(_HEADINGS))))


def heading(usage: Usage, reference: Reference) -> str:
    """Return what was measured, beside what."""
    return (
        f"{usage.objects:,} objects of {reference.name} put at side a; a TB has "
        f"{reference.files:,} of them, as in the reference's example"
    )


def dollars_table(dollars: Mapping[str, float]) -> str:
    """Return one line for each thing and its dollars."""
    rows = [(what, f"{amount:,.2f}") for what, amount in dollars.items()]
    return _aligned(rows, numbers=frozenset({1}))


def _row(line: Line, files: int) -> tuple[str, ...]:
    tb = line.dollars.times(files)
    return (
        line.name,
        line.counts,
        f"{line.dollars.both * 1_000_000:,.2f}",
        f"{tb.both:,.2f}",
        f"{tb.one_way:,.2f}",
        f"{tb.echo:,.2f}",
        f"{line.published:,.2f}",
        f"{line.today:,.2f}",
    )


def _aligned(rows: Iterable[Sequence[str]], numbers: frozenset[int]) -> str:
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]

    def cell(number: int, text: str) -> str:
        width = widths[number]
        return text.rjust(width) if number in numbers else text.ljust(width)

    return "\n".join(
        "  ".join(cell(number, text) for number, text in enumerate(row)).rstrip() for row in table
    )
