"""Lists of prefixes: what a text says, which keys they cover, and lists that are of no use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core import prefix_list
from sync_core.errors import ConfigError
from sync_core.prefix_list import PrefixList, parse_prefix_list
from sync_core.routing import is_excluded

texts = st.text(alphabet="ab/\U0010ffff", max_size=4)


@given(st.lists(texts, max_size=8), texts)
def test_a_key_is_covered_if_it_begins_with_one_of_the_prefixes(
    prefixes: list[str], key: str
) -> None:
    assert PrefixList(prefixes).covers(key) == any(key.startswith(each) for each in prefixes)


@given(st.lists(texts, min_size=1, max_size=8), st.randoms())
def test_a_digest_tells_lists_apart_by_what_they_cover(prefixes: list[str], random: object) -> None:
    shuffled = sorted(prefixes, key=lambda _: random.random())  # type: ignore[attr-defined]
    below = [*shuffled, shuffled[0] + "/more"]
    assert PrefixList(below).digest == PrefixList(prefixes).digest
    assert PrefixList([*prefixes, "c"]).digest != PrefixList(prefixes).digest or "" in prefixes


def test_each_line_is_a_prefix_as_it_is_written() -> None:
    text = "logs/\r\n\n# not this\n  \nphotos/2026\na%20b/\n with spaces \n日本/\u2028/\n".encode()
    found = parse_prefix_list(text, "list.txt")
    assert len(found) == 5
    for key in ("logs/x", "photos/2026-11", "a%20b/x", " with spaces x", "日本/\u2028/x"):
        assert found.covers(key)
    for key in ("logs", "log/x", "photos/2025", "a b/x", "with spaces x", "# not this", "", "x"):
        assert not found.covers(key)


def test_a_byte_order_mark_and_a_missing_last_line_end_do_not_matter() -> None:
    assert (
        parse_prefix_list(b"\xef\xbb\xbfa/\nb/", "list.txt").digest
        == PrefixList(["a/", "b/"]).digest
    )


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"", "there is no prefix in it: write one on each line"),
        (b"\n#a\n  \n", "there is no prefix in it"),
        (b"a/\n\xff", "it is no UTF-8 text"),
        (b"\n" * 20, "it has more than 10 lines"),
        (b"a" * 101, "it has more than 100 bytes"),
    ],
)
def test_a_list_of_no_use_is_a_wrong_configuration(
    text: bytes, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefix_list, "MAX_BYTES", 100)
    monkeypatch.setattr(prefix_list, "MAX_LINES", 10)
    with pytest.raises(ConfigError) as caught:
        parse_prefix_list(text, "lists/prefixes.txt")
    assert caught.value.key == "lists/prefixes.txt"
    assert cause in caught.value.cause


def test_a_million_lines_are_looked_through_in_no_time() -> None:
    found = PrefixList(f"{number:07}/" for number in range(1_000_000))
    assert all(found.covers(f"{number:07}/x") for number in range(0, 1_000_000, 101))
    assert not any(found.covers(f"{number:07}x") for number in range(0, 1_000_000, 101))


def test_what_no_prefix_covers_is_excluded_and_a_pattern_excludes_more() -> None:
    prefixes = PrefixList(["in/", ".dualway/"])
    assert not is_excluded("in/x", (), prefixes)
    assert is_excluded("out/x", (), prefixes)
    assert is_excluded("in/x.tmp", ("*.tmp",), prefixes)
    assert is_excluded(".dualway/x", (), prefixes)
