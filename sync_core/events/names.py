"""Which of a store's event names are hints that an object's value may have changed.

Sources: Amazon S3 User Guide, "Event notification types and destinations" and "Amazon EventBridge
mapping and troubleshooting", as of 2026-11.
"""

from sync_core.events import fields
from sync_core.model import EventKind

_PREFIX = "s3:"

_FAMILIES: dict[str, EventKind | None] = {
    "ObjectCreated:": EventKind.CREATED,
    "ObjectRemoved:": EventKind.REMOVED,
    "LifecycleExpiration:": EventKind.EXPIRED,
    "ObjectTagging:": EventKind.TAGGED,
    # An archived object can be read, and so be copied, from here on.
    "ObjectRestore:Completed": EventKind.HINT,
    # From here on none changes an object's value.
    "ObjectRestore:": None,
    "ObjectAcl:": None,
    "ObjectAnnotation:": None,
    "Replication:": None,
    "IntelligentTiering": None,
    "LifecycleTransition": None,
    "ReducedRedundancyLostObject": None,
}
"""The first entry that a name begins with counts; None: no change of the object's value."""

_DETAIL_TYPES: dict[str, EventKind | None] = {
    "Object Created": EventKind.CREATED,
    "Object Deleted": EventKind.REMOVED,
    "Object Tags Added": EventKind.TAGGED,
    "Object Tags Deleted": EventKind.TAGGED,
    "Object Restore Completed": EventKind.HINT,
    "Object Restore Initiated": None,
    "Object Restore Expired": None,
    "Object Storage Class Changed": None,
    "Object Access Tier Changed": None,
    "Object ACL Updated": None,
    "Object Annotation Created": None,
    "Object Annotation Removed": None,
    "Async Copy Completion": None,
}


def kind_of_name(name: str) -> EventKind | None:
    """Return what an S3 notification's eventName, with or without `s3:`, means.

    None means: nothing that concerns us. Raises `MalformedEvent` for a name that S3 does not
    document.
    """
    bare = name.removeprefix(_PREFIX)
    for family, kind in _FAMILIES.items():
        if bare.startswith(family):
            return kind
    return fields.refuse(f"the eventName {fields.shown(name)} is none that S3 documents")


def kind_of_detail_type(detail_type: str, reason: object) -> EventKind | None:
    """Return what an EventBridge detail-type means; `reason` tells a lifecycle rule's deletes.

    None and `MalformedEvent` as in `kind_of_name`.
    """
    if detail_type not in _DETAIL_TYPES:
        fields.refuse(f"the detail-type {fields.shown(detail_type)} is none that S3 documents")
    kind = _DETAIL_TYPES[detail_type]
    expired = kind is EventKind.REMOVED and reason == "Lifecycle Expiration"
    return EventKind.EXPIRED if expired else kind
