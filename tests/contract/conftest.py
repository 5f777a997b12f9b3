"""Fixtures of the object stores' contract suites."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from boto3.session import Session
from moto import mock_aws

from sync_core.local.cloud import LocalCloud
from sync_core.storage.protocol import SyncStore
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, S3Clients, s3_clients
from tests.object_benches import BACKENDS, REGION, Bench, Serve, closing, memory_bench, s3_bench
from tests.scripted_server import Answer, ScriptedServer


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Reach servers on this machine directly, whatever the shell says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


@pytest.fixture
def memory_objects() -> Bench:
    return memory_bench()


@pytest.fixture(scope="session")
def session() -> Session:
    """A session of no account; it is shared because reading the service's model takes long."""
    return Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)


@pytest.fixture
def moto_objects(session: Session) -> Iterator[Bench]:
    with mock_aws():
        yield s3_bench(s3_clients(session, REGION), session.client("s3"))


@pytest.fixture(scope="module")
def cloud_clients(local_cloud: LocalCloud) -> Iterator[S3Clients]:
    user = local_cloud.sites["b"].user
    access_key = AccessKey(user.access_key_id, user.secret_access_key)
    made = s3_clients(
        Session(), REGION, access_key=access_key, endpoint_url=local_cloud.endpoint_url
    )
    with closing(made) as clients:
        yield clients


@pytest.fixture
def cloud_objects(local_cloud: LocalCloud, cloud_clients: S3Clients) -> Bench:
    return s3_bench(cloud_clients, local_cloud.client("s3", "b"))


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
