"""The built packages, unpacked, and nothing else on Python's path: what Lambda and EC2 run."""

import copy
import json
import re
import sys
import urllib.parse
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sync_core.launch.packages import (
    MOST_UNZIPPED_BYTES,
    MOST_ZIPPED_BYTES,
    build_fleet_package,
    build_lambda_package,
    unzipped_bytes,
)
from sync_core.launch.packages_sources import ROOT
from sync_core.local.cloud import LocalCloud
from sync_core.local.workers import process_environment
from tests.conftest import WatchedBucket
from tests.e2e.unpacked import ARCHITECTURE, PYTHON, Unpacked, unpacked_once

EVENTS = Path(__file__).parents[1] / "events"
INVOKE = """
import json
from types import SimpleNamespace
from handlers.worker import handler
context = SimpleNamespace(
    function_name="worker", memory_limit_in_mb=1024, aws_request_id="6f747e5d",
    invoked_function_arn="arn:aws-cn:lambda:cn-north-1:111111111111:function:worker",
)
print(json.dumps({"answer": handler(json.load(sys.stdin), context)}))
"""

IMPORT_ALL = """
import importlib, json, pathlib
for path in sorted(pathlib.Path(sys.path[0], "handlers").glob("*.py")):
    importlib.import_module(f"handlers.{path.stem}")
found = {name: module.__file__ for name, module in sys.modules.items()
         if getattr(module, "__file__", None) and "." not in name}
print(json.dumps(found))
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="packages are for Linux"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="session")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    return unpacked_once(tmp_path_factory, build_lambda_package)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    return unpacked_once(tmp_path_factory, build_fleet_package)


# Where an ELF file names its processor, and how (elf.h, e_machine).
MACHINE_BYTES = slice(18, 20)
MACHINES = {"x86_64": b"\x3e\x00", "arm64": b"\xb7\x00"}


def names_in(package: Path) -> list[str]:
    with zipfile.ZipFile(package) as opened:
        return opened.namelist()


class TestLambdaPackage:
    def test_another_build_in_another_folder_has_the_same_bytes(
        self, functions: Unpacked, tmp_path: Path
    ) -> None:
        again = build_lambda_package(tmp_path / "elsewhere", ARCHITECTURE, PYTHON)
        assert again.read_bytes() == functions.package.read_bytes()

    @pytest.mark.soak
    def test_for_the_other_processor_it_has_that_ones_code_only(self, tmp_path: Path) -> None:
        other = {"arm64": "x86_64", "x86_64": "arm64"}[ARCHITECTURE]
        with zipfile.ZipFile(build_lambda_package(tmp_path, other)) as opened:
            compiled = [name for name in opened.namelist() if name.endswith(".so")]
            machines = {opened.read(name)[MACHINE_BYTES] for name in compiled}
        assert machines == {MACHINES[other]}

    def test_it_is_within_what_lambda_takes(self, functions: Unpacked) -> None:
        assert functions.package.stat().st_size < MOST_ZIPPED_BYTES
        assert unzipped_bytes(functions.package) < MOST_UNZIPPED_BYTES

    def test_nothing_is_in_it_that_only_developers_or_a_terminal_need(
        self, functions: Unpacked
    ) -> None:
        names = names_in(functions.package)
        libraries = {name.split("/")[0].split("-")[0] for name in names}
        assert {"boto3", "pynamodb", "sync_core", "handlers"} <= libraries
        strangers = {"pytest", "_pytest", "moto", "mypy", "hypothesis", "ministack", "hypercorn"}
        assert libraries & (strangers | {"typer", "rich", "pip", "bin", "tests"}) == set()
        assert [name for name in names if re.search(r"/tests?/|__pycache__|RECORD$", name)] == []

    def test_nothing_in_it_tells_where_it_was_built(self, functions: Unpacked) -> None:
        places = [str(ROOT).encode(), str(functions.package.parent).encode()]
        with zipfile.ZipFile(functions.package) as opened:
            for name in opened.namelist():
                text = opened.read(name)
                assert not any(place in text for place in places), name

    def test_every_handler_is_imported_from_it_alone(self, functions: Unpacked) -> None:
        done = functions.run(IMPORT_ALL)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        for library in ("botocore", "boto3", "pynamodb", "wrapt", "handlers", "sync_core"):
            assert found[library].startswith(f"{functions.folder}/"), found[library]
        assert [path for path in found.values() if "site-packages" in path] == []

    def test_what_the_tests_use_is_not_there(self, functions: Unpacked) -> None:
        done = functions.run("import pytest")
        assert "No module named 'pytest'" in done.stderr


class TestFleetPackage:
    def test_its_command_knows_its_version(self, fleet: Unpacked) -> None:
        done = fleet.run("from sync_core.cli import main; main()", "--version")
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(r"dualway \d+\.\d+\.\d+\n", done.stdout)

    def test_its_worker_says_what_it_misses_on_an_instance_without_settings(
        self, fleet: Unpacked
    ) -> None:
        done = fleet.run("from sync_core.cli import main; main()", "worker")
        assert done.returncode == 2
        assert "DUALWAY_QUEUE_URL is not set" in done.stderr
        assert "Traceback" not in done.stderr

    def test_the_unit_lies_where_the_template_looks_for_it(self, fleet: Unpacked) -> None:
        assert (fleet.folder / "dualway-worker.service").is_file()
        assert not (fleet.folder / "handlers").exists()


class Invocations:
    """Invokes the packaged worker of either site, and plays the sites' users."""

    def __init__(self, functions: Unpacked, cloud: LocalCloud) -> None:
        self._functions = functions
        self._cloud = cloud
        self.key = f"package/{uuid.uuid4().hex} 海+1.txt"

    def key_told(self) -> str:
        """Return the key as events spell it."""
        return urllib.parse.quote_plus(self.key, safe="/")

    def put(self, body: bytes) -> str:
        """Write the key to bucket a as its user; return the body of the message about it."""
        bucket = self._cloud.sites["a"].bucket
        self.s3("a").put_object(Bucket=bucket, Key=self.key, Body=body)
        head = self.s3("a").head_object(Bucket=bucket, Key=self.key)
        self.told("a")
        event = json.loads((EVENTS / "s3_created_put.json").read_text(encoding="utf-8"))
        (record,) = event["Records"]
        record["s3"]["bucket"]["name"] = bucket
        record["s3"]["object"].update(
            key=self.key_told(), size=len(body), eTag=head["ETag"].strip('"')
        )
        return json.dumps(event)

    def told(self, site: str) -> dict[str, Any]:
        """Take the event of the key out of a site's queue."""
        launched, sqs = self._cloud.sites[site], self._cloud.client("sqs", site)
        queue = WatchedBucket(launched.bucket, self.s3(site), sqs, launched.queue_url)
        return queue.record_of(self.key_told())

    def s3(self, site: str) -> Any:
        return self._cloud.client("s3", site)

    def body_at(self, site: str) -> bytes | None:
        bucket = self._cloud.sites[site].bucket
        found = self.s3(site).list_objects_v2(Bucket=bucket, Prefix=self.key)
        if not found["KeyCount"]:
            return None
        body: bytes = self.s3(site).get_object(Bucket=bucket, Key=self.key)["Body"].read()
        return body

    def clear(self) -> None:
        """Delete the key on both sides."""
        for site, launched in self._cloud.sites.items():
            self.s3(site).delete_object(Bucket=launched.bucket, Key=self.key)

    @contextmanager
    def refused_at(self, site: str) -> Iterator[None]:
        """Have a bucket refuse the key from everybody."""
        bucket = self._cloud.sites[site].bucket
        refusal = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/{self.key}",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [refusal]})
        self.s3(site).put_bucket_policy(Bucket=bucket, Policy=policy)
        try:
            yield
        finally:
            self.s3(site).delete_bucket_policy(Bucket=bucket)

    def invoke(self, site: str, bodies: list[str]) -> tuple[list[str], list[dict[str, Any]]]:
        """Invoke with one message for each body; return the failures and the lines of the log.

        The messages are numbered from 0.
        """
        environment = process_environment(self._cloud.worker_environment(site), {})
        done = self._functions.run(INVOKE, told=json.dumps(batch_of(bodies)), **environment)
        assert done.returncode == 0, done.stderr
        *lines, answer = [json.loads(line) for line in done.stdout.splitlines()]
        failures = answer["answer"]["batchItemFailures"]
        return [each["itemIdentifier"] for each in failures], lines


