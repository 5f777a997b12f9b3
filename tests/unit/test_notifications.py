"""Our entry in a bucket's notification configuration: the table of the module, row by row."""

from typing import Any

import pytest

from sync_core.errors import ConfigError
from sync_core.notifications import (
    EVENTS,
    RESTORED,
    Trigger,
    identity_of,
    is_same,
    merged,
    missing,
    own_entry,
    refuse_overlaps,
    with_restores,
    without,
)

IDENTITY = identity_of("site-a")
QUEUE = "arn:aws-cn:sqs:cn-north-1:111122223333:dualway"
OURS = own_entry(IDENTITY, QUEUE, "", Trigger.CREATE_AND_DELETE)
OURS_BEFORE = own_entry(IDENTITY, f"{QUEUE}-old", "docs/", Trigger.CREATE)
CREATED = "s3:ObjectCreated:*"


def queue(identity: str, *events: str, prefix: str = "", suffix: str = "") -> dict[str, Any]:
    return {"Id": identity, "QueueArn": f"{QUEUE}-{identity}", "Events": [*events]} | filtered(
        prefix, suffix
    )


def filtered(prefix: str, suffix: str) -> dict[str, Any]:
    """Return a filter as S3 hands it back."""
    rules = [{"Name": "Prefix", "Value": prefix}, {"Name": "Suffix", "Value": suffix}]
    found = [rule for rule in rules if rule["Value"]]
    return {"Filter": {"Key": {"FilterRules": found}}} if found else {}


