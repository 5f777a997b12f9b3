"""The wiring: a deployment from its configuration, and the peer's key pair through a rotation."""

import io
import json
from collections.abc import Iterator
from threading import Event

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from sync_core.bootstrap import (
    CREDENTIALS_SECONDS,
    FRESH_SECONDS,
    PeerClients,
    aws_session,
    build,
    build_worker,
    read_access_key,
)
from sync_core.config import Config
from sync_core.errors import AccessDenied, ConfigError, DualwayError, Throttled, Unavailable
from sync_core.model import Site, SitePair
from sync_core.storage.s3_clients import AccessKey, S3Clients, s3_clients
from sync_core.telemetry import Telemetry, new_logger

OWN = Site("a", "bucket-a", "us-east-1")
PEER = Site("b", "bucket-b", "us-west-2")
SECRET = "dualway/peer"
FIRST = AccessKey("AKIAFIRST", "one")
SECOND = AccessKey("AKIASECOND", "two")


class Vault:
    """A secret that may be rotated, a clock, and what was asked and made."""

    def __init__(self) -> None:
        self.access_key = FIRST
        self.now_seconds = 0.0
        self.reads = 0
        self.made: list[AccessKey] = []
        self.refusal: DualwayError | None = None
        self.clients = PeerClients(self.read, self.make, timer=lambda: self.now_seconds)

    def read(self) -> AccessKey:
        self.reads += 1
        if self.refusal is not None:
            raise self.refusal
        return self.access_key

    def make(self, access_key: AccessKey) -> S3Clients:
        self.made.append(access_key)
        return s3_clients(aws_session(), PEER.region, access_key=access_key)


@pytest.fixture
def vault() -> Vault:
    return Vault()


def test_the_key_pair_is_read_once_for_many_requests(vault: Vault) -> None:
    assert vault.clients() is vault.clients()
    vault.now_seconds = CREDENTIALS_SECONDS - 1
    vault.clients()
    assert vault.reads == 1


def test_a_rotated_key_pair_takes_effect_without_a_restart(vault: Vault) -> None:
    vault.clients()
    vault.access_key = SECOND
    vault.now_seconds = CREDENTIALS_SECONDS + 1
    vault.clients()
    assert vault.made == [FIRST, SECOND]


def test_clients_of_the_same_key_pair_are_not_made_again(vault: Vault) -> None:
    before = vault.clients()
    vault.now_seconds = CREDENTIALS_SECONDS + 1
    assert vault.clients() is before
    assert vault.reads == 2


def test_forgotten_credentials_are_read_again_at_once(vault: Vault) -> None:
    vault.clients()
    vault.access_key = SECOND
    vault.now_seconds = FRESH_SECONDS + 1
    vault.clients.forget()
    vault.clients()
    assert vault.made == [FIRST, SECOND]


def test_a_refusal_that_lasts_does_not_read_the_secret_at_every_request(vault: Vault) -> None:
    for _ in range(20):
        vault.clients()
        vault.clients.forget()
    assert vault.reads == 1


def test_a_request_that_is_refused_has_the_key_pair_read_again(vault: Vault) -> None:
    clients = vault.clients()
    vault.access_key = SECOND
    vault.now_seconds = FRESH_SECONDS + 1
    with Stubber(clients.reads) as stub:
        stub.add_client_error("get_object", "InvalidAccessKeyId", http_status_code=403)
        with pytest.raises(clients.reads.exceptions.ClientError):
            clients.reads.get_object(Bucket=PEER.bucket, Key="k")
    vault.clients()
    assert vault.made == [FIRST, SECOND]


def test_a_request_that_fails_otherwise_leaves_the_key_pair_alone(vault: Vault) -> None:
    clients = vault.clients()
    vault.now_seconds = FRESH_SECONDS + 1
    with Stubber(clients.reads) as stub:
        stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
        with pytest.raises(clients.reads.exceptions.ClientError):
            clients.reads.get_object(Bucket=PEER.bucket, Key="k")
    vault.clients()
    assert vault.reads == 1


def test_a_secret_that_cannot_be_read_is_asked_for_again_by_the_next_request(vault: Vault) -> None:
    vault.refusal = Unavailable("read secret", SECRET, "no answer")
    with pytest.raises(Unavailable):
        vault.clients()
    vault.refusal = None
    vault.clients()
    assert vault.made == [FIRST]


def answer_of(text: str | None) -> AccessKey:
    client = boto3.client("secretsmanager", region_name=OWN.region)
    answer = {} if text is None else {"SecretString": text}
    with Stubber(client) as stub:
        stub.add_response("get_secret_value", answer, {"SecretId": SECRET})
        return read_access_key(client, SECRET)


