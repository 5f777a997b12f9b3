"""The flow of a batch: parse -> gather -> decide -> check -> transfer -> record, for all its keys.

The messages of one key collapse into one evaluation. Records are read, leases and intents written,
and outcomes recorded with one call each for the whole batch; objects are read and moved side by
side. A key whose world changed under us is evaluated again, a few times; then it is deferred. A
retry after an error is the queue's business: nothing here sleeps.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol

from sync_core import events
from sync_core.errors import DualwayError, Poison, Stale, Unexpected
from sync_core.evaluation import Evaluation
from sync_core.model import EventKind, ObjectEvent, SyncRecord
from sync_core.part_work import PartWork, behind_prefix
from sync_core.queues.protocol import Message
from sync_core.safety import Admission, Change
from sync_core.stack import Stack

ROUNDS = 4
"""How often a key is evaluated while its world changes, before it is deferred."""

DEFER_SECONDS = 2
"""How long a key waits that another worker holds, or that would not keep still."""


class DeleteGuard(Protocol):
    """What stands between deciding and acting; `guard.Guard` is one."""

    def admit(self, deletes: Sequence[Change]) -> Mapping[str, Admission]:
        """Say of each key whether its object may be deleted now."""
        ...

    def note_created(self, created: Sequence[Change]) -> None:
        """Note objects that were put where none had been: a delete of the same is a rename."""
        ...


@dataclass(frozen=True, slots=True)
class Deferral:
    """A key, with its prefix, that has to be looked at again, `delay_seconds` from now.

    `for_tags`: its tags have to be compared then as well.
    """

    key: str
    delay_seconds: int
    for_tags: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is to become of one delivery.

    Without an error the message is done: delete it. A `Poison` error: dead-letter it with the
    error's text. Any other error: return it to the queue, to be delivered again after a pause that
    grows with its receive count. In each case first send a hint for each deferral.
    """

    message: Message
    error: DualwayError | None = None
    deferrals: tuple[Deferral, ...] = ()


@dataclass(slots=True)
class _Intake:
    """The messages in hand, sorted by what they say; `keys`, `errors`, `work`: one for each."""

    events: dict[str, list[ObjectEvent]] = field(default_factory=dict)
    keys: list[tuple[str, ...]] = field(default_factory=list)
    errors: list[DualwayError | None] = field(default_factory=list)
    work: list[PartWork | None] = field(default_factory=list)


