"""`dualway worker`: one site's long-running consumer, as a container or a service runs it."""

from sync_core import config
from sync_core.bootstrap import serve


def worker() -> None:
    """Synchronise one site's changes to its peer until SIGTERM or SIGINT.

    The configuration comes from the environment: the variables that cfn/README.md lists, with the
    values that the outputs of the site's stack show. Writes one JSON line per event to standard
    output.
    """
    serve(config.load())
