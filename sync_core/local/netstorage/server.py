"""The server's life, and the way of one request: fault, signature, path, action, answer."""

import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sync_core.errors import ConfigError
from sync_core.local.netstorage.answers import Answer, Refusal
from sync_core.local.netstorage.changing import Change, Changing
from sync_core.local.netstorage.chunks import RequestBody
from sync_core.local.netstorage.connection import HttpServer, Incoming
from sync_core.local.netstorage.faults import Fault, Faults, Kind
from sync_core.local.netstorage.paths import NodePath
from sync_core.local.netstorage.reading import PAGE_ENTRIES, Question, Reading
from sync_core.local.netstorage.signature import Account, Gatekeeper, SignedAction
from sync_core.local.netstorage.tree import File, Tree
from sync_core.local.netstorage.uploads import check, final_parameters, receive, seconds

LOOPBACK = "127.0.0.1"

SEEN_REQUESTS = 10_000
"""How many requests are remembered, the latest ones."""

_NO_CONTENT = 204

_READING = frozenset({"GET"})
_CHANGING = frozenset({"POST", "PUT"})
_VERBS = {
    **dict.fromkeys(("stat", "dir", "list", "du", "download"), _READING),
    **dict.fromkeys(("delete", "mkdir", "rmdir", "rename", "symlink", "mtime"), _CHANGING),
    "quick-delete": _CHANGING,
    "upload": frozenset({"PUT"}),
}
"""Which methods an action may come with: Akamai's clients POST where its OpenAPI says PUT."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request: `action` and `path` are "" where its signature or its path was refused.

    `status` is None where the connection was reset instead of answered in full; `body_bytes` is how
    much of its body was received.
    """

    method: str
    action: str
    path: str
    status: int | None
    body_bytes: int


