"""The ready file of `dualway local`: there from the moment the cloud can be used until it ends."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sync_core.errors import ConfigError
from sync_core.local.clients import Clients, KeyPair


@dataclass(frozen=True, slots=True)
class ReadySite:
    """One site as the ready file describes it: all that a user or an operator of it has to know.

    `environment` is the worker's: with it, commands on a deployment work on this one.
    """

    name: str
    account_id: str
    region: str
    bucket: str
    user_access_key_id: str
    user_secret_access_key: str = field(repr=False)
    dedicated_user_id: str
    queue_url: str
    dead_letter_queue_url: str
    records_table: str
    parts_table: str
    log_file: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ReadyNetStorage:
    """The NetStorage server beside the cloud: what a client of it has to know, over plain HTTP."""

    hostname: str
    username: str
    key: str = field(repr=False)
    cpcode: str


@dataclass(frozen=True, slots=True)
class ReadyCloud:
    """A running local cloud as its ready file describes it; `sites` are by name, "a" and "b"."""

    endpoint_url: str
    sites: Mapping[str, ReadySite]
    netstorage: ReadyNetStorage | None = None

    def clients(self, site: str) -> Clients:
        """Return the boto3 clients of a site's user, to be closed by the caller."""
        chosen = self.sites[site]
        key_pair = KeyPair(chosen.user_access_key_id, chosen.user_secret_access_key)
        return Clients(self.endpoint_url, chosen.region, key_pair)


@contextmanager
def announced(path: Path | None, text: str) -> Iterator[None]:
    """Keep `text` in the file `path` (None: nowhere) while the context is entered.

    A reader sees all of it or no file. Only the owner may read it: it holds key pairs. Raises
    `ConfigError` where it cannot be written.
    """
    if path is None:
        yield
        return
    try:
        _write(path, text)
    except OSError as error:
        cause = f"cannot write {path} ({error.strerror}); name a file in a folder of yours"
        raise ConfigError("write the ready file", str(path), cause) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_ready_file(path: Path) -> ReadyCloud:
    """Read the file of a running `dualway local`; raises `ConfigError` where that is not one."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        cause = (
            f"cannot read {path} ({error.strerror}); start `dualway local --ready-file {path}` and "
            "wait until it says that it is ready"
        )
        raise ConfigError("read the ready file", str(path), cause) from error
    return parse(text, str(path))


def parse(text: str, source: str = "the ready file") -> ReadyCloud:
    """Return what the text of a ready file says; raises `ConfigError`, naming `source`."""
    try:
        document = json.loads(text)
        sites = {name: _site(name, found) for name, found in document["sites"].items()}
        netstorage = document.get("netstorage")
        beside = None if netstorage is None else ReadyNetStorage(**netstorage)
        return ReadyCloud(str(document["endpoint_url"]), sites, beside)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # The exception is left out on purpose: it could quote a key pair.
        cause = f"{source} is no ready file of `dualway local` ({type(error).__name__}); name its"
        raise ConfigError("read the ready file", source, f"{cause} --ready-file") from None


def _site(name: str, found: Mapping[str, Any]) -> ReadySite:
    names = [each.name for each in fields(ReadySite) if each.name not in {"name", "environment"}]
    environment = {key: str(value) for key, value in found.get("environment", {}).items()}
    return ReadySite(
        name=name, environment=environment, **{each: str(found[each]) for each in names}
    )


def _write(path: Path, text: str) -> None:
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
