"""boto3 clients of the emulated accounts, independent of the shell's AWS settings and proxies."""

import threading
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config

from sync_core.launch.accounts import session_of_key_pair

# An empty mapping, unlike None, keeps botocore from asking the environment for proxies.
_CONFIG = Config(proxies={}, max_pool_connections=32)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Long-term credentials: an access key id and its secret."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


class Clients:
    """Clients of one key pair in one region at one endpoint, made when asked for."""

    def __init__(self, endpoint_url: str, region: str, key_pair: KeyPair) -> None:
        self._endpoint_url = endpoint_url
        self._session = session_of_key_pair(
            (key_pair.access_key_id, key_pair.secret_access_key), region
        )
        self._made: dict[str, Any] = {}
        # A client may be used by many threads, but a session makes clients for one at a time.
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """Return the client of a service (boto3's name of it), the same one each time."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._session.client(  # type: ignore[call-overload]
                    service, endpoint_url=self._endpoint_url, config=_CONFIG
                )
            return self._made[service]

    def close(self) -> None:
        """Close the connections of every client made."""
        for client in self._made.values():
            client.close()
        self._made.clear()
