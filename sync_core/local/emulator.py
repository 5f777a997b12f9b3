"""The emulated AWS: ministack in this process, on a loopback port.

ministack keeps its state in module globals and reads its settings while it is imported. So nothing
of it is imported before `Emulator.start`, and a process runs one emulator at a time.
"""

import http.client
import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Self

from sync_core.errors import ConfigError
from sync_core.local import gaps
from sync_core.local.gateway import HEALTH_PATH, Application, Middleware, with_local_endpoints
from sync_core.local.server import LOOPBACK, ServerThread, listen

SERVICES: Mapping[str, str] = {
    "autoscaling": "autoscaling",
    "cloudformation": "cloudformation",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "events": "eventbridge",
    "iam": "iam",
    "kms": "kms",
    "lambda": "lambda_svc",
    "logs": "cloudwatch_logs",
    "monitoring": "cloudwatch",
    "s3": "s3",
    "scheduler": "scheduler",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "states": "stepfunctions",
    "sts": "sts",
}
"""What the emulator answers to, and the module that does; every other service is off."""

_START_SECONDS = 60.0

_one_per_process = threading.Lock()


class Emulator:
    """One running emulator, reached at `endpoint_url`.

    `directory` receives `emulator.log`; nothing else is kept on disk, and the state is wiped at the
    end. Port 0 means any free port. `endpoints` are further ASGI applications by their path, which
    begins with `gateway.LOCAL_PREFIX`; they may be added while it runs. Each of the `middleware` is
    put around what is behind the gateway, the last one outermost, and sees every request to AWS.
    """

    def __init__(
        self, directory: Path, port: int = 0, middleware: Iterable[Middleware] = ()
    ) -> None:
        self.endpoint_url = ""
        self.endpoints: dict[str, Application] = {}
        self._middleware = tuple(middleware)
        self._directory = directory
        self._port = port
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Serve, and return the endpoint URL once requests are answered.

        Raises ConfigError when the port is taken or this process already runs an emulator, and
        EmulatorChanged when the installed ministack is not the one that the gap layer knows.
        """
        with ExitStack() as undo:
            undo.enter_context(_alone())
            listener = undo.enter_context(listen(self._port))
            port: int = listener.getsockname()[1]
            undo.enter_context(_environment(_settings(self._directory, port)))
            application = _import_emulator(port)
            undo.callback(_wipe_state)
            served: Application = application.app
            for around in self._middleware:
                served = around(served)
            log = undo.enter_context(_log_file(self._directory / "emulator.log"))
            server = ServerThread(with_local_endpoints(served, self.endpoints), listener, log)
            server.start()
            undo.callback(server.stop)
            _await_health(port, server)
            self._running = undo.pop_all()
        self.endpoint_url = f"http://{LOOPBACK}:{port}"
        return self.endpoint_url

    def stop(self) -> None:
        """Stop serving and wipe the state; requests in flight are cut off. Safe to call twice."""
        self._running.close()


@contextmanager
def _alone() -> Iterator[None]:
    if not _one_per_process.acquire(blocking=False):
        raise ConfigError("local cloud", "process", "this process already runs a local cloud")
    try:
        yield
    finally:
        _one_per_process.release()


def _settings(directory: Path, port: int) -> dict[str, str]:
    return {
        "AUTH": "true",
        "BIND_HOST": LOOPBACK,
        # Queue URLs carry this host and port, whatever host a client used.
        "MINISTACK_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "SERVICES": ",".join(SERVICES),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "USE_SSL": "0",
        "CLOUDTRAIL_RECORDING": "0",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "LOCALSTACK_PERSISTENCE": "0",
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "s3"),
        "MINISTACK_WORKER_THREADS": "8",
        # No Docker daemon is asked for containers that this cloud never starts.
        "DOCKER_HOST": f"unix://{directory}/no-docker.sock",
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _import_emulator(port: int) -> ModuleType:
    """Import ministack without letting it write to the terminal, and mend it."""
    root = logging.getLogger()
    level, silent = root.level, logging.NullHandler()
    # logging.basicConfig, which ministack calls, leaves a root logger with a handler alone.
    root.addHandler(silent)
    try:
        application = importlib.import_module("ministack.app")
        for module in SERVICES.values():
            importlib.import_module(f"ministack.services.{module}")
    finally:
        root.removeHandler(silent)
        root.setLevel(level)
    gaps.install(port)
    return application


def _wipe_state() -> None:
    """Forget every resource of every service that was on."""
    for module in SERVICES.values():
        sys.modules[f"ministack.services.{module}"].reset()


@contextmanager
def _log_file(path: Path) -> Iterator[logging.Logger]:
    """Send the warnings of ministack and hypercorn to a file; its loggers have no common parent."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s [%(name)s] %(message)s"))
    server_log = logging.getLogger("hypercorn.error")
    loggers = [server_log, *_emulator_loggers()]
    for logger in loggers:
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)
    try:
        yield server_log
    finally:
        for logger in loggers:
            # A thread that outlives the server must not fall back to the terminal.
            logger.handlers = [logging.NullHandler()]
        handler.close()


def _emulator_loggers() -> list[logging.Logger]:
    modules = [module for name, module in sys.modules.items() if name.startswith("ministack.")]
    found = (getattr(module, "logger", None) for module in modules)
    return [logger for logger in found if isinstance(logger, logging.Logger)]


def _await_health(port: int, server: ServerThread) -> None:
    """Return when a request is answered; the socket listens already, so one request is enough."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_START_SECONDS)
    try:
        connection.request("GET", HEALTH_PATH)
        connection.getresponse().read()
    except OSError:
        server.check()
        raise
    finally:
        connection.close()
