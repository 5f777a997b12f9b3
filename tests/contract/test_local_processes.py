"""The embedded cloud as a process: starting, stopping, its workers, and chaos on the way."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync_core.errors import ConfigError
from sync_core.local.chaos import Chaos, Fate, Rates, chaotic_delivery
from sync_core.local.cloud import LocalCloud
from sync_core.local.server import listen
from sync_core.local.workers import Workers, WorkerSpec
from tests.conftest import WatchedBucket

TWO_STARTS = """
import http.client, logging, sys, time
from pathlib import Path
from sync_core.local.cloud import LocalCloud

ports, buckets = set(), []
for _ in range(2):
    with LocalCloud(directory=Path(sys.argv[1]), workers=False) as cloud:
        port = cloud.endpoint_url.rpartition(":")[2]
        assert f":{port}/" in cloud.sites["a"].queue_url
        ports.add(port)
        s3 = cloud.client("s3", "a")
        buckets.append(len(s3.list_buckets()["Buckets"]))
        s3.put_object(Bucket=cloud.sites["a"].bucket, Key="k", Body=b"x")
        # A long poll that is under way when the cloud stops; the root's signature is not checked.
        poll = http.client.HTTPConnection("127.0.0.1", int(port))
        signer = "AWS4-HMAC-SHA256 Credential=111111111111/20260101/cn-north-1/sqs/aws4_request"
        queue = cloud.sites["a"].dead_letter_queue_url
        poll.request("POST", "/", '{"QueueUrl": "%s", "WaitTimeSeconds": 20}' % queue, {
            "X-Amz-Target": "AmazonSQS.ReceiveMessage",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"{signer}, SignedHeaders=host, Signature=0",
        })
        s3.list_buckets()
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 15
    poll.close()
