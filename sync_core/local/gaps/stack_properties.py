"""CloudFormation applies a table's time to live and its backups.

AWS: `TimeToLiveSpecification` and `PointInTimeRecoverySpecification` of AWS::DynamoDB::Table
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html).
Emulator: created, and these properties silently ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("table properties in CloudFormation")
_PROVISIONERS = "services.cloudformation.provisioners"

Properties = Mapping[str, Any]


def install() -> None:
    """Apply the properties after the table is created."""
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
