"""What a write or a delete took the place of, on a bucket in memory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from sync_core.errors import Blocked, PreconditionFailed
from sync_core.losers import keep_loser, keep_overwritten, require_deleted
from sync_core.model import (
    Action,
    Capabilities,
    Conflict,
    ConflictPolicy,
    Copy,
    ObjectVersion,
    Side,
)
from sync_core.routing import conflict_key
from sync_core.stack import Stack
from sync_core.storage.memory import Versioning
from tests.two_stacks import Kind, TwoStacks

KEY = "dir/report.txt"
LARGE = b"the loser is large"
PATIENCE_SECONDS = 60
CAN_ALL = Capabilities(is_versioned=True)
CANNOT_CREATE = Capabilities(creates_if_absent=False, is_versioned=True)


def pair(versioned: str = "", policy: ConflictPolicy = ConflictPolicy.KEEP_COPY) -> TwoStacks:
    """Return a pair with different objects of one key on both sides."""
    world = TwoStacks(Kind(versioned=versioned, policy=policy))
    world.put("b", KEY, b"loser", edited="yes")
    world.put("a", KEY, b"winner")
    return world


def conflict(world: TwoStacks) -> Conflict:
    return Conflict(11, world.head("a", KEY), world.head("b", KEY))


def stack_of(world: TwoStacks, at_peer: Capabilities = CAN_ALL) -> Stack:
    stack = world.stack("a")
    return replace(stack, sides=replace(stack.sides, abilities={Side.PEER: at_peer}))


def kept_loser(world: TwoStacks) -> str | None:
    """Have a's stack keep b's object as the loser; return the copy's key."""
    return keep_loser(world.stack("a"), conflict(world)).key


# --- the loser of a conflict ---


def test_the_loser_is_copied_beside_itself_without_our_marker() -> None:
    world = pair()
    loser = world.head("b", KEY)
    key = kept_loser(world)
    assert key == conflict_key(loser, "b")
    kept = world.head("b", key)
    assert (world.read("b", key), kept.metadata) == (b"loser", {"edited": "yes"})
    assert kept.marker is None
    assert world.read("b", KEY) == b"loser"


def test_keeping_the_same_loser_twice_changes_nothing() -> None:
    world = pair()
    first = kept_loser(world)
    assert first is not None
    kept = world.head("b", first)
    world.pass_time(10)
    assert kept_loser(world) == first
    assert world.head("b", first) == kept


def test_a_loser_whose_copy_has_an_opaque_etag_is_kept_once() -> None:
    world = pair()
    world.buckets["b"].etag_is_md5 = False  # as if copies were encrypted with KMS
    first = kept_loser(world)
    assert first is not None
    assert world.head("b", first).md5 != world.head("b", KEY).md5
    assert [kept_loser(world), kept_loser(world)] == [first, first]


def test_a_loser_that_differs_in_metadata_only_gets_a_longer_name() -> None:
    world = pair()
    first = kept_loser(world)
    assert first is not None
    world.users["b"].delete(first)
    world.put("b", first, b"loser", edited="otherwise")
    second = kept_loser(world)
    assert second is not None
    assert second != first
    assert len(second) == len(first) + len("-12345678")
    assert world.head("b", second).metadata == {"edited": "yes"}
    assert world.head("b", first).metadata == {"edited": "otherwise"}


def test_nothing_is_overwritten_when_both_names_are_taken() -> None:
    world = pair()
    for _ in range(2):
        kept = kept_loser(world)
        assert kept is not None
        world.put("b", kept, b"a user's own")
    with pytest.raises(Blocked, match="holds another object: rename it"):
        kept_loser(world)


def test_a_loser_that_is_no_longer_current_is_not_kept() -> None:
    world = pair()
    verdict = conflict(world)
    world.put("b", KEY, b"newer")
    with pytest.raises(PreconditionFailed):
        keep_loser(world.stack("a"), verdict)
    assert list(world.contents("b")) == [KEY]


