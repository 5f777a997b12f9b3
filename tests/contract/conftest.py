"""Fixtures of the contract suites of object stores and of tables of records."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from boto3.session import Session
from moto import mock_aws

from sync_core.local.clients import Clients, KeyPair
from sync_core.local.cloud import LocalCloud
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.records.dynamodb import table_connection
from sync_core.routing import MAX_KEY_BYTES
from sync_core.storage.netstorage_wire import Endpoint, Wire
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, S3Clients, s3_clients
from sync_core.storage.sync_store import SyncStore
from tests.derived_benches import (
    ABOUT_METADATA,
    PREFIX,
    bare_bench,
    prefixed_bench,
    weak_bench,
)
from tests.netstorage_bench import CONTRACTS, deviation_of, netstorage_bench
from tests.netstorage_client import ACCOUNT, OTHER, Client
from tests.object_benches import (
    BACKENDS,
    MOTO_INITIATOR,
    REGION,
    Bench,
    Serve,
    closing,
    memory_bench,
    s3_bench,
    with_joined_bodies,
)
from tests.record_benches import (
    RECORD_BACKENDS,
    RECORD_REGION,
    RecordBench,
    TableBench,
    create_table,
    memory_records_bench,
    moto_connection,
    table_bench,
)
from tests.scripted_server import Answer, ScriptedServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave NetStorage out where the contract is about what it lacks altogether."""
    items[:] = [item for item in items if not _is_beyond_netstorage(item)]


def _is_beyond_netstorage(item: pytest.Item) -> bool:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    if params.get("objects") != "netstorage":
        return False
    return getattr(getattr(item, "cls", None), "__name__", None) not in CONTRACTS


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Reach servers on this machine directly, whatever the shell says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


@pytest.fixture
def memory_objects() -> Bench:
    return memory_bench()


@pytest.fixture
def prefixed_objects(request: pytest.FixtureRequest) -> Bench:
    """A part of a bucket, where a key of 1,024 bytes has no room behind the prefix."""
    callspec = getattr(request.node, "callspec", None)
    key = callspec.params.get("key", "") if callspec else ""
    if len(f"{PREFIX}{key}".encode()) > MAX_KEY_BYTES:
        pytest.skip("the prefix takes room in the key")
    return prefixed_bench(memory_bench())


@pytest.fixture
def bare_objects(request: pytest.FixtureRequest) -> Bench:
    if getattr(request.node, "originalname", None) in ABOUT_METADATA:
        request.applymarker(pytest.mark.xfail(strict=True, reason="shows and takes no metadata"))
    return bare_bench(memory_bench())


@pytest.fixture
def weak_objects() -> Bench:
    return weak_bench(memory_bench(ignores=frozenset({"create", "replace", "delete"})))


@pytest.fixture(scope="session")
def session() -> Session:
    """A session of no account; it is shared because reading the service's model takes long."""
    return Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)


@pytest.fixture(scope="session")
def moto_clients(session: Session) -> tuple[S3Clients, Any]:
    """Clients of the store and of its back door, which moto answers wherever it is switched on."""
    return with_joined_bodies(session, REGION), session.client("s3")


@pytest.fixture
def moto_objects(moto_clients: tuple[S3Clients, Any]) -> Iterator[Bench]:
    with mock_aws():
        yield s3_bench(*moto_clients, lambda: MOTO_INITIATOR)


@pytest.fixture(scope="module")
def cloud_clients(local_cloud: LocalCloud) -> Iterator[S3Clients]:
    user = local_cloud.sites["b"].user
    access_key = AccessKey(user.access_key_id, user.secret_access_key)
    made = s3_clients(
        Session(), REGION, access_key=access_key, endpoint_url=local_cloud.endpoint_url
    )
    with closing(made) as clients:
        yield clients


