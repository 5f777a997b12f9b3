"""The finder's state machine as cfn/site.yaml launches it: whole rounds, and how they may fail."""

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from sync_core.launch.accounts import open_account
from sync_core.launch.launcher import Launch, launch
from sync_core.launch.packages import build_source_package
from sync_core.launch.settings import LaunchSettings, SiteSettings
from sync_core.launch.stacks import LaunchedSite
from sync_core.local.observe import wait_until
from sync_core.records.dynamodb import DynamoDBRecordStore
from sync_core.shared_round import BOUNDARIES
from sync_core.turn import CONTROL, TURN_SECONDS
from tests.e2e.launch_accounts import Side, TwoAccounts, two_accounts

DEADLINE_SECONDS = 300
FOLDERS = ("w", "x", "y", "z")
KEYS = 3 * len(FOLDERS)
RANGES = 4
TRIES = 7
TIMEOUT_SECONDS = 15

pytestmark = pytest.mark.timeout(1200)


@dataclass(frozen=True)
class Machine:
    """The state machine of one side, and the faults of its function."""

    arn: str
    side: Side
    table: str
    worker_role: str
    folder: Path

    @property
    def states(self) -> Any:
        return self.side.client("stepfunctions")

    def begin(self, round_id: str) -> str:
        answer = self.states.start_execution(stateMachineArn=self.arn, name=round_id, input="{}")
        return str(answer["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for an execution's end; return what is told of it."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            found.update(self.states.describe_execution(executionArn=execution))
            return bool(found["status"] != "RUNNING")

        wait_until(has_ended, DEADLINE_SECONDS, lambda: f"still at work: {self.calls()}")
        return found

    def run(self, round_id: str) -> dict[str, Any]:
        return self.end(self.begin(round_id))

    def succeeded(self, execution: str) -> int:
        """Return how many calls of an execution have ended well so far."""
        history = self.states.get_execution_history(executionArn=execution, maxResults=1000)
        return sum(event["type"] == "TaskSucceeded" for event in history["events"])

    def set_fault(self, round_id: str, how: str, number: int = 1) -> None:
        self._write({"round": round_id, "range": number, "how": how})

    def clear_fault(self) -> None:
        self._write(None)

    def _write(self, fault: object) -> None:
        unfinished = self.folder / "unfinished"
        unfinished.write_text(json.dumps(fault), encoding="utf-8")
        unfinished.replace(self.folder / "fault")

    def calls(self, round_id: str | None = None) -> Counter[str]:
        """Count the calls of the function, such as "plan" and "compare 1"."""
        path = self.folder / "calls"
        # What follows the last line's end is still being written.
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        calls = [json.loads(line) for line in lines]
        return Counter(
            task if number is None else f"{task} {number}"
            for of, task, number in calls
            if round_id in {None, of}
        )

    @contextmanager
    def worker(self) -> Iterator[Any]:
        """Yield a client of S3 with the worker's role."""
        given = self.side.client("sts").assume_role(
            RoleArn=self.worker_role, RoleSessionName="worker"
        )["Credentials"]
        s3 = boto3.client(
            "s3",
            region_name=self.side.region,
            endpoint_url=self.side.endpoint_url,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        with closing(s3):
            yield s3

    def uploads(self) -> set[str]:
        """Return the keys of the uploads under way in the side's bucket."""
        listed = self.side.client("s3").list_multipart_uploads(Bucket=self.side.bucket)
        return {upload["Key"] for upload in listed.get("Uploads", ())}

    def divide(self) -> None:
        """Have the next round divided into RANGES ranges, which a small bucket is not."""
        boundaries = [f"{folder}/k1" for folder in FOLDERS[1:]]
        self._change_control(BOUNDARIES, lambda _: json.dumps(boundaries))

    def let_the_turn_run_out(self) -> None:
        """Set the turn's end back, as if so much time had passed."""

        def passed(text: str) -> str:
            values = json.loads(text)
            until = datetime.fromisoformat(values["until"]) - timedelta(seconds=TURN_SECONDS)
            return json.dumps({**values, "until": until.isoformat()})

        self._change_control(CONTROL, passed)

    def _change_control(self, name: str, change: Callable[[str], str]) -> None:
        side = self.side
        store = DynamoDBRecordStore.connect(
            self.table,
            side.region,
            endpoint_url=side.endpoint_url,
            key_pair=(side.account_id, "root"),
        )
        item = store.read_control(name)
        assert item is not None
        assert store.write_control(replace(item, text=change(item.text)))

    @contextmanager
    def shortened(self) -> Iterator[None]:
        """Give a call of Compare little time, and one more try, meanwhile."""
        described = self.states.describe_state_machine(stateMachineArn=self.arn)
        definition = json.loads(described["definition"])
        compare = definition["States"]["CompareRanges"]["ItemProcessor"]["States"]["Compare"]
        compare["TimeoutSeconds"] = TIMEOUT_SECONDS
        for retry in compare["Retry"]:
            retry["MaxAttempts"] = min(retry["MaxAttempts"], 1)
        update = partial(self.states.update_state_machine, stateMachineArn=self.arn)
        update(definition=json.dumps(definition))
        yield
        update(definition=described["definition"])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("accounts")
    with pytest.MonkeyPatch.context() as patch:
        # Nobody waits for the time between two tries.
        patch.setenv("SFN_WAIT_SCALE", "0")
        with two_accounts(folder) as accounts:
            side, _ = accounts.sides.values()
            site = launched(accounts)
            fill(side)
            found = Machine(
                site.outputs["FinderStateMachineArn"],
                side,
                site.outputs["RecordsTableName"],
                site.outputs["WorkerRoleArn"],
                folder,
            )
            found.clear_fault()
            make_faulty(side, folder)
            yield found
            found.clear_fault()


def launched(accounts: TwoAccounts) -> LaunchedSite:
    """Launch both sites, the first one with functions, and return that."""
    first, second = (
        SiteSettings(
            name=side.name,
            bucket=side.bucket,
            endpoint_url=accounts.endpoint_url,
            parameters=parameters,
        )
        for side, parameters in zip(
            accounts.sides.values(),
            (
                {
                    "EventTrigger": "No",
                    "FinderSchedule": "",
                    "FinderDepth": "1",
                    "FinderParallelism": str(RANGES),
                    "MaxConcurrentWorkers": "2",
                },
                {"WorkerRuntime": "Elsewhere"},
            ),
            strict=True,
        )
    )
    one, other = (
        open_account(site, side.region, side.client)
        for site, side in zip((first, second), accounts.sides.values(), strict=True)
    )
    package = build_source_package(accounts.folder)
    with zipfile.ZipFile(package, "a") as archive:
        archive.write(Path(__file__).with_name("faulty_finder.py"), "faulty_finder.py")
    wanted = Launch(
        LaunchSettings((first, second)), (one, other), lambda _: {"LambdaPackage": package}, print
    )
    sites = launch(wanted)
    assert sites is not None
    return sites[first.name]


def fill(side: Side) -> None:
    for folder in FOLDERS:
        for number in range(KEYS // len(FOLDERS)):
            side.client("s3").put_object(Bucket=side.bucket, Key=f"{folder}/k{number}", Body=b"1")


def make_faulty(side: Side, folder: Path) -> None:
    functions = side.client("lambda")
    (function,) = [
        each
        for each in functions.list_functions()["Functions"]
        if each["Handler"] == "handlers.finder.handler"
    ]
    variables = {**function["Environment"]["Variables"], "FAULTS": str(folder)}
    functions.update_function_configuration(
        FunctionName=function["FunctionName"],
        Handler="faulty_finder.handler",
        Environment={"Variables": variables},
    )


@pytest.fixture(autouse=True)
def no_fault(machine: Machine) -> Iterator[None]:
    yield
    machine.clear_fault()


@pytest.fixture(scope="module")
def first_round(machine: Machine) -> dict[str, Any]:
    """What is told of the first round's execution."""
    return machine.run("first")


def once_each() -> dict[str, int]:
    return {"plan": 1, **{f"compare {number}": 1 for number in range(RANGES)}, "report": 1}


def assert_complete(ended: Mapping[str, Any]) -> None:
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert (output["ended"], output["scanned"]) == ("complete", KEYS)


def test_a_round_is_planned_compared_in_ranges_and_reported(
    machine: Machine, first_round: dict[str, Any]
) -> None:
    assert_complete(first_round)
    assert json.loads(first_round["output"])["hinted"] == {"new": KEYS}
    assert machine.calls("first") == once_each()


def test_uploads_that_a_worker_has_forgotten_in_the_own_bucket_are_aborted_when_they_are_old(
    machine: Machine, first_round: dict[str, Any]
) -> None:
    assert_complete(first_round)
    bucket = machine.side.bucket
    machine.side.client("s3").create_multipart_upload(Bucket=bucket, Key="of a user")
    with machine.worker() as worker:
        worker.create_multipart_upload(Bucket=bucket, Key="of the worker")
    assert_complete(machine.run("too soon"))
    assert machine.uploads() == {"of a user", "of the worker"}
    machine.set_fault("days later", "later")
    assert_complete(machine.run("days later"))
    assert machine.uploads() == {"of a user"}


@pytest.fixture
def divided(machine: Machine, first_round: dict[str, Any]) -> Machine:
    """The machine, whose next round is compared in RANGES ranges."""
    assert_complete(first_round)
    machine.divide()
    return machine


def test_a_range_that_takes_many_calls_is_gone_on_with_until_it_is_done(divided: Machine) -> None:
    divided.set_fault("many calls", "hurry")
    assert_complete(divided.run("many calls"))
    calls = divided.calls("many calls")
    assert calls["compare 1"] > 2
    assert calls == {**once_each(), "compare 1": calls["compare 1"]}


def test_a_range_that_fails_is_tried_again_and_then_fails_the_round_after_the_others(
    divided: Machine,
) -> None:
    divided.set_fault("failing", "fail")
    ended = divided.run("failing")
    assert ended["status"] == "FAILED"
    assert f"1 of {RANGES} ranges failed: range 1 ('x/k1' to 'y/k1')" in ended["cause"]
    assert "the range cannot be read" in ended["cause"]
    calls = divided.calls("failing")
    # The emulator calls every exception Runtime.HandlerError, so that the report is repeated too.
    assert calls == {**once_each(), "compare 1": TRIES, "report": TRIES}
    assert_complete(divided.run("after a failure"))


def test_a_range_that_hangs_is_ended_by_its_time_limit_and_fails_the_round(
    divided: Machine,
) -> None:
    divided.set_fault("hanging", "hang")
    with divided.shortened():
        ended = divided.run("hanging")
    assert ended["status"] == "FAILED"
    assert "range 1 ('x/k1' to 'y/k1'): States.Timeout" in ended["cause"]
    assert divided.calls("hanging")["compare 1"] == 2
    assert_complete(divided.run("after a time-out"))


def test_after_a_round_was_stopped_others_wait_until_its_turn_is_over(divided: Machine) -> None:
    divided.set_fault("stopped", "hang")
    execution = divided.begin("stopped")
    wait_until(
        lambda: divided.calls("stopped")["compare 1"] == 1,
        DEADLINE_SECONDS,
        lambda: "the range was never begun",
    )
    # A range that is still compared would renew the turn: the plan and the others have to be done.
    wait_until(
        lambda: divided.succeeded(execution) == RANGES,
        DEADLINE_SECONDS,
        lambda: f"still at work: {divided.calls()}",
    )
    divided.states.stop_execution(executionArn=execution, cause="an operator's word")
    assert divided.end(execution)["status"] == "ABORTED"

    early = divided.run("too early")
    assert (early["status"], json.loads(early["output"])["is_busy"]) == ("SUCCEEDED", True)
    assert divided.calls("too early") == {"plan": 1}

    divided.let_the_turn_run_out()
    assert_complete(divided.run("late enough"))
    assert divided.calls("stopped")["report"] == 0
