"""Defects that the simulation has to find: each takes away one thing that the design relies on.

Most are adapters that do not keep their promise, put between a stack and its stores or table; a
few replace a pure function, which only the test that does so can see. What needs a rarer meeting
(the own side read first, no intent) is left to the exhaustive exploration in tests/property.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from sync_core import evidence, gather, losers, marker
from sync_core.evidence import Evidence
from sync_core.model import SyncRecord
from sync_core.routing import is_excluded
from sync_core.storage.protocol import ObjectWrite, Readable, Written
from tests.simulation.cloud import unchanged
from tests.simulation.stacks import Wrap


class _Altered:
    """An adapter of which some methods are others."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _UnconditionalPut(_Altered):
    def put_if(self, write: ObjectWrite, body: Readable, replaces: Any) -> Written:
        if is_excluded(write.key):
            return self._kept(write, body, replaces)
        written: Written = self.inner.put(write, body)
        return written

    def _kept(self, write: ObjectWrite, body: Readable, replaces: Any) -> Written:
        """Keep the promise where production tries whether it is kept."""
        written: Written = self.inner.put_if(write, body, replaces)
        return written


class _UnconditionalDelete(_Altered):
    def delete_if(self, instance: Any) -> None:
        if is_excluded(instance.key):
            self.inner.delete_if(instance)
        else:
            self.inner.delete(instance.key)


class _NoMarker(_Altered):
    def put_if(self, write: ObjectWrite, body: Readable, replaces: Any) -> Written:
        written: Written = self.inner.put_if(replace(write, marker=None), body, replaces)
        return written


class _UnconditionalRecord(_Altered):
    def write(self, records: Any) -> Any:
        held = self.inner.read([record.key for record in records])
        gens = {key: record.gen for key, record in held.items()}
        return self.inner.write([replace(r, gen=gens.get(r.key, 0)) for r in records])


class _Forgetful(_Altered):
    def read(self, _keys: Any) -> dict[str, SyncRecord]:
        return {}


def _of_stores(adapter: type[_Altered]) -> Wrap:
    return lambda name, inner: adapter(inner) if name in {"own", "peer"} else inner


def _of_records(adapter: type[_Altered]) -> Wrap:
    return lambda name, inner: adapter(inner) if name == "records" else inner


@dataclass(frozen=True)
class Defect:
    """One defect; `invariants` are those of which one at least is violated.

    `first_seed` is where to begin, so that a rare one is found within a minute.
    """

    invariants: tuple[str, ...]
    wrap: Wrap = unchanged
    drops_echoes: bool = False
    replaces: str = ""
    first_seed: int = 0

    def build_in(self, patch: pytest.MonkeyPatch) -> None:
        """Replace a function of production, if that is how the defect is made."""
        if self.replaces:
            _REPLACEMENTS[self.replaces](patch)


def _keep_no_loser(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(losers, "_keep", lambda *_args, **_fields: "nowhere")


def _trust_every_marker(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(evidence, "is_valid", lambda *_: True)
    patch.setattr(marker, "is_valid", lambda *_: True)


def _last_writer_wins(patch: pytest.MonkeyPatch) -> None:
    """Take the side whose object is later for one that has seen the other."""
    weigh = evidence.weigh

    def weigh_by_time(own: Any, peer: Any, record: Any, pair: Any, *rest: Any, **more: Any) -> Any:
        found: Evidence = weigh(own, peer, record, pair, *rest, **more)
        if own is None or peer is None or found.link is not None:
            return found
        later = found.own and found.peer and found.own.stamp > found.peer.stamp
        public, nobody = evidence.Witness.PUBLIC, evidence.Witness.NOBODY
        return replace(
            found,
            own_saw_peer=public if later else nobody,
            peer_saw_own=nobody if later else public,
        )

    patch.setattr(gather, "weigh", weigh_by_time)


_REPLACEMENTS = {
    "no loser is kept": _keep_no_loser,
    "every marker is trusted": _trust_every_marker,
    "the later object wins": _last_writer_wins,
}

DEFECTS = {
    "puts are unconditional": Defect(("C2",), _of_stores(_UnconditionalPut)),
    "deletes are unconditional": Defect(("C2",), _of_stores(_UnconditionalDelete), first_seed=90),
    "replicas carry no marker": Defect(("C3", "C1", "C4"), _of_stores(_NoMarker)),
    "records are written unconditionally": Defect(
        ("C3", "C1", "C4"), _of_records(_UnconditionalRecord), first_seed=240
    ),
    "records are never read": Defect(("C3", "C1", "C9"), _of_records(_Forgetful)),
    "echoes are dropped": Defect(("C1", "C3"), drops_echoes=True, first_seed=440),
    **{
        name: Defect(invariants, replaces=name)
        for name, invariants in {
            "no loser is kept": ("C2",),
            "every marker is trusted": ("C1",),
            "the later object wins": ("C2",),
        }.items()
    },
}
