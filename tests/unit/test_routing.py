"""Which keys take part, and how the loser of a conflict is named."""

from dataclasses import replace

import pytest

from sync_core.routing import MAX_KEY_BYTES, conflict_key, is_excluded
from tests.objects import original

LOSER = original(b"x", at=1_700_000_000)
TAIL = ".conflict-a-20231114T221320Z-9dd4e461"


@pytest.mark.parametrize(
    ("key", "kept_as"),
    [
        ("report.txt", f"report{TAIL}.txt"),
        ("deep/er/archive.tar.gz", f"deep/er/archive.tar{TAIL}.gz"),
        ("no-extension", f"no-extension{TAIL}"),
        (".hidden", f".hidden{TAIL}"),
        ("v1.2/plain", f"v1.2/plain{TAIL}"),
        ("folder/", f"folder{TAIL}/"),
        ("name." + "x" * 40, "name." + "x" * 40 + TAIL),
    ],
)
def test_the_loser_is_kept_beside_the_original(key: str, kept_as: str) -> None:
    assert conflict_key(replace(LOSER, key=key), "a") == kept_as


def test_a_name_that_would_get_too_long_is_cut_between_characters() -> None:
    key = conflict_key(replace(LOSER, key="ü" * 510 + ".md"), "a")
    assert len(key.encode()) in {MAX_KEY_BYTES, MAX_KEY_BYTES - 1}
    assert key.endswith(f"ü{TAIL}.md")


def test_equal_losers_have_equal_names_and_others_do_not() -> None:
    assert conflict_key(LOSER, "a") == conflict_key(replace(LOSER), "a")
    assert conflict_key(LOSER, "a") != conflict_key(LOSER, "b")
    assert conflict_key(LOSER, "a") != conflict_key(original(b"y", at=1_700_000_000), "a")


def test_only_our_own_prefix_is_excluded() -> None:
    assert is_excluded(".dualway/control")
    assert not is_excluded("dualway/control")
    assert not is_excluded("x/.dualway/control")
