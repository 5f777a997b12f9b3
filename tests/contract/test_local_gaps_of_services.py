"""Queues, and a changed emulator, as seen over HTTP."""

from importlib import metadata

import pytest
from botocore.exceptions import ClientError

from sync_core.local.gaps.seam import EmulatorChanged, Seam
from tests.conftest import WatchedBucket

STALE_HANDLE = "00000000-0000-4000-8000-000000000000"


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


class TestReceiptHandles:
    def received_twice(self, bucket: WatchedBucket) -> tuple[str, str]:
        """Return the stale and the current receipt handle of one message."""
        where = {"QueueUrl": bucket.queue_url}
        bucket.sqs.send_message(**where, MessageBody="again")
        handles = [
            bucket.sqs.receive_message(**where, VisibilityTimeout=0, WaitTimeSeconds=20)[
                "Messages"
            ][0]["ReceiptHandle"]
            for _ in range(2)
        ]
        return handles[0], handles[1]

    def test_deleting_with_a_stale_handle_succeeds_and_leaves_the_message(
        self, watched_bucket: WatchedBucket
    ) -> None:
        stale, _current = self.received_twice(watched_bucket)
        sqs, where = watched_bucket.sqs, {"QueueUrl": watched_bucket.queue_url}
        sqs.delete_message(**where, ReceiptHandle=stale)
        assert "Messages" in sqs.receive_message(**where)

    def test_a_batch_with_a_stale_handle_succeeds(self, watched_bucket: WatchedBucket) -> None:
        stale, current = self.received_twice(watched_bucket)
        answer = watched_bucket.sqs.delete_message_batch(
            QueueUrl=watched_bucket.queue_url,
            Entries=[
                {"Id": "stale", "ReceiptHandle": stale},
                {"Id": "current", "ReceiptHandle": current},
            ],
        )
        assert {entry["Id"] for entry in answer["Successful"]} == {"stale", "current"}
        assert not answer.get("Failed")
        assert watched_bucket.is_quiet()

    def test_what_never_was_a_handle_is_refused(self, watched_bucket: WatchedBucket) -> None:
        with pytest.raises(ClientError) as error:
            watched_bucket.sqs.delete_message(
                QueueUrl=watched_bucket.queue_url, ReceiptHandle="invented"
            )
        assert refusal(error) == (400, "ReceiptHandleIsInvalid")

    def test_changing_the_visibility_with_a_stale_handle_is_refused(
        self, watched_bucket: WatchedBucket
    ) -> None:
        where = {"QueueUrl": watched_bucket.queue_url}
        with pytest.raises(ClientError) as error:
            watched_bucket.sqs.change_message_visibility(
                **where, ReceiptHandle=STALE_HANDLE, VisibilityTimeout=5
            )
        assert refusal(error) == (400, "InvalidParameterValue")
        answer = watched_bucket.sqs.change_message_visibility_batch(
            **where,
            Entries=[{"Id": "1", "ReceiptHandle": STALE_HANDLE, "VisibilityTimeout": 5}],
        )
        assert [entry["Code"] for entry in answer["Failed"]] == ["InvalidParameterValue"]


@pytest.mark.usefixtures("local_cloud")
class TestChangedEmulator:
    def test_a_missing_name_is_reported_with_the_gap_and_the_version(self) -> None:
        with pytest.raises(EmulatorChanged) as error:
            Seam("tags").take("services.s3", "_no_such_function")
        message = str(error.value)
        assert "'tags' needs ministack.services.s3._no_such_function" in message
        assert metadata.version("ministack") in message

    def test_a_missing_module_is_reported(self) -> None:
        with pytest.raises(EmulatorChanged, match=r"ministack\.services\.no_such_service"):
            Seam("tags").take("services.no_such_service", "anything")

    def test_a_missing_entry_of_a_dispatch_table_is_reported(self) -> None:
        with pytest.raises(EmulatorChanged, match=r"_HANDLERS\['NoSuchAction'\]"):
            Seam("tags").wrap_entry("services.sqs", "_HANDLERS", "NoSuchAction", lambda old: old)

    def test_a_value_of_another_type_is_reported(self) -> None:
        with pytest.raises(EmulatorChanged, match="DEFAULT_PORT: int"):
            Seam("tags").put("services.sqs", "DEFAULT_PORT", 4566)
