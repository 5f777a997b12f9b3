"""What tells one S3-compatible store from another: data only, and the client settings that follow.

An ability that a store lacks is a protocol that its adapter does not implement; a quirk that needs
no code of its own is a field here.
"""

from dataclasses import dataclass
from typing import Literal

from botocore.config import Config

from sync_core.model import PartLimits
from sync_core.parts import S3_LIMITS


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of store speaks S3.

    `etag_is_md5`: the etag of an object put in one part, without KMS and without a customer's key,
    is the MD5 of its content. `get_counts_tags`: GET shows the number of tags and leaves the
    header out when there are none. `has_crc64nvme`: the store keeps a CRC64NVME of the whole
    content, shows it on request and checks it on PUT. `addressing`: where the bucket's name stands
    when an endpoint is given (without one it is always `auto`). `page_keys`: how many keys a page
    of a listing is asked to have. `part_limits`: what it demands of multipart uploads.
    """

    name: str
    etag_is_md5: bool
    get_counts_tags: bool
    has_crc64nvme: bool
    addressing: Literal["auto", "path", "virtual"]
    page_keys: int = 1000
    part_limits: PartLimits = S3_LIMITS


# Tag count: GetObject API reference, x-amz-tagging-count ("if any, when you have the permission to
# read object tags"): the key pairs of cfn/site.yaml have it. CRC64NVME: user guide, Checking object
# integrity (2024-12). Path style serves endpoints that are no AWS host, such as a local cloud.
AWS = Dialect(
    name="aws",
    etag_is_md5=True,
    get_counts_tags=True,
    has_crc64nvme=True,
    addressing="path",
)
"""Amazon S3, in the standard and the China partition, and what imitates it closely."""


def client_config(
    dialect: Dialect, *, attempts: int, custom_endpoint: bool, max_connections: int = 64
) -> Config:
    """Return the settings of a client that `S3ObjectStore` can work with.

    `attempts` is how often botocore may send one request (1: it never retries). Digests are sent
    by the adapter where they are known, so botocore computes none that is not required; payloads
    are not signed, because that would read a streamed body twice: over TLS the signature of the
    headers and the digest protect them (SigV4, UNSIGNED-PAYLOAD). Environment variables and
    profiles cannot change any of it.
    """
    return Config(
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": attempts},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": dialect.addressing if custom_endpoint else "auto",
            "payload_signing_enabled": False,
        },
        connect_timeout=5,
        # S3 keeps a slow copy's or completion's connection alive by sending spaces.
        read_timeout=60,
        max_pool_connections=max_connections,
        tcp_keepalive=True,
    )
