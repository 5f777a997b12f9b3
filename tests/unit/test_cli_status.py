"""`dualway status`, as a person calls it: on moto, and what it prints of what it finds."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console
from typer.testing import CliRunner, Result

from sync_core.cli import app
from sync_core.cli.status import Status, as_document, show, shown_duration
from sync_core.errors import ConfigError
from sync_core.model import SharedUpload, UploadedPart
from sync_core.queues.protocol import QueueCounts
from sync_core.records.dynamodb import TABLE_SCHEMA
from sync_core.records.uploads_dynamodb import DynamoDBUploadLedger

REGION = "us-east-1"
GIB = 1024**3
MIB = 1024**2
AT = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
UPLOAD = SharedUpload(
    key="videos/汉字 🎉.mov",
    upload_id="upload-1",
    source_etag="etag",
    size_bytes=1024 * GIB,
    part_bytes=100 * MIB,
    run_parts=1,
    opened_at=AT - timedelta(hours=3, minutes=12),
    changed_at=AT - timedelta(seconds=4),
    done_parts=3712,
    done_bytes=3712 * 100 * MIB,
)
COUNTS = QueueCounts(waiting=12_345, in_flight=3, dead_letters=1)


def printed(found: Status) -> list[str]:
    stream = io.StringIO()
    console = Console(
        file=stream, width=80, markup=False, highlight=False, emoji=False, soft_wrap=True
    )
    show(console, found)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


class TestPrinting:
    def test_the_queue_and_each_upload_are_a_few_lines(self) -> None:
        assert printed(Status("a", COUNTS, (UPLOAD,), AT)) == [
            "site a",
            "  messages: 12,345 wait, 3 in flight, 1 dead-lettered",
            "  large objects that workers share: 1",
            "  'videos/汉字 🎉.mov'",
            "    ━━━━━━━━                 35% 362.5 GiB of 1.0 TiB",
            "    3,712 of 10,486 parts, under way for 3 h 12 min, last progress 4 s ago",
        ]

    @pytest.mark.parametrize(
        ("done_bytes", "percent"),
        [(0, "0%"), (1, "0%"), (1024 * GIB - 1, "99%"), (1024 * GIB, "100%")],
    )
    def test_only_an_upload_that_is_whole_has_a_hundred_percent(
        self, done_bytes: int, percent: str
    ) -> None:
        found = Status("a", COUNTS, (replace(UPLOAD, done_bytes=done_bytes),), AT)
        assert f" {percent} " in printed(found)[4]

    def test_a_key_is_printed_on_one_line_and_not_taken_for_markup(self) -> None:
        odd = replace(UPLOAD, key="[red]two\nlines :smile: " + "x" * 1000)
        line = printed(Status("a", COUNTS, (odd,), AT))[3]
        assert line.startswith("  '[red]two\\nlines :smile: xxx")
        assert line.endswith("…")

    def test_nothing_under_way_is_said_to_be_none(self) -> None:
        assert printed(Status("a", COUNTS, (), AT))[2:] == [
            "  large objects that workers share: none"
        ]

    def test_a_deployment_that_shares_none_says_which_setting_is_missing(self) -> None:
        assert "DUALWAY_PARTS_TABLE" in printed(Status("a", COUNTS, None, AT))[2]

    def test_a_queue_without_a_dead_letter_queue_shows_no_number(self) -> None:
        found = Status("a", replace(COUNTS, dead_letters=None), (), AT)
        assert printed(found)[1] == "  messages: 12,345 wait, 3 in flight, - dead-lettered"

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (-7, "0 s"),
            (0, "0 s"),
            (59.9, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (11_520, "3 h 12 min"),
            (86_400, "1 d"),
            (180_000, "2 d 2 h"),
        ],
    )
    def test_a_duration_has_its_two_largest_units(self, seconds: float, text: str) -> None:
        assert shown_duration(timedelta(seconds=seconds)) == text

    def test_the_document_has_every_number(self) -> None:
        document = json.loads(json.dumps(as_document(Status("a", COUNTS, (UPLOAD,), AT))))
        assert document == {
            "site": "a",
            "at": "2026-01-01T12:30:00+00:00",
            "waiting": 12_345,
            "in_flight": 3,
            "dead_letters": 1,
            "uploads": [
                {
                    "key": UPLOAD.key,
                    "upload_id": "upload-1",
                    "percent": 35,
                    "done_bytes": UPLOAD.done_bytes,
                    "size_bytes": UPLOAD.size_bytes,
                    "done_parts": 3712,
                    "parts": 10_486,
                    "opened_at": "2026-01-01T09:18:00+00:00",
                    "changed_at": "2026-01-01T12:29:56+00:00",
                    "age_seconds": 11_520,
                    "idle_seconds": 4,
                }
            ],
        }


class Cloud:
    """What two sites' stacks would make, in moto; `environments` are those of their workers."""

    def __init__(self) -> None:
        self._sqs = boto3.client("sqs", region_name=REGION)
        self._dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.environments = {"a": self._site("a", "b"), "b": self._site("b", "a")}

    def _site(self, name: str, peer: str) -> dict[str, str]:
        queue, dead_letter_queue = (
            self._sqs.create_queue(QueueName=f"{name}-{kind}")["QueueUrl"]
            for kind in ("sync", "dead")
        )
        self._dynamodb.create_table(
            TableName=f"{name}-parts", BillingMode="PAY_PER_REQUEST", **TABLE_SCHEMA
        )
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "DUALWAY_SITE": name,
            "DUALWAY_BUCKET": f"bucket-{name}",
            "DUALWAY_REGION": REGION,
            "DUALWAY_PEER_SITE": peer,
            "DUALWAY_PEER_BUCKET": f"bucket-{peer}",
            "DUALWAY_PEER_REGION": REGION,
            "DUALWAY_PEER_SECRET": "dualway/peer",
            "DUALWAY_RECORDS_TABLE": "records",
            "DUALWAY_PARTS_TABLE": f"{name}-parts",
            "DUALWAY_ECHO_PRINCIPAL_IDS": "AIDAEXAMPLE",
            "DUALWAY_QUEUE_URL": queue,
            "DUALWAY_DEAD_LETTER_QUEUE_URL": dead_letter_queue,
        }

    def send(self, site: str, count: int, *, dead: bool = False) -> None:
        name = "DUALWAY_DEAD_LETTER_QUEUE_URL" if dead else "DUALWAY_QUEUE_URL"
        for number in range(count):
            self._sqs.send_message(
                QueueUrl=self.environments[site][name], MessageBody=f"message {number}"
            )

    def take(self, site: str) -> None:
        self._sqs.receive_message(QueueUrl=self.environments[site]["DUALWAY_QUEUE_URL"])

    def ledger(self, site: str) -> DynamoDBUploadLedger:
        return DynamoDBUploadLedger.connect(f"{site}-parts", REGION)

    def ready_file(self, folder: Path) -> Path:
        """Write the file that `dualway local` would."""
        described = dict.fromkeys(
            (
                "account_id",
                "region",
                "bucket",
                "user_access_key_id",
                "user_secret_access_key",
                "dedicated_user_id",
                "queue_url",
                "dead_letter_queue_url",
                "records_table",
                "parts_table",
                "log_file",
            ),
            "",
        )
        sites: dict[str, Any] = {
            name: {**described, "environment": environment}
            for name, environment in self.environments.items()
        }
        path = folder / "ready.json"
        path.write_text(json.dumps({"endpoint_url": "http://127.0.0.1", "sites": sites}))
        return path


