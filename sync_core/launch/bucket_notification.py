"""Custom::BucketNotification: this stack's entry in the notification configuration of its bucket.

Properties: BucketName, QueueArn, Prefix, EventTrigger, ArchivedObjects, ConfigurationId. Its
identity is the bucket and the entry's Id, with a slash between them, which no bucket's name has.

S3 takes the configuration as a whole and has no conditional write for it. So what was written is
read back, and where somebody else wrote at the same time, the request is to be repeated on what is
there then. What somebody else wrote between our read and our write is lost, as with any writer.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sync_core.errors import AccessDenied, ConfigError, DualwayError, Unavailable
from sync_core.launch.custom_resource import Properties, required
from sync_core.notifications import (
    Configuration,
    Trigger,
    identity_of,
    is_same,
    merged,
    missing,
    own_entry,
    refuse_overlaps,
    with_restores,
    without,
)
from sync_core.storage.s3_errors import Call, translate

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import NotificationConfigurationTypeDef

_CLIENT_CONFIG = Config(
    connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 2}
)


class NoBucket(ConfigError):
    """The bucket does not exist."""


class BucketNotification:
    """The resource, through an S3 client of the stack's account and region."""

    def __init__(self, s3: "S3Client") -> None:
        self._s3 = s3

    def identify(self, properties: Properties) -> str:
        """Return `bucket/entry`."""
        bucket = required(properties, "BucketName")
        return f"{bucket}/{identity_of(required(properties, 'ConfigurationId'))}"

    def make(self, properties: Properties, former: str | None) -> Mapping[str, str]:
        """Have the entry in the bucket, or none for EventTrigger No; returns its Id.

        An entry of the same bucket that was this resource's before goes. Raises ConfigError where
        the properties are wrong, the bucket is missing, or a foreign entry overlaps; AccessDenied
        where S3 may not send to a destination; Unavailable where somebody else wrote meanwhile.
        """
        bucket, _, identity = self.identify(properties).partition("/")
        before = self._read(bucket)
        former_bucket, _, former_identity = (former or "").partition("/")
        current = without(before, former_identity) if former_bucket == bucket else before
        if former_identity == identity:
            # It keeps its place.
            current = before
        self._settle(bucket, before, _wanted(current, identity, properties))
        return {"Id": identity}

    def remove(self, identity: str) -> None:
        """Take the entry out of its bucket, if there are both; no destination is looked at."""
        bucket, _, entry = identity.partition("/")
        try:
            before = self._read(bucket)
            wanted = without(before, entry)
            if wanted != before:
                self._write(bucket, wanted, looks_at_destinations=False)
        except NoBucket:
            return

    def _settle(self, bucket: str, before: Configuration, wanted: Configuration) -> None:
        if is_same(before, wanted):
            # Every write sends a test event to every destination, the foreign ones too.
            return
        self._write(bucket, wanted, looks_at_destinations=True)
        found = self._read(bucket)
        if not is_same(found, wanted):
            gone = "; ".join(missing(wanted, found)) or "nothing of what was written, but more came"
            cause = (
                "somebody else changed it at the same time: see that nobody else writes the"
                f" bucket's notification configuration, then repeat. Now missing: {gone}"
            )
            raise Unavailable("write notification", bucket, cause)

    def _read(self, bucket: str) -> Configuration:
        with _translated(Call("read notification", bucket, bucket)):
            answer = self._s3.get_bucket_notification_configuration(Bucket=bucket)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def _write(self, bucket: str, wanted: Configuration, *, looks_at_destinations: bool) -> None:
        configuration: NotificationConfigurationTypeDef = {**wanted}  # type: ignore[typeddict-item]  # S3's own answer
        with _translated(Call("write notification", bucket, bucket)):
            self._s3.put_bucket_notification_configuration(
                Bucket=bucket,
                NotificationConfiguration=configuration,
                SkipDestinationValidation=not looks_at_destinations,
            )


def connect() -> BucketNotification:
    """Return the resource with the credentials, the region and the endpoint of the process."""
    return BucketNotification(Session().client("s3", config=_CLIENT_CONFIG))


def _wanted(current: Configuration, identity: str, properties: Properties) -> Configuration:
    trigger = _trigger(properties)
    if trigger is Trigger.NO:
        return without(current, identity)
    queue_arn = required(properties, "QueueArn")
    entry = own_entry(identity, queue_arn, properties.get("Prefix", ""), trigger)
    is_restoring = properties.get("ArchivedObjects") == "restore"
    own = with_restores(current, entry, is_needed=is_restoring)
    refuse_overlaps(current, own)
    return merged(current, own)


def _trigger(properties: Properties) -> Trigger:
    text = required(properties, "EventTrigger")
    try:
        return Trigger(text)
    except ValueError:
        cause = f"{text!r} is not one of {', '.join(Trigger)}"
        raise ConfigError("read properties", "EventTrigger", cause) from None


@contextmanager
def _translated(call: Call) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _refusal(error, call) from error
    except BotoCoreError as error:
        raise translate(error, call) from error


def _refusal(error: ClientError, call: Call) -> DualwayError:
    code, message = error.response["Error"].get("Code"), error.response["Error"].get("Message", "")
    if code == "NoSuchBucket":
        cause = "there is no such bucket: create it in the stack's region, or correct BucketName"
        return NoBucket(call.operation, call.bucket, cause)
    if code == "InvalidArgument" and "destination" in message:
        advice = "the queue's policy must let S3 send to it; a foreign destination must still exist"
        return AccessDenied(call.operation, call.bucket, f"{_whole(error)}; {advice}")
    if code == "InvalidArgument" and "ambiguously" in message:
        advice = "give the overlapping ones other prefixes, or set EventTrigger to No"
        return ConfigError(call.operation, call.bucket, f"{message}; {advice}")
    return translate(error, call)


def _whole(error: ClientError) -> str:
    """Return S3's sentence with the arguments that it names beside it."""
    told: Mapping[str, str] = {**error.response["Error"]}  # type: ignore[dict-item]  # S3's extra members
    arguments = [value for name, value in told.items() if name.startswith("Argument")]
    return " ".join([told.get("Message", ""), *(f"({text})" for text in arguments)])
