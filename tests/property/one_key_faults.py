"""What can be taken away from production itself, rather than from the services it relies on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from sync_core import evidence, gather, transfer
from sync_core.decide import Terms, decide
from sync_core.evidence import Evidence
from sync_core.model import Copy, ObjectVersion, Skip, SkipReason, Verdict
from tests.property.one_key_rules import Fault


def _newest_wins(
    own: ObjectVersion | None, peer: ObjectVersion | None, known: Evidence, terms: Terms
) -> Verdict:
    """Decide between two objects as mirroring tools do."""
    if own is None or peer is None or known.link is not None:
        return decide(own, peer, known, terms)
    if own.last_modified_at == peer.last_modified_at:
        return decide(own, peer, known, terms)
    if own.last_modified_at > peer.last_modified_at:
        return Copy(8, own, peer)
    return Skip(9, SkipReason.PEER_ACTS)


def _always(*_: object) -> bool:
    return True


def _nothing(*_: object) -> None:
    return None


_REPLACED: Mapping[Fault, tuple[Any, str, Callable[..., Any]]] = {
    Fault.NEWEST_WINS: (gather, "decide", _newest_wins),
    Fault.EVERY_MARKER_VALID: (evidence, "is_valid", _always),
    Fault.OVERWRITTEN_UNSEEN: (transfer, "keep_overwritten", _nothing),
}

OF_PRODUCTION = frozenset(_REPLACED)


@contextmanager
def taken_away(faults: frozenset[Fault]) -> Iterator[None]:
    """Take something away for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for fault in faults:
            patch.setattr(*_REPLACED[fault])
        yield
