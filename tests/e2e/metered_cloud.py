"""A local cloud without workers, as a process that notes what is asked of it and can stop a call.

`python -m tests.e2e.metered_cloud FOLDER` writes FOLDER/ready.json when it is ready. Each step of a
copy is added to FOLDER/calls as a line of JSON when it is answered. FOLDER/gate says which steps
wait until it says something else; such a step adds a line of its own, with `held`.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from sync_core.cli.running import end_signals, wait_for_end
from sync_core.local.cloud import LocalCloud
from sync_core.local.gateway import Application, Receive, Scope, Send, header
from sync_core.local.ready_file import announced

LOOK_SECONDS = 0.02

_MULTIPART = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "partNumber"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}
_SERVICE_CALLS = {
    "PutItem",
    "UpdateItem",
    "TransactWriteItems",
    "SendMessageBatch",
    "DeleteMessageBatch",
    "ReceiveMessage",
}


class Meter:
    """Notes the steps of copies, and holds back those of workers that the gate names.

    The gate is `{"id": ..., "side": ..., "from": n}`: one step of a side's workers, the first that
    comes as the nth of all or later; or `{"operation": ..., "key": ..., "after": n}`: all such
    steps but the first n; or the same with `beyond` for `after`: those of parts whose numbers are
    larger than n. With `"late": true` it is the answer that waits.
    """

    def __init__(self, folder: Path) -> None:
        self._gate = folder / "gate"
        self._calls = (folder / "calls").open("a", buffering=1, encoding="utf-8")
        self._steps = 0
        self._seen: Counter[tuple[Any, Any]] = Counter()
        self._chosen: dict[int, int] = {}

    def around(self, emulator: Application) -> Application:
        async def metered(scope: Scope, receive: Receive, send: Send) -> None:
            step = _step(scope) if scope["type"] == "http" else None
            if step is None:
                await emulator(scope, receive, send)
            elif step["operation"] == "ReceiveMessage":
                await emulator(scope, receive, self._counting(step, send))
            else:
                await self._take(step, emulator, (scope, receive, send))

        return metered

    async def _take(
        self, step: dict[str, Any], emulator: Application, request: tuple[Scope, Receive, Send]
    ) -> None:
        if step["worker"] is not None:
            self._steps += 1
        step["number"] = self._steps
        kind = (step["operation"], step.get("key"))
        self._seen[kind] += step["worker"] is not None
        order, (scope, receive, send) = self._seen[kind], request
        await self._pass(step, order, late=False)

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                await self._pass(step, order, late=True)
                self._write({**step, "status": message["status"]})
            await send(message)

        await emulator(scope, receive, answer)

    async def _pass(self, step: Mapping[str, Any], order: int, *, late: bool) -> None:
        """Return once the gate does not name this step."""
        was_told = False
        while (gate := self._read_gate()) and self._holds(gate, step, order, late=late):
            if not was_told:
                self._write({**step, "held": gate.get("id", 0)})
                was_told = True
            await asyncio.sleep(LOOK_SECONDS)

    def _holds(
        self, gate: Mapping[str, Any], step: Mapping[str, Any], order: int, *, late: bool
    ) -> bool:
        if step["worker"] is None or late is not gate.get("late", False):
            return False
        if "from" in gate:
            is_theirs = step["worker"].startswith(f"{gate['side']}-")
            is_due = is_theirs and step["number"] >= gate["from"]
            chosen = is_due and self._chosen.setdefault(gate["id"], step["number"])
            return bool(chosen == step["number"])
        is_such = (step["operation"], step.get("key")) == (gate["operation"], gate["key"])
        if "beyond" in gate:
            return is_such and int(step["partNumber"]) > int(gate["beyond"])
        return is_such and order > gate["after"]

    def _counting(self, step: Mapping[str, Any], send: Send) -> Send:
        """Count the messages that come for a second time or later."""
        body = bytearray()

        async def counted(message: Any) -> None:
            body.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                found = json.loads(bytes(body) or b"{}").get("Messages", [])
                counts = [int(each["Attributes"]["ApproximateReceiveCount"]) for each in found]
                again = sum(count > 1 for count in counts)
                if again:
                    self._write({**step, "again": again, "most": max(counts)})
            await send(message)

        return counted

    def _read_gate(self) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = json.loads(self._gate.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def _write(self, line: Mapping[str, Any]) -> None:
        self._calls.write(json.dumps(line) + "\n")


def _step(scope: Scope) -> dict[str, Any] | None:
    """Return what the request is, if it is a step of a copy, and which worker has sent it."""
    worker = next(_apps(header(scope, b"user-agent").decode()), None)
    target = header(scope, b"x-amz-target").decode().rpartition(".")[2]
    if target:
        is_step = target in _SERVICE_CALLS and worker is not None
        return {"operation": target, "worker": worker} if is_step else None
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    # Of a copy the store fetches the bytes itself.
    fetched = {"fetched": True} if header(scope, b"x-amz-copy-source") else {}
    for (method, parameter), operation in _MULTIPART.items():
        if scope["method"] == method and parameter in query:
            named = {name: query[name][0] for name in ("uploadId", "partNumber") if name in query}
            return {"operation": operation, "worker": worker, **_place(scope), **named, **fetched}
    is_put = scope["method"] == "PUT" and not query and not is_own_key(_place(scope)["key"])
    named = {"operation": "PutObject", "worker": worker, **_place(scope), **fetched}
    return named if is_put else None


def is_own_key(key: str) -> bool:
    """Tell whether it is one of what our own workers keep in a bucket, and try out there."""
    return key.startswith(".dualway/") or not key


def _place(scope: Scope) -> dict[str, str]:
    bucket, _, key = scope["path"].lstrip("/").partition("/")
    return {"bucket": bucket, "key": key}


def _apps(user_agent: str) -> Iterator[str]:
    """Yield the names that AWS_SDK_UA_APP_ID has put into the header."""
    return (word[4:] for word in user_agent.split() if word.startswith("app/"))


def main(folder: Path) -> None:
    """Run until it is told to end."""
    cloud = LocalCloud(directory=folder, workers=False, finder_seconds=0)
    cloud.middleware.append(Meter(folder).around)
    with end_signals() as ended, cloud, announced(folder / "ready.json", cloud.to_json()):
        wait_for_end(ended)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
