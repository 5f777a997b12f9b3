"""The local OSS of these tests, `tests/oss`: what its documented facade lets the suite do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync_core.model import Capabilities
from sync_core.storage.dialects import OSS
from tests.foreign.contract import *  # noqa: F403 - the classes that pytest is to find here
from tests.foreign.kinds import Kind
from tests.foreign.servers import Server
from tests.object_benches import named
from tests.oss.server import oss_server


@contextmanager
def oss(folder: Path) -> Iterator[Server]:
    """Run the server with one user."""
    with oss_server() as server:
        user = server.new_user()
        yield Server(server.url, user.access_key_id, user.secret_access_key)


# pytest escapes once more what `named` has made of the key.
_LONG_KEY = f"test_a_key_is_stored_as_it_is[{named('é' * 512)}]".replace("\\", "\\\\")

KIND = Kind(
    start=oss,
    dialect=OSS,
    capabilities=Capabilities(replaces_if_match=False, deletes_if_match=False),
    hides_tags=True,
    deviations={
        **dict.fromkeys(
            (
                "test_everything_that_belongs_to_an_object_is_stored",
                "test_everything_comes_back_as_it_was_written",
                "test_an_open_object_shows_how_many_tags_it_has[2]",
                "test_a_copy_is_the_source_without_the_marker",
                "test_a_copy_from_another_bucket_is_what_the_write_says",
                "test_nothing_is_visible_before_completion",
                "test_a_copy_in_parts_is_the_source_without_the_marker",
                "test_tags_are_replaced",
                "test_tags_can_be_removed",
                "test_tags_do_not_touch_the_instance",
                "test_tags_of_an_object_that_is_gone_cannot_be_set",
            ),
            "has no tags",
        ),
        **dict.fromkeys(
            (
                "test_the_crc64nvme_of_the_whole_content_is_shown",
                "test_a_body_with_another_crc64nvme_is_refused",
                "test_the_digest_of_the_whole_is_shown",
                "test_parts_whose_whole_has_another_digest_are_not",
                "test_what_they_were_to_replace_stays",
            ),
            "has no CRC64NVME",
        ),
        **dict.fromkeys(
            (
                "test_what_was_taken_is_told",
                "test_ranges_of_a_source_make_the_object",
                "test_an_object_in_parts_is_copied_as_one",
                "test_the_etag_of_an_object_in_parts_is_no_md5",
            ),
            "etags are in capitals, and those of objects in parts not S3's",
        ),
        **dict.fromkeys(
            (
                "test_the_md5_of_a_plain_object_is_shown",
                "test_a_body_with_the_declared_digests_is_taken",
            ),
            "an etag may look like an MD5 and be none",
        ),
        **dict.fromkeys(
            ("test_too_much_metadata_is_blocked", "test_metadata_of_an_upload_is_bounded_too"),
            "takes 8 KB of metadata",
        ),
        **dict.fromkeys(
            (
                "test_a_key_is_stored_as_it_is['//']",
                "test_a_key_is_stored_as_it_is['/leading']",
                r"test_a_key_is_stored_as_it_is['\\\\']",
                f"test_a_key_is_stored_as_it_is[{named('x' * 1024)}]",
                _LONG_KEY,
            ),
            "names have 1023 bytes at most and no slash or backslash at the beginning",
        ),
        "test_it_is_known_of_an_object_in_equal_parts": "says nothing of parts",
    },
)
