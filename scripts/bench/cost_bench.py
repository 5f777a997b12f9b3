"""Counts what keeping objects the same on both sides takes, and prices it beside the reference."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from scripts.bench.cost_count import Usage
from scripts.bench.cost_model import Bill, bill_of
from scripts.bench.cost_run import bench
from scripts.bench.cost_standing import TEMPLATE, for_each_million, standing
from scripts.bench.cost_table import bill_table, dollars_table, heading, requests_table
from scripts.bench.prices import MONTHLY, PRICES, REFERENCES, Reference

_NOTE = (
    "CPU is what this machine took: on a network, Lambda bills the waiting too. Everything is at\n"
    "prices of us-west-2, without free tiers; README.md says what is measured and what assumed."
)

Measured = Sequence[tuple[Usage, Reference, Bill]]


def main() -> None:
    """Measure both sizes, and print the tables or one JSON document."""
    asked = _arguments()
    counts = {"10 KB": asked.small, "50 MB": asked.large}
    with bench() as running:
        measured = [
            (usage, reference, bill_of(usage, reference))
            for reference in reversed(REFERENCES)
            if counts[reference.name]
            for usage in [running.measure(counts[reference.name], reference.size_bytes)]
        ]
    text = _as_json(measured) if asked.json else _as_tables(measured)
    sys.stdout.write(f"{text}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=300, help="objects of 10 KB; 0: none")
    parser.add_argument("--large", type=int, default=4, help="objects of 50 MB; 0: none")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    return parser.parse_args()


def _as_tables(measured: Measured) -> str:
    parts = []
    for usage, reference, bill in measured:
        parts += [heading(usage, reference), requests_table(usage), bill_table(bill)]
        parts.append(dollars_table(_for_each_million(usage, "For a million such keys: ")))
    parts.append("Each month, when nothing happens, in dollars for both sites together:")
    parts += [dollars_table(_standing()), _NOTE]
    return "\n\n".join(parts)


def _as_json(measured: Measured) -> str:
    document = {
        "cases": [
            {
                "size": reference.name,
                "objects": usage.objects,
                "requests": _requests(usage),
                "cpu_seconds": usage.cpu_seconds,
                "log_bytes": usage.log_bytes,
                "crossed_bytes": usage.counted.crossed_bytes,
                "dollars_for_one_object": asdict(bill),
                "dollars_for_a_million_keys": _for_each_million(usage),
                "reference": asdict(reference),
            }
            for usage, reference, bill in measured
        ],
        "dollars_a_month": _standing(),
        "prices": {name: asdict(price) for name, price in PRICES.items()},
        "prices_a_month": {name: asdict(price) for name, price in MONTHLY.items()},
    }
    return json.dumps(document, indent=2)


def _requests(usage: Usage) -> list[dict[str, Any]]:
    counted = usage.counted
    return [
        asdict(entry) | {"requests": number, "billed": counted.pieces[entry]}
        for entry, number in sorted(counted.requests.items())
    ]


def _standing() -> dict[str, float]:
    return standing(TEMPLATE.read_text(encoding="utf-8"))


def _for_each_million(usage: Usage, before: str = "") -> dict[str, float]:
    sizes = usage.counted.item_sizes.values()
    dollars = for_each_million(sum(sizes) / len(sizes))
    return {f"{before}{what}": amount for what, amount in dollars.items()}


if __name__ == "__main__":
    main()