@pytest.mark.parametrize(("versioned", "is_copied"), [("b", False), ("a", True), ("", True)])
def test_a_version_serves_instead_where_the_policy_and_the_losers_bucket_allow_it(
    versioned: str, *, is_copied: bool
) -> None:
    world = pair(versioned, ConflictPolicy.KEEP_VERSION)
    kept = kept_loser(world)
    assert (kept is not None) is is_copied
    assert len(world.contents("b")) == 1 + is_copied


def test_a_version_does_not_serve_where_the_policy_is_to_keep_copies() -> None:
    world = pair("b")
    assert kept_loser(world) is not None


def test_the_copy_of_a_loser_at_our_own_side_is_named_after_our_side() -> None:
    world = pair()
    verdict = Conflict(11, world.head("b", KEY), world.head("a", KEY), to=Side.OWN)
    kept = keep_loser(world.stack("a"), verdict)
    assert (kept.key, kept.loser) == (conflict_key(verdict.loser, "a"), verdict.loser)
    assert world.read("a", kept.key or "") == b"winner"


class Threaded(TwoStacks):
    """Two stacks that have large losers copied by another thread."""

    def __init__(self, kind: Kind, threads: ThreadPoolExecutor) -> None:
        self.threads = threads
        super().__init__(kind)

    def stack(self, side: str) -> Stack:
        made = super().stack(side)
        return replace(made, context=replace(made.context, part_executor=self.threads))

    def take_longer_than_a_lease(self) -> None:
        """Let most of a lease pass, and once that was renewed as much again."""
        renewed = Event()
        self.before["a.records.write"] = renewed.set
        self.now += timedelta(seconds=120)
        assert renewed.wait(PATIENCE_SECONDS), "the lease was not renewed"
        self.now += timedelta(seconds=120)


@pytest.mark.parametrize(
    "kind",
    [
        Kind(one_put_bytes=len(LARGE) - 1),
        Kind(one_put_bytes=1),
        Kind(one_put_bytes=len(LARGE) - 1, peer_fetches=True),
    ],
    ids=["in one put", "in parts", "by the store"],
)
def test_the_lease_is_renewed_while_a_large_loser_is_copied(kind: Kind) -> None:
    with ThreadPoolExecutor(1) as threads:
        world = Threaded(kind, threads)
        world.running("a")
        world.put("b", KEY, LARGE)
        world.put("a", KEY, b"winner")
        world.lose_events("b")
        world.before["a.peer.copy_if"] = world.take_longer_than_a_lease
        world.calls.clear()
        world.quiesce()
    assert sorted(world.contents("b").values()) == [LARGE, b"winner"]
    assert world.calls.count("a.peer.copy_if") == 1
    assert world.actions()[Action.LOSER_KEPT] == 1


# --- what slipped in ---


def kept_overwritten(stack: Stack, verdict: Copy, version_id: str | None) -> str | None:
    """Have the stack keep what its write covers; return the copy's key."""
    kept = keep_overwritten(stack, verdict, version_id)
    return kept.key if kept is not None else None


def overwritten(world: TwoStacks, *, slipped: bool) -> tuple[Copy, str | None]:
    """Overwrite b's object, after an edit that nobody saw; return the verdict and our version."""
    verdict = Copy(8, world.head("a", KEY), world.head("b", KEY))
    if slipped:
        world.edit_metadata("b", KEY, slipped="in")
    world.put("b", KEY, b"winner")
    return verdict, world.head("b", KEY).version_id


def test_what_lies_below_our_version_is_kept_if_it_is_not_what_was_decided_on() -> None:
    world = pair("b")
    verdict, version_id = overwritten(world, slipped=True)
    kept = kept_overwritten(stack_of(world), verdict, version_id)
    assert kept is not None
    assert world.head("b", kept).metadata == {"slipped": "in"}
    assert kept_overwritten(stack_of(world), verdict, version_id) == kept


def test_nothing_is_kept_if_it_is_what_was_decided_on() -> None:
    world = pair("b")
    verdict, version_id = overwritten(world, slipped=False)
    assert keep_overwritten(stack_of(world), verdict, version_id) is None


