"""What a suite has to say of the server that it is for."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from sync_core.model import Capabilities
from sync_core.storage.dialects import Dialect
from tests.foreign.servers import Server


@dataclass(frozen=True)
class Kind:
    """A kind of server: how it is started, how it speaks, what it can do.

    `deviations` names tests that it does not pass, with reasons, as the test or as one case of it;
    `not_meant` those that ask for what no server of other makers has. `hides_tags`: it refuses what
    has tags, so the suite sees it as a pair of sites does, without them.
    """

    start: Callable[[Path], AbstractContextManager[Server]]
    dialect: Dialect
    capabilities: Capabilities
    deviations: Mapping[str, str] = field(default_factory=dict)
    not_meant: frozenset[str] = frozenset()
    hides_tags: bool = False