class NetStorageServer:
    """Serves `accounts` on the loopback interface while the context is entered.

    `hostname` includes the port. `clock` gives seconds since 1970; `changed_status` is what a
    change is answered with: Akamai's clients expect 200, its OpenAPI says 204. `faults` lets things
    go wrong, `seen` tells what was asked: the latest `SEEN_REQUESTS`. Raises ConfigError where the
    port is taken.
    """

    def __init__(
        self,
        *accounts: Account,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        page_entries: int = PAGE_ENTRIES,
        changed_status: int = 200,
    ) -> None:
        self.faults = Faults()
        self.seen: deque[Seen] = deque(maxlen=SEEN_REQUESTS)
        self.tree = Tree({account.cpcode for account in accounts}, int(clock()))
        self.clock = clock
        self._gatekeeper = Gatekeeper(accounts, clock)
        self._reading = Reading(self.tree, page_entries)
        self._changing = Changing(self.tree)
        self._changed_status = changed_status
        self._stopped = threading.Event()
        try:
            self._http = HttpServer((LOOPBACK, port), self._serve, clock)
        except OSError as error:
            cause = f"cannot listen on {LOOPBACK}:{port} ({error.strerror}); choose another port"
            raise ConfigError("local NetStorage", "port", cause) from error
        self._folder = tempfile.TemporaryDirectory(prefix="netstorage-", ignore_cleanup_errors=True)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.05,), name="local-netstorage", daemon=True
        )

    @property
    def hostname(self) -> str:
        """Where it listens, with the port."""
        return f"{LOOPBACK}:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._http.stop()
        self._thread.join()
        self._folder.cleanup()
        if error is None and self._http.failures:
            raise self._http.failures[0]

    def count(self, action: str, path: str | None = None) -> int:
        """Return how many requests of an action (for one path) were seen."""
        return sum(each.action == action and path in {None, each.path} for each in tuple(self.seen))

    def paths(self, cpcode: str) -> list[str]:
        """Return the paths of all files and links of a CP code, in the order of `list`."""
        below = self.tree.below(cpcode.encode())
        return [
            f"/{key.decode('utf-8', 'surrogateescape')}" for key, _ in below if key[-1:] != b"/"
        ]

    def _serve(self, incoming: Incoming) -> None:
        """Answer one request, and note it down before the client can see the answer."""
        action = path = ""
        fault = None
        try:
            signed = self._gatekeeper.admit(incoming.target, incoming.headers)
            action = signed.name
            node_path = NodePath.of_target(incoming.target)
            path = str(node_path)
            fault = self.faults.strike(action, path)
            answer = self._answer(incoming, signed, node_path, fault)
        except Refusal as refusal:
            answer = Answer.refused(refusal)
        if not _breaks_upload(fault):
            incoming.skip_body()
        status = None if fault and fault.kind in {Kind.RESET, Kind.LOST} else answer.status
        self.seen.append(Seen(incoming.method, action, path, status, incoming.received_bytes))
        self._deliver(incoming, answer, fault)

    def _answer(
        self, incoming: Incoming, signed: SignedAction, path: NodePath, fault: Fault | None
    ) -> Answer:
        """Do what is asked, unless a fault is in its way; raises `Refusal`."""
        if fault is not None and fault.kind is Kind.STATUS:
            raise Refusal(fault.status, "this fault was asked for")
        if _breaks_upload(fault):
            incoming.read_half()
            return Answer(self._changed_status)
        return self._act(incoming, signed, path)

    def _deliver(self, incoming: Incoming, answer: Answer, fault: Fault | None) -> None:
        """Send the answer, as far as a fault lets it through."""
        if fault is None or fault.kind is Kind.STATUS:
            incoming.send(answer)
        elif fault.kind is Kind.LOST or _breaks_upload(fault):
            incoming.reset()
        elif fault.kind is Kind.RESET:
            incoming.send_half(answer)
        elif fault.kind is Kind.CUT:
            incoming.send(answer.halved())
        else:
            self._stopped.wait(fault.seconds)
            incoming.send(answer)

    def _act(self, incoming: Incoming, signed: SignedAction, path: NodePath) -> Answer:
        """Do what is asked; raises `Refusal`."""
        action = signed.name
        verbs = _VERBS.get(action)
        if verbs is None:
            raise Refusal(400, f"unknown action {action!r}")
        if incoming.method not in verbs:
            raise Refusal(403, f"{action} cannot be asked for with {incoming.method}")
        if path.cpcode != signed.account.cpcode:
            raise Refusal(403, f"{signed.account.username} may not use CP code {path.cpcode}")
        if verbs is _READING:
            question = Question(path, signed.parameters, incoming.headers.get("Range"))
            return self._reading.answer(action, question)
        if action == "upload":
            said = self._upload(incoming.target, signed, path, incoming.body())
        else:
            said = self._changing.apply(action, Change(path, signed.parameters, int(self.clock())))
        text = b"" if self._changed_status == _NO_CONTENT else f"{said}\n".encode()
        return Answer(self._changed_status, text)

    def _upload(
        self, target: str, signed: SignedAction, path: NodePath, given: RequestBody | None
    ) -> str:
        """Store a file, whole and as it should be, or nothing."""
        if given is None:
            raise Refusal(400, "an upload needs Content-Length or Transfer-Encoding: chunked")
        if path.names_directory or path.is_root:
            raise Refusal(400, "an upload needs the path of a file")
        body = receive(given, signed, Path(self._folder.name))
        try:
            parameters = final_parameters(signed, target, given.trailer, self._gatekeeper)
            check(body, parameters)
            modified_at = seconds(parameters, default=int(self.clock()))
        except Refusal:
            body.drop()
            raise
        self.tree.put(path.key, File(body, modified_at))
        return "upload: done"


def _breaks_upload(fault: Fault | None) -> bool:
    """Say whether a fault resets the connection before the body has come in."""
    return fault is not None and fault.kind is Kind.RESET and fault.action == "upload"
