"""CloudFormation creates saved queries of CloudWatch Logs Insights.

AWS: `AWS::Logs::QueryDefinition` takes Name, QueryString and LogGroupNames; `Ref` returns the
query definition's id
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-querydefinition.html).
Emulator: a template with this type is rejected as a whole, and saved queries are not known at all.
Here the resource has an id and is listed with its stack, and nowhere else.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("AWS::Logs::QueryDefinition in CloudFormation")


def install() -> None:
    """Add the resource type."""
    handlers = _SEAM.take("services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
    handlers["AWS::Logs::QueryDefinition"] = {
        "create": _create,
        "update": _update,
        "delete": _delete,
    }


def _create(_logical_id: str, properties: Mapping[str, Any], _stack: str) -> tuple[str, Any]:
    missing = {"Name", "QueryString"} - set(properties)
    if missing:
        raise ValueError(f"Properties validation failed: required key {sorted(missing)} not found")
    query_definition_id = str(uuid.uuid4())
    return query_definition_id, {"QueryDefinitionId": query_definition_id}


def _update(physical_id: str, *_: Any) -> tuple[str, Any]:
    return physical_id, {"QueryDefinitionId": physical_id}


def _delete(_physical_id: str, _properties: Mapping[str, Any]) -> None:
    """Nothing is kept."""
