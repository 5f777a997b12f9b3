"""All that dualway may ask of a store, tried on a live one: what the store does, and what not.

`probe` tries what correctness rests on; here is the rest as well, for whoever connects a store of
a kind that was never tried. Each trial has keys of its own below `.dualway/check-<nonce>/`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from sync_core.errors import DualwayError, IntegrityError, Poison, Retryable, Stale
from sync_core.model import Ability
from sync_core.probe import probe, probe_key
from sync_core.provider_trials import Lacking, Trial
from sync_core.routing import OWN_PREFIX
from sync_core.storage.sync_store import SyncStore

_Ability = TypeVar("_Ability", bound=StrEnum)


class Verdict(StrEnum):
    """What a store does, beside what its dialect says."""

    AS_SAID = "ok"
    MORE = "more than said"
    LESS = "LESS THAN SAID"
    UNKNOWN = "NOT FOUND OUT"

    @property
    def is_bad(self) -> bool:
        """Tell whether what dualway would rely on was not seen."""
        return self in {Verdict.LESS, Verdict.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Finding(Generic[_Ability]):
    """Whether a store has an ability; None where that could not be found out.

    `detail` says what was seen where it has it not.
    """

    ability: _Ability
    does: bool | None
    detail: str = ""

    def verdict(self, says: bool | None) -> Verdict:  # noqa: FBT001 - compared with another
        """Compare with what the store's dialect says; None where it leaves it to the bucket."""
        if self.does is None:
            return Verdict.UNKNOWN if says else Verdict.AS_SAID
        if says is None or self.does == says:
            return Verdict.AS_SAID
        return Verdict.MORE if self.does else Verdict.LESS


def check(store: SyncStore, daring: SyncStore, nonce: str) -> Iterator[Finding[Ability]]:
    """Try every ability and yield what was found, in the order of `Ability`; about 120 requests.

    `store` speaks the dialect that is to be checked; `daring` is the same bucket in a dialect that
    sends every condition, so that those are tried that `store` would not send. The keys are free
    before and after. Raises what the store raises when plain reading and writing fails: of such a
    store nothing can be said.
    """
    trial = Trial(store, daring, f"{OWN_PREFIX}check-{nonce}/")
    try:
        trial.reads_and_writes()
        yield Finding(Ability.READS_AND_WRITES, does=True)
        trial.keys.add(probe_key(nonce))
        yield from _conditions(daring, nonce)
        for ability, attempt in trial.attempts().items():
            yield found_by(ability, attempt)
    except Lacking as lacking:
        yield Finding(Ability.READS_AND_WRITES, does=False, detail=str(lacking))
    finally:
        trial.clean_up()


def _conditions(store: SyncStore, nonce: str) -> Iterator[Finding[Ability]]:
    try:
        found = probe(store, nonce)
    except Retryable as error:
        for ability in (
            Ability.CREATES_IF_ABSENT,
            Ability.REPLACES_IF_MATCH,
            Ability.DELETES_IF_MATCH,
            Ability.IS_VERSIONED,
        ):
            yield Finding(ability, None, _sentence(error))
        return
    ignored = "a condition that does not hold is not refused, or one that holds is"
    for ability, does, detail in (
        (Ability.CREATES_IF_ABSENT, found.creates_if_absent, ignored),
        (Ability.REPLACES_IF_MATCH, found.replaces_if_match, ignored),
        (Ability.DELETES_IF_MATCH, found.deletes_if_match, ignored),
        (Ability.IS_VERSIONED, found.is_versioned, "what is overwritten is gone"),
    ):
        yield Finding(ability, does, "" if does else detail)


def found_by(ability: _Ability, attempt: Callable[[], None]) -> Finding[_Ability]:
    """Return what comes of a trial, which raises `Lacking` or what the store raises."""
    try:
        attempt()
    except Lacking as lacking:
        return Finding(ability, does=False, detail=str(lacking))
    except (Stale, Poison, IntegrityError) as error:
        return Finding(ability, does=False, detail=_sentence(error))
    except Retryable as error:
        # Neither a denial nor an outage says anything of abilities.
        return Finding(ability, None, _sentence(error))
    except (KeyError, TypeError, ValueError) as error:
        return Finding(ability, does=False, detail=f"the answer cannot be read: {error!r}")
    return Finding(ability, does=True)


def _sentence(error: DualwayError) -> str:
    return f"{error.operation}: {error.cause}"
