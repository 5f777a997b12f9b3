"""`dualway finder` and `dualway conflicts`, as a person calls them, on moto."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from sync_core import connections
from sync_core.cli import app
from sync_core.errors import ConfigError
from sync_core.model import NotedConflict, SyncRecord
from sync_core.records.dynamodb import TABLE_SCHEMA, DynamoDBRecordStore
from tests.object_benches import with_joined_bodies

REGION = "us-east-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "DUALWAY_SITE": "a",
    "DUALWAY_BUCKET": "bucket-a",
    "DUALWAY_REGION": REGION,
    "DUALWAY_PEER_SITE": "b",
    "DUALWAY_PEER_BUCKET": "bucket-b",
    "DUALWAY_PEER_REGION": REGION,
    "DUALWAY_PEER_SECRET": "dualway/peer",
    "DUALWAY_RECORDS_TABLE": "records",
    "DUALWAY_ECHO_PRINCIPAL_IDS": "AIDAEXAMPLE",
}


class Cloud:
    """What the site's stack would make, in moto; the queue and the table as a person sees them."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3", region_name=REGION)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.table = boto3.client("dynamodb", region_name=REGION)
        for bucket in ("bucket-a", "bucket-b"):
            self.s3.create_bucket(Bucket=bucket)
        self.queue_url = self.sqs.create_queue(QueueName="sync")["QueueUrl"]
        self.table.create_table(TableName="records", BillingMode="PAY_PER_REQUEST", **TABLE_SCHEMA)
        key_pair = {"access_key_id": "AKIAPEER", "secret_access_key": "peer"}
        boto3.client("secretsmanager", region_name=REGION).create_secret(
            Name="dualway/peer", SecretString=json.dumps(key_pair)
        )

    def put(self, bucket: str, key: str, data: bytes = b"1") -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=data)

    def state(self) -> dict[str, Any]:
        """Return all that is in both buckets and in the table."""
        found: dict[str, Any] = {
            bucket: self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
            for bucket in ("bucket-a", "bucket-b")
        }
        return found | {"table": self.table.scan(TableName="records")["Items"]}

    def sent(self) -> list[str]:
        """Take the keys that were sent to the queue."""
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return sorted(json.loads(each["Body"])["key"] for each in answer.get("Messages", []))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    # Moto takes bodies in one piece only.
    monkeypatch.setattr(connections, "s3_clients", with_joined_bodies)
    with mock_aws():
        made = Cloud()
        monkeypatch.setenv("DUALWAY_QUEUE_URL", made.queue_url)
        monkeypatch.setenv("DUALWAY_DEAD_LETTER_QUEUE_URL", made.queue_url)
        yield made


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_a_round_sends_what_is_not_accounted_for_and_says_so(cloud: Cloud) -> None:
    for key in ("new", "汉字/文件 🎉.txt"):
        cloud.put("bucket-a", key)
    cloud.put("bucket-b", "left to b")
    answer = call("finder")
    assert answer.exit_code == 0
    first, second, third = answer.stdout.splitlines()
    assert first.startswith("3 keys compared in ")
    assert first.endswith(", 0 equal")
    assert second == "sent to the queue: 2 new"
    assert third == "left alone: 1 left_to_peer"
    assert cloud.sent() == ["new", "汉字/文件 🎉.txt"]


def test_a_round_over_nothing_says_none(cloud: Cloud) -> None:
    lines = call("finder").stdout.splitlines()
    assert lines[1:] == ["sent to the queue: none", "left alone: none"]
    assert cloud.sent() == []


def test_the_report_as_json_has_every_number(cloud: Cloud) -> None:
    cloud.put("bucket-a", "new")
    document = json.loads(call("finder", "--json").stdout)
    assert document["scanned"] == 1
    assert document["equal"] == 0
    assert document["hinted"] == document["reasons"] == {"new": 1}
    assert document.keys() >= {"seconds", "keys_per_second", "started_at"}


def test_a_dry_run_prints_the_row_and_the_evidence_of_each_such_key(cloud: Cloud) -> None:
    cloud.put("bucket-a", "new")
    cloud.put("bucket-b", "left to b")
    answer = call("finder", "--dry-run")
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert "'new': new: row 5, would create it at b" in lines
    assert "    no pair is recorded" in lines
    assert lines[-1] == "2 keys compared; nothing was sent or changed"
    assert not any("left to b" in line for line in lines)
    assert cloud.sent() == []


def test_a_dry_run_changes_neither_bucket_nor_table(cloud: Cloud) -> None:
    cloud.put("bucket-a", "new")
    before = cloud.state()
    call("finder", "--dry-run")
    assert cloud.state() == before


def test_a_dry_run_after_a_round_changes_nothing_either(cloud: Cloud) -> None:
    cloud.put("bucket-a", "new")
    call("finder")
    before = cloud.state()
    call("finder", "--dry-run")
    assert cloud.state() == before


def test_what_is_wrong_with_the_environment_is_said(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUALWAY_SITE")
    with pytest.raises(ConfigError, match="DUALWAY_SITE is not set"):
        call("finder")


AT = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
SETTLED = NotedConflict(AT, "a", "e1|1|t1", "e2|2|t2", "k.conflict-b")
AS_VERSION = replace(SETTLED, loser_key=None)
OPEN = replace(AS_VERSION, is_open=True)


def note(**conflicts: NotedConflict) -> None:
    table = DynamoDBRecordStore.connect("records", REGION)
    table.write([SyncRecord(key, conflict=found) for key, found in conflicts.items()])


def test_conflicts_are_listed_with_both_versions_and_where_the_loser_is(cloud: Cloud) -> None:
    note(k=SETTLED, m=AS_VERSION, n=OPEN)
    assert call("conflicts").stdout.splitlines() == [
        "'k': a won at 2026-01-01 12:30:00 UTC",
        "    winner: e1|1|t1",
        "    loser:  e2|2|t2, kept as 'k.conflict-b'",
        "'m': a won at 2026-01-01 12:30:00 UTC",
        "    winner: e1|1|t1",
        "    loser:  e2|2|t2, kept as the version below, in its bucket",
        "'n': open since 2026-01-01 12:30:00 UTC; delete or overwrite one of the two",
        "    at a: e1|1|t1",
        "    at its peer: e2|2|t2",
        "3 conflicts are noted at site a",
    ]


def test_conflicts_as_json_are_one_object_on_each_line(cloud: Cloud) -> None:
    note(k=SETTLED, n=OPEN)
    first, second = map(json.loads, call("conflicts", "--json").stdout.splitlines())
    assert first == {
        "key": "k",
        "at": "2026-01-01T12:30:00+00:00",
        "winner_side": "a",
        "winner": "e1|1|t1",
        "loser": "e2|2|t2",
        "loser_key": "k.conflict-b",
        "is_open": False,
    }
    assert (second["key"], second["is_open"], second["loser_key"]) == ("n", True, None)


def test_a_table_without_conflicts_is_said_to_have_none(cloud: Cloud) -> None:
    assert call("conflicts").stdout == "0 conflicts are noted at site a\n"
    assert call("conflicts", "--json").stdout == ""
