"""What of the contract of object stores is asked of a store of somebody else's."""

from tests.contract.test_object_store import TestDelete, TestPut, TestReading
from tests.contract.test_object_store_conditions import (
    TestConditionalWrites,
    TestServerSideCopy,
    TestTags,
)
from tests.contract.test_object_store_keys import TestKeys
from tests.contract.test_object_store_large import (
    TestCopiesInParts,
    TestCopyFromAnotherBucket,
    TestDigests,
    TestListedParts,
    TestPartsFromAnotherBucket,
    TestSizeOfParts,
    TestStreamedParts,
)
from tests.contract.test_object_store_parts import TestMultipart

__all__ = [
    "TestConditionalWrites",
    "TestCopiesInParts",
    "TestCopyFromAnotherBucket",
    "TestDelete",
    "TestDigests",
    "TestKeys",
    "TestListedParts",
    "TestMultipart",
    "TestPartsFromAnotherBucket",
    "TestPut",
    "TestReading",
    "TestServerSideCopy",
    "TestSizeOfParts",
    "TestStreamedParts",
    "TestTags",
]
