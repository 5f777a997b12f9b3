"""The function that forwards events of OSS: what it sends and signs, and that it hides no loss."""

import base64
import hashlib
import hmac
import json
from calendar import timegm
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import IncompleteRead
from pathlib import Path
from time import strptime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from handlers.aliyun_fc.connection import IDLE_SECONDS, NotSent
from handlers.aliyun_fc.events import read_events
from handlers.aliyun_fc.index import FORWARDED, IN_SOME_REGIONS, PASSED_OVER, Function
from handlers.aliyun_fc.sending import MOST_BATCH_BYTES, SECRET_SECONDS, in_batches
from handlers.aliyun_fc.settings import KeyPair, Settings, SettingsError, read_settings
from handlers.aliyun_fc.signing import sign_for_alibaba, sign_for_sqs
from sync_core.events import parse
from tests.scripted_server import Answer, ScriptedServer, Seen

EVENTS = Path(__file__).parents[1] / "events"
BUCKET = "dualway-cn-media"
KEYS = {"AWS_KEY_ID": "AKIDEXAMPLE", "AWS_KEY_SECRET": "wJalrXUtnFEMI/K7MDENG+bPxRfiCY"}
QUEUE_URL = "https://sqs.us-west-2.amazonaws.com/111122223333/q"
ROLE = SimpleNamespace(
    access_key_id="STS.role", access_key_secret="role-secret", security_token="role-token/+="
)
CONTEXT = SimpleNamespace(region="cn-hangzhou", credentials=ROLE)

Handler = Callable[[bytes, Any], str]
Forwarding = Callable[..., Handler]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def sample(name: str) -> bytes:
    return (EVENTS / f"oss_{name}.json").read_bytes()


