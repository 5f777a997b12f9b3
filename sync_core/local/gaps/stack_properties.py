"""CloudFormation applies a bucket's lifecycle rules, a table's time to live and its backups.

AWS: `LifecycleConfiguration` of AWS::S3::Bucket, `TimeToLiveSpecification` and
`PointInTimeRecoverySpecification` of AWS::DynamoDB::Table
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html).
Emulator: created, and these properties silently ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("bucket and table properties in CloudFormation")
_PROVISIONERS = "services.cloudformation.provisioners"

Properties = Mapping[str, Any]


def install() -> None:
    """Apply the properties after the resource is created."""
    _after_create("AWS::S3::Bucket", _lifecycle())
    _after_create("AWS::DynamoDB::Table", _time_to_live())
    _after_create("AWS::DynamoDB::Table", _recovery())


def _after_create(resource_type: str, apply: Callable[[str, Properties], None]) -> None:
    def around(handlers: Any) -> Any:
        def create(logical_id: str, properties: Properties, stack: str) -> Any:
            name, attributes = handlers["create"](logical_id, properties, stack)
            apply(name, properties)
            return name, attributes

        return {**handlers, "create": create}

    _SEAM.wrap_entry(_PROVISIONERS, "_RESOURCE_HANDLERS", resource_type, around)


def _lifecycle() -> Callable[[str, Properties], None]:
    put = _SEAM.take("services.s3", "_put_bucket_lifecycle")

    def apply(bucket: str, properties: Properties) -> None:
        rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
        if rules:
            _raise_unless_ok(put(bucket, _lifecycle_document(rules)))

    return apply


def _lifecycle_document(rules: list[Properties]) -> bytes:
    root = ET.Element("LifecycleConfiguration")
    for rule in rules:
        element = ET.SubElement(root, "Rule")
        ET.SubElement(element, "ID").text = rule["Id"]
        ET.SubElement(element, "Status").text = rule["Status"]
        where = ET.SubElement(element, "Filter")
        ET.SubElement(where, "Prefix").text = rule.get("Prefix", "")
        abort = ET.SubElement(element, "AbortIncompleteMultipartUpload")
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        ET.SubElement(abort, "DaysAfterInitiation").text = str(days)
    return ET.tostring(root)


def _time_to_live() -> Callable[[str, Properties], None]:
    return _table_setting("TimeToLiveSpecification", "_update_ttl")


def _recovery() -> Callable[[str, Properties], None]:
    return _table_setting("PointInTimeRecoverySpecification", "_update_continuous_backups")


def _table_setting(setting: str, function: str) -> Callable[[str, Properties], None]:
    update = _SEAM.take("services.dynamodb", function)

    def apply(table: str, properties: Properties) -> None:
        if setting in properties:
            _raise_unless_ok(update({"TableName": table, setting: properties[setting]}))

    return apply


def _raise_unless_ok(answer: tuple[int, Any, Any]) -> None:
    """A ValueError is how a handler tells CloudFormation that a resource failed."""
    status, _headers, body = answer
    if status >= 400:  # noqa: PLR2004 - the first HTTP status that is an error
        raise ValueError(body)
