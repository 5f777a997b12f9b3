"""Production's worker on one key, one request at a time.

A `Moment` is how far an evaluation has got: the real `Pipeline` runs on one message against a
script of answers, and as soon as it asks beyond the script, that request is what the explorer has
to answer, after whatever else may happen before. So everything that a stack does is production's
own: order of reads, optimistic path, evidence, decision, claim, markers, conditional writes,
retries, records.
"""

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from io import BytesIO
from typing import Any, cast

from sync_core.errors import AccessDenied, Ambiguous, PreconditionFailed
from sync_core.events import job_body
from sync_core.model import (
    ObjectVersion,
    Outcome,
    SyncRecord,
)
from sync_core.pipeline import Pipeline
from sync_core.queues import protocol as queues
from sync_core.records.protocol import RecordStore
from sync_core.stack import Context, Settings, Sides, Stack
from sync_core.storage.protocol import ObjectWrite, Readable, SyncStore, Written
from tests.objects import AT_A, AT_B, KEY
from tests.property.one_key_translation import (
    NOW,
    instance_of,
    record_of,
    sync_record_of,
    version_of,
)
from tests.property.one_key_values import (
    REPLICA_AT,
    Answer,
    Instance,
    Message,
    Refusal,
    Request,
    Verb,
)

_PAIRS = (AT_A, AT_B)
_SETTINGS = Settings(frozenset({"AIDASYNC"}))
_EXPECTED = (AccessDenied, Ambiguous)
_EVENTS = {
    Message.CREATED: ("ObjectCreated:Put", "AWS:AIDAUSER"),
    Message.REMOVED: ("ObjectRemoved:Delete", "AWS:AIDAUSER"),
    Message.ECHO_PUT: ("ObjectCreated:Put", "AWS:AIDASYNC"),
    Message.ECHO_REMOVAL: ("ObjectRemoved:Delete", "AWS:AIDASYNC"),
}


