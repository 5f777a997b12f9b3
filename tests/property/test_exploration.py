"""Exhaustive exploration of one key: whatever the order, nothing is lost and both sides get equal.

Each fault takes away one thing that the design relies on; the exploration has to notice it.
"""

from functools import cache

import pytest

from tests.property.exploration import explore
from tests.property.one_key_end import BURIED, DIVERGED, RESURRECTED
from tests.property.one_key_losses import ABA, LOST
from tests.property.one_key_rules import Delivery, Echo, Fault, Rules
from tests.property.one_key_values import A, B
from tests.property.one_key_variants import VARIANTS

pytestmark = pytest.mark.timeout(900)

NARROW = Rules(crashes=0, evaluations=1, stamps=(1,))
WIDER = NARROW._replace(operations=3, evaluations=2)
EDITED = NARROW._replace(operations=3, has_edits=True)
VERSIONED = frozenset({A, B})
BY_HAND = NARROW._replace(delivery=Delivery.EVENTS, evaluations=0, by_hand=True)

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
    (Fault.NEWEST_WINS, NARROW._replace(stamps=(1, 2)), LOST),
    (Fault.EVERY_MARKER_VALID, NARROW._replace(has_edits=True), DIVERGED),
    (Fault.OVERWRITTEN_UNSEEN, EDITED._replace(versioned=VERSIONED), BURIED),
    (Fault.ECHOES_DROPPED, BY_HAND._replace(has_finder=False), DIVERGED),
]

sound = cache(explore)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_order_of_events_violates_more_than_the_known_windows_allow(variant: str) -> None:
    rules = VARIANTS[variant].rules
    findings = sound(rules)
    allowed = VARIANTS[variant].windows_at(rules.operations).keys()
    assert allowed >= findings.violations.keys(), findings.told(without=allowed)


def test_two_user_operations_reach_no_window_but_those_of_crashes_and_of_the_policy() -> None:
    violated = {name for name in VARIANTS if sound(VARIANTS[name].rules).violations}
    assert violated == {
        "every echo lost, and a crash",
        "only a finder, and a crash",
        "tags, and a crash",
        "versioned, loser kept as a version",
    }


@pytest.mark.parametrize(("fault", "rules", "kind"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_the_exploration_notices_when(fault: Fault, rules: Rules, kind: str) -> None:
    assert kind not in sound(rules).violations, sound(rules).told()
    faulty = explore(rules._replace(faults=rules.faults | {fault}), until=kind)
    assert kind in faulty.violations, faulty.told()


def test_three_operations_resurrect_nothing_while_echoes_are_acknowledged() -> None:
    assert not sound(WIDER).violations, sound(WIDER).told()


def test_a_racing_metadata_edit_that_no_etag_shows_is_the_window_r3() -> None:
    findings = explore(EDITED)
    assert set(findings.violations) == {ABA}, findings.told()


def test_a_racing_metadata_edit_is_kept_as_a_copy_where_buckets_are_versioned() -> None:
    findings = sound(EDITED._replace(versioned=VERSIONED))
    assert not findings.violations, findings.told()


def test_a_replica_deleted_before_anybody_recorded_it_is_the_window_r1() -> None:
    findings = explore(NARROW._replace(crashes=1, echo=Echo.LOST))
    assert set(findings.violations) == {RESURRECTED}, findings.told()


def test_a_versioned_bucket_closes_the_window_r1_by_its_history() -> None:
    rules = NARROW._replace(crashes=1, echo=Echo.LOST, versioned=VERSIONED)
    assert not explore(rules).violations, explore(rules).told()


def test_a_history_counts_as_evidence_also_after_the_grace_period() -> None:
    rules = VARIANTS["versioned, every echo lost, and a crash"].rules._replace(operations=3)
    findings = explore(rules, until=RESURRECTED)
    assert not findings.violations, findings.told()


def test_a_version_that_a_user_brings_back_stays() -> None:
    rules = NARROW._replace(operations=3, versioned=VERSIONED, has_history=True)
    assert not explore(rules).violations, explore(rules).told()


def test_a_finder_makes_good_what_dropped_events_of_the_sync_user_would_have_told() -> None:
    findings = explore(BY_HAND._replace(faults=frozenset({Fault.ECHOES_DROPPED})))
    assert not findings.violations, findings.told()


def test_a_violation_is_reported_with_the_steps_that_lead_to_it() -> None:
    faulty = NARROW._replace(faults=frozenset({Fault.LOSER_DROPPED}))
    trace = explore(faulty, until=LOST).traces[LOST]
    users = [says for says in trace if says.startswith("user")]
    assert users == ["user puts <1 at 1> at a", "user puts <2 at 1> at b"]
    assert any("object_copied by row 11" in says for says in trace)
