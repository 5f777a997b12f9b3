"""Functions behind custom resources answer to the port on which the emulator is reached.

AWS: the answer is put to a URL that is signed for one request
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html).
Emulator: the URL is its own, with the port that the environment had when the module was imported,
which a second start in the same process, on another port, comes too late for.
"""

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("port of the answers of custom resources")


def install(port: int) -> None:
    """Set the port of the answers to come."""
    _SEAM.put("services.cloudformation.custom_resource", "_PORT", str(port))
