"""What a pair of sites costs each month when nothing happens, from the settings and the template.

Each figure is for both sites together. Pure, but for reading the template.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from scripts.bench.prices import HOURS_A_MONTH, MONTHLY, PRICES
from sync_core.telemetry import METRICS
from sync_core.worker import WorkerSettings

TEMPLATE = Path(__file__).parents[2] / "cfn" / "site.yaml"

SITES = 2
LAMBDA_POLLERS = 5
"""Long polls that an event source mapping keeps open at least (Lambda developer guide, "Using
Lambda with Amazon SQS", 2025)."""
LONGEST_POLL_SECONDS = 20
KEYS_A_PAGE = 1000
"""Most keys in one answer of ListObjectsV2."""

_SECONDS_A_MONTH = HOURS_A_MONTH * 3600


def standing(template: str) -> dict[str, float]:
    """Return dollars a month by what they are for; `template` is the text of cfn/site.yaml.

    Conditions of the template are passed over, so that this is the most that it makes.
    """
    settings = WorkerSettings()
    return {
        f"empty polls of a long-running worker ({settings.pollers} pollers)": _polls(
            settings.pollers, settings.wait_seconds
        ),
        f"empty polls of a Lambda function ({LAMBDA_POLLERS} pollers)": _polls(
            LAMBDA_POLLERS, LONGEST_POLL_SECONDS
        ),
        "one t4g.small at each site, where the worker runs on EC2": PRICES["t4g_small_second"].of(
            SITES * _SECONDS_A_MONTH
        ),
        f"{len(METRICS)} custom metrics, and one more for each Reason seen": MONTHLY["metric"].of(
            SITES * len(METRICS)
        ),
        **_of_template(template),
    }


def for_each_million(item_bytes: float) -> dict[str, float]:
    """Return dollars for a million keys in sync, with records of `item_bytes` on average.

    The first is each month's, of both tables with their backups; the second is one finder round's.
    """
    keys = 1_000_000
    stored = keys * item_bytes * SITES
    pages = PRICES["s3_put"].of(SITES * keys / KEYS_A_PAGE)
    units = keys * item_bytes / 4096
    return {
        f"records of {item_bytes:.0f} bytes on both sides, a month": MONTHLY["table_byte"].of(
            stored
        )
        + MONTHLY["backup_byte"].of(stored),
        "one finder round of one site": pages + PRICES["dynamodb_read"].of(units),
    }


def _polls(pollers: int, wait_seconds: float) -> float:
    return PRICES["sqs_request"].of(SITES * pollers * _SECONDS_A_MONTH / wait_seconds)


def _of_template(template: str) -> Mapping[str, float]:
    found = {}
    for what, resource in (
        ("secret", "AWS::SecretsManager::Secret"),
        ("alarm", "AWS::CloudWatch::Alarm"),
        ("dashboard", "AWS::CloudWatch::Dashboard"),
    ):
        number = len(re.findall(rf"^ +Type: {resource}$", template, re.MULTILINE))
        name = f"{number} {what}{'' if number == 1 else 's'} at each site"
        found[name] = MONTHLY[what].of(SITES * number)
    return found
