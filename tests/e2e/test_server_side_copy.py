"""Where one key pair may read the source and write the copy, S3 itself moves the bytes."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import eventually
from tests.e2e.fleet import Fleet, MeteredCloud, fleet, metered_cloud
from tests.e2e.test_large_objects import (
    MIB,
    content,
    digest_at_b,
    digest_of,
    etag,
    put_in_parts,
    puts,
)

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A worker on either side, and a policy on a's bucket that lets b's dedicated user read it."""
    with metered_cloud(tmp_path_factory.mktemp("metered")) as cloud:
        admit(cloud)
        with fleet(cloud, {"DUALWAY_SERVER_SIDE_COPY": "true"}, workers=1) as started:
            yield started


def admit(cloud: MeteredCloud) -> None:
    """Allow what the template's ServerSideCopy and the bucket's owner allow together."""
    user = cloud.running.dedicated_user("b")
    arn = user.client("sts").get_caller_identity()["Arn"]
    user.close()
    where = f"arn:aws:s3:::{cloud.running.bucket('a')}/*"
    reading = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectTagging"]}
    cloud.running.client("iam", "b").put_user_policy(
        UserName=arn.rpartition("/")[2],
        PolicyName="Fetching",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{**reading, "Resource": where}]}
        ),
    )
    cloud.running.client("s3", "a").put_bucket_policy(
        Bucket=cloud.running.bucket("a"),
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{**reading, "Principal": {"AWS": arn}, "Resource": where}],
            }
        ),
    )


@pytest.mark.parametrize("size_bytes", [0, 1, 9 * MIB])
def test_an_object_put_in_one_is_fetched_in_one(workers: Fleet, size_bytes: int) -> None:
    cloud, key, data = workers.cloud, f"one/{size_bytes}", content(size_bytes)
    cloud.running.put("a", key, data)
    assert digest_at_b(cloud, key) == digest_of(data)
    assert etag(cloud, "b", key) == etag(cloud, "a", key)
    assert [call.get("fetched") for call in puts(cloud, "b", key)] == [True]


def test_an_object_in_parts_is_fetched_part_by_part_and_keeps_its_etag(workers: Fleet) -> None:
    cloud, key = workers.cloud, "parts"
    pieces = [content(5 * MIB, "first"), content(5 * MIB, "second"), b"end"]
    its_etag = put_in_parts(cloud, key, *pieces)
    assert digest_at_b(cloud, key) == digest_of(b"".join(pieces))
    assert etag(cloud, "b", key) == its_etag
    parts = [call for call in cloud.answered("UploadPart", "b") if call["key"] == key]
    assert sorted(call["partNumber"] for call in parts) == ["1", "2", "3"]
    assert all(call.get("fetched") for call in parts)


def test_where_it_may_not_read_the_worker_moves_the_bytes(workers: Fleet) -> None:
    cloud, key, data = workers.cloud, "back", content(1000)
    cloud.running.put("b", key, data)
    eventually(lambda: cloud.running.body("a", key) == data, f"{key} never came")
    assert [call.get("fetched") for call in puts(cloud, "a", key)] == [None]
