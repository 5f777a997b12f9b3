"""The main job, seen by two users who know nothing of dualway."""

from typing import Any

import pytest

from tests.e2e.conftest import Running, eventually

BOTH_WAYS = pytest.mark.parametrize(("side", "other"), [("a", "b"), ("b", "a")])

CONTENT = {
    "ContentType": "text/plain; charset=utf-8",
    "ContentEncoding": "identity",
    "ContentLanguage": "de, en",
    "ContentDisposition": 'attachment; filename="ü.txt"'.encode().decode("latin-1"),
    "CacheControl": "max-age=60, private",
    "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
    "Metadata": {"owner": "ann", "empty": ""},
}


def content_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return what belongs to an object's value beside its bytes, without our marker."""
    shown = {name: found.get(name) for name in CONTENT if name not in {"Metadata", "Expires"}}
    metadata = {name: found["Metadata"][name] for name in found["Metadata"] if name != "dualway"}
    return {**shown, "Expires": found.get("ExpiresString"), "Metadata": metadata}


@BOTH_WAYS
def test_a_life_of_an_object_is_lived_on_both_sides(
    running: Running, side: str, other: str
) -> None:
    key = f"life/of {side}+%41.txt"
    ascii_content = {**CONTENT, "ContentDisposition": "attachment"}
    running.put(side, key, b"one", Tagging="team=blue&x=a%26b", **ascii_content)
    eventually(lambda: running.body(other, key) == b"one", "the object never came")
    arrived, sent = running.read(other, key), running.read(side, key)
    assert arrived is not None
    assert sent is not None
    assert content_of(arrived) == content_of(sent)
    tags = running.client("s3", other).get_object_tagging(Bucket=running.bucket(other), Key=key)
    assert {tag["Key"]: tag["Value"] for tag in tags["TagSet"]} == {"team": "blue", "x": "a&b"}

    running.put(other, key, b"two")
    eventually(lambda: running.body(side, key) == b"two", "the overwrite never came back")

    running.client("s3", side).copy_object(
        Bucket=running.bucket(side),
        Key=key,
        CopySource={"Bucket": running.bucket(side), "Key": key},
        MetadataDirective="REPLACE",
        Metadata={"edited": "yes"},
    )

    def is_edited() -> bool:
        found = running.read(other, key)
        return found is not None and found["Metadata"].get("edited") == "yes"

    eventually(is_edited, "the metadata edit never came")

    running.delete(other, key)
    eventually(lambda: running.body(side, key) is None, "the delete never came")


@BOTH_WAYS
def test_the_receiving_worker_says_that_the_job_is_a_repeated_one(
    running: Running, side: str, other: str
) -> None:
    key = f"echo/{side}"
    running.put(side, key, b"x")

    def echoes() -> list[dict[str, Any]]:
        return [
            entry
            for entry in running.log(other)
            if entry.get("message") == "Repeated transfer job!" and entry.get("key") == key
        ]

    eventually(lambda: len(echoes()) > 0, "no echo was logged")
    [echo] = echoes()
    assert echo["bucket"] == running.bucket(other)
    assert echo["principal_id"] == f"AWS:{running.cloud.sites[other].dedicated_user_id}"

    running.delete(side, key)

    def has_repeated_delete() -> bool:
        return any(
            entry.get("message") == "Repeated delete job!" and entry.get("key") == key
            for entry in running.log(other)
        )

    eventually(has_repeated_delete, "no repeated delete was logged")


def test_the_loser_of_a_conflict_is_kept_on_both_sides(running: Running) -> None:
    contested = [f"contested/{number}.txt" for number in range(10)]
    for key in contested:
        running.put("a", key, b"from a, " + key.encode())
        running.put("b", key, b"from b, " + key.encode())

    def is_settled() -> bool:
        return all(
            {running.body(side, kept) for kept in running.keys(side, key.removesuffix(".txt"))}
            >= {b"from b, " + key.encode()}
            and running.keys("a", key.removesuffix(".txt"))
            == running.keys("b", key.removesuffix(".txt"))
            and running.body("a", key) == running.body("b", key)
            for key in contested
            for side in "ab"
        )

    eventually(is_settled, "the conflicts are not settled")
    kept = [key for key in running.keys("a", "contested/") if ".conflict-" in key]
    for key in kept:
        assert key.endswith(".txt")
        assert running.body("a", key) == running.body("b", key)
    # A write that its user saw replaced was seen, not lost; all others are there on both sides.
    bodies = {running.body("a", key) for key in running.keys("a", "contested/")}
    assert {b"from b, " + key.encode() for key in contested} <= bodies


def test_an_object_written_by_hand_with_the_dedicated_users_keys_is_synchronised(
    running: Running,
) -> None:
    s3 = running.dedicated_user("a").client("s3")
    s3.put_object(Bucket=running.bucket("a"), Key="by/hand", Body=b"hello")
    eventually(lambda: running.body("b", "by/hand") == b"hello", "it was taken for an echo")


def test_a_large_object_arrives_whole(running: Running) -> None:
    data = bytes(range(256)) * (20 * 4096)
    running.put("b", "large", data, Metadata={"n": "1"})
    eventually(lambda: running.body("a", "large") == data, "the large object never came")
