"""The NetStorage server as `dualway local` runs it beside the two accounts."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.signature import Account
from sync_core.local.ready_file import ReadyNetStorage

USERNAME = "dualway"
CPCODE = "123456"


@contextmanager
def netstorage_beside(*, wanted: bool) -> Iterator[ReadyNetStorage | None]:
    """Run a server on a free port, with an account of a new key; None where it is not wanted."""
    if not wanted:
        yield None
        return
    account = Account(USERNAME, secrets.token_urlsafe(), CPCODE)
    with NetStorageServer(account) as server:
        yield ReadyNetStorage(server.hostname, account.username, account.key, account.cpcode)


def with_netstorage(text: str, beside: ReadyNetStorage | None) -> str:
    """Return the text of a ready file with the server in it, where there is one."""
    if beside is None:
        return text
    return json.dumps({**json.loads(text), "netstorage": asdict(beside)}, indent=2)