def events_in(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(sample(name))["events"]
    return found


def named(*names: str) -> bytes:
    """Return what the function is invoked with for events of these names."""
    (event,) = events_in("created_put")
    return json.dumps({"events": [{**event, "eventName": name} for name in names]}).encode()


def taken(count: int = 1, failed: int = 0) -> Answer:
    """Return SQS's answer to a batch of which the first `count` were taken."""
    body = {"Successful": [{"Id": str(index)} for index in range(count)]}
    refused = {"Failed": [{"Id": str(count + index), "Code": "No"} for index in range(failed)]}
    return Answer(body=json.dumps({**body, **(refused if failed else {})}).encode())


@pytest.fixture
def forwarding() -> Iterator[Forwarding]:
    """Makes handlers that send to a server; they are closed after the test."""
    with ExitStack() as made:

        def make(server: ScriptedServer, clock: Clock | None = None, **more: str) -> Handler:
            where = {"QUEUE_URL": f"{server.url}/111122223333/q", "REGION_NAME": "us-west-2"}
            key = {} if "KMS_SECRET_NAME" in more else KEYS
            # Long enough for an answer on any machine.
            patience = {"TIMEOUT_SECONDS": "60"}
            function = Function({**where, **key, **patience, **more}, clock or Clock())
            return made.enter_context(closing(function)).handle

        yield make


@pytest.fixture
def with_secret(forwarding: Forwarding) -> Forwarding:
    """Makes handlers that read their key from another server."""

    def make(kms: ScriptedServer, server: ScriptedServer, clock: Clock | None = None) -> Handler:
        return forwarding(server, clock, KMS_SECRET_NAME="team/oss a", KMS_ENDPOINT=kms.url)

    return make


def bodies(seen: Seen) -> list[Any]:
    return [json.loads(entry["MessageBody"]) for entry in json.loads(seen.body)["Entries"]]


def settings(queue_url: str = QUEUE_URL, **more: str) -> Settings:
    return read_settings({"QUEUE_URL": queue_url, **KEYS, **more})


class TestSignatures:
    @pytest.mark.parametrize(
        ("queue_url", "body"),
        [
            (QUEUE_URL, b"{}"),
            ("https://sqs.cn-north-1.amazonaws.com.cn/1/q", '{"a":"海 "}'.encode()),
            ("https://sqs.eu-west-1.amazonaws.com:8443/1/q", bytes(range(256))),
        ],
    )
    def test_a_request_to_sqs_is_signed_as_botocore_signs_it(
        self, queue_url: str, body: bytes
    ) -> None:
        found = settings(queue_url)
        assert found.key_pair is not None
        host = queue_url.split("/")[2]
        expected = AWSRequest(
            "POST",
            f"https://{host}/",
            headers={
                "content-type": "application/x-amz-json-1.0",
                "x-amz-target": "AmazonSQS.SendMessageBatch",
            },
            data=body,
        )
        oracle = Credentials(found.key_pair.key_id, found.key_pair.secret)
        SigV4Auth(oracle, "sqs", found.region).add_auth(expected)
        at = timegm(strptime(expected.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        headers = sign_for_sqs(found, found.key_pair, body, at)
        assert headers["authorization"] == expected.headers["Authorization"]
        assert headers["x-amz-date"] == expected.headers["X-Amz-Date"]
        assert headers["host"] == host

    def test_a_request_to_alibaba_is_signed_as_its_documentation_shows(self) -> None:
        signed = sign_for_alibaba(
            {
                "host": "ecs.cn-shanghai.aliyuncs.com",
                "x-acs-action": "RunInstances",
                "x-acs-date": "2023-10-26T10:22:32Z",
                "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
                "x-acs-version": "2014-05-26",
            },
            "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
            KeyPair("YourAccessKeyId", "YourAccessKeySecret"),
        )
        assert signed["authorization"] == (
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
            "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
            "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        )

    def test_no_secret_is_shown_with_a_key(self) -> None:
        shown = repr(settings())
        assert KEYS["AWS_KEY_ID"] in shown
        assert KEYS["AWS_KEY_SECRET"] not in shown


class TestWhatItIsInvokedWith:
    @pytest.mark.parametrize("wrap", [bytes, base64.b64encode, base64.encodebytes])
    @pytest.mark.parametrize(
        ("name", "keys"),
        [
            ("created_put", ["photos/summer 2026/海+100%.jpg"]),
            ("removed_two", ["a.txt", "b%20+.txt"]),
            ("cloud_event", ["photos/summer 2026/海+100%.jpg"]),
            ("cloud_events", ["a.txt", "b.txt", "c d.txt"]),
        ],
    )
    def test_every_form_of_it_is_read(
        self, name: str, keys: list[str], wrap: Callable[[bytes], bytes]
    ) -> None:
        found = read_events(wrap(sample(name)))
        assert [event["oss"]["object"]["key"] for event in found] == keys

    def test_an_event_and_a_list_of_events_are_read_without_an_envelope(self) -> None:
        events = events_in("removed_two")
        assert read_events(json.dumps(events)) == events
        assert read_events(json.dumps(events[0])) == events[:1]

    def test_base64_may_stand_in_a_json_string(self) -> None:
        told = json.dumps(base64.b64encode(sample("created_put")).decode())
        assert read_events(told) == events_in("created_put")

    def test_a_cloud_event_gives_its_record_the_name_and_time_that_it_lacks(self) -> None:
        cloud_event = json.loads(sample("cloud_event"))
        for name in ("eventName", "eventTime"):
            del cloud_event["data"][name]
        (event,) = read_events(json.dumps(cloud_event))
        assert event == {
            "eventName": "oss:ObjectCreated:PutObject",
            "eventTime": "2026-11-20T08:15:30Z",
            **cloud_event["data"],
        }

    @pytest.mark.parametrize(
        "told",
        [
            *(b"", b"hello", b"\xff\xfe", b"7", b"null", b"{}"),
            *(b'{"Records": []}', b'{"events": {}}', b'[{"oss": {}}]'),
            b'{"events": [{"eventName": "ObjectCreated:PutObject"}]}',
        ],
    )
    def test_anything_else_is_refused(self, told: bytes) -> None:
        with pytest.raises(ValueError, match="the function was invoked with"):
            read_events(told)


class TestWhatIsSent:
    def test_each_event_goes_untouched_with_its_principal_in_a_message_of_its_own(
        self, forwarding: Forwarding
    ) -> None:
        with ScriptedServer(taken(2)) as server:
            assert forwarding(server)(sample("removed_two"), CONTEXT) == "2 of 2 events sent"
        (seen,) = server.seen
        assert bodies(seen) == [{"events": [event]} for event in events_in("removed_two")]
        assert bodies(seen)[0]["events"][0]["userIdentity"] == {"principalId": "262561392693583141"}
        assert (seen.method, seen.path) == ("POST", "/")
        assert json.loads(seen.body)["QueueUrl"] == f"{server.url}/111122223333/q"

    @pytest.mark.parametrize("name", sorted(FORWARDED | IN_SOME_REGIONS))
    @pytest.mark.parametrize("prefix", ["", "oss:"])
    def test_what_is_forwarded_is_what_the_worker_understands(
        self, forwarding: Forwarding, name: str, prefix: str
    ) -> None:
        with ScriptedServer(taken()) as server:
            forwarding(server)(named(prefix + name), CONTEXT)
        (message,) = bodies(server.seen[0])
        parsed = parse(json.dumps(message), bucket=BUCKET)
        assert [event.name for event in parsed.events] == [name]
        assert not parsed.errors

    @pytest.mark.parametrize("name", sorted(PASSED_OVER))
    def test_what_is_passed_over_changes_nothing_for_the_worker_either(self, name: str) -> None:
        parsed = parse(named(name).decode(), bucket=BUCKET)
        assert not parsed.events
        assert not parsed.errors

    @pytest.mark.parametrize("name", ["abort_multipart", "upload_steps"])
    def test_parts_and_aborted_uploads_make_no_request_at_all(
        self, forwarding: Forwarding, name: str
    ) -> None:
        with ScriptedServer(taken()) as server:
            done = forwarding(server, KMS_SECRET_NAME="s", KMS_ENDPOINT=server.url)(
                sample(name), CONTEXT
            )
        assert done.startswith("0 of ")
        assert server.seen == []

    def test_an_event_that_is_in_neither_list_is_named_after_the_others_were_sent(
        self, forwarding: Forwarding
    ) -> None:
        told = named("ObjectCreated:PutSymlink", "ObjectCreated:PutObject")
        said = r"^1 of 2 .* ObjectCreated:PutSymlink out of"
        with ScriptedServer(taken()) as server, pytest.raises(ValueError, match=said):
            forwarding(server)(told, CONTEXT)
        assert len(bodies(server.seen[0])) == 1

    def test_ten_messages_go_in_one_request(self, forwarding: Forwarding) -> None:
        told = named(*["ObjectCreated:PutObject"] * 11)
        with ScriptedServer(taken(10), taken(1)) as server:
            forwarding(server)(told, CONTEXT)
        assert [len(bodies(seen)) for seen in server.seen] == [10, 1]

    def test_a_batch_has_no_more_bytes_than_sqs_takes(self) -> None:
        half = "x" * (MOST_BATCH_BYTES // 2)
        assert list(map(len, in_batches([half] * 5))) == [2, 2, 1]
        assert list(map(len, in_batches([half, f"{half}x", half]))) == [1, 1, 1]

    def test_a_message_has_ascii_only_so_that_its_length_is_its_bytes(
        self, forwarding: Forwarding
    ) -> None:
        with ScriptedServer(taken()) as server:
            forwarding(server)(sample("created_put"), CONTEXT)
        (entry,) = json.loads(server.seen[0].body)["Entries"]
        assert entry["MessageBody"].isascii()


class TestLossesAreRaised:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (Answer(500, b"<html>"), "has answered 500: <html>"),
            (Answer(403, b'{"__type": "AccessDenied"}'), "has answered 403.*AccessDenied"),
            (Answer(200, b"<html>sign in"), "has answered 200: <html>sign in"),
            (Answer(200, b"[]"), r"has answered 200: \[\]"),
            (taken(1, failed=1), "has taken 1 of 2 messages: No"),
            (taken(2, failed=1), "has taken 2 of 2 messages: No"),
            (taken(1), "has taken 1 of 2 messages: no reason"),
            (Answer(200, b"{}"), "has taken 0 of 2 messages"),
        ],
    )
    def test_any_answer_but_full_success(
        self, forwarding: Forwarding, answer: Answer, said: str
    ) -> None:
        with ScriptedServer(answer) as server, pytest.raises(NotSent, match=said):
            forwarding(server)(sample("removed_two"), CONTEXT)
        assert len(server.seen) == 1

    def test_no_answer_in_time(self, forwarding: Forwarding) -> None:
        with ScriptedServer(Answer(hangs=True)) as server, pytest.raises(TimeoutError):
            forwarding(server, TIMEOUT_SECONDS="0.1")(sample("created_put"), CONTEXT)

    def test_half_an_answer(self, forwarding: Forwarding) -> None:
        cut = Answer(body=taken().body, cut_bytes=3)
        with ScriptedServer(cut) as server, pytest.raises(IncompleteRead):
            forwarding(server)(sample("created_put"), CONTEXT)

    def test_nobody_there(self, forwarding: Forwarding) -> None:
        with ScriptedServer(taken()) as server:
            handle = forwarding(server)
        with pytest.raises(ConnectionRefusedError):
            handle(sample("created_put"), CONTEXT)

    def test_the_second_of_two_batches(self, forwarding: Forwarding) -> None:
        told = named(*["ObjectCreated:PutObject"] * 11)
        with ScriptedServer(taken(10), Answer(500)) as server, pytest.raises(NotSent):
            forwarding(server)(told, CONTEXT)

    @pytest.mark.parametrize(
        "answer", [Answer(500), Answer(sends=False), Answer(body=b'{"half": 1}', cut_bytes=3)]
    )
    def test_the_next_invocation_after_a_failure_begins_anew(
        self, forwarding: Forwarding, answer: Answer
    ) -> None:
        with ScriptedServer(answer, taken()) as server:
            handle = forwarding(server)
            with pytest.raises((NotSent, ConnectionError, IncompleteRead)):
                handle(sample("created_put"), CONTEXT)
            assert handle(sample("created_put"), CONTEXT) == "1 of 1 events sent"

    def test_a_connection_without_an_answer_is_not_used_again(self, forwarding: Forwarding) -> None:
        clock = Clock()
        # So that it is not closed for being idle.
        clock.now = 0.0
        with ScriptedServer(Answer(hangs=True), Answer(sends=False)) as server:
            handle = forwarding(server, clock, TIMEOUT_SECONDS="0.1")
            for _ in range(2):
                # Used again, it would raise CannotSendRequest, which is none.
                with pytest.raises(OSError):  # noqa: PT011 - TimeoutError, or ConnectionError
                    handle(sample("created_put"), CONTEXT)


class TestConnection:
    GONE = Answer(sends=False)

    def test_one_that_was_closed_since_the_last_invocation_is_made_again_once(
        self, forwarding: Forwarding
    ) -> None:
        with ScriptedServer(taken(), self.GONE, taken()) as server:
            handle = forwarding(server)
            for _ in range(2):
                handle(sample("created_put"), CONTEXT)
        assert len(server.seen) == 3

    def test_one_that_was_made_for_this_request_is_not_made_again(
        self, forwarding: Forwarding
    ) -> None:
        with ScriptedServer(self.GONE, taken()) as server, pytest.raises(ConnectionError):
            forwarding(server)(sample("created_put"), CONTEXT)
        assert len(server.seen) == 1

    def test_it_is_made_again_no_more_than_once(self, forwarding: Forwarding) -> None:
        with ScriptedServer(taken(), self.GONE) as server:
            handle = forwarding(server)
            handle(sample("created_put"), CONTEXT)
            with pytest.raises(ConnectionError):
                handle(sample("created_put"), CONTEXT)
        assert len(server.seen) == 3

    def test_one_that_was_idle_for_long_is_not_used_again(self, forwarding: Forwarding) -> None:
        clock = Clock()
        with ScriptedServer(taken(), self.GONE) as server:
            handle = forwarding(server, clock)
            handle(sample("created_put"), CONTEXT)
            clock.now += IDLE_SECONDS + 1
            with pytest.raises(ConnectionError):
                handle(sample("created_put"), CONTEXT)
        # A kept one would have been asked twice.
        assert len(server.seen) == 2


class TestSettings:
    @pytest.mark.parametrize(
        ("queue_url", "region"),
        [
            (QUEUE_URL, "us-west-2"),
            ("https://sqs.cn-north-1.amazonaws.com.cn/1/q", "cn-north-1"),
            ("https://sqs.cn-northwest-1.api.amazonwebservices.com.cn/1/q", "cn-northwest-1"),
            ("https://sqs-fips.us-east-1.amazonaws.com/1/q", "us-east-1"),
            ("https://sqs.eu-west-1.api.aws/1/q", "eu-west-1"),
        ],
    )
    def test_the_region_is_in_the_queues_url(self, queue_url: str, region: str) -> None:
        assert settings(queue_url).region == region
        assert settings(queue_url, REGION_NAME=f" {region}\n").region == region

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"QUEUE_URL": ""}, "QUEUE_URL is missing: set it"),
            ({"QUEUE_URL": "my-queue"}, "QUEUE_URL is 'my-queue': set it"),
            ({"QUEUE_URL": "http://sqs.us-west-2.amazonaws.com/1/q"}, "QUEUE_URL .* https"),
            ({"QUEUE_URL": "https://sqs.cn-north-1.amazonaws.com/1/q"}, "QUEUE_URL names"),
            ({"QUEUE_URL": "https://sqs.us-west-2.amazonaws.com.cn/1/q"}, "QUEUE_URL names"),
            ({"QUEUE_URL": "https://proxy.example/1/q"}, "REGION_NAME is missing: set it"),
            ({"REGION_NAME": "us-east-1"}, "REGION_NAME is 'us-east-1'.*us-west-2: remove it"),
            ({"AWS_KEY_ID": ""}, "AWS_KEY_ID is missing: set it, or KMS_SECRET_NAME"),
            ({"AWS_KEY_SECRET": ""}, "AWS_KEY_SECRET is missing: set it, or KMS_SECRET_NAME"),
            ({"TIMEOUT_SECONDS": "8s"}, "TIMEOUT_SECONDS is '8s': set it"),
            ({"TIMEOUT_SECONDS": "-1"}, "TIMEOUT_SECONDS is '-1': set it"),
        ],
    )
    def test_what_is_wrong_is_named_with_what_to_do(
        self, change: dict[str, str], said: str
    ) -> None:
        with pytest.raises(SettingsError, match=said):
            read_settings({"QUEUE_URL": QUEUE_URL, **KEYS, **change})

    def test_they_are_read_again_until_they_are_right(self) -> None:
        environ: dict[str, str] = {}
        with ScriptedServer(taken()) as server, closing(Function(environ, Clock())) as function:
            with pytest.raises(SettingsError):
                function.handle(sample("created_put"), CONTEXT)
            environ.update(KEYS, QUEUE_URL=f"{server.url}/1/q", REGION_NAME="us-west-2")
            assert function.handle(sample("created_put"), CONTEXT)


