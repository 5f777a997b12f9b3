"""Which of a store's event names are hints that an object's value may have changed.

Sources: Amazon S3 User Guide, "Event notification types and destinations" and "Amazon EventBridge
mapping and troubleshooting", as of 2026-11; MinIO, internal/event/name.go, as of 2025; Ceph,
"S3 Bucket Notifications Compatibility" and src/rgw/rgw_notify_event_type.cc, as of 2025. The other
stores' names stand with their shapes.
"""

from collections.abc import Mapping

from sync_core.events import fields
from sync_core.model import EventKind

Names = Mapping[str, EventKind | None]
"""What each name, in full, means; None: no change of the object's value."""

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

_MINIO: Names = {
    "ObjectCreated:Put": EventKind.CREATED,
    "ObjectCreated:Post": EventKind.CREATED,
    "ObjectCreated:Copy": EventKind.CREATED,
    "ObjectCreated:CompleteMultipartUpload": EventKind.CREATED,
    "ObjectCreated:PutTagging": EventKind.TAGGED,
    "ObjectCreated:DeleteTagging": EventKind.TAGGED,
    "ObjectCreated:PutRetention": EventKind.HINT,
    "ObjectCreated:PutLegalHold": EventKind.HINT,
    "ObjectRemoved:Delete": EventKind.REMOVED,
    "ObjectRemoved:DeleteMarkerCreated": EventKind.REMOVED,
    "ObjectRemoved:DeleteAllVersions": EventKind.REMOVED,
    "ObjectRemoved:NoOP": EventKind.REMOVED,
    "LifecycleDelMarkerExpiration:Delete": EventKind.EXPIRED,
    "ObjectRestore:Completed": EventKind.HINT,
    "ObjectRestore:Post": None,
    "ObjectAccessed:Get": None,
    "ObjectAccessed:GetRetention": None,
    "ObjectAccessed:GetLegalHold": None,
    "ObjectAccessed:Head": None,
    "ObjectAccessed:Attributes": None,
    "ObjectTransition:Failed": None,
    "ObjectTransition:Complete": None,
    "Replication:OperationFailedReplication": None,
    "Replication:OperationCompletedReplication": None,
    "Replication:OperationNotTracked": None,
    "Replication:OperationMissedThreshold": None,
    "Replication:OperationReplicatedAfterThreshold": None,
    "Scanner:ManyVersions": None,
    "Scanner:LargeVersions": None,
    "Scanner:BigPrefix": None,
    "BucketCreated:*": None,
    "BucketRemoved:*": None,
}

_CEPH: Names = {
    "ObjectCreated:Put": EventKind.CREATED,
    # The form upload, and the beginning of a multipart upload as well.
    "ObjectCreated:Post": EventKind.HINT,
    "ObjectCreated:Copy": EventKind.CREATED,
    "ObjectCreated:CompleteMultipartUpload": EventKind.CREATED,
    "ObjectSynced:Create": EventKind.CREATED,
    "Replication:Create": EventKind.CREATED,
    "ObjectRemoved:Delete": EventKind.REMOVED,
    "ObjectRemoved:DeleteMarkerCreated": EventKind.REMOVED,
    "ObjectSynced:Delete": EventKind.REMOVED,
    "ObjectSynced:DeletionMarkerCreated": EventKind.REMOVED,
    "Replication:Delete": EventKind.REMOVED,
    "Replication:DeletionMarkerCreated": EventKind.REMOVED,
    "ObjectLifecycle:Expiration:Current": EventKind.EXPIRED,
    "ObjectLifecycle:Expiration:DeleteMarker": EventKind.EXPIRED,
    "LifecycleExpiration:Delete": EventKind.EXPIRED,
    "LifecycleExpiration:DeleteMarkerCreated": EventKind.EXPIRED,
    "ObjectRestore:Completed": EventKind.HINT,
    "ObjectRestore:Post": None,
    "ObjectRestore:Delete": None,
    # The documentation and the program spell these differently.
    "ObjectLifecycle:Expiration:NonCurrent": None,
    "ObjectLifecycle:Expiration:Noncurrent": None,
    "ObjectLifecycle:Expiration:AbortMultipartUpload": None,
    "ObjectLifecycle:Expiration:AbortMPU": None,
    "ObjectLifecycle:Transition:Current": None,
    "ObjectLifecycle:Transition:NonCurrent": None,
    "ObjectLifecycle:Transition:Noncurrent": None,
    "LifecycleTransition": None,
}

_DETAIL_TYPES: Names = {
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


def kind_of_minio_name(name: str) -> EventKind | None:
    """Return what MinIO's eventName means; the rest as in `kind_of_name`."""
    return kind_in(_MINIO, name.removeprefix(_PREFIX), "MinIO")


def kind_of_ceph_name(name: str) -> EventKind | None:
    """Return what Ceph's eventName means; the rest as in `kind_of_name`."""
    return kind_in(_CEPH, name.removeprefix(_PREFIX), "Ceph")


def kind_of_detail_type(detail_type: str, reason: object) -> EventKind | None:
    """Return what an EventBridge detail-type means; `reason` tells a lifecycle rule's deletes.

    None and `MalformedEvent` as in `kind_of_name`.
    """
    if detail_type not in _DETAIL_TYPES:
        fields.refuse(f"the detail-type {fields.shown(detail_type)} is none that S3 documents")
    kind = _DETAIL_TYPES[detail_type]
    expired = kind is EventKind.REMOVED and reason == "Lifecycle Expiration"
    return EventKind.EXPIRED if expired else kind


def kind_in(names: Names, name: str, store: str) -> EventKind | None:
    """Return what a name means by a store's table; `MalformedEvent` for one that is not in it."""
    if name not in names:
        fields.refuse(f"the event name {fields.shown(name)} is none that {store} documents")
    return names[name]
