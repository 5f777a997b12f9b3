"""S3 and OSS as two stacks keep them the same, down to rounds of the finder that find nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest

from sync_core.model import Action
from sync_core.routing import OWN_PREFIX
from sync_core.storage.protocol import ObjectWrite
from tests.oss.client import oss_client, upload
from tests.oss.pair import OssStacks, oss_stacks
from tests.oss.wire import Answer, Request

KEY = "dir/a b+%20é中.txt"
MANY = bytes(range(256)) * 1200


@pytest.fixture(scope="module", autouse=True)
def no_proxy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


@pytest.fixture
def world() -> Iterator[OssStacks]:
    with oss_stacks() as made:
        yield made


def put_whole(world: OssStacks, side: str, key: str) -> None:
    """A user writes an object with all that an object can have."""
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-encoding": "gzip",
        "content-language": "de, en",
        "content-disposition": 'attachment; filename="a.html"',
        "cache-control": "max-age=60, public",
        "expires": "Thu, 01 Dec 2994 16:00:00 GMT",
    }
    metadata = {"owner": "ann", "note": "=?utf-8?q?caf=C3=A9?="}
    world.users[side].put(ObjectWrite(key, 4, headers, metadata), BytesIO(b"data"))


def give_another_etag(world: OssStacks) -> None:
    objects = world.oss.bucket("bucket-b").objects
    objects[KEY] = replace(objects[KEY], etag="1C9A" * 8)


def upload_at_oss(world: OssStacks, key: str) -> None:
    with oss_client(world.oss, world.user) as oss:
        upload(oss, "bucket-b", key, MANY, b"end")


def hinted(world: OssStacks) -> int:
    """Run a finder round on each side; return how many keys were to be looked at."""
    return sum(sum(report.hinted.values()) for report in world.find())


def test_who_only_looks_is_told_what_oss_cannot_do_before_it_was_tried(world: OssStacks) -> None:
    at_b, at_a = world.startups["b"].looking().guarantees
    assert at_b.startswith("guarantee level D at b: PUT does not honour If-Match;")
    assert at_a == "guarantee level U at a: all writes are conditional"
    assert at_b in world.running("b").guarantees


def test_rounds_find_nothing_where_all_is_the_same(world: OssStacks) -> None:
    for side in "ab":
        world.put(side, f"{KEY} of {side}", b"one", owner="bob")
        put_whole(world, side, f"whole of {side}")
    world.put("a", "parts of a", MANY)
    upload_at_oss(world, "parts of b")
    world.quiesce()
    assert world.values("a") == world.values("b")
    keys = sorted(world.contents("a"))
    assert [world.writes(key) for key in keys] == [1] * 6
    # What a marker says of its source is the name alone; the etag of parts is another on each side.
    assert hinted(world) <= 2
    for _ in range(2):
        assert hinted(world) == 0
    assert [world.writes(key) for key in keys] == [1] * 6


def test_what_was_the_same_beforehand_is_agreed_on_and_not_copied(world: OssStacks) -> None:
    for side in "ab":
        world.put(side, KEY, b"one", owner="bob")
        put_whole(world, side, "whole")
    world.lose_events()
    assert hinted(world) > 0
    assert hinted(world) == 0
    assert world.sync_writes.total() == world.writes(KEY) == world.writes("whole") == 0


def test_what_was_the_same_beforehand_is_read_where_its_etag_does_not_say_so(
    world: OssStacks,
) -> None:
    for side in "ab":
        world.put(side, KEY, b"one", owner="bob")
    give_another_etag(world)
    world.lose_events()
    assert hinted(world) > 0
    assert hinted(world) == 0
    assert world.sync_writes.total() == world.writes(KEY) == 0


def test_an_object_arrives_whose_etag_only_looks_like_an_md5(world: OssStacks) -> None:
    """AppendObject, and whatever else is no PutObject, gives an object such an etag."""
    world.put("b", KEY, b"appended")
    give_another_etag(world)
    world.quiesce()
    assert world.contents("a") == {KEY: b"appended"}
    world.put("a", KEY, b"and written over")
    world.quiesce()
    assert world.contents("b") == {KEY: b"and written over"}
    assert world.dead_letters == []


def test_an_event_that_comes_twice_has_nothing_read_but_what_is_there(world: OssStacks) -> None:
    world.put("b", KEY, b"one")
    world.quiesce()
    (event,) = (each for each in world.events if each["oss"]["object"]["key"] == KEY)
    world.calls.clear()
    world.queues["b"].send(json.dumps({"events": [event]}))
    world.quiesce()
    assert "b.own.head" in world.calls
    assert "b.own.get" not in world.calls
    assert world.writes(KEY) == 1


def test_what_was_deleted_can_be_taken_out_of_the_trash(world: OssStacks) -> None:
    world.put("a", KEY, b"one", owner="bob")
    world.quiesce()
    world.delete("a", KEY)
    world.quiesce()
    assert world.contents("b") == {}
    (kept,) = world.trash()
    with oss_client(world.oss, world.user) as oss:
        source = {"Bucket": "bucket-b", "Key": kept}
        oss.copy_object(Bucket="bucket-b", Key=KEY, CopySource=source)
    world.quiesce()
    assert world.values("a") == {KEY: (b"one", {"owner": "bob"}, {})}
    assert world.trash() == [kept]
    hinted(world)
    assert hinted(world) == 0
    assert [each.key for each in world.users["a"].list(f"{OWN_PREFIX}trash/")] == []


def test_users_who_share_the_key_pair_of_the_stacks_are_heard_all_the_same() -> None:
    with oss_stacks(one_user=True) as world:
        world.put("b", KEY, b"by hand")
        world.quiesce()
        assert world.contents("a") == {KEY: b"by hand"}
        world.put("b", KEY, b"by hand, again")
        world.quiesce()
        assert world.contents("a") == {KEY: b"by hand, again"}
        world.delete("b", KEY)
        world.quiesce()
        assert world.contents("a") == {}


@pytest.mark.parametrize(
    ("operation", "before"),
    [("put_object", b""), ("put_object", b"one"), ("complete_multipart_upload", b"")],
)
def test_a_write_whose_answer_is_lost_is_known_again(
    world: OssStacks, operation: str, before: bytes
) -> None:
    data = MANY if operation == "complete_multipart_upload" else b"two"
    if before:
        world.put("a", KEY, before)
        world.quiesce()
    lose_one_answer(world, operation)
    world.put("a", KEY, data)
    world.quiesce()
    assert world.contents("b") == {KEY: data}
    assert world.writes(KEY) == (2 if before else 1)
    assert world.dead_letters == []
    hinted(world)
    assert hinted(world) == 0


def lose_one_answer(world: OssStacks, operation: str) -> None:
    """Let the next such request of the stacks have its effect, and an answer that does not say."""
    answer = world.oss.answer

    def losing(request: Request) -> Answer:
        given = answer(request)
        done = world.oss.handled[-1]
        if (done.operation, done.key, done.user_id) != (operation, KEY, world.dedicated.user_id):
            return given
        world.oss.answer = answer  # type: ignore[method-assign]
        return Answer(500)

    world.oss.answer = losing  # type: ignore[method-assign]


def test_an_upload_does_not_replace_what_came_before_its_end(world: OssStacks) -> None:
    world.put("a", KEY, MANY)
    world.before["a.peer.complete_if"] = lambda: world.put("b", KEY, b"a user's")
    world.quiesce()
    assert world.contents("a") == world.contents("b")
    assert sorted(map(len, world.contents("b").values())) == [8, len(MANY)]
    assert world.oss.uploads("bucket-b") == []
    assert world.dead_letters == []


def test_metadata_that_s3_has_no_room_for_is_given_up_once(world: OssStacks) -> None:
    world.put("b", KEY, b"one", note="x" * 3000)
    world.quiesce()
    assert world.contents("a") == {}
    assert len(world.dead_letters) == 1
    hinted(world)
    assert hinted(world) == 0
    assert len(world.dead_letters) == 1
    assert Action.OBJECT_COPIED not in world.actions()
