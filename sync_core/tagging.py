"""The tags of a key whose objects are in sync: read on both sides, then decided upon."""

from dataclasses import replace

from sync_core.errors import PreconditionFailed
from sync_core.gather import Look
from sync_core.model import CopyTags, Side, SyncRecord
from sync_core.stack import Stack
from sync_core.tags import Tags, TagVerdict, decide_tags, tags_hash


def tags_agreed(verdict: CopyTags) -> str | None:
    """Return what both sides agree on once the tags are copied; None where they do not yet."""
    return tags_hash(verdict.tags) if verdict.is_agreed else None


def look_at_tags(
    stack: Stack, record: SyncRecord, look: Look, agreed: str | None, *, from_peer: bool
) -> Look | str | None:
    """Compare the tags of both sides' instances in `look`.

    Returns a look whose verdict is to copy tags; or the hash of the tags on which both sides agree;
    or None where the peer's stack has to act. `from_peer`: that stack takes us for the one to act,
    so what each of them believes to be agreed is of no use, and what is missing here is put here.
    Raises `PreconditionFailed` when an object has gone meanwhile.
    """
    key = record.key
    peer = _tags(stack.sides.peer.tags(key), key)
    own = _tags(stack.sides.own.tags(key), key)
    found = _decide(stack, own, peer, agreed)
    if from_peer and found.peer_has_it and not found.own_has_it:
        found = _decide(stack, own, peer, None)
    if found.own_has_it and found.peer_has_it:
        return tags_hash(own)
    if not found.peer_has_it and look.peer is not None:
        verdict = CopyTags(2, look.peer, found.wanted, found.own_has_it)
    elif from_peer and look.own is not None:
        verdict = CopyTags(2, look.own, found.wanted, found.peer_has_it, at=Side.OWN)
    else:
        return None
    return replace(look, verdict=verdict)


def _decide(stack: Stack, own: Tags, peer: Tags, agreed: str | None) -> TagVerdict:
    pair = stack.sides.pair
    return decide_tags(own, peer, agreed, own_is_first=pair.own.name < pair.peer.name)


def _tags(found: Tags | None, key: str) -> Tags:
    if found is None:
        raise PreconditionFailed("read tags", key, "the object is gone")
    return found
