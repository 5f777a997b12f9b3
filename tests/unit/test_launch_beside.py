"""What is another pair's, beside a pair with another store: found, named and left alone."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, Accounts
from sync_core.launch.feed_user import (
    ensure_feed_user,
    find_feed_user,
    look_at_feed_user,
    remove_feed_user,
)
from sync_core.launch.findings import Level
from sync_core.launch.occupied import look_for_others, refuse_others
from sync_core.launch.removal import remove_sentinels
from sync_core.launch.settings import LaunchSettings, SiteSettings
from tests.launched_sites import launched_site

REGION = "us-west-2"
IN_S3 = SiteSettings("a", "data")
IN_OSS = SiteSettings("oss", "media", store="oss", user_ids="1")
TO_PEER = {"Direction": "ToPeer"}
BOTH_WAYS = LaunchSettings((IN_S3, IN_OSS))
FROM_OSS = LaunchSettings((IN_S3, replace(IN_OSS, parameters=TO_PEER)))
TO_OSS = LaunchSettings((replace(IN_S3, parameters=TO_PEER), IN_OSS))
AS_BEFORE = "put the file back as it was"
ANOTHER_NAME = "give `stack` another name"


class Standing:
    """CloudFormation with these stacks, each with the values of its outputs in this order."""

    NAMES = ("SiteName", "BucketName", "PeerSiteName", "PeerBucketName")

    def __init__(self, stacks: Mapping[str, tuple[str, ...]]) -> None:
        self.stacks = stacks

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if StackName not in self.stacks:
            message = f"{StackName} does not exist"
            error = {"Error": {"Code": "ValidationError", "Message": message}}
            raise ClientError(error, "DescribeStacks")  # type: ignore[arg-type]
        values = zip(self.NAMES, self.stacks[StackName], strict=False)
        outputs = [{"OutputKey": name, "OutputValue": value} for name, value in values]
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}]}


def accounts_with(settings: LaunchSettings, stacks: Mapping[str, tuple[str, ...]]) -> Accounts:
    standing = Standing(stacks)
    first, second = (
        replace(launched_site("a").account, site=site, new_client=lambda _: standing)
        for site in settings.sites
    )
    return first, second


A = ("a", "data", "oss", "media")
OSS = ("oss", "media", "a", "data")


@pytest.mark.parametrize(
    ("settings", "stacks", "advice"),
    [
        (BOTH_WAYS, {}, []),
        (BOTH_WAYS, {"dualway-a": A, "dualway-oss": OSS}, []),
        (BOTH_WAYS, {"dualway-a": (), "dualway-oss": OSS}, []),
        (BOTH_WAYS, {"dualway-oss": OSS}, []),
        (FROM_OSS, {"dualway-oss": OSS}, []),
        (TO_OSS, {"dualway-oss": A}, []),
        (FROM_OSS, {"dualway-a": ("a", "data", "cos", "media")}, []),
        (FROM_OSS, {"dualway-a": A, "dualway-oss": OSS}, [AS_BEFORE]),
        (TO_OSS, {"dualway-a": A, "dualway-oss": OSS}, [AS_BEFORE, AS_BEFORE]),
        (BOTH_WAYS, {"dualway-oss": A}, [AS_BEFORE]),
        (BOTH_WAYS, {"dualway-a": ("a", "data", "cos", "media")}, [ANOTHER_NAME]),
        (TO_OSS, {"dualway-oss": ("a", "other", "oss", "media")}, [ANOTHER_NAME]),
        (LaunchSettings((IN_S3, SiteSettings("b", "x"))), {"dualway": ("x", "y")}, []),
    ],
)
def test_a_stack_of_another_pair_or_of_a_way_that_is_given_up_is_not_touched(
    settings: LaunchSettings, stacks: Mapping[str, tuple[str, ...]], advice: list[str]
) -> None:
    accounts = accounts_with(settings, stacks)
    found = look_for_others(settings, accounts)
    assert [each.level for each in found] == [Level.ERROR] * len(advice)
    assert all(text in each.text for text, each in zip(advice, found, strict=True))
    if not advice:
        refuse_others(settings, accounts)
        return
    with pytest.raises(ConfigError) as refused:
        refuse_others(settings, accounts)
    assert advice[0] in refused.value.cause


@pytest.fixture
def moto() -> Iterator[None]:
    with mock_aws():
        yield


def account_of(site: SiteSettings) -> Account:
    def new_client(service: str) -> Any:
        return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]

    return replace(launched_site("a").account, site=site, new_client=new_client)


@pytest.mark.usefixtures("moto")
def test_the_user_of_a_feed_to_another_bucket_stays_as_it_is() -> None:
    told: list[str] = []
    ours, other = account_of(IN_S3), account_of(replace(IN_S3, bucket="other"))
    iam = ours.client("iam")
    iam.create_user(UserName="by-hand")
    ensure_feed_user(ours, "dualway-oss-a", told.append)
    assert look_at_feed_user(ours, "dualway-oss-a") == look_at_feed_user(ours, "free") == []
    name = {"UserName": "dualway-oss-a"}
    before = iam.get_user_policy(**name, PolicyName="ThisBucketOnly")["PolicyDocument"]
    for account, user in ((other, "dualway-oss-a"), (ours, "by-hand")):
        (finding,) = look_at_feed_user(account, user)
        assert finding.level is Level.ERROR
        assert user in finding.text
        assert ANOTHER_NAME in finding.text
        with pytest.raises(ConfigError, match="another name"):
            ensure_feed_user(account, user, told.append)
        assert find_feed_user(account, user) is None
        remove_feed_user(account, user, told.append)
        iam.get_user(UserName=user)
    after = iam.get_user_policy(**name, PolicyName="ThisBucketOnly")["PolicyDocument"]
    assert after == before
    remove_feed_user(ours, "dualway-oss-a", told.append)
    assert [each["UserName"] for each in iam.list_users()["Users"]] == ["by-hand"]


@pytest.mark.usefixtures("moto")
def test_the_sentinels_of_other_pairs_over_a_bucket_stay() -> None:
    account = account_of(replace(IN_S3, prefix="in/"))
    s3 = account.client("s3")
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="data", CreateBucketConfiguration=where)
    for name in ("in/.dualway/sentinel-a", "in/.dualway/sentinel-oss"):
        s3.put_object(Bucket="data", Key=name)
    others = [".dualway/sentinel-a", "in/.dualway/sentinel-ab", "in/.dualway/sentinel-cos"]
    for name in others:
        s3.put_object(Bucket="data", Key=name)
    remove_sentinels(account, ("a", "oss"))
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="data")["Contents"]] == others


def test_a_store_without_regions_is_asked_as_it_was_tried() -> None:
    in_minio = SiteSettings("m", "media", store="minio", endpoint_url="https://minio.example.com")
    assert account_of(in_minio).bucket_region == "us-east-1"
    assert account_of(replace(in_minio, region="north")).bucket_region == "north"
    assert account_of(IN_S3).bucket_region == REGION
