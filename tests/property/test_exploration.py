"""Exhaustive exploration of one key: whatever the order, nothing is lost and both sides get equal.

Each fault takes away one thing that the design relies on; the exploration has to notice it.
"""

from functools import cache

import pytest

from tests.property.exploration import VARIANTS, Findings, explore
from tests.property.one_key_end import DIVERGED, RESURRECTED
from tests.property.one_key_services import ABA, LOST
from tests.property.one_key_state import Echo, Fault, Rules

NARROW = Rules(crashes=0, evaluations=1, stamps=(1,))
WIDER = NARROW._replace(operations=3, evaluations=2)

FAULTS = [
    (Fault.UNCONDITIONAL_PUT, NARROW, LOST),
    (Fault.UNCONDITIONAL_DELETE, WIDER, LOST),
    (Fault.OWN_SIDE_FIRST, NARROW._replace(evaluations=2), LOST),
    (Fault.LOSER_DROPPED, NARROW, LOST),
    (Fault.UNCONDITIONAL_RECORD, WIDER._replace(crashes=1), RESURRECTED),
    (Fault.NO_INTENT, NARROW._replace(crashes=1), RESURRECTED),
    (Fault.NO_PREDECESSOR, WIDER, RESURRECTED),
    (Fault.NO_MARKER, NARROW, RESURRECTED),
    (Fault.NO_HELPER, NARROW._replace(echo=Echo.LOST), DIVERGED),
]

sound = cache(explore)


def findings_of(variant: str) -> Findings:
    return sound(VARIANTS[variant].rules)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_order_of_events_violates_more_than_the_known_windows_allow(variant: str) -> None:
    findings = findings_of(variant)
    assert VARIANTS[variant].allowed.issuperset(findings.violations), findings.told()


def test_two_user_operations_reach_no_window_but_r1() -> None:
    violated = {name for name in VARIANTS if findings_of(name).violations}
    assert violated == {"every echo lost, and a crash"}


@pytest.mark.parametrize(("fault", "rules", "kind"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_the_exploration_notices_when(fault: Fault, rules: Rules, kind: str) -> None:
    assert not sound(rules).violations, sound(rules).told()
    faulty = explore(rules._replace(faults=frozenset({fault})), until=kind)
    assert kind in faulty.violations, faulty.told()


def test_a_racing_metadata_edit_that_no_etag_shows_is_the_window_r3() -> None:
    findings = explore(NARROW._replace(operations=3, has_edits=True))
    assert set(findings.violations) == {ABA}, findings.told()


def test_a_replica_deleted_before_anybody_recorded_it_is_the_window_r1() -> None:
    findings = explore(NARROW._replace(crashes=1, echo=Echo.LOST))
    assert set(findings.violations) == {RESURRECTED}, findings.told()


def test_a_violation_is_reported_with_the_steps_that_lead_to_it() -> None:
    faulty = NARROW._replace(faults=frozenset({Fault.LOSER_DROPPED}))
    trace = explore(faulty, until=LOST).traces[LOST]
    users = [says for says in trace if says.startswith("user")]
    assert users == ["user puts <1 at 1> at a", "user puts <2 at 1> at b"]
    assert any("object_copied by row 11" in says for says in trace)
