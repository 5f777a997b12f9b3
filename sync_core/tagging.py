"""The tags of a key whose objects are in sync: read on both sides, then decided upon."""

from dataclasses import replace

from sync_core.errors import PreconditionFailed
from sync_core.gather import Look
from sync_core.model import (
    CopyTags,
    ObjectVersion,
    Side,
    Skip,
    SkipReason,
    Verdict,
    listed_id,
)
from sync_core.occasion import Occasion
from sync_core.stack import Stack
from sync_core.tags import Tags, TagVerdict, decide_tags, tags_hash


def tags_agreed(verdict: CopyTags) -> str | None:
    """Return what both sides agree on once the tags are copied; None where they do not yet."""
    return tags_hash(verdict.tags) if verdict.is_agreed else None


def look_at_tags(stack: Stack, look: Look, agreed: str | None, occasion: Occasion) -> Look | str:
    """Compare the tags of both sides' instances in `look`.

    Returns the hash of the tags on which both sides agree; or a look whose verdict is to copy tags,
    or to leave that to the peer's stack. What each stack believes to be agreed is of no use where
    the peer takes us for the one to act: what is missing here is put here then. Where it is our
    peer who has put the tags that are here, no change of them is ours. One way, what the peer has
    besides is left alone. Raises `PreconditionFailed` when an object has gone meanwhile.
    """
    peer, own = _tags(stack, look.peer, Side.PEER), _tags(stack, look.own, Side.OWN)
    by_peer = occasion.hears_of_tags and not occasion.asks_for_tags
    found = _decide(stack, own, peer, tags_hash(own) if by_peer else agreed)
    if found.peer_has_it and (found.own_has_it or stack.settings.is_one_way):
        return tags_hash(own)
    if occasion.is_from_peer and found.peer_has_it and not found.own_has_it:
        found = _decide(stack, own, peer, None)
    _require_unchanged(stack, look)
    return replace(look, verdict=_verdict(look, found, from_peer=occasion.is_from_peer))


def _require_unchanged(stack: Stack, look: Look) -> None:
    """Tags are read by name, so that they may be those of an object that came after `look`."""
    for side, seen in ((Side.PEER, look.peer), (Side.OWN, look.own)):
        now = stack.sides.store(side).head(seen.key) if seen is not None else None
        if seen is not None and (now is None or listed_id(now) != listed_id(seen)):
            raise PreconditionFailed("read tags", seen.key, f"the {side.value} object changed")


def _verdict(look: Look, found: TagVerdict, *, from_peer: bool) -> Verdict:
    if not found.peer_has_it and look.peer is not None:
        return CopyTags(2, look.peer, found.wanted, found.own_has_it)
    if from_peer and look.own is not None:
        return CopyTags(2, look.own, found.wanted, found.peer_has_it, at=Side.OWN)
    return Skip(2, SkipReason.PEER_ACTS)


def _decide(stack: Stack, own: Tags, peer: Tags, agreed: str | None) -> TagVerdict:
    pair = stack.sides.pair
    own_is_first = stack.settings.is_one_way or pair.own.name < pair.peer.name
    return decide_tags(own, peer, agreed, own_is_first=own_is_first)


def _tags(stack: Stack, version: ObjectVersion | None, side: Side) -> Tags:
    found = stack.sides.store(side).tags(version.key) if version is not None else None
    if version is None or found is None:
        key = version.key if version is not None else ""
        raise PreconditionFailed("read tags", key, "the object is gone")
    return found