assert len(ports) == 2, ports
assert buckets == [2, 2], buckets
assert logging.getLogger().handlers == []
"""

STEADY = "import time; print('started', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('started', flush=True); time.sleep(600)"
)


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


class TestStart:
    def test_it_can_be_started_again_and_says_nothing_on_the_terminal(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", TWO_STARTS, str(tmp_path)],
            check=False,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_a_second_one_in_the_process_is_refused(
        self, local_cloud: LocalCloud, tmp_path: Path
    ) -> None:
        assert local_cloud.endpoint_url
        with pytest.raises(ConfigError, match="already runs a local cloud"):
            LocalCloud(directory=tmp_path, workers=False).__enter__()

    def test_a_taken_port_is_refused_with_advice(self) -> None:
        with listen(0) as taken, pytest.raises(ConfigError, match="choose another"):
            listen(taken.getsockname()[1])

    def test_it_listens_on_the_loopback_interface_only(self, local_cloud: LocalCloud) -> None:
        assert local_cloud.endpoint_url.startswith("http://127.0.0.1:")
        with listen(0) as listener:
            assert listener.getsockname()[0] == "127.0.0.1"

    def test_its_administration_is_closed(self, local_cloud: LocalCloud) -> None:
        reset = urllib.request.Request(
            f"{local_cloud.endpoint_url}/_ministack/reset", method="POST"
        )
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(reset, timeout=60)
        with error.value:
            assert error.value.code == 404

    def test_the_ready_file_tells_what_any_client_needs(self, local_cloud: LocalCloud) -> None:
        told = json.loads(local_cloud.to_json())
        assert set(told) == {"endpoint_url", "sites"}
        assert set(told["sites"]) == {"a", "b"}
        for name, site in told["sites"].items():
            assert set(site) == {
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
                "environment",
            }
            launched = local_cloud.sites[name]
            assert site["user_secret_access_key"] == launched.user_secret_access_key
            assert site["user_secret_access_key"] not in repr(launched)


class TestChaos:
    @pytest.fixture
    def chaos(self, local_cloud: LocalCloud) -> Iterator[Chaos]:
        assert local_cloud.endpoint_url
        chaos = Chaos(delay_seconds=0.2)
        with chaotic_delivery(chaos):
            yield chaos

    def put(self, bucket: WatchedBucket, key: str) -> None:
        bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=b"x")

    def test_a_dropped_event_does_not_reach_the_queue(
        self, watched_bucket: WatchedBucket, chaos: Chaos
    ) -> None:
        chaos.rates = Rates(drop=1)
        self.put(watched_bucket, "lost")
        eventually(lambda: chaos.counts[Fate.DROP] == 1)
        chaos.rates = Rates()
        self.put(watched_bucket, "kept")
        (record,) = watched_bucket.records(1)
        assert record["s3"]["object"]["key"] == "kept"
        assert watched_bucket.is_quiet()

    def test_a_duplicate_is_the_same_event_with_the_same_caller(
        self, watched_bucket: WatchedBucket, chaos: Chaos
    ) -> None:
        chaos.rates = Rates(duplicate=1)
        self.put(watched_bucket, "twice")
        first, second = watched_bucket.records(2)
        sequencers = {record["s3"]["object"]["sequencer"] for record in (first, second)}
        assert len(sequencers) == 1
        assert first["userIdentity"] == second["userIdentity"]
        assert first["userIdentity"]["principalId"].startswith("AWS:AIDA")

    def test_after_it_events_are_delivered_as_before(self, watched_bucket: WatchedBucket) -> None:
        with chaotic_delivery(Chaos(Rates(drop=1))):
            pass
        self.put(watched_bucket, "k")
        assert len(watched_bucket.records(1)) == 1


class TestWorkers:
    @pytest.fixture
    def run(self, tmp_path: Path) -> Iterator[Callable[[str], Workers]]:
        running: list[Workers] = []

        def start(program: str) -> Workers:
            spec = WorkerSpec("a", {**os.environ, "GREETING": "hello"}, tmp_path / "worker.log")
            workers = Workers([spec], [sys.executable, "-c", program], stop_seconds=0.5)
            running.append(workers)
            workers.start()
            return workers

        yield start
        for workers in running:
            workers.stop()

    def started(self, tmp_path: Path) -> int:
        return (tmp_path / "worker.log").read_text().count("started")

    def test_its_output_and_errors_are_appended_to_its_log(
        self, run: Callable[[str], Workers], tmp_path: Path
    ) -> None:
        run("import os, sys, time; print(os.environ['GREETING'], file=sys.stderr); time.sleep(600)")
        eventually(lambda: "hello" in (tmp_path / "worker.log").read_text())

    def test_a_killed_worker_is_back_within_seconds(
        self, run: Callable[[str], Workers], tmp_path: Path
    ) -> None:
        workers = run(STEADY)
        eventually(lambda: self.started(tmp_path) == 1)
        first = workers.process_id("a")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        eventually(lambda: workers.process_id("a") not in {None, first}, seconds=8.0)
        eventually(lambda: self.started(tmp_path) == 2)

    def test_one_that_dies_at_once_is_started_less_and_less_often(
        self, run: Callable[[str], Workers], tmp_path: Path
    ) -> None:
        begun = time.monotonic()
        run("print('started', flush=True)")
        eventually(lambda: self.started(tmp_path) >= 4)
        assert time.monotonic() - begun >= 0.2 + 0.4 + 0.8

    def test_stopping_ends_it_for_good(self, run: Callable[[str], Workers], tmp_path: Path) -> None:
        workers = run(STEADY)
        eventually(lambda: self.started(tmp_path) == 1)
        process_id = workers.process_id("a")
        workers.stop()
        assert workers.process_id("a") is None
        assert process_id is not None
        with pytest.raises(ProcessLookupError):
            os.kill(process_id, 0)

    def test_one_that_ignores_the_request_is_killed(
        self, run: Callable[[str], Workers], tmp_path: Path
    ) -> None:
        workers = run(STUBBORN)
        eventually(lambda: self.started(tmp_path) == 1)
        workers.stop()
        assert workers.process_id("a") is None
