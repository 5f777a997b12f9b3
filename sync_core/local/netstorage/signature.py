r"""Who may: the three `X-Akamai-ACS-*` headers of a request, or of the trailer of an upload.

    X-Akamai-ACS-Action:    version=1&action=upload&md5=...
    X-Akamai-ACS-Auth-Data: 5, 0.0.0.0, 0.0.0.0, <epoch>, <unique id>, <upload account>
    X-Akamai-ACS-Auth-Sign: base64(HMAC(key, data target "\nx-akamai-acs-action:" action "\n"))

The HMAC's hash is chosen by the data's first field; `target` is the request-target as it was sent,
percent-encoding included. Both headers are signed verbatim, while the data's fields are read
without the spaces around them (https://techdocs.akamai.com/netstorage-usage/reference/
each-call-needs-signature-header-authentication).
"""

import base64
import hmac
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Self
from urllib.parse import parse_qsl

from sync_core.local.netstorage.answers import Refusal

ACTION_HEADER = "X-Akamai-ACS-Action"
DATA_HEADER = "X-Akamai-ACS-Auth-Data"
SIGN_HEADER = "X-Akamai-ACS-Auth-Sign"

MAX_SKEW_SECONDS = 60
HASHES = {"3": "md5", "4": "sha1", "5": "sha256"}

_FIELDS = 6
_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Account:
    """An upload account: its name, the key of its HTTP API, and the CP code that it may use."""

    username: str
    key: str = field(repr=False)
    cpcode: str


@dataclass(frozen=True, slots=True)
class AuthData:
    """The fields of the data header; `algorithm` is the name of the HMAC's hash."""

    algorithm: str
    sent_at: int
    unique_id: str
    username: str

    @classmethod
    def parse(cls, header: str) -> Self:
        """Read the header; raises `Refusal` (403) where it is not one."""
        fields = [each.strip() for each in header.split(",")]
        if len(fields) != _FIELDS:
            raise Refusal(403, f"{DATA_HEADER} has to have {_FIELDS} fields")
        version, _, _, sent_at, unique_id, username = fields
        if version not in HASHES:
            raise Refusal(403, f"authentication version {version!r} is not one of {list(HASHES)}")
        if not (sent_at.isascii() and sent_at.isdigit() and unique_id):
            raise Refusal(403, f"{DATA_HEADER} needs a time in seconds and a unique id")
        return cls(HASHES[version], int(sent_at), unique_id, username)


@dataclass(frozen=True, slots=True)
class SignedAction:
    """An action that an account has signed; `parameters` includes `action` and `version`."""

    account: Account
    parameters: Mapping[str, str]

    @property
    def name(self) -> str:
        """The action's name; "" where none is named."""
        return self.parameters.get("action", "")


def parse_action(header: str) -> dict[str, str]:
    """Read the action header by the rules of a query string.

    Raises `Refusal` (400) where it is malformed, names a field twice or has not `version=1`.
    """
    try:
        pairs = parse_qsl(
            header, keep_blank_values=True, strict_parsing=True, errors="surrogateescape"
        )
    except ValueError as error:
        raise Refusal(400, f"malformed {ACTION_HEADER}: {error}") from error
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise Refusal(400, f"a field occurs twice in {ACTION_HEADER}")
    if parameters.get("version") != _VERSION:
        raise Refusal(400, f"{ACTION_HEADER} has to have version={_VERSION}")
    return parameters


def signature(algorithm: str, key: str, data: str, target: str, action: str) -> str:
    """Return the signature of a request; headers and target are as on the wire, in latin-1."""
    message = f"{data}{target}\n{ACTION_HEADER.lower()}:{action}\n".encode("latin-1")
    return base64.b64encode(hmac.digest(key.encode(), message, algorithm)).decode()


class Gatekeeper:
    """Lets signed requests of known accounts pass, each once; `clock` gives seconds since 1970."""

    def __init__(self, accounts: Iterable[Account], clock: Callable[[], float]) -> None:
        self._accounts = {account.username: account for account in accounts}
        self._clock = clock
        self._seen: set[tuple[str, int, str]] = set()
        self._tidied_at = 0.0
        self._lock = threading.Lock()

    def admit(self, target: str, headers: Message) -> SignedAction:
        """Return what an account has signed for `target`.

        Raises `Refusal`: 400 for a malformed action, 403 for everything else that is wrong.
        """
        action, data, given = (
            headers.get(name) for name in (ACTION_HEADER, DATA_HEADER, SIGN_HEADER)
        )
        if action is None:
            raise Refusal(403, f"this is no API request: {ACTION_HEADER} is missing")
        parameters = parse_action(action)
        if data is None or given is None:
            raise Refusal(403, f"{DATA_HEADER} and {SIGN_HEADER} are required")
        parsed = AuthData.parse(data)
        account = self._accounts.get(parsed.username)
        if account is None:
            raise Refusal(403, f"unknown upload account {parsed.username!r}")
        expected = signature(parsed.algorithm, account.key, data, target, action)
        if not hmac.compare_digest(expected.encode(), given.strip().encode("latin-1")):
            raise Refusal(403, "the signature does not match")
        self._check_fresh(parsed)
        return SignedAction(account, parameters)

    def _check_fresh(self, data: AuthData) -> None:
        """Refuse what is signed too early or too late, and what has been used already."""
        now = self._clock()
        skew_seconds = abs(now - data.sent_at)
        if skew_seconds > MAX_SKEW_SECONDS:
            raise Refusal(403, f"the clock is off by {skew_seconds:.0f} seconds")
        once = (data.username, data.sent_at, data.unique_id)
        with self._lock:
            self._forget_stale(now)
            if once in self._seen:
                raise Refusal(403, "this unique id has been used already")
            self._seen.add(once)

    def _forget_stale(self, now: float) -> None:
        """Forget, now and then, what is refused for its age alone."""
        if now - self._tidied_at > MAX_SKEW_SECONDS:
            self._tidied_at = now
            self._seen = {each for each in self._seen if now - each[1] <= MAX_SKEW_SECONDS}
