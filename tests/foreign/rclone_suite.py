"""`rclone serve s3` 1.75 over a local folder."""

from dataclasses import replace

from sync_core.model import Ability
from sync_core.storage.dialects import GENERIC
from tests.derived_benches import NO_CONDITIONS
from tests.foreign.contract import *  # noqa: F403 - the classes that pytest is to find here
from tests.foreign.kinds import Kind
from tests.foreign.servers import rclone
from tests.object_benches import named

# pytest escapes once more what `named` has made of the key.
_LONG_KEY = f"test_a_key_is_stored_as_it_is[{named('é' * 512)}]".replace("\\", "\\\\")

KIND = Kind(
    start=rclone,
    dialect=replace(
        GENERIC,
        name="rclone",
        has_part_copy=False,
        lacks=frozenset(
            {
                Ability.CREATES_IF_ABSENT,
                Ability.REPLACES_IF_MATCH,
                Ability.DELETES_IF_MATCH,
                Ability.COMPLETES_IF_ABSENT,
                Ability.COPIES_IF_MATCH,
                Ability.HAS_TAGS,
            }
        ),
    ),
    capabilities=NO_CONDITIONS,
    deviations={
        **dict.fromkeys(
            (
                "test_everything_that_belongs_to_an_object_is_stored",
                "test_everything_comes_back_as_it_was_written",
                "test_an_expires_header_survives_as_text",
                "test_a_copy_is_the_source_without_the_marker",
                "test_a_copy_from_another_bucket_is_what_the_write_says",
                "test_nothing_is_visible_before_completion",
            ),
            "keeps no Expires and no tags",
        ),
        **dict.fromkeys(
            (
                "test_an_open_object_shows_how_many_tags_it_has",
                "test_tags_are_replaced",
                "test_tags_can_be_removed",
                "test_tags_do_not_touch_the_instance",
                "test_tags_of_an_object_that_is_gone_cannot_be_set",
            ),
            "has no tags, and takes a request that writes them for one that writes the object",
        ),
        **dict.fromkeys(
            (
                "test_the_crc64nvme_of_the_whole_content_is_shown",
                "test_a_body_with_another_crc64nvme_is_refused",
                "test_the_digest_of_the_whole_is_shown",
                "test_parts_whose_whole_has_another_digest_are_not",
                "test_what_they_were_to_replace_stays",
                "test_what_was_taken_is_told",
            ),
            "has no CRC64NVME",
        ),
        "test_of_creates_that_race_one_wins": "looks, then writes: it has no conditions",
        **dict.fromkeys(
            (
                "test_a_key_is_stored_as_it_is['a//b']",
                "test_a_key_is_stored_as_it_is['//']",
                "test_a_key_is_stored_as_it_is['/leading']",
                "test_a_key_is_stored_as_it_is['../x']",
                "test_a_key_is_stored_as_it_is['./y']",
                "test_a_key_is_stored_as_it_is['.']",
                "test_a_key_is_stored_as_it_is['..']",
                f"test_a_key_is_stored_as_it_is[{named('x' * 1024)}]",
                _LONG_KEY,
                "test_a_key_is_stored_as_it_is['dir/']",
                "test_keys_that_look_alike_are_different_objects",
                "test_a_listing_is_in_the_order_of_utf_8_bytes",
            ),
            "keys are paths of files: no empty names, no dots, no file that is a folder as well",
        ),
        **dict.fromkeys(
            (
                "test_metadata_and_tags_of_the_source_do_not_come_along",
                "test_a_copy_replaces_the_instance_that_was_read",
            ),
            "copies the source's metadata as well",
        ),
        "test_another_source_than_was_read_is_not_copied": "heeds no condition on a source",
        **dict.fromkeys(
            (
                "test_a_copy_in_parts_is_the_source_without_the_marker",
                "test_a_copy_in_parts_may_be_made_again",
                "test_ranges_of_a_source_make_the_object",
                "test_a_whole_source_can_be_one_part_beside_others_that_were_sent",
                "test_another_source_than_was_read_gives_no_part",
                "test_a_part_for_an_unknown_upload_is_refused",
            ),
            "copies no parts",
        ),
        "test_it_is_known_of_an_object_in_equal_parts": "says nothing of parts",
        "test_the_etag_of_an_object_in_parts_is_no_md5": "it is the MD5 of the whole",
        "test_a_part_that_is_sent_again_replaces_the_first": "parts are written as they come",
    },
)