def test_an_unversioned_bucket_cannot_tell() -> None:
    world = pair("")
    verdict, version_id = overwritten(world, slipped=True)
    assert version_id is None
    assert keep_overwritten(stack_of(world), verdict, version_id) is None


def test_a_user_who_has_written_on_top_since_hides_nothing() -> None:
    world = pair("b")
    verdict, version_id = overwritten(world, slipped=True)
    world.put("b", KEY, b"later")
    kept = kept_overwritten(stack_of(world), verdict, version_id)
    assert kept is not None
    assert world.head("b", kept).metadata == {"slipped": "in"}


@pytest.mark.parametrize(("can", "is_kept"), [(CAN_ALL, False), (CANNOT_CREATE, True)])
def test_what_a_create_covers_is_looked_for_only_where_the_condition_is_ignored(
    can: Capabilities, *, is_kept: bool
) -> None:
    world = pair("b")
    covered = world.head("b", KEY)
    world.put("b", KEY, b"winner")
    verdict = Copy(5, world.head("a", KEY), None)
    world.calls.clear()
    kept = kept_overwritten(stack_of(world, can), verdict, world.head("b", KEY).version_id)
    assert (kept is not None) is is_kept
    assert ("a.peer.versions" in world.calls) is is_kept
    if kept is not None:
        assert world.head("b", kept).metadata == covered.metadata


def test_a_delete_marker_below_our_version_is_nothing_to_keep() -> None:
    world = pair("b")
    verdict = Copy(5, world.head("a", KEY), None)
    world.delete("b", KEY)
    world.put("b", KEY, b"winner")
    version_id = world.head("b", KEY).version_id
    assert keep_overwritten(stack_of(world, CANNOT_CREATE), verdict, version_id) is None


# --- deletes ---


def deleted(world: TwoStacks, *, slipped: bool) -> tuple[ObjectVersion, str | None]:
    """Delete b's object, after an edit that nobody saw; return what was meant, and our marker."""
    instance = world.head("b", KEY)
    if slipped:
        world.edit_metadata("b", KEY, slipped="in")
    return instance, world.users["b"].delete(KEY)


def test_a_delete_marker_over_what_was_decided_on_stays() -> None:
    world = pair("b")
    require_deleted(world.users["b"], *deleted(world, slipped=False))
    assert world.users["b"].head(KEY) is None


def test_a_delete_marker_over_another_version_is_taken_back() -> None:
    world = pair("b")
    found = deleted(world, slipped=True)
    with pytest.raises(PreconditionFailed, match="another version came in"):
        require_deleted(world.users["b"], *found)
    assert world.head("b", KEY).metadata == {"slipped": "in"}


def test_a_user_who_has_written_since_the_delete_keeps_his_object() -> None:
    world = pair("b")
    found = deleted(world, slipped=False)
    world.put("b", KEY, b"later")
    require_deleted(world.users["b"], *found)
    assert world.read("b", KEY) == b"later"


def test_a_second_delete_marker_is_left_alone() -> None:
    world = pair("b")
    found = deleted(world, slipped=False)
    world.delete("b", KEY)
    require_deleted(world.users["b"], *found)
    assert world.users["b"].head(KEY) is None


def test_without_versions_a_delete_is_final() -> None:
    world = pair("")
    require_deleted(world.users["b"], *deleted(world, slipped=True))
    assert world.users["b"].head(KEY) is None


def test_while_versioning_is_suspended_a_delete_of_the_null_version_is_not_taken_back() -> None:
    """Our delete marker takes the null version's very place: an older version lies below it."""
    world = pair("b")
    world.buckets["b"].versioning = Versioning.SUSPENDED
    world.put("b", KEY, b"null version")
    require_deleted(world.users["b"], *deleted(world, slipped=False))
    assert world.users["b"].head(KEY) is None
    assert world.users["b"].versions(KEY, 10)[0].is_delete_marker
