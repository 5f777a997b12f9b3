"""The event that OSS makes of a change, as its own trigger of Function Compute gets it."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.oss.contents import Event, Value

ACCOUNT_ID = "1649015465570001"
REGION = "cn-hangzhou"
_RULE_ID = "9adac8e253828f4f7c0466d941fa3db81161e853"


@dataclass(frozen=True)
class Happening:
    """One change: `name` as events have it, without `oss:`; `etag` empty for what is gone."""

    name: str
    key: str
    etag: str = ""
    size_bytes: int = 0
    more_bytes: int = 0
    value: Value | None = None


def event_of(happening: Happening, bucket: str, user_id: str) -> Event:
    """Return the event; its key is as it is, its time in whole seconds, its principal the signer.

    Source: Aliyun, "OSS event notifications", as of 2025-11.
    """
    value = happening.value or Value({}, {})
    return {
        "eventName": happening.name,
        "eventSource": "acs:oss",
        "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z",
        "eventVersion": "1.0",
        "oss": {
            "bucket": {
                "arn": f"acs:oss:{REGION}:{ACCOUNT_ID}:{bucket}",
                "name": bucket,
                "ownerIdentity": ACCOUNT_ID,
                "virtualBucket": "",
            },
            "object": {
                "deltaSize": happening.more_bytes,
                "eTag": happening.etag,
                "key": happening.key,
                "objectMeta": {
                    "mimeType": value.headers.get("content-type", ""),
                    "userMeta": {
                        f"x-oss-meta-{name}": text for name, text in value.metadata.items()
                    },
                },
                "size": happening.size_bytes,
            },
            "ossSchemaVersion": "1.0",
            "ruleId": _RULE_ID,
        },
        "region": REGION,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": f"{int(time.time()):08X}{secrets.token_hex(8).upper()}"},
        "userIdentity": {"principalId": user_id},
    }
