"""A client of NetStorage for tests, which signs for itself as the documentation says.

The local server is tested with it, and not with the product's own client.
"""

import base64
import hashlib
import hmac
import http.client
import itertools
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.signature import Account

ACCOUNT = Account("uploader", "the key", "1234")
OTHER = Account("stranger", "another key", "5678")
OLD = 1_260_000_000

unique = itertools.count(1)


@dataclass(frozen=True)
class Got:
    status: int
    body: bytes
    headers: http.client.HTTPMessage

    @property
    def entries(self) -> list[dict[str, str]]:
        """The attributes of the files in an XML answer."""
        return [dict(each.attrib) for each in ET.fromstring(self.body).iter("file")]

    @property
    def names(self) -> list[str]:
        return [each["name"] for each in self.entries]

    @property
    def resume(self) -> str | None:
        found = ET.fromstring(self.body).find("resume")
        return None if found is None else found.attrib["start"]


def action(name: str, **parameters: object) -> str:
    return urlencode({"version": 1, "action": name, **parameters})


def signed(
    target: str,
    header: str,
    *,
    account: Account = ACCOUNT,
    version: int = 5,
    at: float | None = None,
    unique_id: str | None = None,
) -> dict[str, str]:
    """Return the three headers, as the documentation makes them."""
    sent_at = int(time.time() if at is None else at)
    identity = unique_id or str(next(unique))
    data = f"{version}, 0.0.0.0, 0.0.0.0, {sent_at}, {identity}, {account.username}"
    message = f"{data}{target}\nx-akamai-acs-action:{header}\n".encode("latin-1")
    chosen = {3: hashlib.md5, 4: hashlib.sha1, 5: hashlib.sha256}.get(version, hashlib.sha256)
    sign = base64.b64encode(hmac.new(account.key.encode(), message, chosen).digest()).decode()
    return {
        "X-Akamai-ACS-Action": header,
        "X-Akamai-ACS-Auth-Data": data,
        "X-Akamai-ACS-Auth-Sign": sign,
    }


class Client:
    """Asks a server, each time on a connection of its own."""

    def __init__(self, server: NetStorageServer) -> None:
        self.server = server

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Got:
        connection = http.client.HTTPConnection(self.server.hostname, timeout=60)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            if body is not None and "Transfer-Encoding" not in headers:
                connection.putheader("Content-Length", str(len(body)))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Got(response.status, response.read(), response.headers)
        finally:
            connection.close()

    def ask(self, name: str, path: str, method: str = "GET", **parameters: object) -> Got:
        target = quote(path)
        return self.send(method, target, signed(target, action(name, **parameters)))

    def change(self, name: str, path: str, method: str = "POST", **parameters: object) -> Got:
        target = quote(path)
        return self.send(method, target, signed(target, action(name, **parameters)), b"")

    def upload(self, path: str, body: bytes = b"x", **parameters: object) -> Got:
        target = quote(path)
        return self.send("PUT", target, signed(target, action("upload", **parameters)), body)

    def listed(self, path: str, **parameters: Any) -> Got:
        return self.ask("list", path, encoding="utf-8", mtime_all="yes", **parameters)
