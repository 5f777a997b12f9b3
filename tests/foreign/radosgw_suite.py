"""Ceph's gateway, radosgw 16.2, over one monitor and one store in memory."""

from sync_core.model import Capabilities
from sync_core.storage.dialects import CEPH
from tests.foreign.contract import *  # noqa: F403 - the classes that pytest is to find here
from tests.foreign.kinds import Kind
from tests.foreign.servers import radosgw

KIND = Kind(
    start=radosgw,
    dialect=CEPH,
    capabilities=Capabilities(deletes_if_match=False),
    deviations={
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
        **dict.fromkeys(
            ("test_too_much_metadata_is_blocked", "test_metadata_of_an_upload_is_bounded_too"),
            "takes more metadata",
        ),
        "test_an_absent_bucket_is_never_read_as_absence": "its errors are codes without sentences",
        "test_a_copy_is_the_source_without_the_marker[1;x]": "a copy that is changed has no tags",
        "test_a_copy_from_another_bucket_is_what_the_write_says": "a copy is given no tags",
        **dict.fromkeys(
            (
                "test_nothing_is_visible_before_completion",
                "test_a_copy_in_parts_is_the_source_without_the_marker",
            ),
            "an object in parts is given no tags",
        ),
        "test_a_key_is_stored_as_it_is['\\\\x01']": "cannot list what XML cannot carry",
        **dict.fromkeys(
            (
                "test_a_copy_needs_a_free_key",
                "test_a_copy_does_not_replace_another_instance",
                "test_a_copy_does_not_replace_an_object_that_is_gone",
                "test_another_source_than_was_read_is_not_copied",
                "test_another_source_than_was_read_gives_no_part",
            ),
            "copies heed no condition",
        ),
        "test_an_object_in_parts_is_copied_as_one": "a copy keeps the etag of the parts",
        "test_it_is_known_of_an_object_in_equal_parts": "says nothing of parts",
        "test_an_aborted_upload_cannot_be_completed": "answers with a server error",
    },
)