ACL, RESTORE = queue("acl", "s3:ObjectAcl:Put"), queue("restore", "s3:ObjectRestore:*")
TOPIC = {"Id": "t", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Events": ["s3:Replication:*"]}
FUNCTION = {"Id": "f", "LambdaFunctionArn": "arn:f", "Events": ["s3:IntelligentTiering"]}
FOREIGN = {
    "QueueConfigurations": [ACL, RESTORE],
    "TopicConfigurations": [TOPIC],
    "LambdaFunctionConfigurations": [FUNCTION],
    "EventBridgeConfiguration": {},
    "OfTheFuture": {"What": ["nobody", "knows"]},
}

WITH_OURS_WANTED = [
    ("nothing", {}, {"QueueConfigurations": [OURS]}),
    ("foreign ones", FOREIGN, {**FOREIGN, "QueueConfigurations": [ACL, RESTORE, OURS]}),
    ("ours", {"QueueConfigurations": [OURS]}, {"QueueConfigurations": [OURS]}),
    ("ours, other", {"QueueConfigurations": [OURS_BEFORE]}, {"QueueConfigurations": [OURS]}),
    (
        "ours among foreign ones",
        {**FOREIGN, "QueueConfigurations": [ACL, OURS_BEFORE, RESTORE]},
        {**FOREIGN, "QueueConfigurations": [ACL, OURS, RESTORE]},
    ),
]
WITH_NONE_WANTED = [
    ("nothing", {}, {}),
    ("foreign ones", FOREIGN, FOREIGN),
    ("ours", {"QueueConfigurations": [OURS]}, {}),
    (
        "ours among foreign ones",
        {**FOREIGN, "QueueConfigurations": [ACL, OURS_BEFORE, RESTORE]},
        FOREIGN,
    ),
]


@pytest.mark.parametrize(("current", "becomes"), [row[1:] for row in WITH_OURS_WANTED])
def test_our_entry_is_added_or_replaced(current: dict[str, Any], becomes: dict[str, Any]) -> None:
    assert merged(current, OURS) == becomes


@pytest.mark.parametrize(("current", "becomes"), [row[1:] for row in WITH_NONE_WANTED])
def test_our_entry_is_taken_out(current: dict[str, Any], becomes: dict[str, Any]) -> None:
    assert without(current, IDENTITY) == becomes


def test_what_is_merged_is_left_as_it_was() -> None:
    current = {"QueueConfigurations": [OURS_BEFORE]}
    merged(current, OURS)
    without(current, IDENTITY)
    assert current == {"QueueConfigurations": [OURS_BEFORE]}


def test_the_entry_of_another_stack_is_foreign() -> None:
    other = own_entry(identity_of("site-b"), QUEUE, "b/", Trigger.CREATE)
    current = {"QueueConfigurations": [other]}
    assert without(current, IDENTITY) == current
    assert merged(current, OURS)["QueueConfigurations"] == [other, OURS]


def test_the_triggers_are_the_events_that_the_worker_understands() -> None:
    assert EVENTS == {
        "CreateAndDelete": (
            "s3:ObjectCreated:*",
            "s3:ObjectRemoved:*",
            "s3:LifecycleExpiration:*",
            "s3:ObjectTagging:*",
        ),
        "Create": ("s3:ObjectCreated:*", "s3:ObjectTagging:*"),
        "No": (),
    }


@pytest.mark.parametrize(
    ("foreign", "is_needed", "is_told"),
    [
        ([], False, True),
        ([], True, True),
        ([ACL], False, True),
        ([RESTORE], False, False),
        ([RESTORE], True, True),
        ([queue("posted", "s3:ObjectRestore:Post")], False, True),
        ([queue("elsewhere", RESTORED, prefix="images/")], False, True),
        ([OURS | {"Events": [RESTORED]}], False, True),
    ],
)
def test_the_end_of_a_restore_is_told_unless_others_have_that_event_and_nothing_needs_it(
    foreign: list[dict[str, Any]], *, is_needed: bool, is_told: bool
) -> None:
    current = {"QueueConfigurations": foreign} if foreign else {}
    docs = own_entry(IDENTITY, QUEUE, "docs/", Trigger.CREATE)
    own = with_restores(current, docs, is_needed=is_needed)
    assert own["Events"] == [*docs["Events"], RESTORED][: None if is_told else -1]
    assert {**own, "Events": docs["Events"]} == docs


def test_a_restore_that_is_needed_and_others_have_is_refused() -> None:
    current = {"QueueConfigurations": [RESTORE]}
    with pytest.raises(ConfigError, match="'restore'"):
        refuse_overlaps(current, with_restores(current, OURS, is_needed=True))


@pytest.mark.parametrize(
    ("prefix", "value"),
    [
        ("docs/", "docs/"),
        ("a b/", "a+b/"),
        ("year=2026/", "year%3D2026/"),
        ("a+b/", "a%2Bb/"),
        ("100%/", "100%25/"),
        ("文/", "%E6%96%87/"),
        ("it's-(fine)_!.*/", "it's-(fine)_!.*/"),
    ],
)
def test_a_prefix_becomes_a_filter_as_s3_wants_it_encoded(prefix: str, value: str) -> None:
    entry = own_entry(IDENTITY, QUEUE, prefix, Trigger.CREATE)
    assert entry["Filter"] == {"Key": {"FilterRules": [{"Name": "prefix", "Value": value}]}}


def test_without_a_prefix_there_is_no_filter() -> None:
    assert "Filter" not in own_entry(IDENTITY, QUEUE, "", Trigger.CREATE)


OVERLAPS = [
    # our prefix, foreign events, foreign prefix, foreign suffix, is refused
    ("", [CREATED], "", "", True),
    ("", ["s3:ObjectCreated:Put"], "", "", True),
    ("", ["s3:ObjectTagging:Delete"], "", "", True),
    ("", ["s3:ObjectRestore:*"], "", "", False),
    ("", ["s3:ObjectAcl:Put"], "", "", False),
    ("", [CREATED], "images/", "", True),
    ("", [CREATED], "", ".jpg", True),
    ("docs/", [CREATED], "", "", True),
    ("docs/", [CREATED], "images/", "", False),
    ("docs/", [CREATED], "docs/", "", True),
    ("docs/", [CREATED], "docs/2026/", "", True),
    ("docs/2026/", [CREATED], "docs/", ".jpg", True),
    ("docs/", [CREATED], "documents/", "", False),
    ("a b/", [CREATED], "a+b/", "", True),
    ("a+b/", [CREATED], "a+b/", "", False),
    ("year=2026/", [CREATED], "year=2026/", "", True),
    ("year=2026/", [CREATED], "year%3D2026/", "", True),
]


@pytest.mark.parametrize(("own_prefix", "events", "prefix", "suffix", "is_refused"), OVERLAPS)
@pytest.mark.parametrize("kind", ["Queue", "Topic", "LambdaFunction"])
def test_an_overlap_is_found_before_s3_finds_it(
    kind: str,
    own_prefix: str,
    events: list[str],
    prefix: str,
    suffix: str,
    *,
    is_refused: bool,
) -> None:
    own = own_entry(IDENTITY, QUEUE, own_prefix, Trigger.CREATE)
    foreign = {"Id": "theirs", f"{kind}Arn": "arn:theirs", "Events": events}
    current = {f"{kind}Configurations": [foreign | filtered(prefix, suffix)]}
    if is_refused:
        with pytest.raises(ConfigError, match="theirs"):
            refuse_overlaps(current, own)
    else:
        refuse_overlaps(current, own)


def test_our_own_former_entry_and_eventbridge_overlap_with_nothing() -> None:
    current = {"QueueConfigurations": [OURS_BEFORE], "EventBridgeConfiguration": {}}
    refuse_overlaps(current, OURS)


def test_suffixes_overlap_at_their_ends() -> None:
    one = {"QueueConfigurations": [queue("jpg", CREATED, suffix=".jpg")]}
    for suffix, is_refused in ((".jpg", True), ("pg", True), (".big.jpg", True), (".png", False)):
        own = queue(IDENTITY, CREATED, suffix=suffix)
        try:
            refuse_overlaps(one, own)
        except ConfigError:
            assert is_refused, suffix
        else:
            assert not is_refused, suffix


def test_the_refusal_names_the_foreign_entry_and_the_ways_out() -> None:
    topic = {"Id": "thumbnails", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Events": [CREATED]}
    with pytest.raises(ConfigError) as refusal:
        refuse_overlaps({"TopicConfigurations": [topic | filtered("img/", ".jpg")]}, OURS)
    told = str(refusal.value)
    assert (
        "topic configuration 'thumbnails'"
        " (s3:ObjectCreated:*; prefix 'img/', suffix '.jpg'; arn:aws:sns:eu-west-1:1:t)"
    ) in told
    for way_out in ("s3_forwarder", "SNS", "EventBridge", "EventTrigger to No", "finder"):
        assert way_out in told


def test_of_many_overlaps_the_first_three_are_named() -> None:
    current = {"QueueConfigurations": [queue(f"q{n}", CREATED, prefix=f"{n}/") for n in range(5)]}
    with pytest.raises(ConfigError, match=r"'q2'.* and 2 more\.") as refusal:
        refuse_overlaps(current, OURS)
    assert "'q3'" not in str(refusal.value)


def test_an_entry_made_by_hand_for_our_queue_is_to_be_deleted() -> None:
    by_hand = {"Id": "by-hand", "QueueArn": QUEUE, "Events": [CREATED]}
    with pytest.raises(ConfigError, match="this stack's own queue already: delete it"):
        refuse_overlaps({"QueueConfigurations": [by_hand]}, OURS)


def test_what_s3_hands_back_in_other_words_is_the_same() -> None:
    own = own_entry(IDENTITY, QUEUE, "a b/", Trigger.CREATE)
    handed_back = {
        "Id": IDENTITY,
        "QueueArn": QUEUE,
        "Events": ["s3:ObjectTagging:*", "s3:ObjectCreated:*"],
        "Filter": {
            "Key": {
                "FilterRules": [
                    {"Name": "Suffix", "Value": ""},
                    {"Name": "Prefix", "Value": "a+b/"},
                ]
            }
        },
    }
    assert is_same(merged(FOREIGN, own), merged(FOREIGN, handed_back))


@pytest.mark.parametrize("name", list(FOREIGN))
def test_every_foreign_part_that_is_gone_is_noticed(name: str) -> None:
    found = {key: value for key, value in FOREIGN.items() if key != name}
    assert not is_same(FOREIGN, found)
    assert missing(FOREIGN, found)
    assert missing(found, FOREIGN) == []


def test_a_changed_part_is_missing_on_both_sides() -> None:
    found = {**FOREIGN, "OfTheFuture": {}}
    assert missing(FOREIGN, found) == missing(found, FOREIGN) == ["OfTheFuture"]
