"""Keys that have a place on NetStorage, and those that have none."""

import pytest

from sync_core.storage.netstorage_keys import key_of, path_of, starts_of, target_of, why_not

CPCODE = "123456"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "empty"),
        ("/", "slash"),
        ("dir/", "ends with a slash"),
        ("/leading", "leading or a repeated slash"),
        ("a//b", "leading or a repeated slash"),
        ("//", "ends with a slash"),
        (".", "'.' or '..'"),
        ("..", "'.' or '..'"),
        ("./y", "'.' or '..'"),
        ("a/./b", "'.' or '..'"),
        ("a/../b", "'.' or '..'"),
        ("a/..", "'.' or '..'"),
        ("\ud800", "no Unicode text"),
        ("x" * 1017, "more than 1024 bytes"),
        ("é" * 509, "more than 1024 bytes"),
    ],
)
def test_a_key_without_a_place_has_a_reason(key: str, reason: str) -> None:
    assert reason in str(why_not(CPCODE, key))


@pytest.mark.parametrize(
    "key",
    [
        "plain",
        "a/b/c",
        ".hidden/..rc",
        "...",
        " ",
        "a+b c%2F?x=1&y#z;",
        "\t\n\x01",
        "日本語/😀",
        "x" * 1016,
        "é" * 508,
    ],
)
def test_any_other_key_has_a_place(key: str) -> None:
    assert why_not(CPCODE, key) is None


def test_a_target_is_the_path_percent_encoded_as_utf_8() -> None:
    target = target_of(path_of(CPCODE, "a b/é+%2F?#;~.txt"))
    assert target == "/123456/a%20b/%C3%A9%2B%252F%3F%23%3B~.txt"
    assert path_of(CPCODE, "") == "/123456"


@pytest.mark.parametrize(
    ("name", "key"),
    [("123456/a/b", "a/b"), ("/123456/a", "a"), ("123456/", ""), ("1234567/a", None), ("x", None)],
)
def test_the_name_in_a_listing_tells_the_key(name: str, key: str | None) -> None:
    assert key_of(CPCODE, name) == key


@pytest.mark.parametrize(
    ("key", "places"),
    [
        ("", [""]),
        ("f", ["f", ""]),
        ("a/b/f", ["a/b/f", "a/b/", "a/", ""]),
        ("a/b/", ["a/b/", "a/", ""]),
    ],
)
def test_a_listing_may_begin_at_a_key_or_at_a_directory_above_it(
    key: str, places: list[str]
) -> None:
    assert starts_of(key) == places
