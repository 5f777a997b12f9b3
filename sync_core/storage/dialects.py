"""What tells one S3-compatible store from another: data only.

A quirk that needs no code of its own is a field here; `s3_dialect` has the few that change what is
sent. What a store says it can do (`Dialect.says`) is no promise: `probe` tries what correctness
rests on, and `dualway check-provider` all of it.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sync_core.errors import ConfigError
from sync_core.model import Ability, PartLimits
from sync_core.parts import MIB, S3_LIMITS, S3_LIMITS_BEFORE_2025
from sync_core.routing import MAX_KEY_BYTES

_KIB = 1024
_GIB = 1024 * MIB

# What dualway cannot do without, so that even a store of which nothing is known has to have it.
_EXPECTED = frozenset(
    {
        Ability.READS_AND_WRITES,
        Ability.READS_RANGE_IF_MATCH,
        Ability.KEEPS_HEADERS,
        Ability.KEEPS_METADATA,
        Ability.KEEPS_NON_ASCII_METADATA,
        Ability.TAKES_ANY_KEY,
        Ability.HAS_PARTS,
    }
)

# What a store lacks that heeds no condition on writes, and shows neither versions nor tags.
_NOTHING_BUT_OBJECTS = frozenset(
    {
        Ability.CREATES_IF_ABSENT,
        Ability.REPLACES_IF_MATCH,
        Ability.DELETES_IF_MATCH,
        Ability.COMPLETES_IF_ABSENT,
        Ability.IS_VERSIONED,
        Ability.HAS_TAGS,
    }
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of store speaks S3.

    `etag_is_md5`: the etag of an object put in one part, without KMS and without a customer's key,
    is the MD5 of its content, in whichever case, and no other looks like one; `part_etag_is_md5`:
    that of a part is. `get_counts_tags`: GET shows the number of tags and leaves the header out
    when there are none. `has_crc64nvme`: the store keeps a CRC64NVME of the whole content, shows it
    on request and checks it on PUT; without it no body has a trailer.
    `addressing`: where the bucket's name stands when an endpoint is given (without one it is always
    `auto`). `page_keys`: how many keys a page of a listing is asked to have. `part_limits`: what it
    demands of multipart uploads and of copies; `has_part_copy`: it copies parts from other objects.
    `most_key_bytes`: the longest key that it takes, in bytes of UTF-8; `no_key_begins_with`: what
    its keys must not begin with.

    `listing` is the version of ListObjects, `encodes_listings` whether keys are asked for
    URL-encoded. `quotes_conditions`: If-Match on a write has the etag in quotes, as HTTP demands.
    `create_header`: the store's own header in place of `If-None-Match: *` on writes.
    `needs_content_md5`: where a request has to have a digest, it takes Content-MD5 and no other.
    `decodes_gzip`: whoever does not say that he takes gzip gets what is stored so decoded.
    `endpoint_template` has `{region}` in it; empty: botocore knows the endpoint; None: everyone who
    runs such a store has another one. `lacks`: abilities that such a store does not have, besides
    those that fields speak of; it is never sent a condition that it lacks; instead of one on a
    completion or a copy's source it is looked at beforehand. `varies`: abilities that one has and
    another has not, or one object and not another.
    """

    name: str
    etag_is_md5: bool
    get_counts_tags: bool
    has_crc64nvme: bool
    addressing: Literal["auto", "path", "virtual"]
    page_keys: int = 1000
    part_limits: PartLimits = S3_LIMITS
    has_part_copy: bool = True
    most_key_bytes: int = MAX_KEY_BYTES
    no_key_begins_with: tuple[str, ...] = ()
    listing: Literal["v1", "v2"] = "v2"
    encodes_listings: bool = True
    quotes_conditions: bool = True
    create_header: tuple[str, str] | None = None
    needs_content_md5: bool = False
    decodes_gzip: bool = False
    part_etag_is_md5: bool = True
    signature_version: Literal["s3v4", "s3"] = "s3v4"
    endpoint_template: str | None = None
    lacks: frozenset[Ability] = frozenset()
    varies: frozenset[Ability] = frozenset({Ability.IS_VERSIONED})

    def says(self, ability: Ability) -> bool | None:
        """Tell whether such a store has an ability; None where nobody can say beforehand."""
        if ability in self.lacks:
            return False
        if ability in self.varies:
            return None
        fields = {
            Ability.ETAG_IS_MD5: self.etag_is_md5,
            Ability.COUNTS_TAGS: self.get_counts_tags,
            Ability.HAS_CRC64NVME: self.has_crc64nvme,
            Ability.COPIES_PARTS: self.has_part_copy,
        }
        return fields.get(ability, True)

    def why_not(self, key: str) -> str | None:
        """Return the reason why such a store takes no object under this key; None where it does."""
        size_bytes = len(key.encode(errors="surrogatepass"))
        if size_bytes > self.most_key_bytes:
            return (
                f"{self.name} takes keys of up to {self.most_key_bytes} bytes, and this one has "
                f"{size_bytes}: store the object under a shorter one"
            )
        if key.startswith(self.no_key_begins_with):
            return f"{self.name} takes no key that begins with {key[0]!r}: store it under another"
        return None

    def endpoint_of(self, region: str) -> str | None:
        """Return the endpoint's URL; None where botocore knows it.

        Raises `ConfigError` for a store that has no endpoint of its own in each region.
        """
        if self.endpoint_template is None:
            raise ConfigError("configure", "endpoint", f"{self.name} has none of its own: give one")
        return self.endpoint_template.format(region=region) or None


