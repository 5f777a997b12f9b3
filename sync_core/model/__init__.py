"""The values that the parts hand to one another: frozen, made of the standard library only.

Absence is `None`: an object that is not there is never an `ObjectVersion`. Instants are aware UTC.
`own` is the deployment's own side and `peer` the other one; where something moves, it moves from a
source to a destination. `objects` is what stores hold, `records` what a table holds, `verdicts`
what is decided and done.
"""

from sync_core.model.objects import (
    MODIFIED_FORMAT,
    REPLICATED_HEADERS,
    Capabilities,
    EventKind,
    GuaranteeLevel,
    ListedObject,
    ObjectEvent,
    ObjectVersion,
    Site,
    SitePair,
    VersionEntry,
    listed_id,
    written_id,
)
from sync_core.model.records import (
    ControlItem,
    Intent,
    Lease,
    ListedRecord,
    NotedConflict,
    Pair,
    SideState,
    SyncRecord,
    Waiting,
)
from sync_core.model.verdicts import (
    Acknowledge,
    Action,
    Conflict,
    ConflictPolicy,
    Copy,
    CopyTags,
    Delete,
    Link,
    Outcome,
    Side,
    Skip,
    SkipReason,
    Unsure,
    Verdict,
)

__all__ = [
    "MODIFIED_FORMAT",
    "REPLICATED_HEADERS",
    "Acknowledge",
    "Action",
    "Capabilities",
    "Conflict",
    "ConflictPolicy",
    "ControlItem",
    "Copy",
    "CopyTags",
    "Delete",
    "EventKind",
    "GuaranteeLevel",
    "Intent",
    "Lease",
    "Link",
    "ListedObject",
    "ListedRecord",
    "NotedConflict",
    "ObjectEvent",
    "ObjectVersion",
    "Outcome",
    "Pair",
    "Side",
    "SideState",
    "Site",
    "SitePair",
    "Skip",
    "SkipReason",
    "SyncRecord",
    "Unsure",
    "Verdict",
    "VersionEntry",
    "Waiting",
    "listed_id",
    "written_id",
]
