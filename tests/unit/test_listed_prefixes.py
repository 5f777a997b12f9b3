"""Two stacks with a list of prefixes: which keys take part, and what becomes of a changed list."""

import pytest

from sync_core.errors import Blocked, ConfigError
from sync_core.safety import DeleteLimits
from tests.two_stacks import Kind, TwoStacks

LIST = "lists/prefixes.txt"
LISTED = Kind(prefix_list=LIST, prefixes={"a": "", "b": "to/"}, excluded=("*.tmp",))
TEXT = b"in/\nphotos/2026\n"


def listed(text: bytes = TEXT, kind: Kind = LISTED) -> TwoStacks:
    """Return two stacks whose lists say this; they have not been started."""
    world = TwoStacks(kind)
    for side in "ab":
        world.put(side, LIST, text)
    return world


def user_put(world: TwoStacks, side: str, key: str, data: bytes = b"1") -> None:
    world.put(side, world.sites[side].prefix + key, data)


def test_only_keys_below_a_listed_prefix_take_part_in_both_directions() -> None:
    world = listed()
    for side in "ab":
        for key in ("in/{}", "photos/2026-{}", "out/{}", "photos/2025-{}", "in/{}.tmp", "in-{}"):
            user_put(world, side, key.format(side))
    world.quiesce()
    for side in "ab":
        assert {key for key in world.contents(side) if key.endswith(("a", "b"))} == {
            *("in/a", "in/b", "photos/2026-a", "photos/2026-b"),
            *(f"{start}{side}" for start in ("out/", "photos/2025-", "in-")),
        }
    assert [report.scanned for report in world.find()] == [4, 4]


def test_keys_that_are_listed_no_more_are_deleted_nowhere_and_deletes_are_held() -> None:
    world = listed(kind=Kind(prefix_list=LIST, limits=DeleteLimits()))
    world.put("a", "in/k")
    world.put("a", "photos/2026/k")
    world.quiesce()
    for side in "ab":
        world.put(side, LIST, b"photos/\n")
    world.lose_events()
    world.start_again()
    world.delete("a", "in/k")
    world.delete("a", "photos/2026/k")
    world.quiesce()
    world.find()
    assert world.contents("b").keys() == {"in/k", "photos/2026/k", LIST}
    assert world.told["a"].held == ["configuration_changed"]
    world.running("a").guard.approve(seconds=60)
    world.find()
    assert world.contents("b").keys() == {"in/k", LIST}


@pytest.mark.parametrize("text", [b"photos/2026\nin/", b"in/\r\nin/deeper/\r\nphotos/2026", TEXT])
def test_a_list_that_says_the_same_holds_nothing(text: bytes) -> None:
    world = listed()
    world.running("a")
    world.put("a", LIST, text)
    world.start_again()
    world.running("a")
    assert world.told["a"].held == []


def test_the_same_list_is_another_configuration_than_no_list() -> None:
    world = TwoStacks(Kind(prefix_list=None))
    world.running("a")
    later = listed(kind=Kind(prefix_list=LIST))
    later.buckets.update(world.buckets)
    later.users.update(world.users)
    later.tables.update(world.tables)
    later.put("a", LIST, TEXT)
    later.start_again()
    later.running("a")
    assert later.told["a"].held == ["configuration_changed"]


def test_without_the_list_nothing_starts_and_every_message_is_kept() -> None:
    world = TwoStacks(LISTED)
    user_put(world, "a", "in/k")
    with pytest.raises(ConfigError) as caught:
        world.deliver("a")
    assert caught.value.key == LIST
    assert caught.value.cause == (
        "the bucket bucket-a has no such object: put it there, or name no list"
    )
    assert not [call for call in world.calls if ".put" in call]
    assert world.contents("b") == {}


def test_a_list_that_appears_is_read_with_the_next_message() -> None:
    world = TwoStacks(LISTED)
    user_put(world, "a", "in/k")
    with pytest.raises(ConfigError):
        world.running("a")
    world.put("a", LIST, TEXT)
    assert world.running("a").stack.settings.excludes("out/k")


def test_an_archived_list_is_a_wrong_configuration_and_blocks_no_message() -> None:
    world = listed()
    world.buckets["a"].archive(LIST)
    with pytest.raises(ConfigError) as caught:
        world.running("a")
    assert caught.value.key == LIST
    assert isinstance(caught.value.__cause__, Blocked)


def test_a_list_is_not_read_while_the_deployment_runs() -> None:
    world = listed()
    world.running("a")
    world.put("a", LIST, b"other/")
    assert not world.running("a").stack.settings.excludes("in/k")


def test_whoever_only_looks_sees_the_same_keys() -> None:
    world = listed()
    running = world.startups["a"].looking()
    assert running.stack.settings.excludes("out/k")
    assert world.calls.count("a.own.put_if") == 0


@pytest.mark.parametrize("key", ["in/k", "photos/2026"])
def test_settings_without_a_list_exclude_nothing_but_our_own(key: str) -> None:
    settings = TwoStacks().running("a").stack.settings
    assert not settings.is_selective
    assert not settings.excludes(key)
    assert settings.excludes(".dualway/x")
