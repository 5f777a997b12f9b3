"""What kinds of store the two buckets are in, from the environment to clients and addresses."""

import io
import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from sync_core import connections
from sync_core.assembly import Clients, Identities, sides_of
from sync_core.bootstrap import connect
from sync_core.config import Config
from sync_core.connections import (
    Address,
    aws_session,
    own_address,
    own_clients_of,
    own_identities_of,
    peer_address,
    peer_of,
)
from sync_core.errors import Blocked
from sync_core.storage.dialects import AWS, MINIO, OSS
from sync_core.storage.s3_clients import S3Clients
from sync_core.telemetry import Telemetry, new_logger
from tests.object_benches import Stream, present, with_joined_bodies, write_of
from tests.unit.test_config import REQUIRED, complaint

REGION = "us-west-2"
OWN_SECRET, PEER_SECRET = "dualway/oss", REQUIRED["DUALWAY_PEER_SECRET"]
OWN_OSS = {
    "DUALWAY_STORE": "oss",
    "DUALWAY_SECRET": OWN_SECRET,
    "DUALWAY_REGION": "cn-hangzhou",
    "DUALWAY_ACCOUNT_REGION": REGION,
}
PEER_OSS = {"DUALWAY_PEER_STORE": "oss", "DUALWAY_PEER_REGION": "cn-hangzhou"}
WORKER_ROLE = "arn:aws-cn:iam::111122223333:role/team/worker"
HANGZHOU = "https://s3.oss-cn-hangzhou.aliyuncs.com"


def configured(**changes: str) -> Config:
    return Config.from_environment(REQUIRED | changes)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(connections, "s3_clients", with_joined_bodies)
    with mock_aws():
        yield


def secret(name: str, region: str, **content: str) -> None:
    boto3.client("secretsmanager", region_name=region).create_secret(
        Name=name, SecretString=json.dumps(content)
    )


class TestReading:
    def test_both_stores_are_s3_where_nothing_else_is_said(self) -> None:
        config = configured()
        assert (config.store, config.peer_store) == ("aws", "aws")
        assert config.account_region == "cn-north-1"

    def test_the_stack_of_a_bucket_elsewhere_has_a_region_of_its_own(self) -> None:
        config = configured(**OWN_OSS)
        assert (config.pair.own.region, config.account_region) == ("cn-hangzhou", REGION)

    def test_a_bucket_elsewhere_needs_the_secret_with_its_key_pair(self) -> None:
        refused = complaint(**OWN_OSS | {"DUALWAY_SECRET": ""})
        assert refused.key == "DUALWAY_SECRET"
        assert "the key pair for the oss bucket" in refused.cause

    def test_a_bucket_elsewhere_says_nothing_of_where_the_stack_is(self) -> None:
        refused = complaint(**OWN_OSS | {"DUALWAY_ACCOUNT_REGION": ""})
        assert refused.key == "DUALWAY_ACCOUNT_REGION"
        assert "the region of AWS" in refused.cause

    @pytest.mark.parametrize("name", ["DUALWAY_STORE", "DUALWAY_PEER_STORE"])
    def test_an_unknown_kind_of_store_is_refused_with_those_that_are_known(self, name: str) -> None:
        refused = complaint(**{name: "azure"})
        assert refused.key == name
        assert "aws, oss, cos, kodo" in refused.cause

    @pytest.mark.parametrize(
        ("role", "more"),
        [("", {"DUALWAY_SECRET": OWN_SECRET, "DUALWAY_ACCOUNT_REGION": REGION}), ("PEER_", {})],
    )
    def test_a_store_that_everybody_runs_elsewhere_needs_an_endpoint(
        self, role: str, more: dict[str, str]
    ) -> None:
        store = {f"DUALWAY_{role}STORE": "minio", **more}
        assert complaint(**store).key == f"DUALWAY_{role}ENDPOINT_URL"
        configured(**store, **{f"DUALWAY_{role}ENDPOINT_URL": "https://minio.example.org"})


class TestAddresses:
    def test_an_endpoint_follows_from_the_kind_of_store_and_its_region(self) -> None:
        assert own_address(configured(**OWN_OSS)) == Address("cn-hangzhou", HANGZHOU, OSS)
        assert peer_address(configured(**PEER_OSS)) == Address("cn-hangzhou", HANGZHOU, OSS)
        assert peer_address(configured()) == Address("us-west-2", None, AWS)

    def test_an_endpoint_that_is_given_counts(self) -> None:
        url = "https://minio.example.org"
        given = configured(DUALWAY_PEER_STORE="minio", DUALWAY_PEER_ENDPOINT_URL=url)
        assert peer_address(given) == Address("us-west-2", url, MINIO)

    def test_the_accounts_endpoint_is_that_of_a_bucket_in_the_account_only(self) -> None:
        url = "http://127.0.0.1:4566"
        assert own_address(configured(AWS_ENDPOINT_URL=url)).endpoint_url == url
        elsewhere = configured(AWS_ENDPOINT_URL=url, **OWN_OSS)
        assert own_address(elsewhere).endpoint_url == HANGZHOU


