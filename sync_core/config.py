"""The configuration of one deployment; the only place that reads the environment.

cfn/site.yaml sets these variables for the Lambda functions; a long-running worker is started with
the same ones. Everything wrong is told at once, with what to do about it.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from sync_core.errors import ConfigError
from sync_core.model import ConflictPolicy, Site, SitePair
from sync_core.safety import DeleteLimits

_Value = TypeVar("_Value")

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Config:
    """What an operator has set.

    `peer_secret` names a Secrets Manager secret that holds the key pair of the peer's dedicated
    user; `echo_principal_ids` are the ids of the own account's dedicated user and of the stack's
    own role. `endpoint_url` replaces AWS's endpoints in the own account, `peer_endpoint_url` the
    peer's S3 endpoint. `receive_wait_seconds` is how long one receive waits for a message, and
    with it the longest that an idle worker takes to stop. `preferred_site` goes with the conflict
    policy `prefer`; `excluded` are patterns of keys (see `routing.is_excluded`). `finder_seconds`
    is the time from the beginning of one finder round to the next in a long-running worker; 0: it
    runs none.
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
    conflict_policy: ConflictPolicy = ConflictPolicy.KEEP_COPY
    preferred_site: str | None = None
    excluded: tuple[str, ...] = ()
    delete_limits: DeleteLimits = field(default_factory=DeleteLimits)
    finder_seconds: int = 3600

    @property
    def epoch(self) -> str:
        """A text that changes with whatever makes the same buckets mean something else."""
        sites = (self.pair.own, self.pair.peer)
        meaning = (
            sorted((site.name, site.bucket, site.prefix) for site in sites),
            sorted(self.excluded),
            self.conflict_policy.value,
            self.preferred_site,
        )
        return hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> "Config":
        """Read the variables; raises `ConfigError` that names every missing or invalid one."""
        variables = _Variables(environ)
        pair = SitePair(own=_site(variables, ""), peer=_site(variables, "PEER_"))
        if pair.own.name and pair.own.name == pair.peer.name:
            variables.complain("DUALWAY_PEER_SITE", "equals DUALWAY_SITE: give each site its name")
        policy, preferred_site = _conflict_policy(variables, pair)
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
            conflict_policy=policy,
            preferred_site=preferred_site,
            excluded=variables.optional("DUALWAY_EXCLUDE", _patterns, ()),
            delete_limits=_delete_limits(variables),
            finder_seconds=variables.optional("DUALWAY_FINDER_SECONDS", _whole(0, 604_800), 3600),
        )
        variables.raise_complaints()
        return config


def adopt(changed: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
    """Change the process's environment as a whole: the SDK looks there for credentials too."""
    environ = dict(changed(dict(os.environ)))
    os.environ.clear()
    os.environ.update(environ)


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
        prefix=variables.optional(f"DUALWAY_{role}PREFIX", str, ""),
    )


def _delete_limits(variables: _Variables) -> DeleteLimits:
    default = DeleteLimits()
    return DeleteLimits(
        count=variables.optional("DUALWAY_MAX_DELETES", _whole(0, 10**9), default.count),
        percent=variables.optional("DUALWAY_MAX_DELETE_PERCENT", _whole(0, 100), default.percent),
        window_seconds=variables.optional(
            "DUALWAY_DELETE_WINDOW_SECONDS", _whole(1, 604_800), default.window_seconds
        ),
        settle_seconds=variables.optional(
            "DUALWAY_DELETE_SETTLE_SECONDS", _whole(0, 86_400), default.settle_seconds
        ),
    )


def _conflict_policy(variables: _Variables, pair: SitePair) -> tuple[ConflictPolicy, str | None]:
    """Return the policy, and with `prefer:SITE` the site."""
    names = {pair.own.name, pair.peer.name}

    def read(value: str) -> tuple[ConflictPolicy, str | None]:
        name, _, site = value.partition(":")
        known = name in set(ConflictPolicy)
        if not known or (name == ConflictPolicy.PREFER) != (site in names):
            choices = "keep-copy, keep-version, manual or prefer:SITE"
            raise ValueError(f"give {choices}, where SITE is one of both sites")
        return ConflictPolicy(name), site or None

    default: tuple[ConflictPolicy, str | None] = (ConflictPolicy.KEEP_COPY, None)
    return variables.optional("DUALWAY_CONFLICT_POLICY", read, default)


def _patterns(value: str) -> tuple[str, ...]:
    return tuple(pattern.strip() for pattern in value.split(",") if pattern.strip())


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