# Tag count: GetObject API reference, x-amz-tagging-count ("if any, when you have the permission to
# read object tags"): the key pairs of cfn/site.yaml have it. CRC64NVME: user guide, Checking object
# integrity (2024-12). Path style serves endpoints that are no AWS host, such as a local cloud.
AWS = Dialect(
    name="aws",
    etag_is_md5=True,
    get_counts_tags=True,
    has_crc64nvme=True,
    addressing="path",
    endpoint_template="",
)
"""Amazon S3, in the standard and the China partition, and what imitates it closely."""

# No trailers, no newer digests: many stores refuse botocore's defaults of 2025 with 400 or 501.
# Content-MD5 is the one digest that S3 has always taken (API reference, PutObjectTagging).
GENERIC = Dialect(
    name="generic",
    etag_is_md5=True,
    get_counts_tags=False,
    has_crc64nvme=False,
    addressing="path",
    part_limits=S3_LIMITS_BEFORE_2025,
    needs_content_md5=True,
    varies=frozenset(Ability) - _EXPECTED,
)
"""Any other store that speaks S3, as S3 was before 2024."""

# Virtual addresses only; a trailer is answered with 400 InvalidArgument (EC 0017-00000804); an etag
# is in upper case (OSS, Compatibility with Amazon S3, 2025), the MD5 of what PutObject wrote, and a
# UUID of what came otherwise, as by AppendObject (Common response headers, ETag).
# If-None-Match and If-Match on PUT are answered with 501 (walgit issue 67); x-oss-forbid-overwrite
# is OSS's own (PutObject, request headers), ignored where versioning is on. Tagging and versions
# are not among the operations that the facade lists. Parts have 100 KB to 5 GB (UploadPart, 2025);
# CopyObject takes up to 1 GB (UploadPartCopy, usage notes, 2025-12). Keys: Object naming
# conventions, 2024-05.
OSS = Dialect(
    name="oss",
    etag_is_md5=False,
    get_counts_tags=False,
    has_crc64nvme=False,
    addressing="virtual",
    part_limits=PartLimits(100 * _KIB, 5 * _GIB, 10_000, 10_000 * 5 * _GIB, 10**9),
    most_key_bytes=1023,
    no_key_begins_with=("/", "\\"),
    create_header=("x-oss-forbid-overwrite", "true"),
    needs_content_md5=True,
    endpoint_template="https://s3.oss-{region}.aliyuncs.com",
    lacks=frozenset(
        {
            Ability.REPLACES_IF_MATCH,
            Ability.DELETES_IF_MATCH,
            Ability.IS_VERSIONED,
            Ability.HAS_TAGS,
        }
    ),
    varies=frozenset({Ability.ETAG_IS_MD5}),
)
"""Aliyun Object Storage Service."""

