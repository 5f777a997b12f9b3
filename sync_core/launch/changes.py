"""A change set as a person reads it: what happens to which resource, and what is replaced."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_VERBS = {
    "Add": "add",
    "Modify": "change",
    "Remove": "remove",
    "Import": "import",
    "Dynamic": "maybe change",
}
_REPLACED = {"True": "replaced", "Conditional": "perhaps replaced"}


@dataclass(frozen=True, slots=True)
class Change:
    """One resource of a change set; `replacement` is "" where it keeps its identity."""

    action: str
    logical_id: str
    resource_type: str
    replacement: str = ""


def changes_of(described: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Return the changes that DescribeChangeSet lists, sorted by action and resource."""
    found = [
        Change(
            action=_VERBS.get(change["Action"], change["Action"].lower()),
            logical_id=change["LogicalResourceId"],
            resource_type=change["ResourceType"],
            replacement=_REPLACED.get(change.get("Replacement", ""), ""),
        )
        for change in (each["ResourceChange"] for each in described if "ResourceChange" in each)
    ]
    return sorted(found, key=lambda each: (each.action, each.logical_id))


def change_lines(changes: Sequence[Change]) -> list[str]:
    """Return one line for each change, in columns, and a last one that counts them."""
    if not changes:
        return ["no change"]
    widths = [
        max(len(text) for text in column)
        for column in zip(*((each.action, each.logical_id) for each in changes), strict=True)
    ]
    lines = [
        f"{each.action:<{widths[0]}}  {each.logical_id:<{widths[1]}}  {each.resource_type}"
        + (f"  ({each.replacement})" if each.replacement else "")
        for each in changes
    ]
    return [*lines, _summary(changes)]


def first_failures(stack_events: Iterable[Mapping[str, Any]], at_most: int = 3) -> list[str]:
    """Return the resources that failed first, each with its reason.

    `stack_events` are those of DescribeStackEvents, oldest first. What was only cancelled because
    something else had failed is left out, and so is the stack itself.
    """
    failed = [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {_reason(event)}"
        for event in stack_events
        if event["ResourceStatus"].endswith("_FAILED")
        and event.get("PhysicalResourceId") != event["StackId"]
        and "cancelled" not in _reason(event)
    ]
    return failed[:at_most]


def _reason(event: Mapping[str, Any]) -> str:
    return str(event.get("ResourceStatusReason") or "CloudFormation gives no reason")


def _summary(changes: Sequence[Change]) -> str:
    counted = Counter(each.action for each in changes)
    replaced = sum(1 for each in changes if each.replacement)
    text = ", ".join(f"{number} to {action}" for action, number in counted.items())
    return f"{text}; {replaced} of them replaced or perhaps so" if replaced else text
