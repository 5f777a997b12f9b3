"""A bucket that is published to NetStorage by a stack as the template makes it, and its worker.

The server is the local one, which was never compared with Akamai's; rclone compares in the end.
"""

import hashlib
import json
import os
import random
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_core.local.cloud import LocalCloud
from sync_core.local.netstorage.faults import Fault, Kind
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.tree import File
from sync_core.local.observe import Observer, WatchedSite
from sync_core.local.rounds import find_as_process
from sync_core.local.workers import Workers, WorkerSpec, process_environment
from tests.e2e.oss_account import REGION, Account, new_account
from tests.e2e.test_netstorage_clients import ACCOUNT, rclone

SECRET, PREFIX = "dualway-netstorage", "media/"
QUIET_SECONDS = 300
# No control characters: rclone calls a local file by another name than the same one elsewhere.
HOSTILE = " +%#?&=;:@,'\"<>()[]{}|\\^`~!$*éü中文日本語😀.abc"
FAULTS = (
    Fault("upload", Kind.STATUS, nth=3, times=2, status=429),
    Fault("upload", Kind.STATUS, nth=10, times=2, status=500),
    Fault("upload", Kind.RESET, nth=20, times=2),
    Fault("upload", Kind.LOST, nth=30, times=2),
    Fault("stat", Kind.RESET, nth=40, times=5),
    Fault("stat", Kind.SLOW, nth=60, seconds=1.0),
)


@dataclass
class Published:
    """A bucket and what runs for it."""

    account: Account
    bucket: str
    server: NetStorageServer
    observer: Observer
    environment: Mapping[str, str]
    workers: Workers

    @property
    def peak_mib(self) -> float:
        """The most memory that the worker has had so far."""
        status = Path(f"/proc/{self.workers.process_id('cn')}/status").read_text()
        (kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(kib) / 1024

    @property
    def s3(self) -> Any:
        return self.account.client("s3")

    def change(self, objects: Mapping[str, bytes | None]) -> None:
        """Put these objects, or delete them, many at a time; wait until all is quiet."""

        def one(key: str, body: bytes | None) -> None:
            if body is None:
                self.s3.delete_object(Bucket=self.bucket, Key=key)
            else:
                self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: one(*item), objects.items()))
        self.observer.wait_until_quiet(QUIET_SECONDS)


