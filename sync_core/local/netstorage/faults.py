"""What goes wrong on demand: the nth request of an action, and of a path where one is named."""

import threading
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What happens to a request that a fault hits."""

    STATUS = auto()
    """It is answered with the fault's `status`, and has no effect."""
    RESET = auto()
    """The connection is reset in the middle of the body: an upload's, or else the answer's."""
    SLOW = auto()
    """It has its effect, and is answered after `seconds`."""
    LOST = auto()
    """It has its effect, and the connection is reset instead of an answer."""
    CUT = auto()
    """Only half of the answer's body is sent, as if that were all of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Hits the `nth` request (from 1) of `action` and the `times - 1` after it.

    Only those for `path` (`/1234/dir/name`, decoded; None: any) count and are hit.
    """

    action: str
    kind: Kind
    path: str | None = None
    nth: int = 1
    times: int = 1
    status: int = 500
    seconds: float = 0.0


class Faults:
    """The faults to come; a request is hit by the first that applies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Fault, int] = {}

    def add(self, *faults: Fault) -> None:
        """Let these happen; each counts the requests from now on."""
        with self._lock:
            self._counts.update(dict.fromkeys(faults, 0))

    def clear(self) -> None:
        """Let no more happen."""
        with self._lock:
            self._counts.clear()

    def strike(self, action: str, path: str) -> Fault | None:
        """Count a request; return what hits it."""
        hit = None
        with self._lock:
            for fault in self._counts:
                if fault.action != action or fault.path not in {None, path}:
                    continue
                self._counts[fault] += 1
                if hit is None and fault.nth <= self._counts[fault] < fault.nth + fault.times:
                    hit = fault
        return hit
