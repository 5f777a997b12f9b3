"""Production's ports to two buckets and a table, answered from a script.

Each call of a port is one request; nothing of the services is imitated here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from io import BytesIO
from typing import Any, cast

from sync_core.errors import AccessDenied, Ambiguous, PreconditionFailed
from sync_core.events import job_body
from sync_core.model import Ability, ObjectVersion, Outcome, SyncRecord, VersionEntry
from sync_core.records.protocol import Table
from sync_core.storage.protocol import ObjectWrite, Readable, Written
from sync_core.storage.sync_store import SyncStore
from tests.objects import AT_A, AT_B, KEY
from tests.property.one_key_translation import (
    entry_of,
    instance_of,
    record_of,
    sync_record_of,
    tags_of,
    version_of,
)
from tests.property.one_key_values import (
    REPLICA_AT,
    Answer,
    History,
    Instance,
    Message,
    Refusal,
    Request,
    Tags,
    Verb,
)

PAIRS = (AT_A, AT_B)
"""The pair of sites as each stack sees it."""

_USER, _DEDICATED_USER = "AWS:AIDAUSER", "AWS:AIDASYNC"
_EVENTS = {
    Message.CREATED: ("ObjectCreated:Put", _USER),
    Message.REMOVED: ("ObjectRemoved:Delete", _USER),
    Message.TAGGED: ("ObjectTagging:Put", _USER),
    Message.ECHO_PUT: ("ObjectCreated:Put", _DEDICATED_USER),
    Message.ECHO_REMOVAL: ("ObjectRemoved:Delete", _DEDICATED_USER),
    Message.ECHO_TAGGED: ("ObjectTagging:Put", _DEDICATED_USER),
}
_ERRORS = {
    Refusal.PRECONDITION: PreconditionFailed,
    Refusal.FORBIDDEN: AccessDenied,
    Refusal.NO_ANSWER: Ambiguous,
}


class Unanswered(BaseException):  # a crash, as far as production can tell
    """The script ends here: this request is what has to be answered next."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.request = request


@dataclass
class Script:
    """The outside world of one stack, as far as the answers go."""

    stack: int
    answers: tuple[Answer, ...]
    reports: list[str] = field(default_factory=list)
    _given: int = 0

    def ask(self, request: Request) -> Any:
        """Answer, or end the run; the explorer answers each verb with its own type."""
        if self._given == len(self.answers):
            raise Unanswered(request)
        answer = self.answers[self._given]
        self._given += 1
        if isinstance(answer, Refusal):
            raise _ERRORS[answer](request.verb, request.key, answer)
        return answer

    def nonce(self) -> str:
        return str(self.ask(Request(Verb.NONCE, self.stack)))

    def clock(self) -> int:
        return int(self.ask(Request(Verb.CLOCK, self.stack)))

    def nudge(self, key: str) -> None:
        self.ask(Request(Verb.NUDGE, 1 - self.stack, key))

    def report(self, outcome: Outcome) -> None:
        row = f" by row {outcome.row}" if outcome.row else ""
        reason = f" ({outcome.reason})" if outcome.reason else ""
        self.reports.append(f"{outcome.action}{row}{reason}")

    def bucket(self, side: int) -> SyncStore:
        return cast("SyncStore", _Bucket(self, side))

    def table(self) -> Table:
        return cast("Table", _Table(self))


@dataclass
class _Bucket:
    """A `SyncStore`, as far as a small object needs one."""

    script: Script
    side: int

    @property
    def bucket(self) -> str:
        return PAIRS[self.side].own.bucket

    @property
    def lacks(self) -> frozenset[Ability]:
        return frozenset()

    def head(self, key: str) -> ObjectVersion | None:
        found: Instance | None = self._ask(Verb.HEAD, key)
        return replace(version_of(found), key=key) if found else None

    def get(self, key: str, *, etag: str | None = None) -> "_Reader | None":
        expected = Instance(int(etag, 16), 0, 0, None) if etag else None
        found: Instance | None = self._ask(Verb.GET, key, expected=expected)
        return _Reader(found) if found else None

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        content = int(body.read(write.size_bytes))
        edit, tags = int(write.metadata.get("edit", 0)), frozenset(map(int, write.tags))
        put = Instance(content, edit, REPLICA_AT, write.marker, tags=tags)
        expected = instance_of(replaces) if replaces else None
        version: str | bool = self._ask(Verb.PUT, write.key, instance=put, expected=expected)
        return Written(version_of(put).etag, version if isinstance(version, str) else None)

    def delete_if(self, instance: ObjectVersion) -> str | None:
        expected = instance_of(instance)
        version: str | bool = self._ask(Verb.DELETE, instance.key, expected=expected)
        return version if isinstance(version, str) else None

    def copy_if(self, source: ObjectVersion, destination_key: str) -> None:
        self._ask(Verb.KEEP, destination_key, expected=instance_of(source))

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        found: History = self._ask(Verb.VERSIONS, key)
        return [entry_of(instance) for instance in found[:limit]]

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        found: Instance | None = self._ask(Verb.HEAD_VERSION, key, version=version_id)
        return version_of(found) if found else None

    def copy_version(self, source: ObjectVersion, destination_key: str) -> None:
        self._ask(Verb.KEEP_VERSION, destination_key, version=source.version_id or "")

    def delete_version(self, key: str, version_id: str) -> None:
        self._ask(Verb.PURGE, key, version=version_id)

    def tags(self, key: str) -> Mapping[str, str] | None:
        found: Tags | None = self._ask(Verb.READ_TAGS, key)
        return None if found is None else tags_of(found)

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        self._ask(Verb.PUT_TAGS, key, tags=frozenset(map(int, tags)))

    def _ask(self, verb: Verb, key: str, **fields: Any) -> Any:
        return self.script.ask(Request(verb, self.side, key, **fields))


class _Reader(BytesIO):
    def __init__(self, instance: Instance) -> None:
        super().__init__(b"%d" % instance.content)
        self.version = version_of(instance)


@dataclass
class _Table:
    script: Script

    def read(self, keys: list[str]) -> dict[str, SyncRecord]:
        found = self.script.ask(Request(Verb.READ_RECORD, self.script.stack)) if keys else None
        return {KEY: sync_record_of(found)} if found else {}

    def write(self, records: list[SyncRecord]) -> frozenset[str]:
        (record,) = map(record_of, records)
        request = Request(Verb.WRITE_RECORD, self.script.stack, record=record)
        return frozenset() if self.script.ask(request) else frozenset({KEY})


@cache
def message_body(stack: int, message: Message) -> str:
    """Return what stands in the queue of a stack."""
    if message not in _EVENTS:
        is_for_tags = message is Message.TAGS_HINT
        return job_body(KEY, from_peer=message is Message.PEER_HINT, for_tags=is_for_tags)
    name, principal_id = _EVENTS[message]
    bucket = {"name": PAIRS[stack].own.bucket}
    entry = {
        "eventSource": "aws:s3",
        "eventName": name,
        "userIdentity": {"principalId": principal_id},
        "s3": {"bucket": bucket, "object": {"key": KEY, "size": 1}},
    }
    return json.dumps({"Records": [entry]})
