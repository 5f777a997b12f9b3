"""One account's stack: made, changed and deleted by CloudFormation, and followed while that lasts.

Every change goes by a change set, so that it can be shown first. A creation that fails is rolled
back by CloudFormation; `execute` then says which resources failed first.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, code_of
from sync_core.launch.changes import Change, changes_of, first_failures
from sync_core.launch.waiting import Tell, wait_for

STACK_SECONDS = 3600.0
CHANGE_SET_SECONDS = 600.0
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_REVIEW = "REVIEW_IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class LaunchedSite:
    """A site whose stack stands: its account and the stack's outputs by name."""

    account: Account
    outputs: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """The site's name."""
        return self.account.name


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that is ready to be made; `change_set` None where nothing would change."""

    account: Account
    stack: str
    stack_id: str
    change_set: str | None
    changes: tuple[Change, ...]
    is_new: bool


def find_stack(account: Account, stack: str) -> Mapping[str, Any] | None:
    """Return what DescribeStacks says of a stack, by name or id; None where there is none."""
    try:
        (found,) = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if code_of(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def launched(account: Account, stack: str) -> LaunchedSite | None:
    """Return the site as its stack stands now; None where there is none."""
    found = find_stack(account, stack)
    return None if found is None else LaunchedSite(account, outputs_of(found))


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of a described stack by name."""
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def prepare(
    account: Account, stack: str, template: Mapping[str, str], parameters: Mapping[str, str]
) -> Prepared:
    """Have CloudFormation work out what would change; `template` is its body or its URL.

    Raises ConfigError with CloudFormation's reason where it refuses, `Overdue`, or ClientError.
    """
    found = find_stack(account, stack)
    is_new = found is None or found["StackStatus"] == _REVIEW
    client = account.client("cloudformation")
    created = client.create_change_set(
        StackName=stack,
        ChangeSetName=f"launch-{secrets.token_hex(8)}",
        ChangeSetType="CREATE" if is_new else "UPDATE",
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
        **template,
    )
    prepared = Prepared(account, stack, created["StackId"], created["Id"], (), is_new)
    try:
        status, reason, changes = _worked_out(client, created["Id"], account.name)
    except BaseException:
        discard(prepared)
        raise
    if status == "CREATE_COMPLETE":
        return Prepared(account, stack, created["StackId"], created["Id"], changes, is_new)
    discard(prepared)
    if not is_new and any(text in reason for text in _NO_CHANGES):
        return Prepared(account, stack, created["StackId"], None, (), is_new=False)
    raise ConfigError("prepare the stack", f"site {account.name}", reason)


def discard(prepared: Prepared) -> None:
    """Take a change set away that is not to be executed, and the empty stack made for it."""
    client = prepared.account.client("cloudformation")
    if prepared.change_set is not None:
        client.delete_change_set(ChangeSetName=prepared.change_set)
    if prepared.is_new:
        client.delete_stack(StackName=prepared.stack_id)
        _wait_until_deleted(prepared.account, prepared.stack_id)


def execute(prepared: Prepared, tell: Tell) -> LaunchedSite:
    """Make the change, telling each resource that is done, and return the site as it is then.

    Raises ConfigError with the resources that failed first, `Overdue`, or ClientError.
    """
    account = prepared.account
    if prepared.change_set is not None:
        story = _Story(account, prepared.stack_id)
        client = account.client("cloudformation")
        # A creation that fails takes the records table back too, whatever its deletion policy.
        extra = {"RetainExceptOnCreate": True} if prepared.is_new else {}
        client.execute_change_set(ChangeSetName=prepared.change_set, **extra)
        status = _follow(story, tell, lambda found: not found.endswith("IN_PROGRESS"))
        if "ROLLBACK" in status or status.endswith("FAILED"):
            raise ConfigError("launch", f"site {account.name}", _explained(status, story))
    stack = find_stack(account, prepared.stack_id)
    return LaunchedSite(account, outputs_of(stack or {}))


def delete_stack(account: Account, stack_id: str, tell: Tell) -> None:
    """Delete a stack and wait until it is gone.

    Raises ConfigError with the resources that would not go, `Overdue`, or ClientError.
    """
    story = _Story(account, stack_id)
    account.client("cloudformation").delete_stack(StackName=stack_id)
    status = _follow(story, tell, {"DELETE_COMPLETE", "DELETE_FAILED"}.__contains__)
    if status != "DELETE_COMPLETE":
        raise ConfigError("delete the stack", f"site {account.name}", _explained(status, story))