# ListObjects v1 (rclone, backend/s3, TencentCOS: list_version 1); x-cos-forbid-overwrite is COS's
# own (PUT Object, request headers); parts have 1 MB to 5 GB (Upload Part, 2025-12-15). An etag need
# not be the MD5, and is not where COS encrypts (Common response headers, ETag).
COS = Dialect(
    name="cos",
    etag_is_md5=False,
    get_counts_tags=False,
    has_crc64nvme=False,
    addressing="virtual",
    part_limits=PartLimits(MIB, 5 * _GIB, 10_000, 10_000 * 5 * _GIB),
    most_key_bytes=850,
    no_key_begins_with=("/", "\\"),
    listing="v1",
    create_header=("x-cos-forbid-overwrite", "true"),
    needs_content_md5=True,
    part_etag_is_md5=False,
    endpoint_template="https://cos.{region}.myqcloud.com",
    lacks=frozenset({Ability.REPLACES_IF_MATCH, Ability.DELETES_IF_MATCH}),
    varies=frozenset({Ability.IS_VERSIONED, Ability.ETAG_IS_MD5}),
)
"""Tencent Cloud Object Storage; a bucket's name ends with the account's number."""

# No URL-encoded listings and path addresses (rclone, backend/s3, Qiniu); the etag is a qetag, no
# MD5 (Kodo, qetag). That writes heed conditions is documented nowhere. Endpoints: Kodo, AWS S3
# compatibility, service domain names (4088).
KODO = Dialect(
    name="kodo",
    etag_is_md5=False,
    get_counts_tags=False,
    has_crc64nvme=False,
    addressing="path",
    part_limits=S3_LIMITS_BEFORE_2025,
    encodes_listings=False,
    needs_content_md5=True,
    part_etag_is_md5=False,
    endpoint_template="https://s3.{region}.qiniucs.com",
    lacks=_NOTHING_BUT_OBJECTS,
)
"""Qiniu Kodo."""

# Keys of the interoperability API. No UploadPartCopy (rclone, backend/s3, GCS); uploads in parts
# know no preconditions (XML API multipart uploads, Considerations); no x-goog- header may stand
# beside x-amz- ones (400: carrierwave, pull request 2356); gzip is decoded (Transcoding).
GCS = Dialect(
    name="gcs",
    etag_is_md5=True,
    get_counts_tags=False,
    has_crc64nvme=False,
    addressing="path",
    part_limits=S3_LIMITS_BEFORE_2025,
    has_part_copy=False,
    needs_content_md5=True,
    decodes_gzip=True,
    endpoint_template="https://storage.googleapis.com",
    lacks=_NOTHING_BUT_OBJECTS,
)
"""Google Cloud Storage through its XML API."""

# If-None-Match on PUT holds; that DELETE heeds a condition is documented nowhere.
MINIO = Dialect(
    name="minio",
    etag_is_md5=True,
    get_counts_tags=True,
    has_crc64nvme=False,
    addressing="path",
    part_limits=S3_LIMITS_BEFORE_2025,
    needs_content_md5=True,
    varies=frozenset({Ability.IS_VERSIONED, Ability.DELETES_IF_MATCH}),
)
"""MinIO."""

# ListObjects v1 without URL-encoded keys (rclone, backend/s3, Ceph). PUT with If-Match holds for an
# unquoted etag only, checksums are taken and not kept, completions and copies heed no condition
# (radosgw 16.2, tried); later releases heed If-Match on DELETE (IBM Storage Ceph 9, S3 delete an
# object).
CEPH = Dialect(
    name="ceph",
    etag_is_md5=True,
    get_counts_tags=True,
    has_crc64nvme=False,
    addressing="path",
    part_limits=S3_LIMITS_BEFORE_2025,
    listing="v1",
    encodes_listings=False,
    quotes_conditions=False,
    needs_content_md5=True,
    lacks=frozenset({Ability.COMPLETES_IF_ABSENT, Ability.COPIES_IF_MATCH}),
    varies=frozenset({Ability.IS_VERSIONED, Ability.DELETES_IF_MATCH}),
)
"""Ceph's object gateway, radosgw."""

DIALECTS = MappingProxyType(
    {each.name: each for each in (AWS, OSS, COS, KODO, GCS, MINIO, CEPH, GENERIC)}
)
"""All that are known, by name."""


def named(name: str) -> Dialect:
    """Return the dialect of that name; raises `ConfigError`, which lists those that are known."""
    found = DIALECTS.get(name)
    if found is None:
        known = ", ".join(sorted(DIALECTS))
        raise ConfigError("configure", "dialect", f"{name!r} is none of {known}")
    return found