class Pipeline:
    """Processes batches of messages; safe to call from several threads at once."""

    def __init__(self, stack: Stack, guard: DeleteGuard | None = None) -> None:
        self._stack = stack
        self._guard = guard

    def run(self, messages: Sequence[Message]) -> list[Settlement]:
        """Process all messages in hand as one batch; one settlement for each, in their order.

        Raises `Retryable` errors of the record store: then no message is settled.
        """
        intake = self._take_in(messages)
        self._send_parts(intake)
        owner = self._stack.context.nonce()
        evaluations = {
            key: Evaluation(self._stack, key, tuple(found), owner)
            for key, found in intake.events.items()
        }
        for _ in range(ROUNDS):
            self._round([each for each in evaluations.values() if each.is_open])
        for each in evaluations.values():
            if each.is_open:
                each.defer(DEFER_SECONDS, "the key would not keep still")
        self._record(evaluations.values())
        begun = [each for each in evaluations.values() if each.has_uploads_to_end]
        self._side_by_side(Evaluation.end_uploads, begun)
        return [
            self._settle(message, [evaluations[key] for key in keys], error)
            for message, keys, error in zip(messages, intake.keys, intake.errors, strict=True)
        ]

    def _take_in(self, messages: Sequence[Message]) -> _Intake:
        intake = _Intake()
        for message in messages:
            parsed = events.parse(message.body, bucket=self._stack.sides.pair.own.bucket)
            wanted = [event for event in map(self._own, parsed.events) if event is not None]
            for event in wanted:
                intake.events.setdefault(event.key, []).append(event)
            intake.keys.append(tuple(dict.fromkeys(event.key for event in wanted)))
            intake.errors.append(parsed.errors[0] if parsed.errors else None)
            intake.work.append(self._part_work(parsed, message))
        return intake

    def _part_work(self, parsed: events.Parsed, message: Message) -> PartWork | None:
        prefix = self._stack.sides.pair.own.prefix
        jobs = [behind_prefix(job, prefix) for job in parsed.jobs]
        found = next((job for job in jobs if job is not None), None)
        if found is None or self._stack.settings.excludes(found.key):
            return None
        return PartWork(self._stack, found, message.receive_count)

    def _send_parts(self, intake: _Intake) -> None:
        """Do what the part messages ask for; keys to be looked at then come in as well."""
        submit = self._stack.context.executor.submit
        futures = {
            index: submit(work.do) for index, work in enumerate(intake.work) if work is not None
        }
        for index, future in futures.items():
            work = intake.work[index]
            error = _ours(future.exception(), "send parts", work.key if work else "")
            intake.errors[index] = intake.errors[index] or error
            if error is None and work is not None and work.calls_for_a_look:
                hint = ObjectEvent(work.key, EventKind.HINT)
                intake.events.setdefault(work.key, []).append(hint)
                intake.keys[index] = (work.key,)

    def _own(self, event: ObjectEvent) -> ObjectEvent | None:
        """Return the event with its key as it is behind the own prefix; None if it has no part."""
        prefix = self._stack.sides.pair.own.prefix
        key = event.key.removeprefix(prefix)
        if not key or not event.key.startswith(prefix) or self._stack.settings.excludes(key):
            return None
        return replace(event, key=key) if prefix else event

    def _round(self, evaluations: list[Evaluation]) -> None:
        """Take every open key one step on: look, claim, act, record."""
        if not evaluations:
            return
        self._read_records(evaluations)
        self._side_by_side(Evaluation.examine, [each for each in evaluations if each.is_open])
        self._check(evaluations)
        self._claim([each for each in evaluations if each.wants_to_act])
        self._side_by_side(Evaluation.act, [each for each in evaluations if each.wants_to_act])
        self._note_created(evaluations)
        self._record([each for each in evaluations if not each.is_open])

    def _read_records(self, evaluations: list[Evaluation]) -> None:
        unread = [each for each in evaluations if each.draft.record is None]
        found = self._stack.records.read([each.key for each in unread])
        now = self._stack.now()
        for each in unread:
            record = found.get(each.key, SyncRecord(each.key))
            if record.lease is not None and record.lease.until > now:
                each.defer(DEFER_SECONDS, "another worker holds the key")
            else:
                each.draft.record = record

    def _check(self, evaluations: list[Evaluation]) -> None:
        """Ask the guard about all deletes of the batch at once; creates pass it by."""
        planned = {each.key: each.planned_delete for each in evaluations}
        deletes = [change for change in planned.values() if change is not None]
        if self._guard is None or not deletes:
            return
        admissions = self._guard.admit(deletes)
        for each in evaluations:
            match admissions.get(each.key, Admission.ALLOWED):
                case Admission.HELD:
                    each.hold_delete()
                case Admission.DELAYED:
                    each.hold_delete(self._stack.settings.grace_seconds)

    def _note_created(self, evaluations: list[Evaluation]) -> None:
        created = [each.created for each in evaluations if each.created is not None]
        for each in evaluations:
            each.created = None
        if self._guard is not None and created:
            self._guard.note_created(created)

    def _claim(self, evaluations: list[Evaluation]) -> None:
        """Write lease and intent ahead of the action; whoever comes second starts over."""
        for each in evaluations:
            each.claim()
        for each in self._write(evaluations):
            each.start_over()

    def _record(self, evaluations: Iterable[Evaluation]) -> None:
        """Write what became known; a refused record is evidence of a change: start over."""
        for each in self._write([each for each in evaluations if each.draft.is_dirty]):
            each.start_over()

    def _write(self, evaluations: list[Evaluation]) -> list[Evaluation]:
        """Write these records; returns those that were refused."""
        if not evaluations:
            return []
        refused = self._stack.records.write([each.draft.require() for each in evaluations])
        for each in evaluations:
            if each.key not in refused:
                each.draft.was_written()
        return [each for each in evaluations if each.key in refused]

    def _side_by_side(
        self, step: Callable[[Evaluation], None], evaluations: list[Evaluation]
    ) -> None:
        submit = self._stack.context.executor.submit
        futures = [(each, submit(step, each)) for each in evaluations]
        for each, future in futures:
            _take_result(each, future)

    def _settle(
        self, message: Message, evaluations: list[Evaluation], found: DualwayError | None
    ) -> Settlement:
        """Combine the fates of a message's keys: a retry first, then poison, then done."""
        prefix = self._stack.sides.pair.own.prefix
        errors = [each.error for each in evaluations if each.error is not None]
        retryable = next((error for error in errors if not isinstance(error, Poison)), None)
        deferrals = tuple(
            Deferral(prefix + each.key, each.defer_seconds, each.asks_for_tags)
            for each in evaluations
            if each.defer_seconds is not None
        )
        error = retryable or found or next(iter(errors), None)
        return Settlement(message, error, deferrals)


def _take_result(evaluation: Evaluation, future: Future[None]) -> None:
    """One key's error, even a defect of ours, never touches its neighbours."""
    error = _ours(future.exception(), "evaluate", evaluation.key)
    if isinstance(error, Stale):
        evaluation.look_again()
    elif error is not None:
        evaluation.fail(error)


def _ours(error: BaseException | None, operation: str, key: str) -> DualwayError | None:
    """Return the error as one of ours; what is no `Exception` goes through."""
    if error is None or isinstance(error, DualwayError):
        return error
    if not isinstance(error, Exception):
        raise error
    wrapped = Unexpected(operation, key, f"{type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
