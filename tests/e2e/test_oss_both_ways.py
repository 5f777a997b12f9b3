"""S3 and Aliyun OSS as users of both see them: their events, the package in between, the workers.

OSS is the local server of `tests/oss`, which was never compared with the real one.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from sync_core.local.cloud import LocalCloud
from tests.e2e.conftest import eventually
from tests.e2e.oss_pair import Pair, oss_pair
from tests.oss.contents import Event
from tests.oss.server import oss_server

MIB = 1024**2
pytestmark = pytest.mark.timeout(900)

BOTH_WAYS = pytest.mark.parametrize(("side", "other"), [("a", "oss"), ("oss", "a")])
CONTENT: dict[str, Any] = {
    "ContentType": "text/plain; charset=utf-8",
    "CacheControl": "max-age=60",
    "Metadata": {"owner": "ann"},
}
HEADERS = ("ContentType", "CacheControl")
COPIED = "Copied the object"
DELETED = "Deleted the object"
REPEATED = "Repeated transfer job!"
AGREED = "Recorded that both sides agree"


@pytest.fixture(scope="module")
def pair(local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """All sites with their workers; keys are each test's own."""
    folder = tmp_path_factory.mktemp("oss")
    with oss_server() as server, oss_pair(local_cloud.endpoint_url, server, folder) as running:
        yield running


def arrives(pair: Pair, side: str, key: str, body: bytes | None) -> None:
    """Wait until a side has these bytes under a key; None: nothing."""
    eventually(lambda: pair.sides[side].body(key) == body, f"{key!r} never came to {side}")


def is_agreed_on(pair: Pair, site: str, key: str, times: int) -> None:
    """Wait until a site has taken note of that many echoes: who overwrites then is in no conflict.

    Without it the site cannot know whether its user had seen what the peer wrote.
    """
    eventually(lambda: len(pair.said(site, key, AGREED)) >= times, "the echo is not recorded")


def moved(pair: Pair, site: str, key: str) -> tuple[int, int]:
    """Return how often a site has copied a key to its peer, and deleted it there."""
    return len(pair.said(site, key, COPIED)), len(pair.said(site, key, DELETED))


class TestBothWays:
    @BOTH_WAYS
    def test_a_life_of_an_object_is_lived_on_both_sides(
        self, pair: Pair, side: str, other: str
    ) -> None:
        key, here, there = f"life of {side}/a b+c%41 é中.txt", pair.sides[side], pair.sides[other]
        here.put(key, b"one", **CONTENT)
        arrives(pair, other, key, b"one")
        arrived = there.read(key)
        assert arrived is not None
        assert {name: arrived[name] for name in HEADERS} == {
            name: CONTENT[name] for name in HEADERS
        }
        assert arrived["Metadata"].items() >= CONTENT["Metadata"].items()
        is_agreed_on(pair, other, key, 1)
        here.put(key, b"two")
        arrives(pair, other, key, b"two")
        is_agreed_on(pair, other, key, 2)
        there.put(key, b"three, from the other side")
        arrives(pair, side, key, b"three, from the other side")
        is_agreed_on(pair, side, key, 1)
        there.delete(key)
        arrives(pair, side, key, None)
        pair.settle()
        assert moved(pair, side, key) == (2, 0)
        assert moved(pair, other, key) == (1, 1)

    @BOTH_WAYS
    def test_what_arrives_is_known_as_an_echo_and_goes_no_further(
        self, pair: Pair, side: str, other: str
    ) -> None:
        key = f"echo of {side}"
        pair.sides[side].put(key, b"x")
        eventually(lambda: len(pair.said(other, key, REPEATED)) > 0, "no echo was logged")
        pair.settle()
        (echo,) = pair.said(other, key, REPEATED)
        dedicated = {
            "a": f"AWS:{pair.outputs['a']['DedicatedUserId']}",
            "oss": pair.dedicated.user_id,
        }
        assert echo["principal_id"] == dedicated[other]
        assert (moved(pair, side, key), moved(pair, other, key)) == ((1, 0), (0, 0))
        # The user's own, or the one that made it arrive.
        assert len(pair.oss.writers(pair.sides["oss"].bucket, key)) == 1

    @BOTH_WAYS
    def test_an_object_in_parts_arrives_whole_although_each_part_has_an_event(
        self, pair: Pair, side: str, other: str
    ) -> None:
        key, first, second = f"large, from {side}", bytes(range(256)) * 20480, b"x" * (4 * MIB)
        pair.sides[side].upload(key, first, second)
        arrives(pair, other, key, first + second)
        pair.settle()
        assert (moved(pair, side, key), moved(pair, other, key)) == ((1, 0), (0, 0))
        sent = [(event["eventName"], done) for event, done in pair.invocations("oss", key)]
        assert sent.count(("ObjectCreated:UploadPart", "0 of 1 events sent")) >= 2
        assert sent[-1] == ("ObjectCreated:CompleteMultipartUpload", "1 of 1 events sent")
        assert pair.oss.uploads(pair.sides["oss"].bucket) == []

    def test_an_upload_that_was_aborted_deletes_nothing(self, pair: Pair) -> None:
        key, oss = "there/while an upload is aborted", pair.sides["oss"]
        oss.put(key, b"here to stay")
        arrives(pair, "a", key, b"here to stay")
        oss.abort(key)
        pair.triggers["oss"].drain()
        steps = pair.invocations("oss", key)[-3:]
        assert steps[-1][0]["eventName"] == "ObjectRemoved:AbortMultipartUpload"
        assert {done for _, done in steps} == {"0 of 1 events sent"}
        # As a forwarder would that is not ours: the worker has to know by itself.
        for event, _ in steps:
            pair.send("oss", {"events": [event]})
        pair.settle()
        assert (oss.body(key), pair.sides["a"].body(key)) == (b"here to stay", b"here to stay")
        assert moved(pair, "oss", key) == (1, 0)

    def test_an_event_of_nobody_known_about_an_object_of_ours_moves_nothing(
        self, pair: Pair
    ) -> None:
        key = "marked"
        pair.sides["a"].put(key, b"x")
        is_agreed_on(pair, "oss", key, 1)
        # The worker may know of it before the function has returned.
        pair.triggers["oss"].drain()
        echo, _ = pair.invocations("oss", key)[-1]
        assert any("dualway" in name for name in echo["oss"]["object"]["objectMeta"]["userMeta"])
        for principal_id in ("299999999999999999", ""):
            # Nothing but the object itself is left to tell whose it is.
            pair.forget("oss", key)
            unknown = deepcopy(echo)
            unknown["userIdentity"]["principalId"] = principal_id
            pair.triggers["oss"].take(unknown)
            pair.settle()
        assert len(pair.said("oss", key, REPEATED)) == 1
        assert len(pair.said("oss", key, AGREED)) == 3
        assert (moved(pair, "a", key), moved(pair, "oss", key)) == ((1, 0), (0, 0))
        assert len(pair.oss.writers(pair.sides["oss"].bucket, key)) == 1

    def test_what_an_event_was_lost_of_comes_with_a_finder_round(self, pair: Pair) -> None:
        key = "lost/created"
        pair.triggers["oss"].loses = lambda event: is_about(event, key)
        pair.sides["oss"].put(key, b"nobody was told")
        pair.settle()
        assert pair.sides["a"].body(key) is None
        assert pair.find("oss") > 0
        arrives(pair, "a", key, b"nobody was told")

    def test_tags_stay_where_they_are_as_oss_has_none(self, pair: Pair) -> None:
        key, at_a = "tagged", pair.sides["a"]
        at_a.put(key, b"x", Tagging="team=blue")
        arrives(pair, "oss", key, b"x")
        at_a.put(key, b"y", Tagging="team=red")
        arrives(pair, "oss", key, b"y")
        pair.settle()
        found = at_a.s3.get_object_tagging(Bucket=at_a.bucket, Key=key)["TagSet"]
        assert found == [{"Key": "team", "Value": "red"}]
        assert moved(pair, "a", key) == (2, 0)

    def test_a_key_that_is_created_on_both_sides_at_once_ends_as_the_same(self, pair: Pair) -> None:
        keys = [f"contested/{number}.txt" for number in range(5)]
        for key in keys:
            pair.sides["a"].put(key, b"from a, " + key.encode())
            pair.sides["oss"].put(key, b"from oss, " + key.encode())
        pair.settle()
        at_a, at_oss = (listed(pair, side, "contested/") for side in ("a", "oss"))
        assert at_a == at_oss
        assert at_a.keys() >= set(keys)
        # One that its user saw replaced was seen, not lost; the other one is there.
        assert set(at_a.values()) >= {b"from oss, " + key.encode() for key in keys}


