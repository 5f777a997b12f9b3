"""Reads what decides on both sides: who wins, which way changes go, how many deletes are too many.

Each function returns what its variables say and complains about what is wrong in them.
"""

from sync_core.model import ConflictPolicy, Direction, SitePair
from sync_core.safety import DeleteLimits
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
