"""Runs the contract suite of object stores on somebody else's server.

The suites here are named `*_suite.py`, so that only `python -m tests.foreign` finds them.
"""

from collections.abc import Iterator

import boto3
import pytest
from boto3.session import Session
from botocore.config import Config

from sync_core.storage.s3_clients import AccessKey, S3Clients, s3_clients
from sync_core.storage.sync_store import SyncStore
from tests.foreign.bench import foreign_bench
from tests.foreign.kinds import Kind
from tests.foreign.servers import Server
from tests.object_benches import REGION, Bench, closing


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Reach servers on this machine directly, whatever the shell says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest) -> Kind:
    """What the suite says of its server."""
    found: Kind = request.module.KIND
    return found


@pytest.fixture(scope="module")
def server(
    kind: Kind, tmp_path_factory: pytest.TempPathFactory, no_proxy: None
) -> Iterator[Server]:
    with kind.start(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="module")
def clients(kind: Kind, server: Server) -> Iterator[S3Clients]:
    access_key = AccessKey(server.access_key_id, server.secret_access_key)
    made = s3_clients(
        Session(), REGION, access_key=access_key, endpoint_url=server.url, dialect=kind.dialect
    )
    with closing(made) as opened:
        yield opened


@pytest.fixture
def objects(kind: Kind, server: Server, clients: S3Clients) -> Iterator[Bench]:
    """One store, whichever backend a test was written for."""
    client = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
        ),
    )
    yield foreign_bench(clients, client, kind)
    client.close()


@pytest.fixture
def store(objects: Bench) -> SyncStore:
    return objects.store


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one test of those that are the same for several backends, and mark what deviates.

    Where tests are only collected, a deviation of a test that there is not is an error: a test may
    have another name since.
    """
    unused: dict[str, set[str]] = {}
    for item in list(items):
        kind: Kind | None = getattr(getattr(item, "module", None), "KIND", None)
        if kind is None:
            continue
        claimed = map(_unescaped, (*kind.deviations, *kind.not_meant))
        left = unused.setdefault(kind.dialect.name, set(claimed))
        name = getattr(item, "originalname", item.name)
        shown = item.name.replace("[memory-", "[").replace("-memory]", "]").replace("[memory]", "")
        left -= {name, _unescaped(shown)}
        backend = item.callspec.params.get("objects") if hasattr(item, "callspec") else None
        if backend not in {None, "memory"} or name in kind.not_meant:
            items.remove(item)
            continue
        reason = kind.deviations.get(shown) or kind.deviations.get(name)
        if reason is not None:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))
    if config.option.collectonly and any(unused.values()):
        raise pytest.UsageError(f"deviations of tests that there are not: {unused}")


def _unescaped(name: str) -> str:
    """Leave out what pytest writes once more in each suite that has the same case."""
    return name.replace("\\", "")
