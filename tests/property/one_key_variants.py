"""The variants that are explored, and what each of them may violate: the known windows, by name.

| window | what happens |
|---|---|
| R1 | a replica is deleted before anybody has recorded it, and its writer has crashed: it returns |
| R2 | a user deletes what a conflict write is just putting back: it returns |
| R3 | an edit of the metadata races a write, and the etag does not show it: the edit is lost |
| late | a write takes effect after its lease ran out, and after a delete of what others wrote |
| undone | a user undoes a delete before the stack of the side that deleted has recorded it |
| crash | an overwritten edit is left in the history: the worker that would have copied it died |
| toggle | a user takes a change of tags back while the worker that copied it dies: it stays |
| policy | an overwritten loser is left in the history: that is the policy `keep-version` |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.property.one_key_end import BURIED, RESURRECTED, TAGS_LOST
from tests.property.one_key_losses import ABA, UNDONE
from tests.property.one_key_rules import Delivery, Echo, Rules
from tests.property.one_key_values import A, B, Message


@dataclass(frozen=True, slots=True)
class Variant:
    """Rules under which nothing may be violated but what a window, known by its name, allows.

    `window_operations` is how many user operations it takes to reach one.
    """

    rules: Rules
    windows: Mapping[str, str] = field(default_factory=dict)
    window_operations: int = 2

    def windows_at(self, operations: int) -> Mapping[str, str]:
        """Return the kinds of violation that so many operations may show, with their windows."""
        return self.windows if operations >= self.window_operations else {}


_ONE_STAMP = Rules(stamps=(1,))
_TWO_AT_A = _ONE_STAMP._replace(workers=(A, A, B), evaluations=2)
_TWO_EACH = _ONE_STAMP._replace(workers=(A, A, B, B), evaluations=2, crashes=0)
_TIMED = _TWO_AT_A._replace(crashes=0, leases=1)
_FINDER = Rules(
    delivery=Delivery.FINDER, echo=Echo.LOST, crashes=0, messages=(Message.CREATED, Message.FINDER)
)
_EVENTS = _ONE_STAMP._replace(delivery=Delivery.EVENTS, evaluations=0, crashes=0)
_BOTH = frozenset({A, B})
_VERSIONED = _ONE_STAMP._replace(versioned=_BOTH, evaluations=2, crashes=0)
_R1 = {RESURRECTED: "R1"}
_TOGGLE = {TAGS_LOST: "toggle"}
_UNDONE = {UNDONE: "undone", BURIED: "undone"}

VARIANTS: Mapping[str, Variant] = {
    "echoes acknowledged": Variant(Rules(evaluations=2)),
    "any kind of event": Variant(
        _ONE_STAMP._replace(
            messages=(Message.CREATED, Message.REMOVED, Message.HINT), evaluations=2
        )
    ),
    "echoes acknowledged, and repeated": Variant(
        _ONE_STAMP._replace(echo=Echo.REPEATED, evaluations=3)
    ),
    "echoes late": Variant(Rules(echo=Echo.LATE, crashes=0, evaluations=3)),
    "every echo lost": Variant(Rules(echo=Echo.LOST, crashes=0, evaluations=3)),
    "every echo lost, and a crash": Variant(Rules(echo=Echo.LOST, evaluations=2), _R1),
    "an answer lost": Variant(Rules(lost_answers=1, crashes=0, evaluations=2)),
    "edits that keep the marker": Variant(
        _ONE_STAMP._replace(has_edits=True, evaluations=2), {ABA: "R3"}
    ),
    "two workers at a": Variant(_TWO_AT_A),
    "two workers at each side": Variant(_TWO_EACH),
    "leases run out": Variant(_TIMED),
    "leases run out, and writes are late": Variant(
        _TIMED._replace(are_writes_late=True), {RESURRECTED: "late"}
    ),
    "only a finder": Variant(_FINDER._replace(evaluations=3)),
    "only a finder, and a crash": Variant(_FINDER._replace(evaluations=2, crashes=1), _R1),
    "only a finder, edits": Variant(_FINDER._replace(evaluations=2, has_edits=True), {ABA: "R3"}),
    "a finder, echoes late": Variant(_FINDER._replace(echo=Echo.LATE, evaluations=2)),
    "each event once": Variant(_EVENTS),
    "each event once, sync user by hand": Variant(_EVENTS._replace(by_hand=True)),
    "tags": Variant(_EVENTS._replace(has_tags=True)),
    "tags, two workers at a": Variant(_EVENTS._replace(has_tags=True, workers=(A, A, B))),
    "tags, and a crash": Variant(_EVENTS._replace(has_tags=True, crashes=1), _R1 | _TOGGLE),
    "versioned": Variant(_VERSIONED._replace(has_history=True), _UNDONE),
    "versioned, and a crash": Variant(_VERSIONED._replace(crashes=1)),
    "versioned, every echo lost, and a crash": Variant(
        _VERSIONED._replace(crashes=1, echo=Echo.LOST)
    ),
    "versioned, edits": Variant(_VERSIONED._replace(has_edits=True)),
    "versioned, edits, and a crash": Variant(
        _VERSIONED._replace(has_edits=True, crashes=1), {BURIED: "crash"}
    ),
    "versioned, loser kept as a version": Variant(
        _VERSIONED._replace(keeps_versions=True), {BURIED: "policy"}
    ),
    "a versioned": Variant(
        _VERSIONED._replace(versioned=frozenset({A}), has_history=True), _UNDONE
    ),
    "a versioned, edits": Variant(
        _VERSIONED._replace(versioned=frozenset({A}), has_edits=True), {ABA: "R3"}
    ),
    "one stamp": Variant(_ONE_STAMP._replace(evaluations=3, crashes=0), {RESURRECTED: "R2"}, 4),
}
