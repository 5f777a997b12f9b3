"""The configuration of one deployment; the only place that reads the environment.

cfn/site.yaml sets these variables for the Lambda functions; a long-running worker is started with
the same ones. Everything wrong is told at once, with what to do about it.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from sync_core.errors import ConfigError
from sync_core.model import Site, SitePair

_Value = TypeVar("_Value")

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Config:
    """What an operator has set.

    `peer_secret` names a Secrets Manager secret that holds the key pair of the peer's dedicated
    user; `echo_principal_ids` are the ids of the own account's dedicated user and of the stack's
    own role. `endpoint_url` replaces AWS's endpoints in the own account, `peer_endpoint_url` the
    peer's S3 endpoint. `receive_wait_seconds` is how long one receive waits for a message, and
    with it the longest that an idle worker takes to stop.
    """

    pair: SitePair
    queue_url: str
    dead_letter_queue_url: str
    records_table: str
    peer_secret: str
    echo_principal_ids: frozenset[str]
    endpoint_url: str | None = None
    peer_endpoint_url: str | None = None
    visibility_timeout_seconds: int = 180
    receive_wait_seconds: int = 20
    grace_seconds: int = 60
    concurrency: int = 16
    pollers: int = 4
    log_level: str = "INFO"

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> "Config":
        """Read the variables; raises `ConfigError` that names every missing or invalid one."""
        variables = _Variables(environ)
        pair = SitePair(own=_site(variables, ""), peer=_site(variables, "PEER_"))
        if pair.own.name and pair.own.name == pair.peer.name:
            variables.complain("DUALWAY_PEER_SITE", "equals DUALWAY_SITE: give each site its name")
        config = Config(
            pair=pair,
            queue_url=variables.required("DUALWAY_QUEUE_URL", _url, ""),
            dead_letter_queue_url=variables.required("DUALWAY_DEAD_LETTER_QUEUE_URL", _url, ""),
            records_table=variables.required("DUALWAY_RECORDS_TABLE", str, ""),
            peer_secret=variables.required("DUALWAY_PEER_SECRET", str, ""),
            echo_principal_ids=variables.required(
                "DUALWAY_ECHO_PRINCIPAL_IDS", _principal_ids, frozenset()
            ),
            endpoint_url=variables.optional("AWS_ENDPOINT_URL", _url, None),
            peer_endpoint_url=variables.optional("DUALWAY_PEER_ENDPOINT_URL", _url, None),
            visibility_timeout_seconds=variables.optional(
                "DUALWAY_VISIBILITY_TIMEOUT_SECONDS", _whole(3, 43_200), 180
            ),
            receive_wait_seconds=variables.optional(
                "DUALWAY_RECEIVE_WAIT_SECONDS", _whole(0, 20), 20
            ),
            grace_seconds=variables.optional("DUALWAY_GRACE_SECONDS", _whole(0, 86_400), 60),
            concurrency=variables.optional("DUALWAY_CONCURRENCY", _whole(1, 1_000), 16),
            pollers=variables.optional("DUALWAY_POLLERS", _whole(1, 100), 4),
            log_level=variables.optional("DUALWAY_LOG_LEVEL", _log_level, "INFO"),
        )
        variables.raise_complaints()
        return config


def load() -> Config:
    """Read the configuration from the process's environment; see `Config.from_environment`."""
    return Config.from_environment(os.environ)


@dataclass(slots=True)
class _Variables:
    """The environment, and what has been found wrong in it so far, by variable."""

    environ: Mapping[str, str]
    complaints: dict[str, str] = field(default_factory=dict)

    def required(self, name: str, read: Callable[[str], _Value], stand_in: _Value) -> _Value:
        if not self.environ.get(name, "").strip():
            self.complain(name, "is not set: take its value from the outputs of the site's stack")
        return self.optional(name, read, stand_in)

    def optional(self, name: str, read: Callable[[str], _Value], default: _Value) -> _Value:
        value = self.environ.get(name, "").strip()
        try:
            return read(value) if value else default
        except ValueError as error:
            self.complain(name, f"is {value!r}: {error}")
            return default

    def complain(self, name: str, cause: str) -> None:
        self.complaints.setdefault(name, f"{name} {cause}")

    def raise_complaints(self) -> None:
        if self.complaints:
            names, causes = ", ".join(self.complaints), "; ".join(self.complaints.values())
            raise ConfigError("read the environment", names, causes)


def _site(variables: _Variables, role: str) -> Site:
    return Site(
        name=variables.required(f"DUALWAY_{role}SITE", str, ""),
        bucket=variables.required(f"DUALWAY_{role}BUCKET", str, ""),
        region=variables.required(f"DUALWAY_{role}REGION", str, ""),
    )


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("give a URL that begins with https:// or http://")
    return value


def _principal_ids(value: str) -> frozenset[str]:
    ids = frozenset(part.strip() for part in value.split(",")) - {""}
    if not ids:
        raise ValueError("give at least one id, such as the dedicated user's AIDA...")
    return ids


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit()) or not least <= int(value) <= most:
            raise ValueError(f"give a whole number from {least} to {most}")
        return int(value)

    return read


def _log_level(value: str) -> str:
    if value.upper() not in _LOG_LEVELS:
        raise ValueError(f"give one of {', '.join(_LOG_LEVELS)}")
    return value.upper()
