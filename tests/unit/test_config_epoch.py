"""The configuration's epoch: what both sites must have in common before anything is deleted."""

from collections.abc import Mapping

import pytest

from sync_core.config import Config

MIRRORED = {
    "SITE": ("cn", "global"),
    "BUCKET": ("media-cn", "media-global"),
    "REGION": ("cn-north-1", "us-west-2"),
    "PREFIX": ("from/here/", "to/"),
}
SHARED = {"DUALWAY_EXCLUDE": "*.tmp,cache/*", "DUALWAY_CONFLICT_POLICY": "prefer:cn"}
URL = "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/sync"


def environment(*, mirrored: bool) -> dict[str, str]:
    """Return the environment of the site cn, or of its mirror image."""
    own, peer = (1, 0) if mirrored else (0, 1)
    sides = {f"DUALWAY_{name}": values[own] for name, values in MIRRORED.items()}
    sides |= {f"DUALWAY_PEER_{name}": values[peer] for name, values in MIRRORED.items()}
    deployment = {
        "DUALWAY_PEER_SECRET": "dualway/peer",
        "DUALWAY_QUEUE_URL": URL,
        "DUALWAY_DEAD_LETTER_QUEUE_URL": URL,
        "DUALWAY_RECORDS_TABLE": "records",
        "DUALWAY_ECHO_PRINCIPAL_IDS": "AIDAEXAMPLE",
    }
    return sides | deployment | SHARED


def epoch(changes: Mapping[str, str] | None = None, *, mirrored: bool = False) -> str:
    environ = environment(mirrored=mirrored) | dict(changes or {})
    return Config.from_environment(environ).epoch


def test_both_sites_of_a_pair_have_the_same_epoch() -> None:
    assert epoch() == epoch(mirrored=True)


def test_an_epoch_is_the_same_whenever_it_is_asked_for() -> None:
    assert epoch() == epoch()
    assert len(epoch()) == 16


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DUALWAY_BUCKET", "media-cn-2"),
        ("DUALWAY_PEER_BUCKET", "media-global-2"),
        ("DUALWAY_PREFIX", "from/there/"),
        ("DUALWAY_PREFIX", ""),
        ("DUALWAY_PEER_PREFIX", "elsewhere/"),
        ("DUALWAY_EXCLUDE", "*.tmp"),
        ("DUALWAY_EXCLUDE", ""),
        ("DUALWAY_CONFLICT_POLICY", "prefer:global"),
        ("DUALWAY_CONFLICT_POLICY", "manual"),
        ("DUALWAY_CONFLICT_POLICY", ""),
        ("DUALWAY_DIRECTION", "to-peer"),
        ("DUALWAY_INCLUDE_METADATA", "false"),
        ("DUALWAY_PEER_STORE", "oss"),
    ],
)
def test_whatever_makes_the_same_buckets_mean_something_else_changes_the_epoch(
    name: str, value: str
) -> None:
    assert epoch({name: value}) != epoch()


def test_an_epoch_that_was_approved_in_an_earlier_release_stays_the_same() -> None:
    assert epoch() == "80b46353af91fa01"


def test_swapped_prefixes_are_another_meaning() -> None:
    assert epoch({"DUALWAY_PREFIX": "to/", "DUALWAY_PEER_PREFIX": "from/here/"}) != epoch()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DUALWAY_EXCLUDE", "cache/*,*.tmp"),
        ("DUALWAY_EXCLUDE", " *.tmp , cache/* ,"),
        ("DUALWAY_REGION", "cn-northwest-1"),
        ("DUALWAY_QUEUE_URL", URL + "-2"),
        ("DUALWAY_MAX_DELETES", "1"),
        ("DUALWAY_GRACE_SECONDS", "1"),
        ("DUALWAY_FINDER_SECONDS", "1"),
        ("DUALWAY_FINDER_DEPTH", "1"),
        ("DUALWAY_DIRECTION", "two-way"),
        ("DUALWAY_INCLUDE_METADATA", "true"),
        ("DUALWAY_STORAGE_CLASS", "STANDARD_IA"),
        ("DUALWAY_ACL", "private"),
        ("DUALWAY_SSE", "AES256"),
        ("DUALWAY_REQUESTER_PAYS", "true"),
    ],
)
def test_whatever_does_not_leaves_the_epoch_as_it_is(name: str, value: str) -> None:
    assert epoch({name: value}) == epoch()
