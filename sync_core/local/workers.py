"""Keeps one worker process per site running, the way a container service would."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sync_core
from sync_core.local.launch import LocalSite

COMMAND = (sys.executable, "-m", "sync_core.cli", "worker", "--until-stdin-closes")

STOP_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
# A worker that lived so long did not die of how it was started.
_SETTLED_SECONDS = 5.0


def worker_environment(site: LocalSite, peer: LocalSite, endpoint_url: str) -> dict[str, str]:
    """Return a worker's own settings: what `sync_core.config` reads, and where AWS is."""
    return {
        "DUALWAY_SITE": site.name,
        "DUALWAY_BUCKET": site.bucket,
        "DUALWAY_REGION": site.region,
        "DUALWAY_PEER_SITE": peer.name,
        "DUALWAY_PEER_BUCKET": peer.bucket,
        "DUALWAY_PEER_REGION": peer.region,
        "DUALWAY_PEER_ENDPOINT_URL": endpoint_url,
        "DUALWAY_PEER_SECRET": site.peer_secret,
        "DUALWAY_QUEUE_URL": site.queue_url,
        "DUALWAY_DEAD_LETTER_QUEUE_URL": site.dead_letter_queue_url,
        "DUALWAY_RECORDS_TABLE": site.records_table,
        "DUALWAY_PARTS_TABLE": site.parts_table,
        "DUALWAY_ECHO_PRINCIPAL_IDS": f"{site.dedicated_user_id},{site.worker_role_id}",
        "DUALWAY_VISIBILITY_TIMEOUT_SECONDS": str(site.visibility_timeout_seconds),
        "DUALWAY_GRACE_SECONDS": str(site.grace_seconds),
        "DUALWAY_DELETE_SETTLE_SECONDS": str(site.grace_seconds),
        # A worker that is asked to stop finishes its long poll first.
        "DUALWAY_RECEIVE_WAIT_SECONDS": "2",
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_DEFAULT_REGION": site.region,
    }


def process_environment(own: Mapping[str, str], shell: Mapping[str, str]) -> dict[str, str]:
    """Return a worker process's whole environment: the shell's, with `own` in place of AWS's.

    The shell's AWS settings and key pairs stay outside, and so do the files that hold them, which
    an SDK would prefer to the container credentials. The loopback endpoint bypasses proxies.
    """
    kept = {
        name: value
        for name, value in shell.items()
        if not name.upper().startswith(("AWS_", "NO_PROXY"))
    }
    package_path = str(Path(sync_core.__file__).resolve().parents[1])
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, [package_path, kept.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        **own,
    }


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """How to run one worker; its output is appended to `log_file`."""

    site: str
    environment: Mapping[str, str]
    log_file: Path


class Workers:
    """The workers of all sites; each is started again when it ends by itself.

    `command` is what runs a worker; `stop_seconds` is how long one may take to end when asked.
    """

    def __init__(
        self,
        specs: Sequence[WorkerSpec],
        command: Sequence[str] = COMMAND,
        *,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._stop_seconds = stop_seconds
        self._supervised = {spec.site: _Supervised(spec, command) for spec in specs}

    def start(self) -> None:
        """Start all workers."""
        for supervised in self._supervised.values():
            supervised.start()

    def stop(self) -> None:
        """End all workers: SIGTERM, and SIGKILL for those that take too long. Safe to repeat."""
        deadline = time.monotonic() + self._stop_seconds
        for supervised in self._supervised.values():
            supervised.request_stop()
        for supervised in self._supervised.values():
            supervised.join(deadline)

    def process_id(self, site: str) -> int | None:
        """Return the process id of a site's worker; None while it is down."""
        return self._supervised[site].process_id


class _Supervised:
    """One worker and the thread that watches it."""

    def __init__(self, spec: WorkerSpec, command: Sequence[str]) -> None:
        self._spec = spec
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        # Held while a process is started or told to stop, so that none starts unseen.
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name=f"worker-{spec.site}", daemon=True)

    @property
    def process_id(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        # There from the first moment, for those who follow it.
        self._spec.log_file.touch()
        self._thread.start()

    def request_stop(self) -> None:
        with self._lock:
            self._stopping.set()
            if self._process is not None:
                self._process.terminate()

    def join(self, deadline: float) -> None:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
        self._thread.join()

    def _watch(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        with self._spec.log_file.open("ab") as log:
            while not self._stopping.is_set():
                started = time.monotonic()
                process = self._run(log.fileno())
                if process is None:
                    return
                process.wait()
                if process.stdin is not None:
                    process.stdin.close()
                if time.monotonic() - started >= _SETTLED_SECONDS:
                    pause_seconds = _FIRST_PAUSE_SECONDS
                self._stopping.wait(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _run(self, log: int) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            # In a session of its own, because Ctrl-C in the terminal is for us alone to pass on.
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                self._command,
                env=dict(self._spec.environment),
                # It ends with us, and with that the worker, even if we are killed.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            return self._process
