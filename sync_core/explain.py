"""What would be done about a key, and why: the verdict and the evidence, in words. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass

from sync_core.errors import Stale
from sync_core.evidence import Evidence, Facts, Witness
from sync_core.gather import Look, close, look_at
from sync_core.model import (
    Acknowledge,
    Conflict,
    Copy,
    CopyTags,
    Delete,
    ObjectVersion,
    Side,
    Skip,
    SyncRecord,
    Unsure,
    Verdict,
    listed_id,
)
from sync_core.stack import Stack

ATTEMPTS = 3
"""How often a key is looked at that changes between two looks."""

_SEEN = {
    Witness.NOBODY: "not known to have been seen",
    Witness.PRIVATE: "seen, as our record knows",
    Witness.PUBLIC: "seen, as the objects themselves show",
}
_OTHERS = {
    Acknowledge: "would record that both sides agree",
    CopyTags: "would write its tags at the peer",
    Unsure: "would wait for the peer's evidence",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One key: the row of the table in `decide`, the verdict as a sentence, what it rests on."""

    key: str
    row: int
    verdict: str
    evidence: tuple[str, ...]


def explain(stack: Stack, key: str) -> Explanation:
    """Look at both sides of a key and say what the pipeline would do; nothing is written.

    Of a key that would not keep still there is no row to tell: it is 0 then.
    """
    for _ in range(ATTEMPTS):
        try:
            return _explain(stack, key)
        except Stale:
            continue
    return Explanation(key, 0, "would look again: it is changing at this moment", ())


def _explain(stack: Stack, key: str) -> Explanation:
    record = stack.records.read([key]).get(key, SyncRecord(key))
    look = look_at(stack, record, (), first=False)
    close(look)
    names = {side: stack.sides.site_name(side) for side in Side}
    told = tuple(_told(look, record, names))
    return Explanation(key, look.verdict.row, _sentence(look.verdict, names), told)


def _sentence(verdict: Verdict, names: dict[Side, str]) -> str:
    match verdict:
        case Copy():
            what = "create" if verdict.replaces is None else "overwrite"
            return f"would {what} it at {names[verdict.to]}"
        case Conflict():
            return f"conflict: would overwrite it at {names[verdict.to]} and keep the loser"
        case Delete():
            return f"would delete it at {names[verdict.at]}"
        case Skip():
            return f"would do nothing: {verdict.reason}"
    return _OTHERS[type(verdict)]


def _told(look: Look, record: SyncRecord, names: dict[Side, str]) -> Iterator[str]:
    evidence = look.evidence
    yield f"{names[Side.OWN]}: {_instance(look.own, evidence.own)}"
    yield f"{names[Side.PEER]}: {_instance(look.peer, evidence.peer)}"
    yield from _witnesses(evidence, names)
    if evidence.link is not None:
        yield f"both are the same, known by {evidence.link}"
    if record.pair is None:
        yield "no pair is recorded"
    else:
        yield f"recorded pair: {record.pair.own} and {record.pair.peer}"
    if evidence.intent_open:
        yield "our own intent to copy it is open"


def _witnesses(evidence: Evidence, names: dict[Side, str]) -> Iterator[str]:
    own, peer = names[Side.OWN], names[Side.PEER]
    if evidence.own is not None:
        yield f"the instance at {own} by {peer}: {_SEEN[evidence.peer_saw_own]}"
    if evidence.peer is not None:
        yield f"the instance at {peer} by {own}: {_SEEN[evidence.own_saw_peer]}"


def _instance(version: ObjectVersion | None, known: Facts | None) -> str:
    if version is None or known is None:
        return "nothing"
    kind = "a replica of ours" if known.is_replica else "written by a user"
    kind = "a replica that a user has brought back" if known.is_revived else kind
    return f"{listed_id(version)}, {kind}"
