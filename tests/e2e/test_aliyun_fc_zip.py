"""The package of Function Compute as it is uploaded: alone in a folder, sending to a real queue."""

import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sync_core.events import parse
from sync_core.launch.packages_aliyun_fc import build_aliyun_fc_package
from sync_core.launch.packages_sources import ROOT
from sync_core.local.cloud import LocalCloud
from sync_core.model import EventKind, ObjectEvent
from tests.scripted_server import Answer, ScriptedServer

EVENTS = Path(__file__).parents[1] / "events"
POLICY = ROOT / "handlers" / "aliyun_fc" / "aws-iam" / "sqs-send.json"
BUCKET = "dualway-cn-media"
PRINCIPAL_ID = "262561392693583141"

INVOKE = """
import sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
import index
print(index.handler(sys.stdin.buffer.read(), SimpleNamespace(region="cn-hangzhou")))
"""

OF_FUNCTION_COMPUTE = ("3.9", "3.10", "3.12")
"""The versions that it has, as far as the function is meant for them."""


@cache
def interpreter(version: str) -> str | None:
    """Return a Python of this version on this machine; None when there is none."""
    places = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, places)):
        if candidate is not None:
            done = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)
            if done.returncode == 0:
                return candidate
    return None


@dataclass(frozen=True)
class Deployed:
    """The package, unpacked where nothing else is."""

    folder: Path

    def invoke(
        self, event: bytes, environment: dict[str, str], python: str = sys.executable
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run the handler as Function Compute does: its own process, these variables only."""
        return subprocess.run(
            [python, "-I", "-S", "-B", "-c", INVOKE, str(self.folder)],
            cwd=self.folder,
            env=environment,
            input=event,
            capture_output=True,
            check=False,
            timeout=180,
        )


@dataclass(frozen=True)
class Queue:
    """A queue of account b, and the variables of a function that may send to it."""

    sqs: Any
    url: str
    environment: dict[str, str]

    def events(self, count: int) -> list[ObjectEvent]:
        """Return the events in the next `count` messages as the worker reads them."""
        found: list[ObjectEvent] = []
        for _ in range(count):
            answer = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=20)
            (message,) = answer["Messages"]
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            parsed = parse(message["Body"], bucket=BUCKET)
            assert parsed.errors == ()
            found += parsed.events
        return found

    def is_empty(self) -> bool:
        return "Messages" not in self.sqs.receive_message(QueueUrl=self.url)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    folder = tmp_path_factory.mktemp("function")
    package = build_aliyun_fc_package(tmp_path_factory.mktemp("dist"))
    with zipfile.ZipFile(package) as opened:
        opened.extractall(folder)
    return Deployed(folder)


def new_key(local_cloud: LocalCloud, policy: str | None) -> dict[str, str]:
    """Return the key, as variables, of a new IAM user of account b with this policy."""
    iam = local_cloud.client("iam", "b")
    user = f"forwarder-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=user)
    if policy is not None:
        iam.put_user_policy(UserName=user, PolicyName="send", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"AWS_KEY_ID": key["AccessKeyId"], "AWS_KEY_SECRET": key["SecretAccessKey"]}


@pytest.fixture(scope="module")
def queue(local_cloud: LocalCloud) -> Iterator[Queue]:
    site, sqs = local_cloud.sites["b"], local_cloud.client("sqs", "b")
    url = sqs.create_queue(QueueName=f"oss-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    policy = POLICY.read_text().replace("QUEUE_ARN", attributes["Attributes"]["QueueArn"])
    where = {"QUEUE_URL": url, "REGION_NAME": site.region, "TIMEOUT_SECONDS": "60"}
    yield Queue(sqs, url, {**where, **new_key(local_cloud, policy)})
    sqs.delete_queue(QueueUrl=url)


def sample(name: str) -> bytes:
    return (EVENTS / f"oss_{name}.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("created_put", [("photos/summer 2026/海+100%.jpg", EventKind.CREATED)]),
        ("created_multipart", [("video/clip.mp4", EventKind.CREATED)]),
        ("removed_delete", [("docs/old plan.txt", EventKind.REMOVED)]),
        ("removed_two", [("a.txt", EventKind.REMOVED), ("b%20+.txt", EventKind.REMOVED)]),
        ("cloud_event", [("photos/summer 2026/海+100%.jpg", EventKind.CREATED)]),
        ("cloud_events", [("a.txt", EventKind.CREATED), ("c d.txt", EventKind.REMOVED)]),
    ],
)
def test_what_happened_in_oss_arrives_at_the_worker_with_who_has_done_it(
    deployed: Deployed, queue: Queue, name: str, expected: list[tuple[str, EventKind]]
) -> None:
    done = deployed.invoke(sample(name), queue.environment)
    assert done.returncode == 0, done.stderr.decode()
    events = queue.events(len(expected))
    assert sorted((event.key, event.kind) for event in events) == sorted(expected)
    assert {event.principal_id for event in events} == {PRINCIPAL_ID}


@pytest.mark.parametrize("version", OF_FUNCTION_COMPUTE)
def test_each_python_of_function_compute_runs_it(
    deployed: Deployed, queue: Queue, version: str
) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    done = deployed.invoke(sample("created_put"), queue.environment, python)
    assert done.returncode == 0, done.stderr.decode()
    assert len(queue.events(1)) == 1


@pytest.mark.parametrize("name", ["abort_multipart", "upload_steps"])
def test_an_upload_that_is_not_completed_sends_nothing_and_succeeds(
    deployed: Deployed, queue: Queue, name: str
) -> None:
    done = deployed.invoke(sample(name), queue.environment)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"0 of ")
    assert queue.is_empty()


def test_a_key_without_the_permission_makes_the_invocation_fail(
    deployed: Deployed, queue: Queue, local_cloud: LocalCloud
) -> None:
    environment = {**queue.environment, **new_key(local_cloud, None)}
    done = deployed.invoke(sample("created_put"), environment)
    assert done.returncode != 0
    assert b"NotSent" in done.stderr
    assert b"403" in done.stderr
    assert queue.is_empty()


def test_a_wrong_secret_makes_the_invocation_fail(deployed: Deployed, queue: Queue) -> None:
    done = deployed.invoke(
        sample("created_put"), {**queue.environment, "AWS_KEY_SECRET": "wrong-secret"}
    )
    assert done.returncode != 0
    assert b"NotSent" in done.stderr
    assert b"wrong-secret" not in done.stderr
    assert queue.is_empty()


def test_a_queue_that_is_not_there_makes_the_invocation_fail(
    deployed: Deployed, queue: Queue
) -> None:
    environment = {**queue.environment, "QUEUE_URL": f"{queue.url}-gone"}
    done = deployed.invoke(sample("created_put"), environment)
    assert done.returncode != 0
    assert b"NotSent" in done.stderr


@pytest.mark.parametrize(
    ("answer", "timeout_seconds", "said"),
    [
        (Answer(500, b"<html>"), "30", b"NotSent"),
        (Answer(403, b"{}"), "30", b"NotSent"),
        (
            Answer(body=b'{"Failed": [{"Id": "0", "Code": "InternalError"}]}'),
            "30",
            b"InternalError",
        ),
        (Answer(hangs=True), "0.1", b"timed out"),
    ],
    ids=["500", "403", "failed", "time-out"],
)
def test_what_is_not_taken_makes_the_invocation_fail(
    deployed: Deployed, answer: Answer, timeout_seconds: str, said: bytes
) -> None:
    key = {"AWS_KEY_ID": "AKIDEXAMPLE", "AWS_KEY_SECRET": "secret"}
    with ScriptedServer(answer) as server:
        where = {"QUEUE_URL": f"{server.url}/1/q", "REGION_NAME": "us-west-2"}
        environment = {**where, **key, "TIMEOUT_SECONDS": timeout_seconds}
        done = deployed.invoke(sample("created_put"), environment)
    assert done.returncode != 0
    assert said in done.stderr


def test_without_settings_the_failure_names_the_variable(deployed: Deployed) -> None:
    done = deployed.invoke(sample("created_put"), {})
    assert done.returncode != 0
    assert b"SettingsError: the environment variable QUEUE_URL is missing: set it" in done.stderr


def test_nothing_but_the_package_and_the_standard_library_is_imported(deployed: Deployed) -> None:
    program = f"{INVOKE.partition('print')[0]}print('\\n'.join(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program, str(deployed.folder)],
        cwd=deployed.folder,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    found = {name.split(".")[0] for name in done.stdout.split()}
    assert found <= sys.stdlib_module_names | {"__main__", "index", "handlers"}
    assert {path.name for path in deployed.folder.iterdir()} == {"handlers", "index.py"}
