"""Changes of a bucket as the messages that AWS would send, in every form in which they come."""

import json
from typing import Any
from urllib.parse import quote_plus

from sync_core.model import Site
from sync_core.storage.memory import ChangeRecord
from tests.simulation.plan import Fate

ACCOUNT_ID = "123456789012"
_DETAIL_TYPES = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "LifecycleExpiration": "Object Deleted",
    "ObjectTagging": "Object Tags Added",
}
TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "bucket"})
JUNK = ("", "{", '{"Records": []}', '{"Records": [{"eventName": "ObjectCreated:Put"}]}', "[1]")


def body_of(site: Site, change: ChangeRecord, fate: Fate, before: ChangeRecord | None) -> str:
    """Return the message; `before` is an earlier change of the bucket, which may come along."""
    record = _record(site, change, fate)
    if fate is Fate.BY_EVENTBRIDGE:
        return json.dumps(_detail(site, change))
    if fate is Fate.THREE_RECORDS:
        others = [_record(site, before, Fate.SENT)] if before else []
        return json.dumps({"Records": [record, *others, record]})
    body = json.dumps({"Records": [record]})
    if fate is Fate.BY_SNS:
        return json.dumps({"Type": "Notification", "MessageId": "1", "Message": body})
    return body


def _record(site: Site, change: ChangeRecord, fate: Fate) -> dict[str, Any]:
    about: dict[str, Any] = {
        "key": quote_plus(change.key, safe="/"),
        "size": change.size_bytes,
        "eTag": change.etag,
        "sequencer": _sequencer(change.sequencer, fate),
        "versionId": change.version_id,
    }
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": site.region,
        "eventTime": change.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventName": change.event_name,
        "userIdentity": {"principalId": change.principal_id},
        "s3": {
            "bucket": {"name": site.bucket},
            "object": {name: value for name, value in about.items() if value is not None},
        },
    }


def _sequencer(sequencer: str | None, fate: Fate) -> str | None:
    if sequencer is None or fate is Fate.NO_SEQUENCER:
        return None
    if fate is Fate.SHORT_SEQUENCER:
        return sequencer[2:]
    return sequencer.lower() if fate is Fate.LOWER_SEQUENCER else sequencer


def _detail(site: Site, change: ChangeRecord) -> dict[str, Any]:
    family = change.event_name.split(":", maxsplit=1)[0]
    expired = {"reason": "Lifecycle Expiration"} if family == "LifecycleExpiration" else {}
    service = change.principal_id == "s3.amazonaws.com"
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": _DETAIL_TYPES[family],
        "time": change.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {
            "bucket": {"name": site.bucket},
            "object": {"key": change.key, "size": change.size_bytes, "etag": change.etag or ""},
            "requester": change.principal_id if service else ACCOUNT_ID,
            **expired,
        },
    }
