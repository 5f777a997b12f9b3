"""Custom::BucketNotification on S3 as moto has it, and on answers that only the real one gives."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from boto3.session import Session
from botocore.stub import ANY, Stubber
from moto import mock_aws

from sync_core.errors import AccessDenied, ConfigError, Unavailable, WriteConflict
from sync_core.launch.bucket_notification import BucketNotification, NoBucket
from sync_core.launch.custom_resource import Answer, answer_to

REGION: Literal["eu-west-1"] = "eu-west-1"
BUCKET = "dualway-a"
QUEUE = f"arn:aws:sqs:{REGION}:123456789012:dualway"
PROPERTIES = {
    "ServiceToken": "arn:function",
    "BucketName": BUCKET,
    "QueueArn": QUEUE,
    "Prefix": "docs/",
    "EventTrigger": "CreateAndDelete",
    "ConfigurationId": "a",
}
IDENTITY = f"{BUCKET}/dualway-a"
FOREIGN = {
    "QueueConfigurations": [
        {"Id": "theirs", "QueueArn": f"{QUEUE}-theirs", "Events": ["s3:ObjectRestore:*"]}
    ]
}


class Bench:
    """A bucket with a foreign entry, and the resource; a second client plays somebody else."""

    def __init__(self) -> None:
        self.session = Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)
        self.theirs = self.session.client("s3")
        self.client = self.session.client("s3")
        self.resource = BucketNotification(self.client)
        self.writes = 0
        self.client.meta.events.register(
            "before-call.s3.PutBucketNotificationConfiguration", self._count
        )
        self.create_bucket(BUCKET)
        self.set(FOREIGN)

    def create_bucket(self, bucket: str) -> None:
        self.theirs.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def set(self, configuration: Any, bucket: str = BUCKET) -> None:
        self.theirs.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
        )

    def entries(self, bucket: str = BUCKET) -> dict[str, Any]:
        """Return the queue entries by their Ids."""
        found = self.theirs.get_bucket_notification_configuration(Bucket=bucket)
        return {entry["Id"]: entry for entry in found.get("QueueConfigurations", [])}

    def after_each_write(self, does: Callable[[], None]) -> None:
        self.client.meta.events.register(
            "after-call.s3.PutBucketNotificationConfiguration", lambda **_: does()
        )

    def request(self, kind: str, identity: str | None = None, **properties: str) -> Answer:
        event = {
            "RequestType": kind,
            "PhysicalResourceId": identity,
            "ResourceProperties": PROPERTIES | properties,
        }
        return answer_to(event, lambda: self.resource, left_seconds=120, pause=lambda _: None)

    def _count(self, **_: Any) -> None:
        self.writes += 1


@pytest.fixture
def bench() -> Iterator[Bench]:
    with mock_aws():
        yield Bench()


def test_create_adds_our_entry_to_the_foreign_ones(bench: Bench) -> None:
    assert bench.request("Create") == Answer(IDENTITY, {"Id": "dualway-a"})
    ours = bench.entries()["dualway-a"]
    assert ours["QueueArn"] == QUEUE
    assert "s3:ObjectRemoved:*" in ours["Events"]
    assert ours["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "docs/"}]
    assert "theirs" in bench.entries()


def test_what_is_there_already_is_not_written_again(bench: Bench) -> None:
    bench.request("Create")
    bench.request("Create")
    bench.request("Update", IDENTITY)
    assert bench.writes == 1


def test_an_update_replaces_prefix_and_trigger(bench: Bench) -> None:
    bench.request("Create")
    answer = bench.request("Update", IDENTITY, Prefix="", EventTrigger="Create")
    assert answer == Answer(IDENTITY, {"Id": "dualway-a"})
    ours = bench.entries()["dualway-a"]
    assert sorted(ours["Events"]) == ["s3:ObjectCreated:*", "s3:ObjectTagging:*"]
    assert not ours.get("Filter", {}).get("Key", {}).get("FilterRules")
    assert set(bench.entries()) == {"theirs", "dualway-a"}


def test_event_trigger_no_takes_our_entry_out(bench: Bench) -> None:
    bench.request("Create")
    assert bench.request("Update", IDENTITY, EventTrigger="No").error is None
    assert set(bench.entries()) == {"theirs"}


def test_another_bucket_is_another_resource_and_the_former_one_is_cleaned_up(bench: Bench) -> None:
    bench.create_bucket("dualway-b")
    bench.request("Create")
    moved = bench.request("Update", IDENTITY, BucketName="dualway-b")
    assert moved.identity == "dualway-b/dualway-a"
    assert set(bench.entries()) == {"theirs", "dualway-a"}
    assert bench.request("Delete", IDENTITY) == Answer(IDENTITY)
    assert set(bench.entries()) == {"theirs"}
    assert set(bench.entries("dualway-b")) == {"dualway-a"}


def test_another_configuration_id_takes_the_place_of_the_former_one(bench: Bench) -> None:
    bench.request("Create")
    renamed = bench.request("Update", IDENTITY, ConfigurationId="renamed")
    assert renamed == Answer(f"{BUCKET}/dualway-renamed", {"Id": "dualway-renamed"})
    assert bench.request("Delete", IDENTITY).error is None
    assert set(bench.entries()) == {"theirs", "dualway-renamed"}


def test_delete_removes_our_entry_only(bench: Bench) -> None:
    bench.request("Create")
    assert bench.request("Delete", IDENTITY) == Answer(IDENTITY)
    assert set(bench.entries()) == {"theirs"}


def test_delete_of_what_never_was_made_succeeds_and_writes_nothing(bench: Bench) -> None:
    assert bench.request("Delete", IDENTITY) == Answer(IDENTITY)
    assert bench.writes == 0


def test_delete_in_a_bucket_that_is_gone_succeeds(bench: Bench) -> None:
    bench.request("Create")
    bench.theirs.delete_bucket(Bucket=BUCKET)
    assert bench.request("Delete", IDENTITY) == Answer(IDENTITY)


def test_create_in_a_bucket_that_is_missing_says_what_to_do(bench: Bench) -> None:
    answer = bench.request("Create", BucketName="dualway-missing")
    assert isinstance(answer.error, NoBucket)
    assert "create it in the stack's region, or correct BucketName" in answer.reason("L")


def test_an_overlap_is_refused_before_anything_is_written(bench: Bench) -> None:
    thumbnails = {"Id": "thumbnails", "QueueArn": QUEUE + "-t", "Events": ["s3:ObjectCreated:Put"]}
    bench.set({"QueueConfigurations": [thumbnails]})
    answer = bench.request("Create")
    assert isinstance(answer.error, ConfigError)
    assert "thumbnails" in answer.reason("L")
    assert bench.writes == 0
    assert bench.request("Delete", answer.identity).error is None
    assert set(bench.entries()) == {"thumbnails"}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("EventTrigger", "Always", "'Always' is not one of CreateAndDelete, Create, No"),
        ("QueueArn", "", "QueueArn"),
        ("BucketName", "", "BucketName"),
        ("ConfigurationId", "", "ConfigurationId"),
    ],
)
def test_a_wrong_property_is_named(bench: Bench, name: str, value: str, told: str) -> None:
    answer = bench.request("Create", **{name: value})
    assert isinstance(answer.error, ConfigError)
    assert told in answer.reason("L")
    assert bench.writes == 0


class TestSomebodyElseWritesToo:
    def test_what_they_undid_once_is_written_again(self, bench: Bench) -> None:
        others = [FOREIGN]

        def undo() -> None:
            if others:
                bench.set(others.pop())

        bench.after_each_write(undo)
        assert bench.request("Create").error is None
        assert bench.writes == 2
        assert set(bench.entries()) == {"theirs", "dualway-a"}

    def test_what_they_added_beside_ours_stays(self, bench: Bench) -> None:
        added = {"Id": "added", "QueueArn": f"{QUEUE}-added", "Events": ["s3:ObjectAcl:Put"]}

        def add() -> None:
            if "added" not in bench.entries():
                entries = [*bench.entries().values(), added]
                bench.set({**FOREIGN, "QueueConfigurations": entries})

        bench.after_each_write(add)
        assert bench.request("Create").error is None
        assert bench.writes == 1
        assert set(bench.entries()) == {"theirs", "dualway-a", "added"}

    def test_after_three_times_it_gives_up_and_says_why(self, bench: Bench) -> None:
        bench.after_each_write(lambda: bench.set(FOREIGN))
        answer = bench.request("Create")
        assert isinstance(answer.error, Unavailable)
        assert bench.writes == 3
        assert "somebody else changed it" in answer.reason("L")
        assert "dualway-a" in answer.reason("L").partition("Now missing")[2]


class TestRefusals:
    """What S3 answers and moto does not."""

    def refused(self, bench: Bench, code: str, message: str, status: int = 400) -> Exception:
        with Stubber(bench.client) as stubber:
            stubber.add_response("get_bucket_notification_configuration", {})
            stubber.add_client_error(
                "put_bucket_notification_configuration",
                service_error_code=code,
                service_message=message,
                http_status_code=status,
                service_error_meta={"ArgumentName1": QUEUE, "ArgumentValue1": "not permitted"},
            )
            with pytest.raises(Exception, match="write notification") as refusal:
                bench.resource.make(PROPERTIES, None)
        return refusal.value

    def test_a_queue_that_does_not_let_s3_send_may_do_so_soon(self, bench: Bench) -> None:
        message = "Unable to validate the following destination configurations"
        error = self.refused(bench, "InvalidArgument", message)
        assert isinstance(error, AccessDenied)
        assert f"{message} ({QUEUE}) (not permitted); the queue's policy" in str(error)

    def test_an_overlap_that_only_s3_sees_is_no_matter_of_time(self, bench: Bench) -> None:
        message = "Configuration is ambiguously defined. Cannot have overlapping suffixes"
        error = self.refused(bench, "InvalidArgument", message)
        assert isinstance(error, ConfigError)
        assert "EventTrigger" in str(error)

    def test_a_missing_permission_is_told_in_s3s_words(self, bench: Bench) -> None:
        message = "not authorized to perform: s3:PutBucketNotification"
        error = self.refused(bench, "AccessDenied", message, 403)
        assert isinstance(error, AccessDenied)
        assert message in str(error)

    def test_two_writers_at_once_are_told_apart(self, bench: Bench) -> None:
        assert isinstance(self.refused(bench, "OperationAborted", "busy", 409), WriteConflict)

    def test_destinations_are_looked_at_when_made_and_not_when_removed(self, bench: Bench) -> None:
        looked: list[bool] = []
        bench.client.meta.events.register(
            "provide-client-params.s3.PutBucketNotificationConfiguration",
            lambda params, **_: looked.append(not params["SkipDestinationValidation"]),
        )
        bench.request("Create")
        bench.request("Delete", IDENTITY)
        assert looked == [True, False]


def test_a_restore_that_others_are_told_of_is_refused_where_archived_objects_are_restored(
    bench: Bench,
) -> None:
    refused = bench.request("Create", ArchivedObjects="restore")
    assert "queue configuration 'theirs'" in str(refused.error)
    assert bench.request("Create", ArchivedObjects="skip").error is None


def test_filter_names_that_s3_writes_with_a_capital_are_the_same() -> None:
    client = Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION).client("s3")
    resource = BucketNotification(client)
    entry = {
        "Id": "dualway-a",
        "QueueArn": QUEUE,
        "Events": ["s3:ObjectTagging:*", "s3:ObjectRestore:Completed", "s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "docs/"}]}},
    }
    answer: Any = {"QueueConfigurations": [json.loads(json.dumps(entry))]}
    with Stubber(client) as stubber:
        stubber.add_response("get_bucket_notification_configuration", {})
        parameters = {
            "Bucket": BUCKET,
            "NotificationConfiguration": ANY,
            "SkipDestinationValidation": False,
        }
        stubber.add_response("put_bucket_notification_configuration", {}, parameters)
        stubber.add_response("get_bucket_notification_configuration", answer)
        assert resource.make(PROPERTIES | {"EventTrigger": "Create"}, None) == {"Id": "dualway-a"}
        stubber.assert_no_pending_responses()
