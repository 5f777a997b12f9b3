"""Why deletes are held, since when, and what an operator has approved: the guard's memory."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sync_core.errors import ConfigError


class HoldReason(StrEnum):
    """Every reason to hold deletes; each stays until an operator approves."""

    MASS_DELETION = "mass_deletion"
    OWN_BUCKET = "own_bucket_emptied_or_recreated"
    PEER_BUCKET = "peer_bucket_emptied_or_recreated"
    RECORDS_LOST = "records_lost"
    CONFIGURATION_CHANGED = "configuration_changed"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason to hold deletes; `detail` says it to a person."""

    reason: HoldReason
    since: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class GuardState:
    """What the guard keeps in the table.

    `uuid` is the number in the sentinels; until both are in place for the first time, `is_planted`
    is false. `epoch` is the configuration that deletes were last approved for (None: there was no
    worker yet), `next_epoch` the one that waits for approval. Deletes up to `approved_until` are
    not counted. `synced_keys` were counted at `synced_at`.
    """

    uuid: str
    epoch: str | None = None
    next_epoch: str | None = None
    is_planted: bool = False
    holds: tuple[Hold, ...] = ()
    approved_until: datetime | None = None
    synced_keys: int = 0
    synced_at: datetime | None = None

    def is_approved(self, now: datetime) -> bool:
        """Tell whether an operator's approval lasts."""
        return self.approved_until is not None and self.approved_until > now

    def held(self, reason: HoldReason, now: datetime, detail: str) -> "GuardState":
        """Return the state with this hold; it ends an approval. A reason is noted once."""
        if any(hold.reason is reason for hold in self.holds):
            return self
        approved_until = now if self.is_approved(now) else self.approved_until
        holds = (*self.holds, Hold(reason, now, detail))
        return replace(self, holds=holds, approved_until=approved_until)

    def released(self, until: datetime) -> "GuardState":
        """Return the state without holds, as an operator has approved it."""
        epoch = self.next_epoch or self.epoch
        return replace(self, holds=(), epoch=epoch, next_epoch=None, approved_until=until)

    def configured(self, epoch: str, now: datetime) -> "GuardState":
        """Return the state after a worker with this configuration has looked at it."""
        if self.epoch is None:
            return replace(self, epoch=epoch)
        if self.epoch == epoch:
            return self
        detail = "what takes part, which way, or the conflict policy is not as it was approved"
        held = self.held(HoldReason.CONFIGURATION_CHANGED, now, detail)
        return replace(held, next_epoch=epoch)

    def text(self) -> str:
        """Return the state as the text of its control item."""
        holds = [
            {"reason": hold.reason.value, "since": hold.since.isoformat(), "detail": hold.detail}
            for hold in self.holds
        ]
        return json.dumps(
            {
                "uuid": self.uuid,
                "epoch": self.epoch,
                "next_epoch": self.next_epoch,
                "planted": self.is_planted,
                "holds": holds,
                "approved_until": _shown(self.approved_until),
                "synced_keys": self.synced_keys,
                "synced_at": _shown(self.synced_at),
            }
        )


def parse_state(text: str) -> GuardState:
    """Return what the text of a control item says; raises `ConfigError` where it is none."""
    try:
        found = json.loads(text)
        return GuardState(
            uuid=str(found["uuid"]),
            epoch=found["epoch"],
            next_epoch=found["next_epoch"],
            is_planted=bool(found["planted"]),
            holds=tuple(_hold(each) for each in found["holds"]),
            approved_until=_instant(found["approved_until"]),
            synced_keys=int(found["synced_keys"]),
            synced_at=_instant(found["synced_at"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        cause = (
            f"the control item is none that this release reads ({error!r}); delete it from the "
            "table: deletes are then held until you approve them"
        )
        raise ConfigError("read the guard's state", "deletes", cause) from error


def _hold(found: dict[str, Any]) -> Hold:
    since = datetime.fromisoformat(found["since"])
    return Hold(HoldReason(found["reason"]), since, str(found["detail"]))


def _shown(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
