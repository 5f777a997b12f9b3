"""What stores of one kind can do and others cannot, by name."""

from enum import StrEnum


class Ability(StrEnum):
    """One thing that a store may be able to do; the value is its name for people."""

    READS_AND_WRITES = "put, get, head and delete"
    CREATES_IF_ABSENT = "create with If-None-Match"
    REPLACES_IF_MATCH = "overwrite with If-Match"
    DELETES_IF_MATCH = "delete with If-Match"
    IS_VERSIONED = "overwritten instances stay"
    READS_RANGE_IF_MATCH = "read a range with If-Match"
    ETAG_IS_MD5 = "the etag is the MD5"
    HAS_CRC64NVME = "CRC64NVME of the content"
    KEEPS_HEADERS = "content headers come back"
    KEEPS_METADATA = "user metadata comes back"
    KEEPS_NON_ASCII_METADATA = "non-ASCII metadata comes back"
    HAS_TAGS = "tags"
    COUNTS_TAGS = "GET counts tags"
    TAKES_ANY_KEY = "any key can be stored and listed"
    HAS_PARTS = "multipart uploads"
    COMPLETES_IF_ABSENT = "complete an upload with If-None-Match"
    COPIES = "copies inside the bucket"
    COPIES_IF_MATCH = "copy with x-amz-copy-source-if-match"
    COPIES_PARTS = "copy a part"
