"""The secret with the access to NetStorage: what it says, and what is wrong with it."""

import json

import pytest

from sync_core.errors import ConfigError
from sync_core.storage.netstorage_access import NetStorageAccess, parse_access

GOOD = {
    "hostname": "example-nsu.akamaihd.net",
    "username": "media",
    "key": "c2VjcmV0",
    "cpcode": "123456",
}


def test_the_secret_says_host_account_key_and_cp_code() -> None:
    access = parse_access(json.dumps(GOOD), "peer")
    assert access == NetStorageAccess("example-nsu.akamaihd.net", "media", "c2VjcmV0", "123456")


def test_blanks_around_values_and_a_cp_code_that_is_a_number_are_taken() -> None:
    text = json.dumps({**GOOD, "key": " c2VjcmV0\n", "cpcode": 123456})
    assert parse_access(text, "peer") == parse_access(json.dumps(GOOD), "peer")


def test_neither_the_access_nor_its_text_shows_the_key() -> None:
    assert "c2VjcmV0" not in repr(parse_access(json.dumps(GOOD), "peer"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is no JSON"),
        ("c2VjcmV0", "it is no JSON"),
        ('"c2VjcmV0"', "it is no JSON object"),
        ("{}", "hostname, username, key, cpcode is missing or empty"),
        (json.dumps({**GOOD, "key": ""}), "key is missing or empty"),
        (json.dumps({**GOOD, "key": None}), "key is missing or empty"),
        (json.dumps({**GOOD, "username": ["c2VjcmV0"]}), "username is missing or empty"),
        (json.dumps({**GOOD, "hostname": "https://h.net/"}), "give the HTTP domain name alone"),
        (json.dumps({**GOOD, "hostname": "h.net:8080"}), "give the HTTP domain name alone"),
        (json.dumps({**GOOD, "hostname": "h..net"}), "give the HTTP domain name alone"),
        (json.dumps({**GOOD, "hostname": f"{'h' * 64}.net"}), "give the HTTP domain name alone"),
        (json.dumps({**GOOD, "hostname": "a\nb"}), "give the HTTP domain name alone"),
        (json.dumps({**GOOD, "cpcode": "12/34"}), "cpcode is no number"),
        (json.dumps({**GOOD, "cpcode": True}), "cpcode is missing or empty"),
        (json.dumps({**GOOD, "username": "a,b"}), "username has characters"),
        (json.dumps({**GOOD, "username": "a\r\nb: c"}), "username has characters"),
    ],
)
def test_what_is_wrong_is_said_without_quoting_the_secret(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        parse_access(text, "peer-secret")
    assert raised.value.key == "peer-secret"
    assert "c2VjcmV0" not in str(raised.value)
    assert raised.value.__cause__ is None
