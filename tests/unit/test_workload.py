"""What the demo's and the soak's users do is the same for the same seed."""

import pytest

from sync_core.local.workload import (
    LARGE_BYTES,
    DeleteObject,
    EditMetadata,
    PutObject,
    random_operations,
    tell_story,
)
from sync_core.model import REPLICATED_HEADERS


def test_a_story_is_the_same_for_the_same_seed() -> None:
    assert tell_story(40, 7) == tell_story(40, 7)
    assert tell_story(40, 7) != tell_story(40, 8)


def test_a_story_has_real_variety() -> None:
    story = tell_story(300, 1)
    keys = {create.key for create in story.creates}
    assert len(keys) == 300
    for piece in (" ", "+", "%", "//", "/"):
        assert any(piece in key for key in keys)
    assert any(key.endswith("/") for key in keys)
    assert any(not key.isascii() for key in keys)
    sizes_bytes = {create.size_bytes for create in story.creates}
    assert 0 in sizes_bytes
    assert LARGE_BYTES in sizes_bytes
    headers = {name for create in story.creates for name in create.headers}
    assert headers == set(REPLICATED_HEADERS)
    assert any(create.tags for create in story.creates)
    assert any(create.metadata for create in story.creates)
    assert {create.side for create in story.creates} == {"a", "b"}


def test_a_story_overwrites_edits_deletes_and_collides() -> None:
    story = tell_story(100, 1)
    kinds = {type(change) for change in story.changes}
    assert kinds == {PutObject, EditMetadata, DeleteObject}
    for first, second in story.conflicts:
        assert (first.key, first.side, second.side) == (second.key, "a", "b")
    assert any(first.content() != second.content() for first, second in story.conflicts)


def test_a_story_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        tell_story(1, 1)


def test_both_users_work_on_the_same_keys() -> None:
    keys = [
        {operation.key for operation in random_operations(side, 500, 10, 3)} for side in ("a", "b")
    ]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 10