@pytest.fixture(scope="module")
def cloud_root(local_cloud: LocalCloud) -> Iterator[Any]:
    """A client with the keys of the account's root: another principal than the user."""
    site = local_cloud.sites["b"]
    root = Clients(local_cloud.endpoint_url, REGION, KeyPair(site.account_id, "root"))
    yield root.client("s3")
    root.close()


@pytest.fixture
def cloud_objects(local_cloud: LocalCloud, cloud_clients: S3Clients, cloud_root: Any) -> Bench:
    sts = local_cloud.client("sts", "b")
    return s3_bench(cloud_clients, cloud_root, lambda: sts.get_caller_identity()["Arn"])


@pytest.fixture(scope="module")
def netstorage_wire(netstorage_server: NetStorageServer) -> Iterator[Wire]:
    with ExitStack() as opened:
        wire = Wire(Endpoint.of(f"http://{netstorage_server.hostname}"))
        opened.callback(wire.close)
        yield wire


@pytest.fixture
def netstorage_objects(
    request: pytest.FixtureRequest, netstorage_server: NetStorageServer, netstorage_wire: Wire
) -> Iterator[Bench]:
    node = request.node
    if hasattr(node, "callspec"):
        reason = deviation_of(node.originalname, node.name, node.callspec.params)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
    yield netstorage_bench(netstorage_server, netstorage_wire)
    _empty(netstorage_server)


@pytest.fixture(params=BACKENDS)
def objects(request: pytest.FixtureRequest) -> Bench:
    """Each backend in turn; one that is not asked for is not started."""
    made: Bench = request.getfixturevalue(f"{request.param}_objects")
    return made


@pytest.fixture
def store(objects: Bench) -> SyncStore:
    return objects.store


@pytest.fixture
def serve(session: Session) -> Iterator[Serve]:
    with ExitStack() as running:

        def start(*answers: Answer) -> tuple[S3ObjectStore, ScriptedServer]:
            server = running.enter_context(ScriptedServer(*answers))
            made = s3_clients(session, REGION, endpoint_url=server.url)
            clients = running.enter_context(closing(made))
            return S3ObjectStore("bucket", lambda: clients), server

        yield start


@pytest.fixture
def memory_table() -> RecordBench:
    return memory_records_bench()


@pytest.fixture
def moto_table() -> Iterator[TableBench]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name=RECORD_REGION)
        yield table_bench(client, moto_connection(create_table(client)), moto_connection("missing"))


@pytest.fixture
def cloud_table(local_cloud: LocalCloud) -> Iterator[TableBench]:
    client, site = local_cloud.client("dynamodb", "a"), local_cloud.sites["a"]
    name = create_table(client)
    key_pair = (site.user.access_key_id, site.user.secret_access_key)
    table, missing = (
        table_connection(each, site.region, local_cloud.endpoint_url, key_pair)
        for each in (name, "missing")
    )
    yield table_bench(client, table, missing)
    client.delete_table(TableName=name)


@pytest.fixture(params=RECORD_BACKENDS)
def table(request: pytest.FixtureRequest) -> RecordBench:
    """Each backend in turn; one that is not asked for is not started."""
    made: RecordBench = request.getfixturevalue(f"{request.param}_table")
    return made


@pytest.fixture(params=[name for name in RECORD_BACKENDS if name != "memory"])
def real_table(request: pytest.FixtureRequest) -> TableBench:
    """Each backend that has tables."""
    made: TableBench = request.getfixturevalue(f"{request.param}_table")
    return made


@pytest.fixture(scope="module")
def netstorage_server() -> Iterator[NetStorageServer]:
    with NetStorageServer(ACCOUNT, OTHER) as server:
        yield server


@pytest.fixture
def netstorage_client(netstorage_server: NetStorageServer) -> Iterator[Client]:
    """A client of a server that is empty, of which nothing goes wrong."""
    yield Client(netstorage_server)
    _empty(netstorage_server)


def _empty(server: NetStorageServer) -> None:
    server.faults.clear()
    server.seen.clear()
    for key, _ in server.tree.between(b"", None):
        server.tree.remove(key)