@pytest.fixture(scope="module")
def published(
    local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("netstorage")
    with ExitStack() as undo:
        server = undo.enter_context(NetStorageServer(ACCOUNT))
        account = undo.enter_context(new_account(local_cloud.endpoint_url))
        bucket = account.new_bucket("published")
        outputs = launch(account, bucket, server, folder)
        environment = environment_of(account, outputs, server)
        log_file = folder / "worker.log"
        site = WatchedSite(
            bucket, outputs["QueueUrl"], outputs["DeadLetterQueueUrl"], log_file, account.client
        )
        workers = Workers([WorkerSpec("cn", environment, log_file)])
        workers.start()
        undo.callback(workers.stop)
        observer = Observer({"cn": site})
        yield Published(account, bucket, server, observer, environment, workers)


def launch(account: Account, bucket: str, server: NetStorageServer, folder: Path) -> dict[str, str]:
    """Launch the stack, with the access in a secret; return its outputs."""
    access = {
        "hostname": "example-nsu.akamaihd.net",
        "username": ACCOUNT.username,
        "key": ACCOUNT.key,
        "cpcode": ACCOUNT.cpcode,
    }
    vault = account.client("secretsmanager")
    vault.create_secret(Name=SECRET, SecretString=json.dumps(access))
    given = {
        "BucketName": bucket,
        "Direction": "ToPeer",
        "PeerSiteName": "akamai",
        "PeerStoreType": "netstorage",
        "PeerBucketName": ACCOUNT.cpcode,
        "PeerPrefix": PREFIX,
        "PeerRegion": "global",
        "PeerEndpoint": f"http://{server.hostname}",
        "PeerCredentialsSecret": SECRET,
    }
    account.begin(account.new_artifacts(folder), "cn", given)
    return account.outputs("cn")


def environment_of(
    account: Account, outputs: Mapping[str, str], server: NetStorageServer
) -> dict[str, str]:
    """Return the whole environment of the worker, as the template sets it for its own."""
    own = {
        "DUALWAY_SITE": "cn",
        "DUALWAY_BUCKET": outputs["BucketName"],
        "DUALWAY_REGION": REGION,
        "DUALWAY_PEER_SITE": outputs["PeerSiteName"],
        "DUALWAY_PEER_STORE": "netstorage",
        "DUALWAY_PEER_BUCKET": outputs["PeerBucketName"],
        "DUALWAY_PEER_PREFIX": PREFIX,
        "DUALWAY_PEER_REGION": "global",
        "DUALWAY_PEER_ENDPOINT_URL": f"http://{server.hostname}",
        "DUALWAY_PEER_SECRET": SECRET,
        "DUALWAY_DIRECTION": "to-peer",
        "DUALWAY_QUEUE_URL": outputs["QueueUrl"],
        "DUALWAY_DEAD_LETTER_QUEUE_URL": outputs["DeadLetterQueueUrl"],
        "DUALWAY_RECORDS_TABLE": outputs["RecordsTableName"],
        "DUALWAY_PARTS_TABLE": outputs["PartsTableName"],
        "DUALWAY_ECHO_PRINCIPAL_IDS": outputs["WorkerRoleId"],
        "DUALWAY_VISIBILITY_TIMEOUT_SECONDS": outputs["VisibilityTimeoutSeconds"],
        "DUALWAY_GRACE_SECONDS": outputs["GraceSeconds"],
        "DUALWAY_MAX_DELETES": "0",
        "DUALWAY_DELETE_SETTLE_SECONDS": "0",
        "DUALWAY_FINDER_SECONDS": "0",
        "DUALWAY_RECEIVE_WAIT_SECONDS": "2",
        "AWS_ENDPOINT_URL": account.endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        **account.role(outputs["WorkerRoleArn"]),
    }
    return process_environment(own, os.environ)


def hostile_objects(count: int) -> dict[str, bytes | None]:
    """Return so many objects; their names have all that is hard to pass on."""
    chance = random.Random(7)

    def part() -> str:
        return "".join(chance.choices(HOSTILE, k=chance.randint(1, 12))) + "x"

    return {
        f"{number % 7}/{part()}/{number}{part()}": chance.randbytes(chance.randint(0, 3000))
        for number in range(count)
    }


def require_equal(published: Published, objects: Mapping[str, bytes | None], folder: Path) -> None:
    """Have rclone compare what is published with what was put."""
    for key, body in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if body is not None:
            path.write_bytes(body)
    excluded = ("--exclude", "/.dualway/**")
    done = rclone(published.server, "check", str(folder), f"ns:{PREFIX}", *excluded)
    assert done.returncode == 0, done.stderr[-2000:]


def ours_apart(published: Published) -> list[str]:
    """Return the paths of all that is published, but for our own files."""
    below = f"/{ACCOUNT.cpcode}/{PREFIX}.dualway/"
    return [path for path in published.server.paths(ACCOUNT.cpcode) if below not in path]


def test_objects_are_published_and_taken_back(published: Published, tmp_path: Path) -> None:
    objects = hostile_objects(20)
    published.change(objects)
    require_equal(published, objects, tmp_path)
    published.change(dict.fromkeys(objects))
    assert ours_apart(published) == []


@pytest.mark.soak
def test_a_thousand_objects_get_through_faults(published: Published, tmp_path: Path) -> None:
    objects = hostile_objects(1000)
    published.server.faults.add(*FAULTS)
    published.change(objects)
    published.server.faults.clear()
    require_equal(published, objects, tmp_path / "first")
    assert find_as_process(published.environment) == 0
    changes: dict[str, bytes | None] = {
        key: None if number % 2 else b"changed" for number, key in enumerate(objects)
    }
    published.change(changes)
    require_equal(published, changes, tmp_path / "second")
    assert find_as_process(published.environment) == 0
    published.change(dict.fromkeys(objects))
    assert ours_apart(published) == []
    assert published.observer.sites["cn"].dead_letter_depth() == 0


def md5_of_repeated(body: bytes, times: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for _ in range(times):
        digest.update(body)
    return digest.hexdigest()


@pytest.mark.soak
def test_a_gibibyte_passes_through_a_few_mebibytes(published: Published) -> None:
    def publish(name: str, parts: int) -> float:
        body = random.Random(parts).randbytes(64 * 2**20)
        upload = {"Bucket": published.bucket, "Key": name}
        upload["UploadId"] = published.s3.create_multipart_upload(**upload)["UploadId"]
        sent = []
        for number in range(1, parts + 1):
            part = published.s3.upload_part(**upload, PartNumber=number, Body=body)
            sent.append({"PartNumber": number, "ETag": part["ETag"]})
        published.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": sent})
        published.observer.wait_until_quiet(QUIET_SECONDS)
        arrived = published.server.tree.leaf(f"{ACCOUNT.cpcode}/{PREFIX}{name}".encode())
        assert isinstance(arrived, File)
        assert arrived.body.digests["md5"] == md5_of_repeated(body, parts)
        return published.peak_mib

    before_mib = publish("small", 1)
    assert publish("large", 16) - before_mib < 64
