"""Requests to NetStorage by HTTPS: whom a certificate makes trustworthy, and what is then kept."""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sync_core.errors import Unavailable
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient, Surroundings
from sync_core.storage.netstorage_errors import Call
from sync_core.storage.netstorage_wire import Endpoint, Patience, Wire

CALL = Call("head", "k", "/123456/k")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Secure:
    """A server that says `ok` by TLS, with the certificate in `chain`; it counts connections."""

    def __init__(self, chain: Path) -> None:
        self.connections = 0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(chain)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self._listening.getsockname()[1])

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            Thread(target=self._answer, args=(plain,), daemon=True).start()

    def _answer(self, plain: socket.socket) -> None:
        with plain:
            try:
                with self._tls.wrap_socket(plain, server_side=True) as connection:
                    while connection.recv(65_536):
                        connection.sendall(ANSWER)
            except OSError:
                return


def certificate(folder: Path, name: x509.GeneralName) -> Path:
    """Return a file with a new key, and with a certificate for `name` that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    myself = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "NetStorage")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(myself)
        .issuer_name(myself)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "chain.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def asking(server: Secure) -> Iterator[NetStorageClient]:
    around = Surroundings(pause=lambda _: None)
    with closing(Wire(server.endpoint)) as wire:
        yield NetStorageClient(wire, Signer("media", "secret"), surroundings=around)


def is_refused(server: Secure) -> bool:
    with asking(server) as client, pytest.raises(Unavailable) as refusal:
        client.look(CALL, "stat", {})
    return "CERTIFICATE_VERIFY_FAILED" in refusal.value.cause


OURS = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def test_a_server_that_is_trusted_is_asked_over_one_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = certificate(tmp_path, OURS)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    with closing(Secure(chain)) as server, asking(server) as client:
        assert [client.look(CALL, "stat", {}) for _ in range(3)] == [b"ok"] * 3
        assert server.connections == 1


def test_one_whose_certificate_nobody_vouches_for_is_told_nothing(tmp_path: Path) -> None:
    with closing(Secure(certificate(tmp_path, OURS))) as server:
        assert is_refused(server)


def test_so_is_one_that_has_anothers_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = certificate(tmp_path, x509.DNSName("example-nsu.akamaihd.net"))
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    with closing(Secure(chain)) as server:
        assert is_refused(server)


def test_a_handshake_that_never_comes_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint("127.0.0.1", silent.getsockname()[1])
        with closing(Wire(endpoint, Patience(connect_seconds=0.05))) as wire:
            client = NetStorageClient(wire, Signer("media", "secret"))
            with pytest.raises(Unavailable, match="handshake operation timed out"):
                client.change(CALL, "delete", {})
