"""The port to one side of a two-way sync: all abilities together."""

from typing import Protocol

from sync_core.model import Ability
from sync_core.storage.parts_protocol import (
    SupportsMultipart,
    SupportsPeerCopy,
    SupportsRestore,
)
from sync_core.storage.protocol import (
    ObjectStore,
    SupportsConditionalWrite,
    SupportsServerSideCopy,
    SupportsTags,
    SupportsVersions,
)


class SyncStore(
    ObjectStore,
    SupportsConditionalWrite,
    SupportsServerSideCopy,
    SupportsTags,
    SupportsMultipart,
    SupportsPeerCopy,
    SupportsRestore,
    SupportsVersions,
    Protocol,
):
    """All that a side of a two-way sync needs; the S3 and memory adapters implement it.

    A store that lacks some of it refuses that with `Blocked`.
    """

    @property
    def lacks(self) -> frozenset[Ability]:
        """Abilities that no store of this kind has: what would need them is done without."""
        ...
