"""Listings on the wire: which answers are pages, which are errors, and what goes back."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from boto3.session import Session
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sync_core.errors import AccessDenied, ConfigError, DualwayError, Throttled, Unavailable
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, S3Clients, s3_clients
from tests.object_benches import REGION, Serve, closing
from tests.scripted_server import Answer, ScriptedServer, Seen, s3_error

ENTRY = (
    "<Contents><Key>{key}</Key><LastModified>2026-11-21T10:15:00.000Z</LastModified>"
    "<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>"
)
GOES_ON = (
    "<IsTruncated>true</IsTruncated><NextContinuationToken>a+b%20&amp;=</NextContinuationToken>"
)
ENDS = "<IsTruncated>false</IsTruncated>"


def listing(head: str, *keys: str) -> Answer:
    entries = "".join(ENTRY.format(key=key) for key in keys)
    head += "<EncodingType>url</EncodingType>"
    return Answer(200, f"<ListBucketResult>{head}{entries}</ListBucketResult>".encode())


def query(seen: Seen) -> dict[str, list[str]]:
    return parse_qs(urlsplit(seen.path).query)


def test_a_cut_off_listing_is_continued_with_its_token(serve: Serve) -> None:
    store, server = serve(listing(GOES_ON, "a", "b"), listing(ENDS, "c+d"))
    assert [entry.key for entry in store.list("p", "o")] == ["a", "b", "c d"]
    first, second = map(query, server.seen)
    assert (first["prefix"], first["start-after"], first["encoding-type"]) == (
        ["p"],
        ["o"],
        ["url"],
    )
    assert (second["prefix"], second["continuation-token"]) == (["p"], ["a+b%20&="])
    assert "start-after" not in second


def test_the_next_page_is_asked_for_only_when_it_is_wanted(serve: Serve) -> None:
    store, server = serve(listing(GOES_ON, "a"), listing(ENDS, "b"))
    entries = store.list()
    assert next(entries).key == "a"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (s3_error(403, "AccessDenied"), AccessDenied),
        (s3_error(404, "NoSuchBucket"), ConfigError),
        (s3_error(503, "SlowDown"), Throttled),
        (Answer(404, b"<html>Not Found</html>"), Unavailable),
        (Answer(200, b"<html><body>Welcome</body></html>"), Unavailable),
        (Answer(200, b"Welcome"), Unavailable),
        (Answer(200), Unavailable),
        (Answer(200, b"<ListBucketResult/>"), Unavailable),
        (listing("<IsTruncated>true</IsTruncated>", "a"), Unavailable),
    ],
)
def test_an_answer_that_is_no_page_is_an_error(
    serve: Serve, answer: Answer, kind: type[DualwayError]
) -> None:
    store, _ = serve(answer)
    with pytest.raises(kind):
        next(store.list())


@pytest.mark.parametrize(
    "answer",
    [
        s3_error(503, "SlowDown"),
        s3_error(200, "InternalError"),
        Answer(sends=False),
        Answer(200, b"<ListBucketResult><Contents><Key>a</Key>"),
    ],
    ids=["throttled", "an error in a good answer", "no answer", "half a page"],
)
def test_a_page_that_failed_is_asked_for_again(serve: Serve, answer: Answer) -> None:
    store, server = serve(answer, listing(ENDS, "a"))
    assert [entry.key for entry in store.list()] == ["a"]
    assert len(server.seen) == 2


def test_a_page_is_taken_before_botocore_builds_a_tree_of_it(session: Session) -> None:
    bodies: list[bytes] = []

    def see(response_dict: dict[str, Any], **_: Any) -> None:
        bodies.append(response_dict["body"])

    with ScriptedServer(listing(ENDS, "a")) as server:
        clients = s3_clients(session, REGION, endpoint_url=server.url)
        # Where botocore looks for errors in good answers.
        clients.reads.meta.events.register_first("before-parse.s3.*", see)
        with closing(clients):
            assert [entry.key for entry in S3ObjectStore("bucket", lambda: clients).list()] == ["a"]
    assert bodies == [b""]


def test_an_error_on_a_later_page_is_not_an_end(serve: Serve) -> None:
    store, _ = serve(listing(GOES_ON, "a"), s3_error(403, "AccessDenied"))
    entries = store.list()
    assert next(entries).key == "a"
    with pytest.raises(AccessDenied):
        next(entries)


def calls_of(clients: S3Clients) -> list[str]:
    """Return the calls that botocore will have worked out."""
    calls: list[str] = []
    clients.reads.meta.events.register(
        "before-call.s3", lambda model, **_: calls.append(model.name)
    )
    return calls


def signature_of(seen: Seen, access_key: AccessKey, host: str) -> str:
    """Return the signature that a store works out for a request as it has arrived."""
    signed = re.search("SignedHeaders=([^,]*)", seen.headers["Authorization"])
    assert signed is not None
    lower = {name.lower(): value for name, value in seen.headers.items()}
    headers = {name: lower[name] for name in signed[1].split(";")}
    request = AWSRequest(seen.method, f"{host}{seen.path}", headers=headers)
    request.context["timestamp"] = lower["x-amz-date"]
    credentials = Credentials(access_key.access_key_id, access_key.secret_access_key)
    auth = S3SigV4Auth(credentials, "s3", REGION)
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    return str(auth.signature(to_sign, request))


class TestLaterPages:
    KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", "secret")

    def test_botocore_works_out_the_first_page_only(self, session: Session) -> None:
        pages = listing(GOES_ON, "a"), listing(GOES_ON, "b"), listing(ENDS, "c")
        with ScriptedServer(*pages) as server:
            clients = s3_clients(session, REGION, access_key=self.KEY, endpoint_url=server.url)
            calls = calls_of(clients)
            with closing(clients):
                store = S3ObjectStore("bucket", lambda: clients)
                keys = [entry.key for entry in store.list("a b+c/é=&", "o")]
            assert keys == ["a", "b", "c"]
            assert calls == ["ListObjectsV2"]
            for seen in server.seen:
                assert query(seen)["prefix"] == ["a b+c/é=&"]
                signature = signature_of(seen, self.KEY, server.url)
                assert seen.headers["Authorization"].endswith(f"Signature={signature}")
        assert [query(seen).get("continuation-token") for seen in server.seen] == [
            None,
            ["a+b%20&="],
            ["a+b%20&="],
        ]
        assert ["start-after" in query(seen) for seen in server.seen] == [True, False, False]

    @pytest.mark.parametrize(
        "answer",
        [
            s3_error(503, "SlowDown"),
            s3_error(403, "RequestTimeTooSkewed"),
            s3_error(200, "InternalError"),
            Answer(307, headers={"Location": "http://elsewhere.invalid/"}),
            Answer(sends=False),
            Answer(200, b"<ListBucketResult><Contents><Key>a</Key>"),
            Answer(200, listing(ENDS, "x").body, cut_bytes=9),
        ],
        ids=["throttled", "refused", "an error", "moved", "no answer", "half a page", "cut off"],
    )
    def test_a_page_that_failed_is_left_to_botocore(self, session: Session, answer: Answer) -> None:
        with ScriptedServer(
            listing(GOES_ON, "a"), answer, listing(GOES_ON, "b"), listing(ENDS, "c")
        ) as server:
            clients = s3_clients(session, REGION, access_key=self.KEY, endpoint_url=server.url)
            calls = calls_of(clients)
            with closing(clients):
                store = S3ObjectStore("bucket", lambda: clients)
                assert [entry.key for entry in store.list()] == ["a", "b", "c"]
            assert calls == ["ListObjectsV2"] * 2
            assert len(server.seen) == 4

    def test_a_key_pair_that_was_rotated_signs_the_next_page(self, session: Session) -> None:
        rotated = AccessKey("AKIAI44QH8DHBEXAMPLE", "another")
        with ScriptedServer(listing(GOES_ON, "a"), listing(ENDS, "b")) as server:
            old, new = (
                s3_clients(session, REGION, access_key=key, endpoint_url=server.url)
                for key in (self.KEY, rotated)
            )
            with closing(old), closing(new):
                current = [old]
                entries = S3ObjectStore("bucket", lambda: current[0]).list()
                assert next(entries).key == "a"
                current[0] = new
                assert [entry.key for entry in entries] == ["b"]
            assert rotated.access_key_id in server.seen[1].headers["Authorization"]
