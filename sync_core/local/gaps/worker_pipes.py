"""The processes that run functions leave nothing open behind, however they have ended.

AWS: where a function runs is nothing that its caller could see.
Emulator: runs a function in a process of its own and leaves its three pipes, and where it has ended
by itself the process too, to the garbage collector, whose warnings are errors of whatever test runs
at that moment.
"""

import subprocess
from contextlib import suppress
from types import ModuleType

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("pipes of the processes that run functions")


class _TidyProcess(subprocess.Popen[str]):
    """A process that, when nobody refers to it any more, is ended, waited for and closed."""

    def __del__(self) -> None:
        # Ended first: a thread that waits for its output would keep the pipe from being closed.
        if self.poll() is None:
            self.kill()
            self.wait()
        for pipe in (self.stdin, self.stdout, self.stderr):
            # What was not written yet is nobody's any more.
            with suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()
        super().__del__()


def install() -> None:
    """Give the emulator's runtime of functions processes that tidy up."""
    tidy = ModuleType(subprocess.__name__, subprocess.__doc__)
    vars(tidy).update(vars(subprocess), Popen=_TidyProcess)
    _SEAM.put("core.lambda_runtime", "subprocess", tidy)
