"""The scaling of an event source is a number, also where a parameter of the stack gives it.

AWS: CloudFormation hands a Number parameter's value, which templates see as text, to a resource as
the type that its property has: `MaximumConcurrency` is an integer
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-eventsourcemapping-scalingconfig.html).
Emulator: keeps the text, on which its poller of queues fails for every function.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("numbers of event sources in CloudFormation")

Properties = Mapping[str, Any]


def install() -> None:
    """Convert the number before the mapping is made or changed."""
    _SEAM.wrap_entry(
        "services.cloudformation.provisioners",
        "_RESOURCE_HANDLERS",
        "AWS::Lambda::EventSourceMapping",
        _with_numbers,
    )


def _with_numbers(handlers: Any) -> Any:
    create: Callable[..., Any] = handlers["create"]
    update: Callable[..., Any] = handlers["update"]

    def created(logical_id: str, properties: Properties, stack: str) -> Any:
        return create(logical_id, _numbered(properties), stack)

    def updated(physical_id: str, old: Properties, new: Properties, stack: str) -> Any:
        return update(physical_id, _numbered(old), _numbered(new), stack)

    return {**handlers, "create": created, "update": updated}


def _numbered(properties: Properties) -> Properties:
    scaling = properties.get("ScalingConfig")
    if not scaling:
        return properties
    numbers = {name: int(value) for name, value in scaling.items()}
    return {**properties, "ScalingConfig": numbers}
