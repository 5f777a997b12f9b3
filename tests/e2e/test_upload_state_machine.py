"""The state machine of shared uploads as cfn/site.yaml launches it: what it finds, and does then.

No worker runs, so that whatever is sent can be read in the queue. Nobody waits between two looks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest

from sync_core.launch.accounts import open_account
from sync_core.launch.launcher import Launch, launch
from sync_core.launch.packages import build_source_package
from sync_core.launch.settings import LaunchSettings, SiteSettings
from sync_core.launch.stacks import LaunchedSite
from sync_core.local.observe import wait_until
from sync_core.model import SharedUpload, UploadedPart
from sync_core.parts import MIB
from sync_core.records.uploads_dynamodb import DynamoDBUploadLedger
from tests.e2e.launch_accounts import Side, TwoAccounts, two_accounts

DEADLINE_SECONDS = 300
PREFIX = "films/"
PART_BYTES = 5 * MIB
PARTS = RUNS = 3
STALLED = timedelta(minutes=20)

pytestmark = pytest.mark.timeout(1200)


@dataclass(frozen=True)
class Machine:
    """The state machine of one side, and the bucket of the other."""

    site: LaunchedSite
    side: Side
    peer: Side
    ledger: DynamoDBUploadLedger

    @property
    def states(self) -> Any:
        return self.side.client("stepfunctions")

    def begin(self, upload: "Upload", **given: Any) -> str:
        """Start an execution as a worker does; return its ARN."""
        event = {"key": upload.key, "upload_id": upload.upload_id, **given}
        answer = self.states.start_execution(
            stateMachineArn=self.site.outputs["UploadStateMachineArn"], input=json.dumps(event)
        )
        return str(answer["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for an execution's end; return what is told of it."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            found.update(self.states.describe_execution(executionArn=execution))
            return bool(found["status"] != "RUNNING")

        wait_until(has_ended, DEADLINE_SECONDS, lambda: f"still at work: {found}")
        return found

    def run(self, upload: "Upload", **given: Any) -> dict[str, Any]:
        return self.end(self.begin(upload, **given))

    def looks(self, execution: str) -> list[dict[str, Any]]:
        """Return what the looks of an execution have answered so far."""
        history = self.states.get_execution_history(executionArn=execution, maxResults=1000)
        return [
            json.loads(event["stateExitedEventDetails"]["output"])
            for event in history["events"]
            if event["type"] == "TaskStateExited"
        ]

    def wait_for_looks(self, execution: str, number: int) -> list[dict[str, Any]]:
        wait_until(
            lambda: len(self.looks(execution)) >= number,
            DEADLINE_SECONDS,
            lambda: f"so far: {self.looks(execution)}",
        )
        return self.looks(execution)

    def sent(self) -> list[dict[str, Any]]:
        """Take all messages out of the queue."""
        sqs, url, found = self.side.client("sqs"), self.site.outputs["QueueUrl"], []
        at_once = {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
        while batch := sqs.receive_message(**at_once).get("Messages"):
            for message in batch:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def is_open_at_peer(self, upload: "Upload") -> bool:
        listed = self.peer.client("s3").list_multipart_uploads(Bucket=self.peer.bucket)
        return upload.upload_id in {each["UploadId"] for each in listed.get("Uploads", [])}


@dataclass(frozen=True)
class Upload:
    """An upload to the peer that stands in the ledger."""

    machine: Machine
    key: str
    upload_id: str

    def ended(self) -> str | None:
        found = self.machine.ledger.read(self.upload_id)
        assert found is not None
        return found.ended

    def count(self, run: int) -> None:
        part = UploadedPart(run + 1, f"etag-{run}", PART_BYTES)
        assert self.machine.ledger.note(self.upload_id, run, [part], datetime.now(UTC))

    def message(self, run: int) -> dict[str, Any]:
        return {"key": PREFIX + self.key, "upload_id": self.upload_id, "run": run}

    def write_source(self, data: bytes) -> str:
        """Put the source as a user does; return its etag."""
        side = self.machine.side
        put = side.client("s3").put_object
        return str(put(Bucket=side.bucket, Key=PREFIX + self.key, Body=data)["ETag"]).strip('"')


def shared(machine: Machine, key: str, *, idle: timedelta = timedelta(0)) -> Upload:
    """Begin an upload, enter it, and have nothing happen to it for so long."""
    peer = machine.peer.client("s3")
    begun = peer.create_multipart_upload(Bucket=machine.peer.bucket, Key=key)
    upload_id = begun["UploadId"]
    body = BytesIO(bytes(PART_BYTES))
    peer.upload_part(
        Bucket=machine.peer.bucket, Key=key, UploadId=upload_id, PartNumber=1, Body=body
    )
    upload = Upload(machine, key, upload_id)
    at = datetime.now(UTC).replace(microsecond=0) - idle
    machine.ledger.open(
        SharedUpload(
            key=key,
            upload_id=upload_id,
            source_etag=upload.write_source(b"the first"),
            size_bytes=PARTS * PART_BYTES,
            part_bytes=PART_BYTES,
            run_parts=1,
            opened_at=at,
            changed_at=at,
        )
    )
    return upload


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("accounts")
    with pytest.MonkeyPatch.context() as patch:
        # Nobody waits from one look to the next, nor between two tries.
        patch.setenv("SFN_WAIT_SCALE", "0")
        with two_accounts(folder) as accounts:
            side, peer = accounts.sides.values()
            site = launched(accounts)
            stop_the_worker(side)
            ledger = DynamoDBUploadLedger.connect(
                site.outputs["PartsTableName"],
                side.region,
                endpoint_url=side.endpoint_url,
                key_pair=(side.account_id, "root"),
            )
            yield Machine(site, side, peer, ledger)


def launched(accounts: TwoAccounts) -> LaunchedSite:
    """Launch both sites, the first one with functions and a prefix, and return that."""
    own, other = (
        SiteSettings(name=side.name, bucket=side.bucket, endpoint_url=accounts.endpoint_url)
        for side in accounts.sides.values()
    )
    functions = {"EventTrigger": "No", "FinderSchedule": "", "MaxConcurrentWorkers": "2"}
    own = replace(own, prefix=PREFIX, parameters=functions)
    other = replace(other, parameters={"WorkerRuntime": "Elsewhere"})
    one, two = (
        open_account(site, side.region, side.client)
        for site, side in zip((own, other), accounts.sides.values(), strict=True)
    )
    package = build_source_package(accounts.folder)
    wanted = Launch(
        LaunchSettings((own, other)), (one, two), lambda _: {"LambdaPackage": package}, print
    )
    sites = launch(wanted)
    assert sites is not None
    return sites[own.name]


def stop_the_worker(side: Side) -> None:
    functions = side.client("lambda")
    (source,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)


@pytest.fixture(autouse=True)
def empty_queue(machine: Machine) -> Iterator[None]:
    yield
    machine.sent()


def test_an_upload_is_watched_until_somebody_has_ended_it(machine: Machine) -> None:
    upload = shared(machine, "ended")
    execution = machine.begin(upload)
    first, *others = machine.wait_for_looks(execution, 3)
    assert {look["status"] for look in (first, *others)} == {"under_way"}
    # Since when nothing has moved goes on from look to look.
    assert {look["seen"]["since"] for look in others} == {first["seen"]["since"]}

    upload.count(0)
    machine.ledger.end(upload.upload_id, "completed", datetime.now(UTC))
    ended = machine.end(execution)
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert (output["status"], output["done_bytes"]) == ("over", PART_BYTES)
    assert output["seen"]["since"] > first["seen"]["since"]
    assert machine.is_open_at_peer(upload)
    assert machine.sent() == []


def test_messages_that_were_lost_are_sent_again_once(machine: Machine) -> None:
    upload = shared(machine, "lost messages", idle=STALLED)
    execution = machine.begin(upload)
    looks = machine.wait_for_looks(execution, 3)
    assert [look["status"] for look in looks[:3]] == ["resent", "under_way", "under_way"]
    sent = sorted(machine.sent(), key=lambda message: int(message["run"]))
    assert sent == [upload.message(run) for run in range(RUNS)]
    machine.ledger.end(upload.upload_id, "completed", datetime.now(UTC))
    assert machine.end(execution)["status"] == "SUCCEEDED"


def test_when_the_source_changes_meanwhile_the_upload_is_cancelled(machine: Machine) -> None:
    upload = shared(machine, "changed")
    execution = machine.begin(upload)
    machine.wait_for_looks(execution, 1)
    upload.write_source(b"another")
    ended = machine.end(execution)
    assert (ended["status"], json.loads(ended["output"])["status"]) == ("SUCCEEDED", "cancelled")
    assert upload.ended() == "cancelled"
    assert not machine.is_open_at_peer(upload)
    assert machine.sent() == [{"key": PREFIX + upload.key, "size": 0}]


def test_when_nothing_has_moved_for_a_day_the_execution_fails(machine: Machine) -> None:
    upload = shared(machine, "timed out", idle=timedelta(hours=30))
    since = (datetime.now(UTC) - timedelta(hours=25)).isoformat()
    ended = machine.run(upload, seen={"done_parts": 0, "since": since})
    assert (ended["status"], ended["error"]) == ("FAILED", "UploadTimedOut")
    assert upload.ended() == "timed out"
    assert not machine.is_open_at_peer(upload)
    assert machine.sent() == []


def test_a_look_that_cannot_reach_the_peer_fails_and_another_finishes_it(
    machine: Machine,
) -> None:
    upload = shared(machine, "out of reach")
    upload.write_source(b"another")
    set_key_pairs(machine.peer, "Inactive")
    try:
        execution = machine.begin(upload)
        assert machine.end(execution)["status"] == "FAILED"
    finally:
        set_key_pairs(machine.peer, "Active")
    assert machine.looks(execution) == []
    assert upload.ended() == "cancelled"
    assert machine.is_open_at_peer(upload)

    assert machine.run(upload)["status"] == "SUCCEEDED"
    assert not machine.is_open_at_peer(upload)
    assert machine.sent() == [{"key": PREFIX + upload.key, "size": 0}]


def set_key_pairs(peer: Side, status: str) -> None:
    """Switch the key pairs of the dedicated user on or off."""
    iam = peer.client("iam")
    (user,) = [
        each["UserName"]
        for each in iam.list_users()["Users"]
        if "DedicatedUser" in each["UserName"]
    ]
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status=status)


def test_an_operator_who_stops_the_watching_leaves_the_upload_as_it_is(machine: Machine) -> None:
    upload = shared(machine, "stopped")
    upload.count(1)
    execution = machine.begin(upload)
    machine.wait_for_looks(execution, 1)
    machine.states.stop_execution(executionArn=execution, cause="an operator's word")
    assert machine.end(execution)["status"] == "ABORTED"
    assert upload.ended() is None
    assert machine.is_open_at_peer(upload)
    assert machine.ledger.runs(upload.upload_id) == {1}
    assert machine.sent() == []

    again = machine.begin(upload)
    assert machine.wait_for_looks(again, 1)[0]["status"] == "under_way"
    machine.ledger.end(upload.upload_id, "completed", datetime.now(UTC))
    assert machine.end(again)["status"] == "SUCCEEDED"
