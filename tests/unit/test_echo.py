"""Whose write an event tells of, in every form that a caller's id takes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.echo import is_echo, principal
from sync_core.events import parse
from sync_core.model import EventKind, ObjectEvent
from sync_core.variables import principal_ids

USER = "AIDAQ3EXAMPLE7DUALWAY"
ROLE = "AROAQ3EXAMPLEROLE9WORK"
OWN = frozenset({USER, ROLE})
BUCKET = "dualway-cn-media"
EVENTS = Path(__file__).parents[1] / "events"


def event_of(principal_id: str | None) -> ObjectEvent:
    return ObjectEvent(key="a.txt", kind=EventKind.CREATED, principal_id=principal_id)


@pytest.mark.parametrize(
    ("principal_id", "expected"),
    [
        pytest.param(f"AWS:{USER}", USER, id="an IAM user is its id"),
        pytest.param(USER, USER, id="an IAM user may come without the prefix"),
        pytest.param(f"AWS:{ROLE}:worker", ROLE, id="a role is its id without the session"),
        pytest.param(f"{ROLE}:worker", ROLE, id="a role may come without the prefix"),
        pytest.param(
            f"AWS:{ROLE}:tool for me@example=ops.v2,x", ROLE, id="a session may hold any signs"
        ),
        pytest.param(f"AWS:{ROLE}:a:b:c", ROLE, id="a session may hold colons"),
        pytest.param("A3NL1KOZZKEXAMP", "A3NL1KOZZKEXAMP", id="root is a customer id"),
        pytest.param("111122223333", "111122223333", id="an account is its number"),
        pytest.param("s3.amazonaws.com", "s3.amazonaws.com", id="a service is its name"),
        pytest.param("AWS:AWS:x", "AWS", id="one prefix is taken off, not two"),
        pytest.param(f"aws:{USER}", "aws", id="the prefix is upper case"),
        pytest.param("262561392693583141", "262561392693583141", id="a RAM user is its number"),
        pytest.param("AKIDz8krbsJ5yKBZQpn7", "AKIDz8krbsJ5yKBZQpn7", id="COS tells the SecretId"),
        pytest.param("akjFT8-90_HJJkds", "akjFT8-90_HJJkds", id="Kodo tells the access key"),
        pytest.param("dualway.sync", "dualway.sync", id="MinIO tells the access key"),
        pytest.param("dualway-sync", "dualway-sync", id="a user of Ceph is the user id"),
        pytest.param("team$dualway", "team$dualway", id="a user of a tenant of Ceph is both"),
        pytest.param("dualway:worker", "dualway", id="a subuser of Ceph is the user"),
        pytest.param(None, None, id="a missing id is nobody"),
        pytest.param("", None, id="an empty id is nobody"),
        pytest.param("AWS:", None, id="a prefix alone is nobody"),
        pytest.param(":session", None, id="a session alone is nobody"),
        pytest.param("Anonymous", None, id="an anonymous caller is nobody"),
        pytest.param("AWS:Anonymous", None, id="an anonymous caller is nobody with a prefix too"),
    ],
)
def test_a_caller_is_told_by_the_stable_part_of_the_id(
    principal_id: str | None, expected: str | None
) -> None:
    assert principal(principal_id) == expected


@pytest.mark.parametrize(
    ("principal_id", "own", "expected"),
    [
        pytest.param(f"AWS:{USER}", OWN, True, id="the dedicated user is an echo"),
        pytest.param(USER, OWN, True, id="the dedicated user without prefix is an echo"),
        pytest.param(f"AWS:{ROLE}:any session", OWN, True, id="our own role is an echo"),
        pytest.param(
            f"AWS:{USER}", frozenset({f"AWS:{USER}"}), True, id="the setting may hold the prefix"
        ),
        pytest.param(
            f"AWS:{ROLE}:one",
            frozenset({f"AWS:{ROLE}:two"}),
            True,
            id="the setting may hold a session",
        ),
        pytest.param("AWS:AIDAOTHERPERSON", OWN, False, id="another user is no echo"),
        pytest.param(f"AWS:{USER.lower()}", OWN, False, id="case matters"),
        pytest.param(f"AWS:{USER}X", OWN, False, id="a longer id is another one"),
        pytest.param(f"AWS:{USER[:-1]}", OWN, False, id="a shorter id is another one"),
        pytest.param(
            f"AWS:AROAOTHER:{USER}", OWN, False, id="a session named like the user is no echo"
        ),
        pytest.param("111122223333", OWN, False, id="an account's number is no echo"),
        pytest.param("s3.amazonaws.com", OWN, False, id="a lifecycle rule is no echo"),
        pytest.param(
            "262561392693583142",
            frozenset({"262561392693583141"}),
            False,
            id="another RAM user is no echo",
        ),
        pytest.param(
            "164901546557", frozenset({"262561392693583141"}), False, id="the owner is no echo"
        ),
        pytest.param(
            "other$dualway", frozenset({"team$dualway"}), False, id="another tenant is no echo"
        ),
        pytest.param(None, OWN, False, id="a missing id is no echo"),
        pytest.param("", frozenset({""}), False, id="empty never equals empty"),
        pytest.param(None, frozenset({"", "AWS:"}), False, id="missing never equals empty"),
        pytest.param(
            "Anonymous", frozenset({"Anonymous"}), False, id="anonymous never equals anonymous"
        ),
        pytest.param(f"AWS:{USER}", frozenset(), False, id="without a setting nothing is an echo"),
    ],
)
def test_an_echo_is_a_write_of_our_own_principals(
    principal_id: str | None, own: frozenset[str], *, expected: bool
) -> None:
    assert is_echo(event_of(principal_id), own) is expected


@pytest.mark.parametrize(
    ("payload", "bucket", "own_id"),
    [
        ("s3_created_put", BUCKET, "AIDAQ3EXAMPLE7DUALWAY"),
        ("oss_created_put", BUCKET, "262561392693583141"),
        ("oss_cloud_event", BUCKET, "262561392693583141"),
        ("cos_created_put", f"{BUCKET}-1300000001", "AKIDEXAMPLEdualway0001"),
        ("kodo_put", BUCKET, "akjFT8jsaYB8kj-90HJJkds"),
        ("kodo_move", BUCKET, "akjFT8jsaYB8kj-90HJJkds"),
        ("minio_created_put", BUCKET, "DUALWAYACCESSKEY0001"),
        ("ceph_created_put", BUCKET, "dualway-sync"),
    ],
)
def test_the_id_that_a_stores_event_carries_is_what_is_to_be_set(
    payload: str, bucket: str, own_id: str
) -> None:
    events = parse((EVENTS / f"{payload}.json").read_text("utf-8"), bucket=bucket).events
    assert events
    for event in events:
        assert is_echo(event, principal_ids(f"AIDAOTHER, {own_id}"))
        assert not is_echo(event, principal_ids(f"AIDAOTHER, {own_id}0, {own_id[:-1]}"))


@given(st.none() | st.text(), st.frozensets(st.text()))
def test_no_principal_id_makes_it_raise(principal_id: str | None, own: frozenset[str]) -> None:
    assert is_echo(event_of(principal_id), own) in (True, False)
