"""Custom::DedicatedUserId on IAM as moto has it, and on answers that only the real one gives."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from sync_core.errors import AccessDenied, ConfigError, DualwayError, Throttled, Unavailable
from sync_core.launch.custom_resource import Answer, answer_to
from sync_core.launch.dedicated_user import DedicatedUserId, NoUser

USER = "dualway-a-dedicated"


class Bench:
    """An account with a dedicated user."""

    def __init__(self) -> None:
        session = Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-west-1")
        self.iam = session.client("iam", config=Config(retries={"total_max_attempts": 1}))
        self.resource = DedicatedUserId(self.iam)

    def create(self) -> str:
        return self.iam.create_user(UserName=USER)["User"]["UserId"]

    def request(self, kind: str, identity: str | None = None, user: str = USER) -> Answer:
        event = {
            "RequestType": kind,
            "PhysicalResourceId": identity,
            "ResourceProperties": {"UserName": user},
        }
        return answer_to(event, lambda: self.resource, left_seconds=120, pause=lambda _: None)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with mock_aws():
        yield Bench()


def test_create_and_update_tell_the_id(bench: Bench) -> None:
    user_id = bench.create()
    told = Answer(USER, {"UserId": user_id})
    assert bench.request("Create") == told
    assert bench.request("Update", USER) == told


def test_an_update_leaves_the_keys_alone(bench: Bench) -> None:
    bench.create()
    bench.iam.create_access_key(UserName=USER)
    bench.request("Update", USER)
    assert len(bench.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]) == 1


def test_delete_removes_the_keys_so_that_the_user_can_be_deleted(bench: Bench) -> None:
    bench.create()
    bench.iam.create_user(UserName="somebody-else")
    for user in (USER, USER, "somebody-else"):
        bench.iam.create_access_key(UserName=user)
    assert bench.request("Delete", USER) == Answer(USER)
    bench.iam.delete_user(UserName=USER)
    assert len(bench.iam.list_access_keys(UserName="somebody-else")["AccessKeyMetadata"]) == 1


def test_delete_of_a_user_that_is_gone_succeeds(bench: Bench) -> None:
    assert bench.request("Delete", USER) == Answer(USER)


def test_a_user_that_iam_does_not_see_is_named(bench: Bench) -> None:
    answer = bench.request("Create")
    assert isinstance(answer.error, NoUser)
    assert USER in answer.reason("L")


def test_a_missing_name_is_told(bench: Bench) -> None:
    answer = bench.request("Create", user="")
    assert isinstance(answer.error, ConfigError)
    assert "UserName" in answer.reason("L")


def keys(*access_key_ids: str) -> list[dict[str, Any]]:
    return [
        {"AccessKeyId": one, "CreateDate": datetime(2026, 11, 21, tzinfo=UTC)}
        for one in access_key_ids
    ]


def test_a_user_that_is_seen_late_is_found(bench: Bench) -> None:
    user = {
        "Path": "/",
        "UserName": USER,
        "UserId": "AIDAEXAMPLEEXAMPLE123",
        "Arn": "arn:aws-cn:iam::111122223333:user/dualway-a-dedicated",
        "CreateDate": datetime(2026, 11, 21, tzinfo=UTC),
    }
    with Stubber(bench.iam) as stubber:
        stubber.add_client_error("get_user", "NoSuchEntity", http_status_code=404)
        stubber.add_response("get_user", {"User": user})
        assert bench.request("Create") == Answer(USER, {"UserId": "AIDAEXAMPLEEXAMPLE123"})


def test_every_page_of_keys_is_deleted_and_a_key_that_is_gone_is_done(bench: Bench) -> None:
    one, two = "AKIAONEEXAMPLEEXAMPL", "AKIATWOEXAMPLEEXAMPL"
    first = {"AccessKeyMetadata": keys(one), "IsTruncated": True, "Marker": "on"}
    with Stubber(bench.iam) as stubber:
        stubber.add_response("list_access_keys", first, {"UserName": USER})
        stubber.add_response(
            "list_access_keys",
            {"AccessKeyMetadata": keys(two)},
            {"UserName": USER, "Marker": "on"},
        )
        stubber.add_client_error("delete_access_key", "NoSuchEntity", http_status_code=404)
        stubber.add_response("delete_access_key", {}, {"UserName": USER, "AccessKeyId": two})
        assert bench.request("Delete", USER).error is None
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDenied", 403, AccessDenied),
        ("InvalidClientTokenId", 403, AccessDenied),
        ("Throttling", 400, Throttled),
        ("ServiceFailure", 500, Unavailable),
        ("ValidationError", 400, ConfigError),
    ],
)
def test_what_iam_refuses_is_told(
    bench: Bench, code: str, status: int, kind: type[DualwayError]
) -> None:
    with Stubber(bench.iam) as stubber:
        stubber.add_client_error("get_user", code, "said so", http_status_code=status)
        with pytest.raises(kind, match="said so"):
            bench.resource.make({"UserName": USER}, None)


def test_no_answer_from_iam_is_told(bench: Bench) -> None:
    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://iam.example")

    bench.iam.meta.events.register("before-send.iam.ListAccessKeys", refuse)
    with pytest.raises(Unavailable, match="EndpointConnectionError"):
        bench.resource.remove(USER)
