"""The adapters as a simulated process sees them: it pauses around each call, which may go wrong."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

from sync_core.errors import (
    AccessDenied,
    Ambiguous,
    DualwayError,
    PreconditionFailed,
    Throttled,
    Unavailable,
    WriteConflict,
)
from sync_core.storage.readers import Reader
from tests.simulation.plan import Fault
from tests.simulation.tasks import Call, Scheduler, Task

WRITES = frozenset(
    {
        *("put", "put_if", "delete", "delete_if", "copy_if", "put_tags", "complete_if"),
        *("copy_version", "delete_version", "write", "write_control"),
        *("open", "note", "claim", "end"),
    }
)
"""Calls with an effect whose answer may be lost."""

PAGE = 2
"""Entries on a page of a listing."""

_CONDITIONAL = frozenset({"put_if", "delete_if", "copy_if", "complete_if", "copy_version"})
_WITH_BODY = frozenset({"put", "put_if"})
_READS = frozenset({"head", "get"})

_BEFORE: dict[Fault, type[DualwayError]] = {
    Fault.UNAVAILABLE: Unavailable,
    Fault.THROTTLED: Throttled,
    Fault.DENIED: AccessDenied,
}
"""Faults that can meet any call before it has an effect."""

Told = Callable[[Task, Call, str], None]


class Port:
    """An adapter behind pauses. `name` is how the process calls it: own, peer, records, queue.

    `told` is called with each answer. Outside of a process, calls go straight through.
    """

    def __init__(self, name: str, inner: Any, scheduler: Scheduler, told: Told) -> None:
        self.name = name
        self.inner = inner
        self.scheduler = scheduler
        self.told = told
        self.older: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.inner, name)
        if name == "list":
            return self._list
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            task = self.scheduler.current
            if task is None:
                return attribute(*args, **kwargs)
            return self._call(task, name, lambda: attribute(*args, **kwargs), args)

        self.__dict__[name] = call
        return call

    def _list(self, *args: str, **kwargs: str) -> Iterator[Any]:
        """Yield a listing page by page, each as it is, or on a fault was, when it is asked for."""
        task = self.scheduler.current
        if task is None:
            yield from self.inner.list(*args, **kwargs)
            return
        after = kwargs.get("start_after", args[-1] if args else "")
        while True:
            page = self._page(task, after)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].key

    def _page(self, task: Task, after: str) -> list[Any]:
        call = Call(self.name, "list", f"after {after!r}")
        fault = task.pause(call)
        _fail_before(call, fault)
        shown = list(self.inner.list(start_after=""))
        older, self.older = self.older, shown
        listing = older if fault is Fault.STALE_PAGE else shown
        page = [entry for entry in listing if entry.key.encode() > after.encode()][:PAGE]
        self.told(task, call, ", ".join(entry.key for entry in page) or "nothing")
        return page

    def _call(self, task: Task, name: str, do: Callable[[], Any], args: Any) -> Any:
        call = Call(self.name, name, _key_of(args))
        try:
            answer = self._attempt(task, call, do)
        except DualwayError as error:
            self.told(task, call, type(error).__name__)
            raise
        self.told(task, call, _shown(answer))
        return answer

    def _attempt(self, task: Task, call: Call, do: Callable[[], Any]) -> Any:
        fault = task.pause(call)
        _fail_before(call, fault)
        answer = do()
        if call.name == "get" and fault is Fault.SHORT_READ and answer is not None:
            return ShortReader(answer)
        if call.name not in WRITES:
            return answer
        fault = task.pause(replace(call, done=True))
        return _answer_after(call, fault, do, answer)


class ShortReader(Reader):
    """A reader whose stream ends one byte early, as a broken connection makes it."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner.version)
        with inner:
            self._body = BytesIO(inner.read()[:-1])

    def read(self, amount: int = -1, /) -> bytes:
        return self._body.read(amount)

    def close(self) -> None:
        self._body.close()


def _fail_before(call: Call, fault: Fault) -> None:
    """Raise what the fault means before the call has had an effect."""
    error = _BEFORE.get(fault)
    if fault is Fault.UNANSWERED:
        error = Ambiguous if call.name in WRITES else Unavailable
    elif call.name in _CONDITIONAL and fault is Fault.RACED:
        error = WriteConflict
    elif call.name in _CONDITIONAL and fault is Fault.REFUSED:
        error = PreconditionFailed
    if error is not None:
        raise error(call.name, call.key, f"{fault}, before any effect")


def _answer_after(call: Call, fault: Fault, do: Callable[[], Any], answer: Any) -> Any:
    """Return the answer to a write that has had its effect, if it is to arrive."""
    if fault is Fault.RETRIED_INSIDE and call.name in _WITH_BODY:
        raise PreconditionFailed(call.name, call.key, "a retry met what the first try had written")
    if fault is Fault.RETRIED_INSIDE:
        return do()
    if fault in _BEFORE or fault is Fault.UNANSWERED:
        raise Ambiguous(call.name, call.key, f"{fault}, after the effect")
    return answer


def is_read(call: Call) -> bool:
    return call.name in _READS


def _key_of(args: Any) -> str:
    if not args:
        return ""
    first = args[0]
    if isinstance(first, str):
        return first
    if isinstance(first, (list, tuple, set, frozenset)):
        return ",".join(each if isinstance(each, str) else _key_of((each,)) for each in first)
    return getattr(first, "key", getattr(first, "message_id", ""))


def _shown(answer: Any) -> str:
    if answer is None:
        return "none"
    version = getattr(answer, "version", answer)
    etag = getattr(version, "etag", None)
    if etag is None:
        return type(answer).__name__ if not isinstance(answer, (bool, frozenset)) else str(answer)
    kind = "replica" if getattr(version, "marker", None) else "object"
    return f"{kind} {etag[:6]}"
