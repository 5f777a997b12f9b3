"""Serves the source or the sink of the benchmark of large objects; its URL is the first line."""

import argparse
import sys

from scripts.bench.large_http import Listener
from scripts.bench.large_sink import Sink
from scripts.bench.large_source import Source


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["source", "sink"])
    parser.add_argument("--objects", type=int, default=0)
    parser.add_argument("--mib", type=int, default=0)
    parser.add_argument("--certificate", help="serve over TLS, with its key, from one file")
    asked = parser.parse_args()
    serve = Source(asked.objects, asked.mib) if asked.what == "source" else Sink()
    listener = Listener.open(asked.certificate)
    sys.stdout.write(f"{listener.url}\n")
    sys.stdout.flush()
    listener.serve_forever(serve)


if __name__ == "__main__":
    main()
