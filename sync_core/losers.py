"""What a write or a delete took the place of is kept: the loser of a conflict, and what slipped in.

On a versioned bucket an overwrite or a delete is looked at once more afterwards, because If-Match
compares bytes only: an edit of the metadata that came in between has the same etag. The history
shows it: the version below ours is then not the one that was decided on.
"""

from collections.abc import Sequence
from itertools import dropwhile

from sync_core.agreement import Kept
from sync_core.errors import Blocked, PreconditionFailed
from sync_core.evidence import facts, only_bytes_can_tell, same_value
from sync_core.model import (
    Conflict,
    ConflictPolicy,
    Copy,
    ObjectVersion,
    VersionEntry,
)
from sync_core.routing import conflict_key, longest_key_bytes
from sync_core.stack import Stack
from sync_core.storage.sync_store import SyncStore

_ENTRIES = 10
"""How far down ours is looked for: others may have written on top of it meanwhile."""


def keep_loser(stack: Stack, verdict: Conflict) -> Kept:
    """Keep the loser beside its key, inside its own bucket, once.

    Without a copy nothing is overwritten; by the policy `keep-version` the overwritten version is
    the copy. The name may be taken by an earlier loser that differs in metadata only; a
    longer one is not. Raises `PreconditionFailed` when the loser is no longer current, `Blocked`
    when both names are taken by something else.
    """
    loser = verdict.loser
    keeps_version = stack.settings.conflict_policy is ConflictPolicy.KEEP_VERSION
    if keeps_version and loser.version_id is not None:
        return Kept(loser, None)
    return _keep(stack, verdict, loser, is_current=True)


def keep_overwritten(stack: Stack, verdict: Copy | Conflict, version_id: str | None) -> Kept | None:
    """Keep what slipped in between the verdict and our write `version_id`, if anything did."""
    replaced = verdict.loser if isinstance(verdict, Conflict) else verdict.replaces
    store = stack.sides.store(verdict.to)
    is_sure = replaced is None and stack.sides.capabilities(verdict.to).creates_if_absent
    if version_id is None or is_sure:
        return None
    below = _below(store.versions(verdict.source.key, _ENTRIES), version_id)
    if below is None or below.is_delete_marker or below.version_id == _entry_id(replaced):
        return None
    foreign = store.head_version(verdict.source.key, below.version_id)
    return _keep(stack, verdict, foreign, is_current=False) if foreign else None


def require_deleted(store: SyncStore, instance: ObjectVersion, marker_id: str | None) -> None:
    """Take our delete marker `marker_id` back where it covers another version than `instance`.

    Raises `PreconditionFailed` then: the key is to be evaluated again.
    """
    # A null delete marker has replaced the null version: what lies below was never covered by it.
    if marker_id in {None, _entry_id(instance)}:
        return
    below = _below(store.versions(instance.key, _ENTRIES), marker_id)
    if below is None or below.is_delete_marker or below.version_id == _entry_id(instance):
        return
    store.delete_version(instance.key, marker_id)
    raise PreconditionFailed("delete", instance.key, "another version came in before the delete")


def _entry_id(version: ObjectVersion | None) -> str | None:
    """Return under which id a listing of versions shows an instance."""
    return None if version is None else version.version_id or "null"


def _below(entries: Sequence[VersionEntry], version_id: str) -> VersionEntry | None:
    from_ours = dropwhile(lambda entry: entry.version_id != version_id, entries)
    next(from_ours, None)
    return next(from_ours, None)


def _keep(
    stack: Stack, verdict: Copy | Conflict, loser: ObjectVersion, *, is_current: bool
) -> Kept:
    store = stack.sides.store(verdict.to)
    side = stack.sides.site_name(verdict.to)
    pair = stack.sides.pair
    longest_bytes = longest_key_bytes(pair.own.prefix, pair.peer.prefix)
    for suffix in ("", facts(loser, side, pair).id):
        key = conflict_key(loser, side, suffix, longest_bytes)
        kept = store.head(key)
        if kept is None and is_current:
            store.copy_if(loser, key)
        elif kept is None:
            store.copy_version(loser, key)
        if kept is None or _is_copy(kept, loser):
            return Kept(loser, key)
    raise Blocked("keep loser", loser.key, f"{key!r} holds another object: rename it")


def _is_copy(kept: ObjectVersion, loser: ObjectVersion) -> bool:
    """Tell whether `kept` is the loser: by value, for a copy of parts or with KMS has another etag.

    Where an etag tells nothing of the bytes, the name does, which has the loser's.
    """
    return same_value(kept, loser) or only_bytes_can_tell(kept, loser)