def resources_of(account: Account, stack_id: str) -> list[tuple[str, str]]:
    """Return type and physical id of each resource of a stack; of a deleted one by its id."""
    pages = account.client("cloudformation").get_paginator("list_stack_resources")
    return [
        (each["ResourceType"], each["PhysicalResourceId"])
        for page in pages.paginate(StackName=stack_id)
        for each in page["StackResourceSummaries"]
        if each.get("PhysicalResourceId")
    ]


def retained_resources(account: Account, stack: str) -> list[tuple[str, str]]:
    """Return type and physical id of what the last deletion of a stack of this name has left."""
    client = account.client("cloudformation")
    pages = client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    deleted = [
        each for page in pages for each in page["StackSummaries"] if each["StackName"] == stack
    ]
    if not deleted:
        return []
    # At any time there is one stack of a name, so the last one made is the last one deleted.
    last = max(deleted, key=lambda each: each["CreationTime"])
    return [
        (event["ResourceType"], event["PhysicalResourceId"])
        for event in _Story(account, last["StackId"], from_the_beginning=True).events
        if event["ResourceStatus"] == "DELETE_SKIPPED"
    ]


class _Story:
    """The events of a stack, from now on or from the beginning, each read once."""

    def __init__(
        self, account: Account, stack_id: str, *, from_the_beginning: bool = False
    ) -> None:
        self.account = account
        self.stack_id = stack_id
        self.events: list[Mapping[str, Any]] = []
        self._seen: set[str] = set()
        self.news()
        if not from_the_beginning:
            self.events.clear()

    def news(self) -> list[Mapping[str, Any]]:
        """Return the events that have come since the last call, oldest first."""
        found: list[Mapping[str, Any]] = []
        pages = self.account.client("cloudformation").get_paginator("describe_stack_events")
        for page in pages.paginate(StackName=self.stack_id):
            fresh = [each for each in page["StackEvents"] if each["EventId"] not in self._seen]
            found += fresh
            if len(fresh) < len(page["StackEvents"]):
                break
        found.reverse()
        self._seen |= {event["EventId"] for event in found}
        self.events += found
        return found


def _follow(story: _Story, tell: Tell, is_end: Callable[[str], bool]) -> str:
    """Tell the events until the stack is in a state that is an end, and return that."""

    def look() -> str | None:
        stacks = story.account.client("cloudformation")
        (stack,) = stacks.describe_stacks(StackName=story.stack_id)["Stacks"]
        for event in story.news():
            _tell_event(event, story, tell)
        status = str(stack["StackStatus"])
        return status if is_end(status) else None

    what = f"the stack of site {story.account.name}"
    return wait_for(look, STACK_SECONDS, what)


def _tell_event(event: Mapping[str, Any], story: _Story, tell: Tell) -> None:
    status = event["ResourceStatus"]
    if status.endswith("IN_PROGRESS") or event.get("PhysicalResourceId") == story.stack_id:
        return
    reason = event.get("ResourceStatusReason") if status.endswith("FAILED") else None
    line = f"{story.account.name}: {status:<16} {event['LogicalResourceId']}"
    tell(f"{line}: {reason}" if reason else line)


def _explained(status: str, story: _Story) -> str:
    reasons = first_failures(story.events) or ["CloudFormation names no resource that failed"]
    return f"the stack is in {status}; " + "; ".join(reasons)


def _worked_out(client: Any, change_set: str, site: str) -> tuple[str, str, tuple[Change, ...]]:
    """Return the state of a change set that is worked out, its reason, and the changes in it."""

    def look() -> Mapping[str, Any] | None:
        described: Mapping[str, Any] = client.describe_change_set(ChangeSetName=change_set)
        done = described["Status"] in {"CREATE_COMPLETE", "FAILED"}
        return described if done else None

    first = wait_for(look, CHANGE_SET_SECONDS, f"the change set of site {site}")
    described, token = list(first.get("Changes", [])), first.get("NextToken")
    while token:
        page = client.describe_change_set(ChangeSetName=change_set, NextToken=token)
        described, token = described + page.get("Changes", []), page.get("NextToken")
    return first["Status"], first.get("StatusReason") or "", tuple(changes_of(described))


def _wait_until_deleted(account: Account, stack_id: str) -> None:
    wait_for(
        lambda: True if find_stack(account, stack_id) is None else None,
        CHANGE_SET_SECONDS,
        f"the end of the empty stack of site {account.name}",
    )
