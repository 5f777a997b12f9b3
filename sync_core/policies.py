"""Reads what decides on both sides: who wins, which way changes go, how many deletes are too many.

And what cannot be together with a destination that is no source.

Each function returns what its variables say and complains about what is wrong in them.
"""

from sync_core.model import ConflictPolicy, Direction, SitePair
from sync_core.safety import DeleteLimits
from sync_core.storage.netstorage_access import NETSTORAGE
from sync_core.storage.netstorage_keys import why_not
from sync_core.variables import Variables, one_of, whole


def direction_of(variables: Variables, pair: SitePair, preferred_site: str | None) -> Direction:
    """Return which way changes go."""
    named = one_of(*Direction)
    direction = variables.optional(
        "DUALWAY_DIRECTION", lambda value: Direction(named(value)), Direction.TWO_WAY
    )
    if direction is Direction.TO_PEER and preferred_site == pair.peer.name:
        cause = f"prefers {preferred_site}, which one way never wins: prefer {pair.own.name}"
        variables.complain("DUALWAY_CONFLICT_POLICY", cause)
    return direction


def delete_limits_of(variables: Variables) -> DeleteLimits:
    """Return how many deletes are too many."""
    default = DeleteLimits()
    return DeleteLimits(
        count=variables.optional("DUALWAY_MAX_DELETES", whole(0, 10**9), default.count),
        percent=variables.optional("DUALWAY_MAX_DELETE_PERCENT", whole(0, 100), default.percent),
        window_seconds=variables.optional(
            "DUALWAY_DELETE_WINDOW_SECONDS", whole(1, 604_800), default.window_seconds
        ),
        settle_seconds=variables.optional(
            "DUALWAY_DELETE_SETTLE_SECONDS", whole(0, 86_400), default.settle_seconds
        ),
    )


def conflict_policy_of(variables: Variables, pair: SitePair) -> tuple[ConflictPolicy, str | None]:
    """Return the policy, and with `prefer:SITE` the site."""
    names = {pair.own.name, pair.peer.name}

    def read(value: str) -> tuple[ConflictPolicy, str | None]:
        name, _, site = value.partition(":")
        known = name in set(ConflictPolicy)
        if not known or (name == ConflictPolicy.PREFER) != (site in names):
            choices = "keep-copy, keep-version, manual or prefer:SITE"
            raise ValueError(f"give {choices}, where SITE is one of both sites")
        return ConflictPolicy(name), site or None

    default: tuple[ConflictPolicy, str | None] = (ConflictPolicy.KEEP_COPY, None)
    return variables.optional("DUALWAY_CONFLICT_POLICY", read, default)


def require_netstorage(
    variables: Variables, pair: SitePair, direction: Direction, *, has_object_lock: bool
) -> None:
    """Complain about whatever a peer in NetStorage cannot be, or have."""
    if direction is not Direction.TO_PEER:
        cause = f"has to be {Direction.TO_PEER.value}: {NETSTORAGE} is a destination only"
        variables.complain("DUALWAY_DIRECTION", cause)
    cpcode, prefix = pair.peer.bucket, pair.peer.prefix
    if cpcode and not (cpcode.isascii() and cpcode.isdigit()):
        variables.complain("DUALWAY_PEER_BUCKET", f"is {cpcode!r}: give the number of the CP code")
    if prefix and (not prefix.endswith("/") or why_not(cpcode, f"{prefix}x")):
        cause = f"is {prefix!r}: give a directory below the CP code, such as site/media/"
        variables.complain("DUALWAY_PEER_PREFIX", cause)
    for name in ("DUALWAY_STORAGE_CLASS", "DUALWAY_ACL", "DUALWAY_SSE"):
        if variables.values.get(name, "").strip():
            variables.complain(name, f"is set, and {NETSTORAGE} has no such thing: take it away")
    if has_object_lock:
        variables.complain("DUALWAY_OBJECT_LOCK", f"is true, and {NETSTORAGE} locks nothing")
