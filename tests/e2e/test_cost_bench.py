"""The cost bench on a local cloud of its own: every request is named, priced and attributed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OBJECTS = 3


def test_a_small_object_costs_one_read_one_write_and_a_look_at_its_echo() -> None:
    command = [sys.executable, "-m", "scripts.bench.cost_bench", "--json", "--large", "0"]
    done = subprocess.run(
        [*command, "--small", str(OBJECTS)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (case,) = json.loads(done.stdout)["cases"]
    assert case["crossed_bytes"] == {"a": OBJECTS * 10 * 1024}
    assert min(case["cpu_seconds"].values()) > 0
    assert {
        _who(entry): entry["requests"] / OBJECTS
        for entry in case["requests"]
        if entry["service"] == "s3" or entry["key_pair"] == "S3 itself"
    } == {
        ("a", "a", "role", "GetObject"): 1,
        ("a", "b", "dedicated user", "PutObject"): 1,
        ("b", "b", "role", "HeadObject"): 1,
        ("a", "a", "S3 itself", "SendMessage"): 1,
        ("b", "b", "S3 itself", "SendMessage"): 1,
    }


def _who(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(entry[name] for name in ("worker", "account", "key_pair", "operation"))
