"""Objects in one piece and in parts, copied by worker processes over HTTP, byte by byte."""

import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import eventually
from tests.e2e.fleet import Fleet, MeteredCloud, fleet, metered_cloud

MIB = 1024**2
PART = 8 * MIB
# As much as one run of parts, and with it one message.
SHARED_MIB = 64

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two workers at side a and one at side b, for all tests of this module."""
    settings = {
        "DUALWAY_SHARED_UPLOAD_MIB": str(SHARED_MIB),
        # One run after the other, so that one is counted while the next is under way.
        "DUALWAY_CONCURRENCY": "1",
    }
    with (
        metered_cloud(tmp_path_factory.mktemp("metered")) as cloud,
        fleet(cloud, settings, workers=2) as started,
    ):
        yield started


@pytest.fixture
def cloud(workers: Fleet) -> Iterator[MeteredCloud]:
    yield workers.cloud
    workers.cloud.set_gate()


def content(size_bytes: int, seed: str = "") -> bytes:
    block = random.Random(seed).randbytes(min(size_bytes, MIB))
    whole = b"".join(n.to_bytes(4, "big") + block[4:] for n in range(-(-size_bytes // MIB)))
    return whole[:size_bytes]


def put_in_parts(cloud: MeteredCloud, key: str, *pieces: bytes) -> str:
    """Put an object made of these parts at a; return its etag."""
    s3, where = cloud.running.client("s3", "a"), {"Bucket": cloud.running.bucket("a"), "Key": key}
    upload_id = s3.create_multipart_upload(**where)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**where, UploadId=upload_id, PartNumber=number, Body=piece)[
                "ETag"
            ],
        }
        for number, piece in enumerate(pieces, start=1)
    ]
    done = s3.complete_multipart_upload(
        **where, UploadId=upload_id, MultipartUpload={"Parts": parts}
    )
    return str(done["ETag"])


def etag(cloud: MeteredCloud, side: str, key: str) -> str | None:
    found = cloud.running.read(side, key)
    return str(found["ETag"]) if found else None


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest_at_b(cloud: MeteredCloud, key: str) -> str | None:
    """Wait until an object is at b; return the digest of what is there then."""
    eventually(lambda: cloud.running.body("b", key) is not None, f"{key} never came")
    found = cloud.running.body("b", key)
    return None if found is None else digest_of(found)


def puts(cloud: MeteredCloud, side: str, key: str) -> list[dict[str, Any]]:
    """Wait until a put of an object that is there was answered; return all of them."""

    def found() -> list[dict[str, Any]]:
        return [call for call in cloud.answered("PutObject", side) if call["key"] == key]

    eventually(lambda: found() != [], f"the put of {key} was not answered")
    return found()


def is_at_rest(cloud: MeteredCloud, *keys: str) -> bool:
    """Tell whether no message is left and no upload under way, in any of the three places."""
    records = cloud.records(*keys).values()
    return (
        [cloud.depth(side) for side in "ab"] == [0, 0]
        and not any(record.intent for record in records)
        and [*cloud.ledger().list()] == []
        and cloud.uploads("a") == cloud.uploads("b") == []
    )


@pytest.mark.parametrize("size_bytes", [0, 1, PART - 1, PART])
def test_up_to_eight_mib_an_object_goes_in_one_put_with_its_etag(
    cloud: MeteredCloud, size_bytes: int
) -> None:
    key, data = f"one/{size_bytes}", content(size_bytes)
    cloud.running.put("a", key, data)
    assert digest_at_b(cloud, key) == digest_of(data)
    assert etag(cloud, "b", key) == etag(cloud, "a", key)
    assert len(puts(cloud, "b", key)) == 1


def test_one_byte_more_goes_in_two_parts(cloud: MeteredCloud) -> None:
    data = content(PART + 1)
    cloud.running.put("a", "two/plain", data)
    assert digest_at_b(cloud, "two/plain") == digest_of(data)
    assert [
        call["partNumber"]
        for call in cloud.answered("UploadPart", "b")
        if call["key"] == "two/plain"
    ] in (["1", "2"], ["2", "1"])


@pytest.mark.parametrize(
    "sizes",
    [(PART, 1), (5 * MIB, 5 * MIB, 5 * MIB, 7), (10 * MIB, 10 * MIB), (9 * MIB,)],
    ids=["as a client cuts it", "smaller parts", "larger parts", "one part"],
)
def test_a_source_of_equal_parts_keeps_its_etag(
    cloud: MeteredCloud, sizes: tuple[int, ...]
) -> None:
    key = f"equal/{sizes}"
    pieces = [content(size, f"{key}{number}") for number, size in enumerate(sizes)]
    its_etag = put_in_parts(cloud, key, *pieces)
    assert digest_at_b(cloud, key) == digest_of(b"".join(pieces))
    assert etag(cloud, "b", key) == its_etag


def test_a_source_of_unequal_parts_arrives_byte_by_byte(cloud: MeteredCloud) -> None:
    pieces = [content(size, str(size)) for size in (5 * MIB, 9 * MIB, 6 * MIB, 3)]
    put_in_parts(cloud, "unequal", *pieces)
    assert digest_at_b(cloud, "unequal") == digest_of(b"".join(pieces))


def test_another_worker_sends_the_parts_that_the_first_one_has_not_sent(
    cloud: MeteredCloud, workers: Fleet
) -> None:
    data = content(2 * SHARED_MIB * MIB + 5)
    # Whoever has the first run can send it, and nobody another one.
    cloud.set_gate(operation="UploadPart", key="giant", beyond=SHARED_MIB * MIB // PART)
    cloud.running.put("a", "giant", data)
    eventually(lambda: held_parts(cloud, "giant") > 0, "no part was held back")
    eventually(lambda: runs_sent(workers, "giant") != [], "the first run was not counted")
    (first,) = runs_sent(workers, "giant")
    workers.kill(first)
    # What was held back of it arrives later all the same.
    parts = [
        call["partNumber"]
        for call in cloud.answered("UploadPart", "b")
        if call["key"] == "giant" and call["worker"] == first
    ]
    assert sorted(map(int, parts)) == [1, 2, 3, 4, 5, 6, 7, 8]
    workers.start("a")
    cloud.set_gate()
    assert digest_at_b(cloud, "giant") == digest_of(data)
    eventually(lambda: is_at_rest(cloud, "giant"), "something is still under way")
    eventually(lambda: len(runs_sent(workers, "giant")) >= 3, "a run was not told of")
    sent = runs_sent(workers, "giant")
    assert len(sent) == 3
    assert len(set(sent)) > 1


def runs_sent(workers: Fleet, key: str) -> list[str]:
    """Return which workers have sent runs of the object's parts, one entry for each run."""
    entries = (entry for entry in workers.log() if entry.get("key") == key)
    return [entry["by"] for entry in entries if entry.get("action") == "parts_copied"]


