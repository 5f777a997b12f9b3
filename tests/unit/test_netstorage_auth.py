"""Signatures of NetStorage, by the examples that Akamai has published."""

from datetime import UTC, datetime

import pytest

from sync_core.storage.netstorage_auth import Signer, action_of

AT = datetime.fromtimestamp(1280000000, UTC)
NONCE = 382644692
UPLOAD = action_of("upload", {"md5": "0123456789abcdef0123456789abcdef", "mtime": 1260000000})


@pytest.mark.parametrize(
    ("account", "target", "sign"),
    [
        pytest.param(
            "UploadAccountMedia",
            "/123456/files_baseball/sweep.m4a",
            "yh1MXm/rv7RKZhfKlTuSUBV69Acph5IyOWCU0/nFjms=",
            id="format-an-api-call",
        ),
        pytest.param(
            "key1",
            "/dir1/dir2/file.html",
            "vuCWPzdEW5OUlH1rLfHokWAZAWSdaGTM8yX3bgIDWtA=",
            id="older-specification",
        ),
    ],
)
def test_the_published_examples_are_signed_as_published(
    account: str, target: str, sign: str
) -> None:
    assert Signer(account, "abcdefghij").headers(target, UPLOAD, AT, NONCE) == {
        "X-Akamai-ACS-Action": (
            "version=1&action=upload&md5=0123456789abcdef0123456789abcdef&mtime=1260000000"
        ),
        "X-Akamai-ACS-Auth-Data": f"5, 0.0.0.0, 0.0.0.0, 1280000000, 382644692, {account}",
        "X-Akamai-ACS-Auth-Sign": sign,
    }


@pytest.mark.parametrize(
    "other",
    [
        Signer("account", "another key").headers("/1/f", "version=1&action=stat", AT, NONCE),
        Signer("account", "key").headers("/1/g", "version=1&action=stat", AT, NONCE),
        Signer("account", "key").headers("/1/f", "version=1&action=dir", AT, NONCE),
        Signer("account", "key").headers("/1/f", "version=1&action=stat", AT, NONCE + 1),
        Signer("other", "key").headers("/1/f", "version=1&action=stat", AT, NONCE),
    ],
)
def test_whatever_differs_changes_the_signature(other: dict[str, str]) -> None:
    signed = Signer("account", "key").headers("/1/f", "version=1&action=stat", AT, NONCE)
    assert signed["X-Akamai-ACS-Auth-Sign"] != other["X-Akamai-ACS-Auth-Sign"]


def test_values_in_the_action_are_escaped_and_absent_ones_left_out() -> None:
    action = action_of("rename", {"destination": "/1/a b/é&=+%", "mtime": None})
    assert action == "version=1&action=rename&destination=%2F1%2Fa%20b%2F%C3%A9%26%3D%2B%25"


def test_the_key_is_not_shown() -> None:
    assert "abcdefghij" not in repr(Signer("account", "abcdefghij"))
