"""Exhaustive exploration of one key: nothing is lost, nothing differs in the end, in any order.

Each fault takes away one thing that the design relies on; the exploration has to notice it.
"""

import pytest

from tests.property.exploration import VARIANTS, Variant, explore
from tests.property.one_key_end import DIVERGED, RESURRECTED
from tests.property.one_key_services import ABA, LOST
from tests.property.one_key_state import Echo, Fault, Rules

NARROW = Rules(crashes=0, evaluations=1, stamps=(1,))

FAULTS = [
    (Fault.UNCONDITIONAL_PUT, NARROW, LOST),
    (Fault.UNCONDITIONAL_DELETE, NARROW._replace(operations=3, evaluations=2), LOST),
    (Fault.OWN_SIDE_FIRST, NARROW._replace(evaluations=2), LOST),
    (Fault.LOSER_DROPPED, NARROW, LOST),
    (
        Fault.UNCONDITIONAL_RECORD,
        NARROW._replace(operations=3, evaluations=2, crashes=1),
        RESURRECTED,
    ),
    (Fault.NO_INTENT, NARROW._replace(crashes=1), RESURRECTED),
    (Fault.NO_PREDECESSOR, NARROW._replace(operations=3, evaluations=2), RESURRECTED),
    (Fault.NO_MARKER, NARROW, RESURRECTED),
    (Fault.NO_HELPER, NARROW._replace(echo=Echo.LOST), DIVERGED),
]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_no_order_of_events_violates_more_than_the_known_windows_allow(variant: Variant) -> None:
    findings = explore(variant.rules)
    assert variant.allowed.issuperset(findings.violations), findings.told()


@pytest.mark.parametrize(("fault", "rules", "kind"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_the_exploration_notices_when(fault: Fault, rules: Rules, kind: str) -> None:
    sound = explore(rules)
    assert not sound.violations, sound.told()
    faulty = explore(rules._replace(faults=frozenset({fault})), until=kind)
    assert kind in faulty.violations, faulty.told()


def test_a_racing_metadata_edit_that_no_etag_shows_is_the_known_window_r3() -> None:
    rules = NARROW._replace(operations=3, has_edits=True)
    assert set(explore(rules).violations) == {ABA}


def test_a_replica_deleted_before_anybody_knew_of_it_is_the_known_window_r1() -> None:
    rules = NARROW._replace(crashes=1, echo=Echo.LOST)
    assert set(explore(rules).violations) == {RESURRECTED}


def test_a_violation_is_reported_with_the_steps_that_lead_to_it() -> None:
    rules = NARROW._replace(faults=frozenset({Fault.LOSER_DROPPED}))
    trace = explore(rules, until=LOST).traces[LOST]
    assert [says for says in trace if says.startswith("user")] == [
        "user puts <1 at 1> at a",
        "user puts <2 at 1> at b",
    ]
    assert "object_copied by row 11" in trace[-1] or any("row 11" in says for says in trace)