def overwrite(cloud: MeteredCloud, key: str, _old: bytes) -> bytes | None:
    data = content(PART + 77, "new")
    cloud.running.put("a", key, data)
    return data


def grow(cloud: MeteredCloud, key: str, old: bytes) -> bytes | None:
    data = old + content(MIB, "more")
    cloud.running.put("a", key, data)
    return data


def delete(cloud: MeteredCloud, key: str, _old: bytes) -> bytes | None:
    cloud.running.delete("a", key)
    return None


@pytest.mark.parametrize("change", [overwrite, grow, delete])
@pytest.mark.parametrize("mib", [24, SHARED_MIB + 9], ids=["alone", "shared"])
def test_a_source_that_changes_in_the_middle_is_never_mixed(
    cloud: MeteredCloud, mib: int, change: Callable[[MeteredCloud, str, bytes], bytes | None]
) -> None:
    key, old = f"changes/{mib}/{change.__name__}", content(mib * MIB, "old")
    cloud.set_gate(operation="UploadPart", key=key, after=1)
    cloud.running.put("a", key, old)
    eventually(lambda: held_parts(cloud, key) > 0, "no part was held back")
    new = change(cloud, key, old)
    cloud.set_gate()
    eventually(lambda: cloud.running.body("b", key) == new, "the change never came")
    eventually(lambda: is_at_rest(cloud, key), "something is still under way")
    assert cloud.running.body("b", key) == cloud.running.body("a", key) == new
    # Nothing but the two instances was ever to be seen.
    seen = [call for call in cloud.answered("CompleteMultipartUpload", "b") if call["key"] == key]
    assert len(seen) == (0 if new is None else 1)


def held_parts(cloud: MeteredCloud, key: str) -> int:
    return sum(call["key"] == key for call in cloud.held())