class TestOneWay:
    def test_what_happens_in_oss_happens_in_s3(self, pair: Pair) -> None:
        key, source = "feed/a b+%20é中.jpg", pair.sides["feed"]
        # Function Compute promises at least once.
        pair.triggers["feed"].repeats = lambda event: is_about(event, key)
        source.put(key, b"one", **CONTENT)
        arrives(pair, "fed", key, b"one")
        source.upload(key, bytes(5 * MIB), b"two")
        arrives(pair, "fed", key, bytes(5 * MIB) + b"two")
        source.delete(key)
        arrives(pair, "fed", key, None)
        pair.settle()
        assert moved(pair, "feed", key) == (2, 1)
        assert pair.dedicated.user_id not in pair.oss.writers(source.bucket, key)

    def test_a_job_that_names_a_key_and_its_size_is_done(self, pair: Pair) -> None:
        key = "feed/by a job/é +.txt"
        pair.triggers["feed"].loses = lambda event: is_about(event, key)
        pair.sides["feed"].put(key, b"seed")
        pair.send("feed", {"key": key, "size": 4})
        arrives(pair, "fed", key, b"seed")
        pair.settle()
        assert moved(pair, "feed", key) == (1, 0)

    def test_what_is_written_to_s3_stays_there(self, pair: Pair) -> None:
        pair.sides["fed"].put("feed/not from oss", b"x")
        pair.sides["feed"].put("feed/later", b"y")
        arrives(pair, "fed", "feed/later", b"y")
        pair.settle()
        assert pair.sides["feed"].body("feed/not from oss") is None
        assert pair.sides["fed"].body("feed/not from oss") == b"x"


def is_about(event: Event, key: str) -> bool:
    named: str = event["oss"]["object"]["key"]
    return named == key


def listed(pair: Pair, side: str, prefix: str) -> dict[str, bytes | None]:
    """Return what a side has below a prefix, by key."""
    found = pair.sides[side].s3.list_objects_v2(Bucket=pair.sides[side].bucket, Prefix=prefix)
    return {each["Key"]: pair.sides[side].body(each["Key"]) for each in found.get("Contents", [])}


def test_nothing_was_given_up(pair: Pair) -> None:
    pair.settle()
    assert {site: watched.dead_letter_depth() for site, watched in pair.observer.sites.items()} == {
        "a": 0,
        "oss": 0,
        "feed": 0,
    }
    assert [each.failed for each in pair.triggers.values()] == [[], []]
