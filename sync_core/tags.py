"""What becomes of both sides' tags, once the objects themselves are in sync: pure.

Tags have no instance, no time and no conditional write, so that all there is to go by is what both
sides last agreed on (its hash; None: not known):

| own | peer | verdict |
|---|---|---|
| equal | equal | agreed |
| changed | as agreed | put own's at the peer |
| as agreed | changed | the peer's stack puts its own here |
| changed | changed | put the union at both; of one name, the value of the first site counts |
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

_HASH_DIGITS = 8

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TagVerdict:
    """What both sides should show, and whether own and peer show it already."""

    wanted: Tags
    own_has_it: bool
    peer_has_it: bool


def tags_hash(tags: Tags) -> str:
    """Return eight hex digits that stand for a set of tags."""
    text = repr(sorted(tags.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]


def decide_tags(own: Tags, peer: Tags, agreed: str | None, *, own_is_first: bool) -> TagVerdict:
    """Return what both sides should have; mirrored inputs give mirrored verdicts.

    `own_is_first` says whose value counts where both sides have changed one name. Neither side
    shows what is wanted only if both have changed: then each stack puts it at its peer.
    """
    wanted = _wanted(own, peer, agreed, own_is_first=own_is_first)
    return TagVerdict(wanted, own == wanted, peer == wanted)


def _wanted(own: Tags, peer: Tags, agreed: str | None, *, own_is_first: bool) -> Tags:
    if agreed is not None and tags_hash(peer) == agreed:
        return own
    if agreed is not None and tags_hash(own) == agreed:
        return peer
    return {**peer, **own} if own_is_first else {**own, **peer}
