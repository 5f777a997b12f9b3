"""From a configuration to the core's terms: what reaches the settings, the stores and the peer."""

from collections.abc import Iterator

import boto3
import pytest
from boto3.session import Session
from moto import mock_aws

from sync_core.assembly import Clients, Identities, nudge_of, prefixes_of, settings_of, sides_of
from sync_core.config import Config
from sync_core.errors import ConfigError
from sync_core.model import Direction
from sync_core.storage.bare import BareStore
from sync_core.storage.s3_clients import S3Clients
from tests.object_benches import Stream, present, with_joined_bodies, write_of
from tests.unit.test_config import OPTIONAL, REQUIRED

REGION = "us-east-1"
LIST = "lists/prefixes.txt"

NOBODY = Identities(frozenset, frozenset)


def both(clients: S3Clients) -> Clients:
    return Clients(lambda: clients, lambda: clients)


def configured(**changes: str) -> Config:
    return Config.from_environment(REQUIRED | changes)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Clients]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        for bucket in (REQUIRED["DUALWAY_BUCKET"], REQUIRED["DUALWAY_PEER_BUCKET"]):
            boto3.client("s3", region_name=REGION).create_bucket(Bucket=bucket)
        yield with_joined_bodies(Session(), REGION)


def test_what_decides_verdicts_reaches_the_settings() -> None:
    settings = settings_of(Config.from_environment(REQUIRED | OPTIONAL))
    assert settings.is_one_way
    assert settings.excluded == ("*.tmp", "cache/*")
    assert settings.direction is Direction.TO_PEER
    assert (settings.grace_seconds, settings.lease_seconds) == (10, 30)
    assert not settings_of(configured()).is_one_way


def test_the_peers_stack_is_asked_with_its_own_key_and_only_where_there_is_one() -> None:
    asked: list[str] = []
    nudge = nudge_of(configured(DUALWAY_PEER_PREFIX="to/"), asked.append)
    assert nudge is not None
    nudge("k")
    assert asked == ["to/k"]
    assert nudge_of(configured(DUALWAY_DIRECTION="to-peer"), asked.append) is None


def test_only_objects_at_the_peer_are_given_the_options(clients: S3Clients) -> None:
    options = {"DUALWAY_STORAGE_CLASS": "STANDARD_IA", "DUALWAY_SSE": "aws:kms"}
    sides = sides_of(configured(**options), both(clients), NOBODY)
    shown = {}
    for store in (sides.own, sides.peer):
        store.put(write_of("k", b"data"), Stream(b"data"))
        shown[store.bucket] = clients.reads.head_object(Bucket=store.bucket, Key="k")
    own, peer = shown["media-cn"], shown["media-global"]
    assert "StorageClass" not in own
    assert peer["StorageClass"] == "STANDARD_IA"
    assert own.get("ServerSideEncryption") != "aws:kms"
    assert peer["ServerSideEncryption"] == "aws:kms"


@pytest.mark.parametrize("value", ["true", "false"])
def test_headers_are_seen_on_both_sides_or_on_neither(clients: S3Clients, value: str) -> None:
    config = configured(DUALWAY_INCLUDE_METADATA=value, DUALWAY_PREFIX="p/")
    sides = sides_of(config, both(clients), NOBODY)
    for store in (sides.own, sides.peer):
        prefix = "p/" if store is sides.own else ""
        clients.writes.put_object(Bucket=store.bucket, Key=f"{prefix}k", CacheControl="no-cache")
        assert isinstance(store, BareStore) == (value == "false")
        seen = present(store.head("k")).headers.get("cache-control")
        assert seen == ("no-cache" if value == "true" else None)


def test_the_list_is_the_object_of_that_key_in_the_whole_own_bucket(clients: S3Clients) -> None:
    config = configured(DUALWAY_PREFIX_LIST=LIST, DUALWAY_PREFIX="p/")
    with pytest.raises(ConfigError) as caught:
        prefixes_of(config, lambda: clients)
    assert caught.value.key == LIST
    clients.writes.put_object(Bucket="media-cn", Key=LIST, Body=b"in/\n")
    found = prefixes_of(config, lambda: clients)
    assert found is not None
    assert (found.covers("in/k"), found.covers("out/k")) == (True, False)
    assert prefixes_of(configured(), lambda: clients) is None
