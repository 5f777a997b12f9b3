"""What a launch finds and says of a store that is not AWS, and what the user of a feed may do."""

import json
from dataclasses import replace
from typing import Any

import pytest

from sync_core.errors import ConfigError
from sync_core.launch.feed_user import ON_BUCKET, ON_OBJECTS
from sync_core.launch.findings import Level
from sync_core.launch.other_store import judge_rows, look_at_store, steps_left
from sync_core.launch.settings import SiteSettings
from sync_core.launch.store_check import Row
from sync_core.launch.store_secret import StoreSecret
from sync_core.model import Ability
from sync_core.provider_check import Finding
from tests.cfn.template import RESOURCES
from tests.launched_sites import launched_site

KEY_PAIR = json.dumps({"access_key_id": "LTAI", "secret_access_key": "very secret"})


def secret_of(store: str, given: str = KEY_PAIR, **settings: Any) -> StoreSecret:
    site = SiteSettings("there", "bucket", store=store, **settings)
    return StoreSecret(replace(launched_site("a").account, site=site), "dualway-there", given)


def row(*, says: bool | None, does: bool | None) -> Row:
    return Row(says, Finding(Ability.TAKES_ANY_KEY, does, "what was seen"))


def test_a_store_that_does_what_it_should_is_one_line() -> None:
    rows = [row(says=True, does=True), row(says=False, does=True), row(says=False, does=None)]
    (found,) = judge_rows(secret_of("oss"), rows)
    assert found.level is Level.OK
    assert "very secret" not in found.text


@pytest.mark.parametrize(("does", "advice"), [(False, "another `store`"), (None, "look again")])
def test_what_a_store_does_not_show_is_an_error(does: bool | None, advice: str) -> None:  # noqa: FBT001
    rows = [row(says=True, does=True), row(says=True, does=does)]
    (found,) = judge_rows(secret_of("oss"), rows)
    assert found.level is Level.ERROR
    assert "what was seen" in found.text
    assert advice in found.text


@pytest.mark.parametrize(
    ("store", "ability", "does", "level"),
    [
        ("oss", Ability.CREATES_IF_ABSENT, False, Level.WARNING),
        ("cos", Ability.COMPLETES_IF_ABSENT, False, Level.WARNING),
        ("oss", Ability.CREATES_IF_ABSENT, None, Level.ERROR),
        ("oss", Ability.TAKES_ANY_KEY, False, Level.ERROR),
        ("minio", Ability.CREATES_IF_ABSENT, False, Level.ERROR),
    ],
)
def test_a_bucket_whose_versions_keep_its_store_from_refusing_to_overwrite_is_taken(
    store: str,
    ability: Ability,
    does: bool | None,  # noqa: FBT001
    level: Level,
) -> None:
    (found,) = judge_rows(
        secret_of(store), [Row(says=True, finding=Finding(ability, does, "seen"))]
    )
    assert found.level is level


@pytest.mark.parametrize(
    ("store", "given"),
    [
        ("oss", "very secret"),
        ("oss", '{"access_key_id": "very secret"}'),
        ("netstorage", KEY_PAIR),
        ("netstorage", '{"hostname":"x.y","username":"u","key":"very secret","cpcode":"9"}'),
    ],
)
def test_a_text_that_opens_no_store_is_refused_and_never_told(store: str, given: str) -> None:
    secret = secret_of(store, given)
    with pytest.raises(ConfigError) as refused:
        secret.access()
    (found,) = look_at_store(secret)
    assert found.level is Level.ERROR
    assert "STORE_SECRET" in found.text
    assert "very secret" not in f"{found.text}{refused.value}{secret!r}"


def test_what_is_left_to_do_names_the_queue_of_a_store_that_has_a_stack() -> None:
    outputs = {"there": {"QueueUrl": "https://sqs.example/queue"}}
    assert "Function Compute" in steps_left(secret_of("oss"), outputs)[0]
    for store in ("oss", "cos", "kodo", "minio", "ceph", "generic", "gcs"):
        first, second = steps_left(secret_of(store), outputs)
        assert "https://sqs.example/queue" in first
        assert [second] == steps_left(secret_of(store), {})


def test_what_is_left_to_do_for_netstorage_names_the_folder_of_the_guards() -> None:
    (step,) = steps_left(secret_of("netstorage", prefix="media/"), {})
    assert "/media/.dualway/" in step


def test_the_user_of_a_feed_may_do_what_a_dedicated_user_may_but_send_hints() -> None:
    (policy,) = RESOURCES["DedicatedUser"]["Properties"]["Policies"]
    statements = [each for each in policy["PolicyDocument"]["Statement"] if "Action" in each]
    on_objects, on_bucket, hints = (each["Action"] for each in statements)
    assert (tuple(on_objects), tuple(on_bucket)) == (ON_OBJECTS, ON_BUCKET)
    assert hints == "sqs:SendMessage"
