"""Queue URLs carry the port on which the emulator is reached.

AWS: a queue's URL is an address of the service.
Emulator: the port is read from the environment when the module is imported, which a second start
in the same process, on another port, comes too late for.
"""

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("port of queue URLs")


def install(port: int) -> None:
    """Set the port of the queues to be created."""
    _SEAM.put("services.sqs", "DEFAULT_PORT", str(port))