def secret_of(key_id: str) -> Answer:
    secret = json.dumps({"access_key_id": key_id, "secret_access_key": "s3cret"})
    return Answer(body=json.dumps({"SecretData": secret, "SecretDataType": "text"}).encode())


def keys_used(server: ScriptedServer) -> list[str]:
    credentials = (seen.headers["authorization"].split("Credential=")[1] for seen in server.seen)
    return [credential.split("/")[0] for credential in credentials]


def signature_of(seen: Seen, secret: str) -> str:
    """Return the signature that Alibaba would compute of a request (ACS3-HMAC-SHA256)."""
    headers = {name.lower(): value for name, value in seen.headers.items()}
    names = headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    lines = [f"{name}:{headers[name].strip()}" for name in names.split(";")]
    path, _, query = seen.path.partition("?")
    parts = [seen.method, path, query, *lines, "", names, hashlib.sha256(seen.body).hexdigest()]
    request = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    text = f"ACS3-HMAC-SHA256\n{request}".encode()
    return hmac.new(secret.encode(), text, "sha256").hexdigest()


class TestSecretInKms:
    def test_it_is_read_with_the_roles_credentials_and_signs_the_message(
        self, with_secret: Forwarding
    ) -> None:
        with ScriptedServer(secret_of("AKIA1")) as kms, ScriptedServer(taken()) as server:
            with_secret(kms, server)(sample("created_put"), CONTEXT)
        (seen,) = kms.seen
        assert (seen.method, seen.path) == ("POST", "/?SecretName=team%2Foss%20a")
        assert seen.headers["x-acs-action"] == "GetSecretValue"
        # Without it the answer may be XML.
        assert seen.headers["accept"] == "application/json"
        assert seen.headers["x-acs-security-token"] == ROLE.security_token
        assert "x-acs-security-token" in seen.headers["authorization"]
        expected = signature_of(seen, ROLE.access_key_secret)
        assert seen.headers["authorization"].endswith(f"Signature={expected}")
        assert keys_used(server) == ["AKIA1"]

    def test_it_is_kept_for_minutes_and_then_read_again(self, with_secret: Forwarding) -> None:
        clock = Clock()
        with (
            ScriptedServer(secret_of("AKIA1"), secret_of("AKIA2")) as kms,
            ScriptedServer(taken()) as server,
        ):
            handle = with_secret(kms, server, clock)
            for seconds in (0, SECRET_SECONDS - 1, 2):
                clock.now += seconds
                handle(sample("created_put"), CONTEXT)
        assert keys_used(server) == ["AKIA1", "AKIA1", "AKIA2"]

    def test_it_is_read_again_after_a_refusal(self, with_secret: Forwarding) -> None:
        with (
            ScriptedServer(secret_of("AKIA1"), secret_of("AKIA2")) as kms,
            ScriptedServer(Answer(403), taken()) as server,
        ):
            handle = with_secret(kms, server)
            with pytest.raises(NotSent):
                handle(sample("created_put"), CONTEXT)
            handle(sample("created_put"), CONTEXT)
        assert keys_used(server) == ["AKIA1", "AKIA2"]

    @pytest.mark.parametrize("credentials", [None, SimpleNamespace(access_key_id="")])
    def test_without_a_role_the_advice_is_to_give_one(
        self, with_secret: Forwarding, credentials: Any
    ) -> None:
        context = SimpleNamespace(region="cn-hangzhou", credentials=credentials)
        with (
            ScriptedServer(secret_of("AKIA1")) as kms,
            pytest.raises(SettingsError, match="has no role: give it one"),
        ):
            with_secret(kms, kms)(sample("created_put"), context)
        assert kms.seen == []

    @pytest.mark.parametrize(
        "secret",
        [
            *("p4ssword", '{"p4ssword": 1}', '["p4ssword"]', None),
            '{"access_key_id": null, "secret_access_key": "p4ssword"}',
            '{"access_key_id": "AKIA", "secret_access_key": ""}',
        ],
    )
    def test_another_secret_is_refused_without_being_quoted(
        self, with_secret: Forwarding, secret: str | None
    ) -> None:
        answer = Answer(body=json.dumps({"SecretData": secret}).encode())
        with ScriptedServer(answer) as kms, pytest.raises(SettingsError) as raised:
            with_secret(kms, kms)(sample("created_put"), CONTEXT)
        assert "'team/oss a' holds no key: store" in str(raised.value)
        assert "p4ssword" not in str(raised.value)
        assert raised.value.__suppress_context__

    def test_a_refusal_of_kms_is_raised(self, with_secret: Forwarding) -> None:
        answer = Answer(403, b'{"Code": "Forbidden.NoPermission"}')
        with ScriptedServer(answer) as kms, pytest.raises(NotSent, match=r"Forbidden\.NoPerm"):
            with_secret(kms, kms)(sample("created_put"), CONTEXT)