def test_a_secret_holds_a_key_pair() -> None:
    text = '{"access_key_id": "AKIAFIRST", "secret_access_key": "one", "more": "ignored"}'
    assert answer_of(text) == FIRST


@pytest.mark.parametrize("text", [None, "not json", "[]", "7", '{"access_key_id": "AKIA-private"}'])
def test_a_secret_without_a_key_pair_is_refused_and_not_quoted(text: str | None) -> None:
    with pytest.raises(ConfigError, match="it should be") as caught:
        answer_of(text)
    assert "AKIA-private" not in str(caught.value)


def test_a_secret_that_was_never_mirrored_says_what_to_do() -> None:
    text = '{"access_key_id": "not-mirrored-yet", "secret_access_key": "not-mirrored-yet"}'
    with pytest.raises(ConfigError, match="copy the peer's key pair into it"):
        answer_of(text)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", AccessDenied),
        ("ResourceNotFoundException", ConfigError),
        ("ThrottlingException", Throttled),
        ("InternalServiceError", Unavailable),
    ],
)
def test_what_secrets_manager_refuses_is_said_in_our_words(
    code: str, kind: type[DualwayError]
) -> None:
    client = boto3.client("secretsmanager", region_name=OWN.region)
    with Stubber(client) as stub:
        stub.add_client_error("get_secret_value", code)
        with pytest.raises(kind):
            read_access_key(client, SECRET)


def test_the_own_accounts_endpoint_is_never_taken_for_the_peers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    clients = s3_clients(aws_session(), PEER.region, access_key=FIRST)
    assert clients.reads.meta.endpoint_url == "https://s3.us-west-2.amazonaws.com"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


def launch() -> Config:
    """Make what the site's stack would make, and return the configuration for it."""
    boto3.client("s3", region_name=OWN.region).create_bucket(Bucket=OWN.bucket)
    boto3.client("s3", region_name=PEER.region).create_bucket(
        Bucket=PEER.bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    queues = boto3.client("sqs", region_name=OWN.region)
    boto3.client("dynamodb", region_name=OWN.region).create_table(
        TableName="records",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    key_pair = {"access_key_id": "AKIAPEER", "secret_access_key": "peer"}
    boto3.client("secretsmanager", region_name=OWN.region).create_secret(
        Name=SECRET, SecretString=json.dumps(key_pair)
    )
    return Config(
        pair=SitePair(OWN, PEER),
        queue_url=queues.create_queue(QueueName="sync")["QueueUrl"],
        dead_letter_queue_url=queues.create_queue(QueueName="dead")["QueueUrl"],
        records_table="records",
        peer_secret=SECRET,
        echo_principal_ids=frozenset({"AIDAEXAMPLE"}),
        receive_wait_seconds=0,
        pollers=1,
        concurrency=2,
    )


class StopsAfter(io.StringIO):
    """A log that stops the worker once the action has been told."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.stop = Event()
        self._told = f'"action":"{action}"'

    def write(self, text: str, /) -> int:
        if self._told in text:
            self.stop.set()
        return super().write(text)


def test_a_deployment_copies_what_a_message_names(aws: None) -> None:
    config = launch()
    objects = boto3.client("s3", region_name=OWN.region)
    objects.put_object(Bucket=OWN.bucket, Key="docs/汉 字.txt", Body=b"hello")
    queues = boto3.client("sqs", region_name=OWN.region)
    body = json.dumps({"key": "docs/汉 字.txt", "size": 5})
    queues.send_message(QueueUrl=config.queue_url, MessageBody=body)
    log = StopsAfter("object_copied")
    telemetry = Telemetry(
        new_logger("test", level="INFO", stream=log),
        site=OWN.name,
        bucket=OWN.bucket,
        metrics_stream=log,
    )
    assert build_worker(build(config, telemetry)).run(log.stop) == 0
    copied = objects.get_object(Bucket=PEER.bucket, Key="docs/汉 字.txt")
    assert copied["Body"].read() == b"hello"


def test_nothing_is_sent_before_the_first_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    config = Config(
        pair=SitePair(OWN, PEER),
        queue_url="https://sqs.invalid/sync",
        dead_letter_queue_url="https://sqs.invalid/dead",
        records_table="records",
        peer_secret=SECRET,
        echo_principal_ids=frozenset({"AIDAEXAMPLE"}),
        endpoint_url="http://127.0.0.1:1",
    )
    deployment = build(
        config, Telemetry(new_logger("test", level="INFO"), site="a", bucket=OWN.bucket)
    )
    deployment.forget_credentials()
    assert deployment.config is config