@pytest.fixture
def environment() -> Iterator[None]:
    """Put the environment back, which the command takes from a ready file."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def cloud(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        made = Cloud()
        for name, value in made.environments["a"].items():
            monkeypatch.setenv(name, value)
        yield made


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ("status", *arguments), catch_exceptions=False)


class TestCommand:
    def test_the_deployment_of_the_environment_is_shown(self, cloud: Cloud) -> None:
        cloud.send("a", 3)
        cloud.take("a")
        cloud.send("a", 2, dead=True)
        answer = call()
        assert answer.exit_code == 0
        assert answer.stdout.splitlines() == [
            "site a",
            "  messages: 2 wait, 1 in flight, 2 dead-lettered",
            "  large objects that workers share: none",
        ]

    def test_uploads_come_in_the_order_in_which_they_were_opened(self, cloud: Cloud) -> None:
        ledger = cloud.ledger("a")
        for number in (2, 0, 1):
            opened_at = AT + timedelta(hours=number)
            key, upload_id = f"key {number}", f"id-{9 - number}"
            fresh = replace(UPLOAD, key=key, upload_id=upload_id, opened_at=opened_at)
            ledger.open(replace(fresh, done_parts=0, done_bytes=0))
        ledger.note("id-8", 0, [UploadedPart(1, "e", 100 * MIB)], AT)
        ledger.end("id-7", "completed", AT)
        (line,) = call("--json").stdout.splitlines()
        found = json.loads(line)["uploads"]
        assert [(each["key"], each["done_parts"]) for each in found] == [("key 0", 0), ("key 1", 1)]

    def test_without_a_table_of_parts_it_says_so(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DUALWAY_PARTS_TABLE")
        assert "DUALWAY_PARTS_TABLE is not set" in call().stdout
        assert json.loads(call("--json").stdout)["uploads"] is None

    def test_a_missing_table_is_an_error_with_advice(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DUALWAY_PARTS_TABLE", "elsewhere")
        with pytest.raises(ConfigError, match=r"elsewhere.*create it"):
            call()

    def test_of_a_ready_file_both_sites_are_shown_or_the_one_that_is_asked_for(
        self, cloud: Cloud, tmp_path: Path
    ) -> None:
        ready_file = str(cloud.ready_file(tmp_path))
        cloud.send("b", 4)
        both = call("--ready-file", ready_file, "--json").stdout.splitlines()
        found = [json.loads(line) for line in both]
        assert [(each["site"], each["waiting"]) for each in found] == [("a", 0), ("b", 4)]
        one = json.loads(call("--ready-file", ready_file, "--site", "b", "--json").stdout)
        assert (one["site"], one["waiting"]) == ("b", 4)

    def test_a_site_that_the_ready_file_does_not_have_is_an_error(
        self, cloud: Cloud, tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigError, match="no site 'c'"):
            call("--ready-file", str(cloud.ready_file(tmp_path)), "--site", "c")
