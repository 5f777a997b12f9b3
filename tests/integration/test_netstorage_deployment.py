"""A deployment whose peer is NetStorage: from the environment and the secret to published files."""

import io
import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from sync_core import bootstrap, connections
from sync_core.bootstrap import connect, open_sides
from sync_core.cli.sides import sides_of_deployment
from sync_core.config import Config
from sync_core.connections import aws_session, netstorage_endpoint, netstorage_of
from sync_core.errors import AccessDenied, ConfigError
from sync_core.events import job_body
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.signature import Account
from sync_core.model import Ability
from sync_core.queues.protocol import Message
from sync_core.records.dynamodb import TABLE_SCHEMA
from sync_core.remote import FRESH_SECONDS
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_access import NetStorageAccess
from sync_core.storage.netstorage_wire import Endpoint
from sync_core.telemetry import Telemetry, new_logger
from tests.object_benches import Stream, present, read, with_joined_bodies, write_of
from tests.unit.test_config import REQUIRED, complaint

REGION, CPCODE = "us-east-1", "123456"
FEED = {
    "DUALWAY_REGION": REGION,
    "DUALWAY_PEER_STORE": "netstorage",
    "DUALWAY_PEER_BUCKET": CPCODE,
    "DUALWAY_PEER_PREFIX": "site/",
    "DUALWAY_DIRECTION": "to-peer",
}
ACCESS = {"hostname": "127.0.0.1", "username": "media", "key": "secret", "cpcode": CPCODE}


@pytest.fixture(scope="module")
def server() -> Iterator[NetStorageServer]:
    with NetStorageServer(Account("media", "secret", CPCODE)) as made:
        yield made


@pytest.fixture
def config(server: NetStorageServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """Return the configuration of a stack of which everything is there."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    for module in (connections, bootstrap):
        # Moto takes bodies in one piece only.
        monkeypatch.setattr(module, "s3_clients", with_joined_bodies)
    endpoint = {"DUALWAY_PEER_ENDPOINT_URL": f"http://{server.hostname}"}
    made = Config.from_environment(REQUIRED | FEED | endpoint)
    with mock_aws():
        boto3.client("s3", region_name=REGION).create_bucket(Bucket=made.pair.own.bucket)
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName="records", BillingMode="PAY_PER_REQUEST", **TABLE_SCHEMA
        )
        boto3.client("secretsmanager", region_name=REGION).create_secret(
            Name=made.peer_secret, SecretString=json.dumps(ACCESS)
        )
        yield made


def write_secret(config: Config, **changes: str) -> None:
    boto3.client("secretsmanager", region_name=REGION).put_secret_value(
        SecretId=config.peer_secret, SecretString=json.dumps(ACCESS | changes)
    )


class TestConfiguration:
    def test_a_feed_to_a_cp_code_is_taken(self) -> None:
        config = Config.from_environment(REQUIRED | FEED)
        assert (config.peer_store, config.pair.peer.bucket) == ("netstorage", CPCODE)
        assert config.peer_endpoint_url is None
        assert config.epoch != Config.from_environment(REQUIRED).epoch

    def test_it_is_a_destination_only(self) -> None:
        refused = complaint(**FEED | {"DUALWAY_DIRECTION": "two-way"})
        assert refused.key == "DUALWAY_DIRECTION"
        assert "has to be to-peer: netstorage is a destination only" in refused.cause
        assert complaint(DUALWAY_STORE="netstorage").key == "DUALWAY_STORE"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DUALWAY_PEER_BUCKET", "media"),
            ("DUALWAY_PEER_PREFIX", "site"),
            ("DUALWAY_PEER_PREFIX", "/site/"),
            ("DUALWAY_PEER_PREFIX", "a/../b/"),
            ("DUALWAY_STORAGE_CLASS", "STANDARD_IA"),
            ("DUALWAY_ACL", "private"),
            ("DUALWAY_SSE", "AES256"),
            ("DUALWAY_PEER_DIRECTORIES", "maybe"),
            ("DUALWAY_OBJECT_LOCK", "true"),
        ],
    )
    def test_what_it_cannot_have_is_refused(self, name: str, value: str) -> None:
        assert complaint(**FEED | {name: value}).key == name

    def test_directories_are_made_explicit_where_that_is_asked_for(self) -> None:
        environ = REQUIRED | FEED
        assert not Config.from_environment(environ).peer_directories
        asked = Config.from_environment(environ | {"DUALWAY_PEER_DIRECTORIES": "true"})
        assert asked.peer_directories


class TestSecret:
    def test_one_for_another_cp_code_is_refused(self, config: Config) -> None:
        write_secret(config, cpcode="99")
        with pytest.raises(ConfigError, match="its cpcode is 99, DUALWAY_PEER_BUCKET 123456"):
            open_sides(config).peer.head("k")

    def test_a_key_that_was_replaced_is_used_without_a_restart(self, config: Config) -> None:
        now = [0.0]
        write_secret(config, key="old")
        clients = netstorage_of(aws_session(), config, lambda: now[0]).connection
        store = NetStorageStore(CPCODE, clients)
        with pytest.raises(AccessDenied):
            store.head("k")
        write_secret(config)
        now[0] = FRESH_SECONDS + 1.0
        with pytest.raises(AccessDenied):
            store.head("k")
        assert store.head("k") is None

    def test_without_an_endpoint_it_is_reached_by_https(self, config: Config) -> None:
        access = NetStorageAccess("example-nsu.akamaihd.net", "media", "secret", CPCODE)
        by_name = netstorage_endpoint(None, access)
        assert by_name == Endpoint("example-nsu.akamaihd.net", None, is_secure=True)
        assert not netstorage_endpoint(config.peer_endpoint_url, access).is_secure


def test_an_object_is_published_and_taken_back(config: Config) -> None:
    telemetry = Telemetry(
        new_logger("test", level="INFO", stream=io.StringIO()), site="cn", bucket="b"
    )
    connected = connect(config, telemetry)
    sides = connected.stack.sides
    assert Ability.HAS_PARTS in sides.peer.lacks
    sides.own.put(write_of("k", b"data", tags={"a": "b"}, metadata={"c": "d"}), Stream(b"data"))
    body = job_body("k")
    for expected in (b"data", None):
        message = Message("1", body, "1", 1)
        [settlement] = connected.deployment().pipeline.run([message])
        assert settlement.error is None
        reader = sides.peer.get("k")
        assert (None if reader is None else read(reader)) == expected
        sides.own.delete("k")


def test_both_sides_are_opened_to_be_compared(config: Config) -> None:
    stores = sides_of_deployment(config)
    here, there = stores["cn"], stores["global"]
    for store in (here, there):
        store.put(write_of("k", b"data", metadata={"c": "d"}, tags={"a": "b"}), Stream(b"data"))
        assert present(store.head("k")).metadata == {}
        assert store.tags("k") == {}
        assert [listed.key for listed in store.list("k")] == ["k"]
    there.delete("k")
