"""Change sets and failures as a person reads them."""

from typing import Any

from sync_core.launch.changes import Change, change_lines, changes_of, first_failures


def described(action: str, name: str, **more: str) -> dict[str, Any]:
    change = {"Action": action, "LogicalResourceId": name, "ResourceType": "AWS::X::Y", **more}
    return {"Type": "Resource", "ResourceChange": change}


def test_each_change_is_a_line_with_what_becomes_of_the_resource() -> None:
    changes = changes_of(
        [
            described("Modify", "Queue", Replacement="True"),
            described("Modify", "Worker", Replacement="False"),
            described("Add", "LongerName"),
            described("Modify", "Table", Replacement="Conditional"),
            described("Remove", "Old"),
            {"Type": "Hook"},
        ]
    )
    assert change_lines(changes) == [
        "add     LongerName  AWS::X::Y",
        "change  Queue       AWS::X::Y  (replaced)",
        "change  Table       AWS::X::Y  (perhaps replaced)",
        "change  Worker      AWS::X::Y",
        "remove  Old         AWS::X::Y",
        "1 to add, 3 to change, 1 to remove; 2 of them replaced or perhaps so",
    ]


def test_nothing_to_change_is_said() -> None:
    assert change_lines([]) == ["no change"]
    assert change_lines([Change("add", "A", "B")])[-1] == "1 to add"


def event(name: str, status: str, reason: str | None = None, physical: str = "x") -> dict[str, Any]:
    return {
        "LogicalResourceId": name,
        "ResourceType": "AWS::X::Y",
        "ResourceStatus": status,
        "StackId": "stack-id",
        "PhysicalResourceId": physical,
        **({"ResourceStatusReason": reason} if reason else {}),
    }


def test_the_first_failures_are_told_and_not_what_they_took_with_them() -> None:
    events = [
        event("Queue", "CREATE_COMPLETE"),
        event("Table", "CREATE_FAILED", "no right to make it"),
        event("Role", "CREATE_FAILED", "Resource creation cancelled"),
        event("User", "CREATE_FAILED"),
        event("dualway", "ROLLBACK_FAILED", "the stack itself", "stack-id"),
        event("Topic", "DELETE_FAILED", "later"),
    ]
    assert first_failures(events, at_most=2) == [
        "Table (AWS::X::Y): no right to make it",
        "User (AWS::X::Y): CloudFormation gives no reason",
    ]