class TestKeyPairs:
    def test_a_bucket_elsewhere_is_opened_with_the_key_pair_of_its_secret(self, aws: None) -> None:
        secret(OWN_SECRET, REGION, access_key_id="LTAI1", secret_access_key="s")
        clients = own_clients_of(aws_session(), configured(**OWN_OSS))()
        place = {"Bucket": "media", "Key": "k"}
        url = clients.reads.generate_presigned_url("get_object", Params=place)
        assert url.startswith(HANGZHOU.replace("https://", "https://media.") + "/k?")
        assert "Credential=LTAI1%2F" in url

    def test_nobody_asks_who_it_belongs_to(self, aws: None) -> None:
        secret(PEER_SECRET, "cn-north-1", access_key_id="LTAI1", secret_access_key="s")
        role = {"DUALWAY_WORKER_ROLE": WORKER_ROLE}
        assert own_identities_of(aws_session(), configured(**OWN_OSS, **role))() == frozenset()
        assert peer_of(aws_session(), configured(**PEER_OSS)).identities() == frozenset()

    def test_in_aws_the_process_and_the_worker_are_one(self, aws: None) -> None:
        region = REQUIRED["DUALWAY_REGION"]
        asked = boto3.client("sts", region_name=region).get_caller_identity()["Arn"]
        worker = configured(DUALWAY_WORKER_ROLE=WORKER_ROLE)
        assert own_identities_of(aws_session(), configured())() == {asked}
        assert own_identities_of(aws_session(), worker)() == {asked, WORKER_ROLE}

    def test_at_a_peer_in_aws_its_user_alone_is_oneself(self, aws: None) -> None:
        secret(PEER_SECRET, "cn-north-1", access_key_id="AKIA1", secret_access_key="s")
        region = REQUIRED["DUALWAY_PEER_REGION"]
        user = boto3.client("sts", region_name=region).get_caller_identity()["Arn"]
        peer = peer_of(aws_session(), configured(DUALWAY_WORKER_ROLE=WORKER_ROLE))
        assert peer.identities() == {user}

    def test_the_stack_behind_it_is_asked_with_the_accounts_own_credentials(
        self, aws: None
    ) -> None:
        queues = boto3.client("sqs", region_name=REGION)
        queue_url = queues.create_queue(QueueName="dualway-oss-1")["QueueUrl"]
        config = configured(**PEER_OSS)
        pair = {"access_key_id": "LTAI1", "secret_access_key": "s", "queue_url": queue_url}
        secret(PEER_SECRET, "cn-north-1", **pair)
        peer = peer_of(aws_session(), config)
        peer.nudge("k")
        (message,) = queues.receive_message(QueueUrl=queue_url)["Messages"]
        assert json.loads(message["Body"]) == {"key": "k", "size": 0, "from": "peer"}


class TestTags:
    @pytest.fixture
    def clients(self, aws: None) -> S3Clients:
        for bucket in (REQUIRED["DUALWAY_BUCKET"], REQUIRED["DUALWAY_PEER_BUCKET"]):
            boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=bucket)
        return with_joined_bodies(aws_session(), "us-east-1")

    @pytest.mark.parametrize("stores", [OWN_OSS, PEER_OSS])
    def test_a_store_without_tags_takes_them_out_of_sight_on_both_sides(
        self, clients: S3Clients, stores: dict[str, str]
    ) -> None:
        nobody = Identities(frozenset, frozenset)
        both = Clients(lambda: clients, lambda: clients)
        sides = sides_of(configured(**stores), both, nobody)
        for store in (sides.own, sides.peer):
            store.put(write_of("k", b"data", tags={"colour": "red"}), Stream(b"data"))
            stored = clients.reads.get_object_tagging(Bucket=store.bucket, Key="k")
            assert stored["TagSet"] == []
            clients.reads.put_object_tagging(
                Bucket=store.bucket,
                Key="k",
                Tagging={"TagSet": [{"Key": "colour", "Value": "blue"}]},
            )
            assert (store.tags("k"), store.tags("missing")) == ({}, None)
            assert present(store.head("k")).tag_count == 0
            with pytest.raises(Blocked):
                store.put_tags("k", {"colour": "red"})

    def test_stores_that_may_have_them_keep_them(self, clients: S3Clients) -> None:
        nobody = Identities(frozenset, frozenset)
        both = Clients(lambda: clients, lambda: clients)
        sides = sides_of(configured(), both, nobody)
        sides.own.put(write_of("k", b"data", tags={"colour": "red"}), Stream(b"data"))
        assert sides.own.tags("k") == {"colour": "red"}


def test_connecting_sends_nothing_wherever_the_buckets_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    config = configured(AWS_ENDPOINT_URL="http://127.0.0.1:1", **OWN_OSS)
    telemetry = Telemetry(
        new_logger("test", level="INFO", stream=io.StringIO()), site="oss", bucket="b"
    )
    connected = connect(config, telemetry)
    assert connected.stack.sides.own.bucket == config.pair.own.bucket