@dataclass(eq=False, slots=True)
class Moment:
    """How far an evaluation has got; for equal answers it is the same object.

    `request` is what it asks for next (None: it is done), `reports` what it has reported.
    """

    stack: int
    message: Message
    waited: bool
    answers: tuple[Answer, ...] = ()
    request: Request | None = None
    reports: tuple[str, ...] = ()
    _following: dict[Answer, "Moment"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.request, self.reports = _run(self.stack, self.message, self.answers, self.waited)

    def after(self, answer: Answer) -> "Moment":
        """Return how far the evaluation gets with one answer more."""
        moment = self._following.get(answer)
        if moment is None:
            answers = (*self.answers, answer)
            moment = Moment(self.stack, self.message, self.waited, answers)
            self._following[answer] = moment
        return moment


@cache
def evaluation(stack: int, message: Message, *, waited: bool = False) -> Moment:
    """Return the beginning of an evaluation; `waited` says that the grace period is over."""
    return Moment(stack, message, waited)


def _run(
    stack: int,
    message: Message,
    answers: tuple[Answer, ...],
    waited: bool,  # noqa: FBT001 - as the moment's fields
) -> tuple[Request | None, tuple[str, ...]]:
    """Process the message with these answers; return the next request and what was reported."""
    script = _Script(stack, answers)
    now = NOW + timedelta(seconds=_SETTINGS.grace_seconds) if waited else NOW
    context = Context(lambda: now, script.nonce, _Inline(), script.report)
    sides = Sides(_PAIRS[stack], script.bucket(stack), script.bucket(1 - stack))
    pipeline = Pipeline(Stack(sides, cast("RecordStore", _Table(script)), _SETTINGS, context))
    try:
        (settlement,) = pipeline.run([queues.Message("1", _body(stack, message), "1")])
    except _Unanswered as question:
        return question.request, tuple(script.reports)
    if settlement.error is not None and not isinstance(settlement.error, _EXPECTED):
        raise settlement.error
    return None, tuple(script.reports)


class _Unanswered(BaseException):  # a crash, as far as production can tell
    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.request = request


@dataclass
class _Script:
    """The outside world, as far as the answers go."""

    stack: int
    answers: tuple[Answer, ...]
    reports: list[str] = field(default_factory=list)
    _given: int = 0

    def ask(self, request: Request) -> Any:
        """Answer, or end the run; the explorer answers each verb with its own type."""
        if self._given == len(self.answers):
            raise _Unanswered(request)
        answer = self.answers[self._given]
        self._given += 1
        if answer is Refusal.PRECONDITION:
            raise PreconditionFailed(request.verb, request.key, answer)
        if answer is Refusal.FORBIDDEN:
            raise AccessDenied(request.verb, request.key, answer)
        if answer is Refusal.NO_ANSWER:
            raise Ambiguous(request.verb, request.key, answer)
        return answer

    def nonce(self) -> str:
        return str(self.ask(Request(Verb.NONCE, self.stack)))

    def report(self, outcome: Outcome) -> None:
        row = f" by row {outcome.row}" if outcome.row else ""
        reason = f" ({outcome.reason})" if outcome.reason else ""
        self.reports.append(f"{outcome.action}{row}{reason}")

    def bucket(self, side: int) -> SyncStore:
        return cast("SyncStore", _Bucket(self, side))


@dataclass
class _Bucket:
    """A `SyncStore`, as far as a small object without tags needs one."""

    script: _Script
    side: int

    @property
    def bucket(self) -> str:
        return _PAIRS[self.side].own.bucket

    def head(self, key: str) -> ObjectVersion | None:
        found: Instance | None = self._ask(Verb.HEAD, key)
        return replace(version_of(found), key=key) if found else None

    def get(self, key: str, *, etag: str | None = None) -> "_Reader | None":
        expected = Instance(int(etag, 16), 0, 0, None) if etag else None
        found: Instance | None = self._ask(Verb.GET, key, expected=expected)
        return _Reader(found) if found else None

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        content = int(body.read(write.size_bytes))
        put = Instance(content, int(write.metadata.get("edit", 0)), REPLICA_AT, write.marker)
        expected = instance_of(replaces) if replaces else None
        self._ask(Verb.PUT, write.key, put, expected)
        return Written(version_of(put).etag)

    def delete_if(self, instance: ObjectVersion) -> None:
        self._ask(Verb.DELETE, instance.key, expected=instance_of(instance))

    def copy_if(self, source: ObjectVersion, destination_key: str) -> None:
        self._ask(Verb.KEEP, destination_key, expected=instance_of(source))

    def _ask(
        self,
        verb: Verb,
        key: str,
        instance: Instance | None = None,
        expected: Instance | None = None,
    ) -> Any:
        return self.script.ask(Request(verb, self.side, key, instance, expected))


class _Reader(BytesIO):
    def __init__(self, instance: Instance) -> None:
        super().__init__(b"%d" % instance.content)
        self.version = version_of(instance)


@dataclass
class _Table:
    script: _Script

    def read(self, keys: list[str]) -> dict[str, SyncRecord]:
        found = self.script.ask(Request(Verb.READ_RECORD, self.script.stack)) if keys else None
        return {KEY: sync_record_of(found)} if found else {}

    def write(self, records: list[SyncRecord]) -> frozenset[str]:
        (record,) = map(record_of, records)
        request = Request(Verb.WRITE_RECORD, self.script.stack, record=record)
        return frozenset() if self.script.ask(request) else frozenset({KEY})


class _Inline(Executor):
    """Runs each call at once; what is no `Exception` goes through, as a crash would."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as every executor: the caller looks at it
            future.set_exception(error)
        return future


@cache
def _body(stack: int, message: Message) -> str:
    if message is Message.HINT:
        return job_body(KEY)
    name, principal_id = _EVENTS[message]
    bucket = {"name": _PAIRS[stack].own.bucket}
    entry = {
        "eventSource": "aws:s3",
        "eventName": name,
        "userIdentity": {"principalId": principal_id},
        "s3": {"bucket": bucket, "object": {"key": KEY, "size": 1}},
    }
    return json.dumps({"Records": [entry]})
