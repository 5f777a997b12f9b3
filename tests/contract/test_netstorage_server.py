"""The local NetStorage server: who may, what is refused, and what goes wrong on demand."""

import base64
import hmac
import http.client
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import closing

import pytest

from sync_core.errors import ConfigError
from sync_core.local.netstorage.faults import Fault, Kind
from sync_core.local.netstorage.server import SEEN_REQUESTS, NetStorageServer
from sync_core.local.netstorage.signature import Account, signature
from tests.netstorage_client import ACCOUNT, OTHER, Client, action, signed, unique


@pytest.fixture
def client(netstorage_client: Client) -> Client:
    return netstorage_client


# Who may


@pytest.mark.parametrize(
    ("username", "path", "expected"),
    [
        (
            "UploadAccountMedia",
            "/123456/files_baseball/sweep.m4a",
            "yh1MXm/rv7RKZhfKlTuSUBV69Acph5IyOWCU0/nFjms=",
        ),
        ("key1", "/dir1/dir2/file.html", "vuCWPzdEW5OUlH1rLfHokWAZAWSdaGTM8yX3bgIDWtA="),
    ],
)
def test_the_published_signatures_are_those_that_the_server_expects(
    username: str, path: str, expected: str
) -> None:
    data = f"5, 0.0.0.0, 0.0.0.0, 1280000000, 382644692, {username}"
    header = "version=1&action=upload&md5=0123456789abcdef0123456789abcdef&mtime=1260000000"
    assert signature("sha256", "abcdefghij", data, path, header) == expected
    account = Account(username, "abcdefghij", path.split("/")[1])
    mine = signed(path, header, account=account, at=1_280_000_000, unique_id="382644692")
    assert mine["X-Akamai-ACS-Auth-Sign"] == expected


@pytest.mark.parametrize("version", [3, 4, 5])
def test_each_of_the_three_hashes_signs(client: Client, version: int) -> None:
    headers = signed("/1234", action("stat"), version=version)
    assert client.send("GET", "/1234", headers).status == 200


def test_the_data_header_is_signed_verbatim_and_read_without_its_spaces(client: Client) -> None:
    data = f"5,0.0.0.0,  0.0.0.0, {int(time.time())},{next(unique)},uploader"
    message = f"{data}/1234\nx-akamai-acs-action:{action('stat')}\n".encode()
    digest = hmac.new(ACCOUNT.key.encode(), message, "sha256").digest()
    headers = {
        "x-akamai-acs-action": action("stat"),
        "x-akamai-acs-auth-data": data,
        "x-akamai-acs-auth-sign": base64.b64encode(digest).decode(),
    }
    assert client.send("GET", "/1234", headers).status == 200


def test_the_target_is_signed_as_it_was_sent(client: Client) -> None:
    client.upload("/1234/a b")
    for target in ("/1234/a%20b", "/1234/%61%20b", "/1234/a%20%62?anything"):
        assert client.send("GET", target, signed(target, action("stat"))).status == 200
        assert client.send("GET", target, signed("/1234/a b", action("stat"))).status == 403


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"account": Account("nobody", "the key", "1234")}, "unknown upload account"),
        ({"account": Account("uploader", "wrong", "1234")}, "does not match"),
        ({"account": OTHER}, "may not use CP code"),
        ({"version": 6}, "authentication version"),
        ({"at": time.time() - 3600}, "clock is off"),
        ({"at": time.time() + 3600}, "clock is off"),
    ],
)
def test_a_request_is_refused_that_is_not_signed_as_it_should(
    client: Client, changed: Mapping[str, object], reason: str
) -> None:
    headers = signed("/1234", action("stat"), **changed)  # type: ignore[arg-type]
    got = client.send("GET", "/1234", headers)
    assert (got.status, reason in got.body.decode()) == (403, True)
    assert got.headers["Date"]


@pytest.mark.parametrize("missing", ["Action", "Auth-Data", "Auth-Sign"])
def test_a_request_without_one_of_the_headers_is_refused(client: Client, missing: str) -> None:
    headers = signed("/1234", action("stat"))
    del headers[f"X-Akamai-ACS-{missing}"]
    assert client.send("GET", "/1234", headers).status == 403


def test_a_request_is_good_once(client: Client) -> None:
    headers = signed("/1234", action("stat"))
    assert client.send("GET", "/1234", headers).status == 200
    assert client.send("GET", "/1234", headers).status == 403


def test_it_is_not_good_again_as_long_as_its_time_is() -> None:
    now = [1_700_000_000.0]
    with NetStorageServer(ACCOUNT, clock=lambda: now[0]) as server:
        client = Client(server)
        headers = signed("/1234", action("stat"), at=now[0] + 60)
        assert client.send("GET", "/1234", headers).status == 200
        for later_seconds in (61, 120):
            now[0] = 1_700_000_000.0 + later_seconds
            assert client.send("GET", "/1234", headers).status == 403


def test_a_minute_of_skew_is_allowed_and_the_answer_tells_the_time() -> None:
    now = 1_700_000_000.0
    with NetStorageServer(ACCOUNT, clock=lambda: now) as server:
        client = Client(server)
        for off_seconds, status in ((-61, 403), (-60, 200), (60, 200), (61, 403)):
            headers = signed("/1234", action("stat"), at=now + off_seconds)
            got = client.send("GET", "/1234", headers)
            assert (got.status, got.headers["Date"]) == (status, "Tue, 14 Nov 2023 22:13:20 GMT")


