"""What a secret opens, through a rotation of its key pair."""

import json

import boto3
import pytest
from botocore.stub import Stubber

from sync_core.connections import aws_session
from sync_core.errors import AccessDenied, ConfigError, DualwayError, Throttled, Unavailable
from sync_core.queues.sqs import SQSQueue
from sync_core.remote import (
    CREDENTIALS_SECONDS,
    FRESH_SECONDS,
    Access,
    Connection,
    Remote,
    queue_endpoint,
    read_access,
)
from sync_core.storage.s3_clients import AccessKey, s3_clients

SECRET = "dualway/peer"
FIRST = Access(AccessKey("AKIAFIRST", "one"))
SECOND = Access(AccessKey("AKIASECOND", "two"))


class Vault:
    """A secret that may be rotated, a clock, and what was asked and made."""

    def __init__(self) -> None:
        self.access = FIRST
        self.now_seconds = 0.0
        self.reads = 0
        self.made: list[Access] = []
        self.refusal: DualwayError | None = None
        self.peer = Remote(self.read, self.connect, timer=lambda: self.now_seconds)

    def read(self) -> Access:
        self.reads += 1
        if self.refusal is not None:
            raise self.refusal
        return self.access

    def connect(self, access: Access) -> Connection:
        self.made.append(access)
        s3 = s3_clients(aws_session(), "us-west-2", access_key=access.access_key)
        return Connection(s3)


@pytest.fixture
def vault() -> Vault:
    return Vault()


def test_the_key_pair_is_read_once_for_many_requests(vault: Vault) -> None:
    assert vault.peer.s3() is vault.peer.s3()
    vault.now_seconds = CREDENTIALS_SECONDS - 1
    vault.peer.s3()
    assert vault.reads == 1


def test_a_rotated_key_pair_takes_effect_without_a_restart(vault: Vault) -> None:
    vault.peer.s3()
    vault.access = SECOND
    vault.now_seconds = CREDENTIALS_SECONDS + 1
    vault.peer.s3()
    assert vault.made == [FIRST, SECOND]


def test_clients_of_the_same_key_pair_are_not_made_again(vault: Vault) -> None:
    before = vault.peer.s3()
    vault.now_seconds = CREDENTIALS_SECONDS + 1
    assert vault.peer.s3() is before
    assert vault.reads == 2


def test_forgotten_credentials_are_read_again_at_once(vault: Vault) -> None:
    vault.peer.s3()
    vault.access = SECOND
    vault.now_seconds = FRESH_SECONDS + 1
    vault.peer.forget()
    vault.peer.s3()
    assert vault.made == [FIRST, SECOND]


def test_a_refusal_that_lasts_does_not_read_the_secret_at_every_request(vault: Vault) -> None:
    for _ in range(20):
        vault.peer.s3()
        vault.peer.forget()
    assert vault.reads == 1


def test_a_request_that_is_refused_has_the_key_pair_read_again(vault: Vault) -> None:
    clients = vault.peer.s3()
    vault.access = SECOND
    vault.now_seconds = FRESH_SECONDS + 1
    with Stubber(clients.reads) as stub:
        stub.add_client_error("get_object", "InvalidAccessKeyId", http_status_code=403)
        with pytest.raises(clients.reads.exceptions.ClientError):
            clients.reads.get_object(Bucket="bucket-b", Key="k")
    vault.peer.s3()
    assert vault.made == [FIRST, SECOND]


def test_a_request_that_fails_otherwise_leaves_the_key_pair_alone(vault: Vault) -> None:
    clients = vault.peer.s3()
    vault.now_seconds = FRESH_SECONDS + 1
    with Stubber(clients.reads) as stub:
        stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
        with pytest.raises(clients.reads.exceptions.ClientError):
            clients.reads.get_object(Bucket="bucket-b", Key="k")
    vault.peer.s3()
    assert vault.reads == 1


def test_a_secret_that_cannot_be_read_is_asked_for_again_by_the_next_request(vault: Vault) -> None:
    vault.refusal = Unavailable("read secret", SECRET, "no answer")
    with pytest.raises(Unavailable):
        vault.peer.s3()
    vault.refusal = None
    vault.peer.s3()
    assert vault.made == [FIRST]


def answer_of(text: str | None) -> Access:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    answer = {} if text is None else {"SecretString": text}
    with Stubber(client) as stub:
        stub.add_response("get_secret_value", answer, {"SecretId": SECRET})
        return read_access(client, SECRET)


def test_a_secret_holds_a_key_pair() -> None:
    text = '{"access_key_id": "AKIAFIRST", "secret_access_key": "one", "more": "ignored"}'
    assert answer_of(text) == FIRST


@pytest.mark.parametrize(
    "text",
    [
        None,
        "not json",
        "[]",
        "7",
        '{"access_key_id": "AKIA-private"}',
        '{"access_key_id": "AKIA-private", "secret_access_key": null}',
        '{"access_key_id": "", "secret_access_key": "AKIA-private"}',
    ],
)
def test_a_secret_without_a_key_pair_is_refused_and_not_quoted(text: str | None) -> None:
    with pytest.raises(ConfigError, match="it should be") as caught:
        answer_of(text)
    assert "AKIA-private" not in str(caught.value)


def test_a_secret_that_was_never_mirrored_says_what_to_do() -> None:
    text = '{"access_key_id": "not-mirrored-yet", "secret_access_key": "not-mirrored-yet"}'
    with pytest.raises(ConfigError, match="write a key pair of the peer's dedicated user into it"):
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
    client = boto3.client("secretsmanager", region_name="us-east-1")
    with Stubber(client) as stub:
        stub.add_client_error("get_secret_value", code)
        with pytest.raises(kind):
            read_access(client, SECRET)


def test_a_secret_may_name_the_queue_that_takes_hints() -> None:
    text = '{"access_key_id": "AKIAFIRST", "secret_access_key": "one", "queue_url": "https://q"}'
    assert answer_of(text) == Access(FIRST.access_key, "https://q")


def test_a_peer_is_nudged_through_its_queue() -> None:
    client = boto3.client("sqs", region_name="us-west-2")
    s3 = s3_clients(aws_session(), "us-west-2", access_key=FIRST.access_key)
    peer = Remote(lambda: FIRST, lambda _: Connection(s3, SQSQueue(client, "https://q")))
    body = json.dumps({"key": "k", "size": 0, "from": "peer"})
    with Stubber(client) as stub:
        stub.add_response(
            "send_message", {}, {"QueueUrl": "https://q", "MessageBody": body, "DelaySeconds": 0}
        )
        peer.nudge("k")
        stub.assert_no_pending_responses()


def test_a_peer_without_a_queue_for_hints_is_not_nudged(vault: Vault) -> None:
    vault.peer.nudge("k")
    assert vault.made == [FIRST]


@pytest.mark.parametrize(
    ("endpoint_url", "queue_url", "expected"),
    [
        (None, "https://sqs.cn-north-1.amazonaws.com.cn/1/queue", None),
        ("https://minio.example:9000", "https://sqs.us-west-2.amazonaws.com/1/queue", None),
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566/1/queue", "http://127.0.0.1:4566"),
    ],
)
def test_a_peers_endpoint_is_that_of_its_queue_only_if_the_queue_is_there(
    endpoint_url: str | None, queue_url: str, expected: str | None
) -> None:
    assert queue_endpoint(endpoint_url, queue_url) == expected
