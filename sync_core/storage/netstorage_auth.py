"""How a request to Akamai NetStorage is signed: pure, with the instant and the nonce as arguments.

Three headers go with each request (NetStorage Usage API, Format an API call; Each call needs
signature header authentication, version 5):

    X-Akamai-ACS-Action:    version=1&action=upload&md5=<hex>&mtime=<epoch>
    X-Akamai-ACS-Auth-Data: 5, 0.0.0.0, 0.0.0.0, <epoch>, <number>, <upload account>
    X-Akamai-ACS-Auth-Sign: base64(HMAC-SHA256(key, text))

The text is Auth-Data and the target, a line feed, `x-akamai-acs-action:` and Action, a line feed.
The target is the path exactly as it stands in the request line, percent-encoded.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

ACTION_HEADER = "X-Akamai-ACS-Action"
DATA_HEADER = "X-Akamai-ACS-Auth-Data"
SIGN_HEADER = "X-Akamai-ACS-Auth-Sign"

CLOCK_TOLERANCE_SECONDS = 60
"""By how much the signed instant may differ from the server's clock (Usage API, as above)."""

_HMAC_SHA256 = "5"
_RESERVED = "0.0.0.0"  # noqa: S104 - two fields that the protocol reserves, no address to listen on


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as one upload account with one of its HTTP API keys."""

    account: str
    key: str = field(repr=False)

    def headers(self, target: str, action: str, at: datetime, nonce: int) -> dict[str, str]:
        """Return the three headers of one request.

        `target` is as it is sent, `action` as `action_of` gives it, `at` aware. The same `at`, to
        the second, and `nonce` must not be used twice.
        """
        epoch_seconds = str(int(at.timestamp()))
        fields = (_HMAC_SHA256, _RESERVED, _RESERVED, epoch_seconds, str(nonce), self.account)
        data = ", ".join(fields)
        signed = f"{data}{target}\n{ACTION_HEADER.lower()}:{action}\n"
        digest = hmac.digest(self.key.encode(), signed.encode(), hashlib.sha256)
        return {
            ACTION_HEADER: action,
            DATA_HEADER: data,
            SIGN_HEADER: base64.b64encode(digest).decode(),
        }


def action_of(name: str, parameters: Mapping[str, str | int | None] | None = None) -> str:
    """Return the action header: a query string; parameters that are None are left out."""
    pairs = {"version": 1, "action": name, **(parameters or {})}
    given = ((key, value) for key, value in pairs.items() if value is not None)
    return "&".join(f"{key}={quote(str(value), safe='')}" for key, value in given)