def batch_of(bodies: list[str]) -> dict[str, Any]:
    """Return the golden batch's first message as often as there are bodies."""
    golden = json.loads((EVENTS / "lambda_sqs_batch.json").read_text(encoding="utf-8"))
    records = [copy.deepcopy(golden["Records"][0]) for _ in bodies]
    for number, (record, body) in enumerate(zip(records, bodies, strict=True)):
        record.update(messageId=str(number), body=body)
    return {"Records": records}


def messages_in(log: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in log if "message" in line]


@pytest.fixture
def worker(functions: Unpacked, local_cloud: LocalCloud) -> Iterator[Invocations]:
    invocations = Invocations(functions, local_cloud)
    yield invocations
    invocations.clear()


class TestPackagedWorker:
    def test_an_object_arrives_at_the_other_side_and_its_echo_is_told_there(
        self, worker: Invocations
    ) -> None:
        failures, log = worker.invoke("a", [worker.put(b"brought by the package")])
        assert failures == []
        assert "Copied the object" in messages_in(log)
        assert worker.body_at("b") == b"brought by the package"

        echo = worker.told("b")
        failures, log = worker.invoke("b", [json.dumps({"Records": [echo]})])
        assert failures == []
        (line,) = [line for line in log if line.get("message") == "Repeated transfer job!"]
        assert line["key"] == worker.key
        assert "Copied the object" not in messages_in(log)

    def test_what_is_no_event_takes_nothing_else_of_its_batch_with_it(
        self, worker: Invocations
    ) -> None:
        created = worker.put(b"between them")
        test_event = (EVENTS / "s3_test_event.json").read_text(encoding="utf-8")
        failures, log = worker.invoke("a", ["not json", created, test_event])
        assert failures == []
        assert worker.body_at("b") == b"between them"
        assert messages_in(log).count("Moved the message to the dead-letter queue") == 1

    def test_only_the_message_that_has_to_come_again_is_in_the_answer(
        self, worker: Invocations
    ) -> None:
        with worker.refused_at("b"):
            failures, log = worker.invoke("a", ["not json", worker.put(b"later")])
        assert failures == ["1"]
        assert worker.body_at("b") is None
        assert "Will try the message again" in messages_in(log)
