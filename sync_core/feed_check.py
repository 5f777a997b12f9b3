"""All that a feed may ask of a store that keeps bytes only, as NetStorage, tried on a live one.

`provider_check` is for stores that speak S3, and its trials serve here as far as such a store goes.
What it lacks by its nature (`SyncStore.lacks`) is never asked for, so it is not tried either.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sync_core.checksums import md5_of
from sync_core.errors import IntegrityError
from sync_core.model import Ability
from sync_core.provider_check import Finding, found_by
from sync_core.provider_trials import DATA, Lacking, Trial, require
from sync_core.routing import OWN_PREFIX
from sync_core.storage.sync_store import SyncStore

SERVED_KEYS = (
    "a b+c%20é中",
    "x\ty",
    "plain",
    "plain.",
    "plain/below",
    "~'\"<&>",
    "%2F",
    ".hidden/...",
)
"""Keys that may be changed on their way, of those that NetStorage can serve."""

_TIME = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


class FeedAbility(StrEnum):
    """One thing that a feed rests on, or has to make up for; the value is its name for people."""

    REFUSES_OTHER_BYTES = "other bytes than announced are refused"
    KEEPS_TIMES = "the time of an object comes back"
    TAKES_SERVED_KEYS = "odd keys are stored and listed"
    HAS_OUR_CLOCK = "its clock is this machine's"


@dataclass(frozen=True, slots=True)
class Feed:
    """A store to try; `put_damaged` announces other bytes for a key than it sends.

    `clock_ahead` returns how far the store's clock is ahead, as far as that was found out.
    """

    store: SyncStore
    put_damaged: Callable[[str], object]
    clock_ahead: Callable[[], timedelta]

    def says(self, ability: Ability | FeedAbility) -> bool | None:
        """Tell whether such a store has an ability; None where nobody can say beforehand."""
        if isinstance(ability, Ability):
            return ability not in self.store.lacks
        return None if ability is FeedAbility.HAS_OUR_CLOCK else True


def check_feed(feed: Feed, nonce: str) -> Iterator[Finding[Ability] | Finding[FeedAbility]]:
    """Try every ability and yield what was found; about 80 requests.

    The keys begin with `.dualway/check-<nonce>/` and are free before and after. Raises what the
    store raises when plain reading and writing fails: of such a store nothing can be said.
    """
    trial = Trial(feed.store, feed.store, f"{OWN_PREFIX}check-{nonce}/")
    try:
        # A look can be signed again where a clock is wrong, an upload cannot.
        feed.store.head(trial.key("plain"))
        trial.reads_and_writes()
        yield Finding(Ability.READS_AND_WRITES, does=True)
        yield found_by(Ability.READS_RANGE_IF_MATCH, trial.reads_range_if_match)
        yield found_by(Ability.ETAG_IS_MD5, trial.etag_is_md5)
        for ability, attempt in _attempts(feed, trial).items():
            yield found_by(ability, attempt)
        for lacked in (each for each in Ability if each in feed.store.lacks):
            yield Finding(lacked, None, "dualway does without it: not tried")
    except Lacking as lacking:
        yield Finding(Ability.READS_AND_WRITES, does=False, detail=str(lacking))
    finally:
        trial.clean_up()


def _attempts(feed: Feed, trial: Trial) -> Mapping[FeedAbility, Callable[[], None]]:
    return {
        FeedAbility.REFUSES_OTHER_BYTES: lambda: _refuses_other_bytes(feed, trial),
        FeedAbility.KEEPS_TIMES: lambda: _keeps_times(trial),
        FeedAbility.TAKES_SERVED_KEYS: lambda: trial.takes_any_key(SERVED_KEYS),
        FeedAbility.HAS_OUR_CLOCK: lambda: _has_our_clock(feed),
    }


def _refuses_other_bytes(feed: Feed, trial: Trial) -> None:
    """Announce the bytes that are sent, then others."""
    trial.present("announced", md5=md5_of(DATA))
    key = trial.key("damaged")
    with suppress(IntegrityError):
        feed.put_damaged(key)
        raise Lacking("bytes with another MD5 than announced are taken")
    require(feed.store.head(key) is None, "bytes that were refused are there")


def _keeps_times(trial: Trial) -> None:
    at = trial.present("time", modified_at=_TIME).last_modified_at
    require(at == _TIME, f"{_TIME} comes back as {at}")


def _has_our_clock(feed: Feed) -> None:
    ahead_seconds = round(feed.clock_ahead().total_seconds())
    require(ahead_seconds == 0, f"it is {ahead_seconds} s ahead, which signatures make up for")
