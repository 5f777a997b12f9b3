"""The embedded two-account cloud: the emulator, both sites launched, their workers kept running."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from sync_core.local.chaos import Chaos, chaotic_delivery
from sync_core.local.clients import Clients
from sync_core.local.emulator import Emulator
from sync_core.local.gateway import Middleware
from sync_core.local.launch import LocalSite, launch
from sync_core.local.role_credentials import RoleCredentials
from sync_core.local.rounds import find_as_process
from sync_core.local.workers import Workers, WorkerSpec, process_environment, worker_environment

FINDER_SECONDS = 60
"""How often each worker compares both sides."""


class LocalCloud:
    """Two accounts with a site each, there while the context is entered.

    `endpoint_url` is where every service is reached; `sites` are by name, "a" and "b". `directory`
    must exist and receives the log files. Port 0 means any free port. With `workers`, each site's
    worker is a process that is kept running, which compares both sides every `finder_seconds` (0:
    never); `chaos` handles the delivery of events. What is in `middleware` when the context is
    entered is put around the emulator. Entering raises ConfigError when the port is taken or the
    template cannot be launched.
    """

    def __init__(
        self,
        *,
        directory: Path,
        port: int = 0,
        workers: bool = True,
        chaos: Chaos | None = None,
        finder_seconds: int = FINDER_SECONDS,
    ) -> None:
        self.endpoint_url = ""
        self.sites: dict[str, LocalSite] = {}
        self.workers = Workers([])
        self.middleware: list[Middleware] = []
        self._directory = directory
        self._port = port
        self._with_workers = workers
        self._chaos = chaos
        self._finder_seconds = finder_seconds
        self._clients: dict[str, Clients] = {}
        self._credentials: dict[str, RoleCredentials] = {}
        self._running = ExitStack()
        self._shell: dict[str, str] = {}

    def __enter__(self) -> Self:
        # As it is before the emulator's settings enter it.
        self._shell = dict(os.environ)
        with ExitStack() as undo:
            emulator = undo.enter_context(Emulator(self._directory, self._port, self.middleware))
            if self._chaos is not None:
                undo.enter_context(chaotic_delivery(self._chaos))
            self.endpoint_url = emulator.endpoint_url
            self.sites = launch(self.endpoint_url)
            for site in self.sites.values():
                clients = Clients(self.endpoint_url, site.region, site.user)
                undo.callback(clients.close)
                credentials = RoleCredentials(site.name, clients, site.worker_role_arn)
                emulator.endpoints[credentials.path] = credentials.application
                self._clients[site.name] = clients
                self._credentials[site.name] = credentials
            if self._with_workers:
                self._start_workers()
                undo.callback(self.workers.stop)
            self._running = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def client(self, service: str, site: str) -> Any:
        """Return a boto3 client of `service` as the administrator of a site's account."""
        return self._clients[site].client(service)

    def log_file(self, site: str) -> Path:
        """Return the file to which the output of a site's worker is appended."""
        return self._directory / f"worker-{site}.log"

    def worker_environment(self, site: str) -> dict[str, str]:
        """Return the settings and the role credentials with which a site's worker runs."""
        (peer,) = set(self.sites) - {site}
        settings = worker_environment(self.sites[site], self.sites[peer], self.endpoint_url)
        return {
            **settings,
            "DUALWAY_FINDER_SECONDS": str(self._finder_seconds),
            **self._credentials[site].environment(self.endpoint_url),
        }

    def find(self, site: str) -> int:
        """Run a finder round on a site; return how many keys it has sent to the queue."""
        return find_as_process(process_environment(self.worker_environment(site), self._shell))

    def to_json(self) -> str:
        """Return what any S3 client needs to play the user, as a JSON document."""
        return json.dumps(
            {
                "endpoint_url": self.endpoint_url,
                "sites": {name: self._described(site) for name, site in self.sites.items()},
            },
            indent=2,
        )

    def _described(self, site: LocalSite) -> dict[str, Any]:
        return {
            "account_id": site.account_id,
            "region": site.region,
            "bucket": site.bucket,
            "user_access_key_id": site.user_access_key_id,
            "user_secret_access_key": site.user_secret_access_key,
            "dedicated_user_id": site.dedicated_user_id,
            "queue_url": site.queue_url,
            "dead_letter_queue_url": site.dead_letter_queue_url,
            "records_table": site.records_table,
            "parts_table": site.parts_table,
            "log_file": str(self.log_file(site.name)),
            "environment": self.worker_environment(site.name),
        }

    def _start_workers(self) -> None:
        specs = [
            WorkerSpec(
                site,
                process_environment(self.worker_environment(site), self._shell),
                self.log_file(site),
            )
            for site in self.sites
        ]
        self.workers = Workers(specs)
        self.workers.start()