@pytest.mark.parametrize(
    "header",
    [
        "action=stat",
        "version=2&action=stat",
        "version=1&action=stat&action=dir",
        "version=1&action=stat&encoding=ebcdic",
        "version=1&action=stat&format=sql",
        "version=1&action=dir&max_entries=none",
        "version=1&action=fly",
        "version=1",
        "nonsense",
    ],
)
def test_an_action_that_cannot_be_read_is_a_bad_request(client: Client, header: str) -> None:
    assert client.send("GET", "/1234", signed("/1234", header)).status == 400


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("PUT", "stat"),
        ("POST", "list"),
        ("GET", "delete"),
        ("GET", "upload"),
        ("POST", "upload"),
        ("HEAD", "stat"),
        ("DELETE", "delete"),
        ("OPTIONS", "stat"),
    ],
)
def test_an_action_is_refused_with_another_method(client: Client, method: str, name: str) -> None:
    client.upload("/1234/a")
    assert client.ask(name, "/1234/a", method=method).status == 403
    assert client.ask("stat", "/1234/a").status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/1234//a", 403),
        ("//1234/a", 403),
        ("/1234/a//", 403),
        ("/1234/%2Fa", 403),
        ("/1234/./a", 403),
        ("/1234/../a", 403),
        ("/1234/" + 1019 * "a", 403),
        ("/", 400),
        ("1234/a", 400),
    ],
)
def test_a_path_that_cannot_exist_is_refused(client: Client, target: str, status: int) -> None:
    got = client.send("PUT", target, signed(target, action("upload")), b"x")
    assert got.status == status
    assert client.server.tree.between(b"", None) == []


# What goes wrong on demand


def test_a_fault_hits_the_nth_request_of_an_action_and_a_path(client: Client) -> None:
    client.server.faults.add(
        Fault("upload", Kind.STATUS, path="/1234/a", nth=2, times=2, status=429)
    )
    assert [client.upload("/1234/a").status for _ in range(4)] == [200, 429, 429, 200]
    assert client.upload("/1234/b").status == 200
    assert client.server.count("upload") == 5
    assert client.server.count("upload", "/1234/b") == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_status_that_is_asked_for_has_no_effect(client: Client, status: int) -> None:
    client.server.faults.add(Fault("upload", Kind.STATUS, status=status))
    assert client.upload("/1234/a").status == status
    assert client.ask("stat", "/1234/a").status == 404
    assert client.upload("/1234/a").status == 200


def test_a_reset_in_the_middle_of_an_upload_stores_nothing(client: Client) -> None:
    client.server.faults.add(Fault("upload", Kind.RESET))
    body = bytes(8_000_000)
    with pytest.raises(ConnectionError):
        client.upload("/1234/a", body)
    (seen,) = client.server.seen
    assert (seen.status, 0 < seen.body_bytes < len(body)) == (None, True)
    assert client.ask("stat", "/1234/a").status == 404


def test_a_reset_in_the_middle_of_a_download_is_no_end(client: Client) -> None:
    client.upload("/1234/a", bytes(1000))
    client.server.faults.add(Fault("download", Kind.RESET))
    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        client.ask("download", "/1234/a")
    assert len(client.ask("download", "/1234/a").body) == 1000


def test_an_answer_that_is_lost_leaves_its_effect(client: Client) -> None:
    client.server.faults.add(Fault("upload", Kind.LOST), Fault("delete", Kind.LOST))
    with pytest.raises(ConnectionError):
        client.upload("/1234/a")
    assert client.ask("stat", "/1234/a").status == 200
    with pytest.raises(ConnectionError):
        client.change("delete", "/1234/a")
    assert client.ask("stat", "/1234/a").status == 404


def test_a_refusal_can_be_lost_too(client: Client) -> None:
    client.server.faults.add(Fault("upload", Kind.LOST))
    with pytest.raises(ConnectionError):
        client.upload("/1234/a", b"123", size=4)
    assert client.ask("stat", "/1234/a").status == 404


def test_a_slow_answer_comes_after_its_effect(client: Client) -> None:
    client.server.faults.add(Fault("upload", Kind.SLOW, seconds=0.2))
    began = time.monotonic()
    assert client.upload("/1234/a").status == 200
    assert time.monotonic() - began >= 0.2


def test_a_page_that_is_cut_off_is_no_document(client: Client) -> None:
    client.upload("/1234/a")
    client.server.faults.add(Fault("list", Kind.CUT))
    got = client.listed("/1234")
    assert got.status == 200
    with pytest.raises(ET.ParseError):
        assert got.names
    assert client.listed("/1234").names == ["1234/a"]


# The server's life


def test_a_connection_is_kept_for_further_requests(client: Client) -> None:
    hostname = client.server.hostname
    with closing(http.client.HTTPConnection(hostname, timeout=60)) as connection:
        for body in (b"1", b"22"):
            connection.request("PUT", "/1234/a", body, signed("/1234/a", action("upload")))
            first = connection.sock
            assert connection.getresponse().read() == b"upload: done\n"
            assert connection.sock is first


def test_the_latest_requests_are_remembered_and_no_more(client: Client) -> None:
    client.ask("stat", "/1234")
    seen = client.server.seen
    seen.extend(list(seen) * (SEEN_REQUESTS - 1))
    client.ask("du", "/1234")
    assert len(seen) == SEEN_REQUESTS
    assert (client.server.count("stat"), client.server.count("du")) == (SEEN_REQUESTS - 1, 1)


def test_a_port_that_is_taken_is_a_setting_to_change(client: Client) -> None:
    port = int(client.server.hostname.rpartition(":")[2])
    with pytest.raises(ConfigError, match="choose another port"):
        NetStorageServer(ACCOUNT, port=port)
