"""List prices of us-west-2 in dollars, and what the reference publishes of itself: data only.

`checked` says against what a price was compared, and when; the pages of AWS themselves could not be
opened from here. Free tiers and volume discounts are left out. The reference prices the requests to
its destination in China as if that were us-west-2 as well, and so does this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "s3_put",
    "s3_get",
    "sqs_request",
    "dynamodb_write",
    "dynamodb_read",
    "secrets_call",
    "log_byte",
    "lambda_request",
    "lambda_gb_second",
    "t4g_small_second",
    "t4g_micro_second",
    "data_out_byte",
    "free",
]
"""What is billed by the piece."""


@dataclass(frozen=True, slots=True)
class Price:
    """`dollars` for `per` pieces, the page where that stands, and what it was checked against."""

    dollars: float
    per: float
    source: str
    checked: str

    def of(self, pieces: float) -> float:
        """Return the dollars for so many pieces."""
        return self.dollars * pieces / self.per


GB = 1024**3
TB_GB = 1024
"""The reference counts 1 TB of data transfer as 1,024 GB."""
HOURS_A_MONTH = 730

_REFERENCE_PAGE = "data-transfer-hub, docs/en-base/plan-deployment/cost.md: April 2023, us-west-2"
_NOT_CHECKED = "not checked: no copy of a page that names it was found in November 2026"
_S3 = "https://aws.amazon.com/s3/pricing/"
_SQS = "https://aws.amazon.com/sqs/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_EC2 = "https://aws.amazon.com/ec2/pricing/on-demand/"
_SECRETS = "https://aws.amazon.com/secrets-manager/pricing/"

PRICES: Mapping[Kind, Price] = {
    "s3_put": Price(0.005, 1000, _S3, _REFERENCE_PAGE),
    "s3_get": Price(0.0004, 1000, _S3, _REFERENCE_PAGE),
    "sqs_request": Price(
        0.40, 1e6, _SQS, "https://cloudburn.io/blog/amazon-sqs-pricing: March 2026, us-east-1"
    ),
    "dynamodb_write": Price(
        0.625,
        1e6,
        _DYNAMODB,
        "https://airbyte.com/data-engineering-resources/dynamodb-pricing: July 2025, us-east-1, "
        "after the price was halved in November 2024",
    ),
    "dynamodb_read": Price(
        0.125,
        1e6,
        _DYNAMODB,
        "https://airbyte.com/data-engineering-resources/dynamodb-pricing: July 2025, us-east-1",
    ),
    "secrets_call": Price(0.05, 10_000, _SECRETS, _NOT_CHECKED),
    "log_byte": Price(
        0.50,
        GB,
        _CLOUDWATCH,
        "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/"
        ": June 2026",
    ),
    "lambda_request": Price(
        0.20, 1e6, _LAMBDA, "lambda-13-cost.md of git.mcrn.ar/mariano/lambda_local_runner: undated"
    ),
    "lambda_gb_second": Price(
        0.0000133334,
        1,
        _LAMBDA,
        "https://cloudchipr.com/blog/aws-lambda-pricing: 2024, us-east-1, arm64",
    ),
    "t4g_small_second": Price(0.0168, 3600, _EC2, _NOT_CHECKED),
    "t4g_micro_second": Price(0.0084, 3600, _EC2, _REFERENCE_PAGE),
    "data_out_byte": Price(0.09, GB, f"{_EC2} (the first 10 TB)", _REFERENCE_PAGE),
    "free": Price(0.0, 1, _S3, "deleting and aborting is free by the rules of the page"),
}

MONTHLY: Mapping[str, Price] = {
    "secret": Price(0.40, 1, _SECRETS, _NOT_CHECKED),
    "metric": Price(0.30, 1, _CLOUDWATCH, "https://signoz.io/guides/cloudwatch-pricing: Feb. 2026"),
    "alarm": Price(0.10, 1, _CLOUDWATCH, _NOT_CHECKED),
    "dashboard": Price(
        3.00,
        1,
        _CLOUDWATCH,
        "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/"
        ": June 2026",
    ),
    "table_byte": Price(0.25, GB, _DYNAMODB, "an older copy of the page itself: starts from 0.25"),
    "backup_byte": Price(0.20, GB, _DYNAMODB, _NOT_CHECKED),
}
"""What is billed by the month: a secret, a custom metric, an alarm, a byte of a table and of its
point-in-time backup."""

# DELETE and CANCEL requests are free, HEAD is a GET, and what changes or lists anything else is
# priced with PUT, COPY, POST and LIST (https://aws.amazon.com/s3/pricing/, "Requests").
KINDS: Mapping[tuple[str, str], Kind] = {
    **{("s3", name): "s3_get" for name in ("GetObject", "HeadObject", "HeadBucket")},
    **{("s3", name): "s3_get" for name in ("GetObjectTagging", "GetBucketVersioning")},
    **{("s3", name): "s3_put" for name in ("PutObject", "CopyObject", "PutObjectTagging")},
    **{("s3", name): "s3_put" for name in ("CreateMultipartUpload", "CompleteMultipartUpload")},
    **{("s3", name): "s3_put" for name in ("UploadPart", "UploadPartCopy", "ListParts")},
    **{("s3", name): "s3_put" for name in ("ListObjectsV2", "ListObjectVersions")},
    **{("s3", name): "s3_put" for name in ("ListMultipartUploads",)},
    **{("s3", name): "free" for name in ("DeleteObject", "DeleteObjects", "AbortMultipartUpload")},
    **{("s3", name): "free" for name in ("DeleteObjectTagging",)},
    **{("sqs", name): "sqs_request" for name in ("ReceiveMessage", "EmptyLongPoll")},
    **{("sqs", name): "sqs_request" for name in ("SendMessage", "SendMessageBatch")},
    **{("sqs", name): "sqs_request" for name in ("DeleteMessage", "DeleteMessageBatch")},
    **{("sqs", name): "sqs_request" for name in ("ChangeMessageVisibilityBatch",)},
    **{("dynamodb", name): "dynamodb_write" for name in ("PutItem", "TransactWriteItems")},
    **{("dynamodb", name): "dynamodb_read" for name in ("GetItem", "BatchGetItem", "Query")},
    ("dynamodb", "DescribeTable"): "free",
    ("secretsmanager", "GetSecretValue"): "secrets_call",
}
"""How each operation is billed. One that is not here has no price, and nothing is guessed."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One example of the reference's cost page: what it counts, and the dollars it comes to."""

    name: str
    size_bytes: int
    files: int
    gets: int
    puts: int
    writes: int
    sqs_requests: int
    instance_hours: float
    published: Mapping[str, float]
    total: float


REFERENCES = (
    Reference(
        name="50 MB",
        size_bytes=50 * 1024**2,
        files=20_480,
        gets=12,
        puts=10,
        writes=2,
        sqs_requests=2,
        instance_hours=17,
        published={
            "compute": 0.14,
            "s3": 1.12,
            "dynamodb": 0.05,
            "sqs": 0.01,
            "other": 1.00,
            "data_out": 92.16,
        },
        total=94.48,
    ),
    Reference(
        name="10 KB",
        size_bytes=10 * 1024,
        files=107_400_000,
        gets=2,
        puts=1,
        writes=2,
        sqs_requests=2,
        instance_hours=3000,
        published={
            "compute": 25.20,
            "s3": 622.34,
            "dynamodb": 268.25,
            "sqs": 85.92,
            "other": 20.00,
            "data_out": 92.16,
        },
        total=1113.87,
    ),
)
"""Both examples of a transfer of 1 TB from us-west-2 to cn-north-1 (the page named above)."""
