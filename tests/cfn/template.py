"""cfn/site.yaml as text, as data, and as CloudFormation resolves it for given parameters."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).resolve().parents[2] / "cfn" / "site.yaml"
TEXT = PATH.read_text(encoding="utf-8")


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as mappings: !Ref X is {"Ref": "X"}, !Sub {"Sub": ...}."""


def construct_short_form(loader: Loader, name: str, node: yaml.Node) -> Mapping[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    return {name: loader.construct_scalar(node)}


Loader.add_multi_constructor("!", construct_short_form)

TEMPLATE: dict[str, Any] = yaml.load(TEXT, Loader)
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
OUTPUTS: dict[str, Any] = TEMPLATE["Outputs"]

NO_VALUE = object()

SITE = {
    "AWS::Partition": "aws-cn",
    "AWS::Region": "cn-north-1",
    "AWS::AccountId": "111111111111",
    "AWS::URLSuffix": "amazonaws.com.cn",
    "AWS::StackName": "dualway",
    "AWS::StackId": "arn:aws-cn:cloudformation:cn-north-1:111111111111:stack/dualway/1-2-3-4-own5",
    "SiteName": "alpha",
    "PeerSiteName": "bravo",
    "BucketName": "data-alpha",
    "PeerBucketName": "data-bravo",
    "PeerRegion": "us-west-2",
    "ArtifactBucket": "packages-alpha",
    "LambdaPackage": "functions.zip",
}
FLEET = {
    "WorkerRuntime": "EC2",
    "VpcId": "vpc-12345678",
    "SubnetIds": "subnet-12345678,subnet-9abcdef0",
    "FleetPackage": "fleet.zip",
}
RUNTIMES: dict[str, dict[str, str]] = {
    "Lambda": {},
    "EC2": FLEET,
    "Elsewhere": {"WorkerRuntime": "Elsewhere"},
}
FORWARDING = {"Forwarder": "Yes", "EventTrigger": "No"}
IN_OSS = {
    "StoreType": "oss",
    "StoreRegion": "cn-hangzhou",
    "StoreCredentialsSecret": "oss-keys",
    "StoreUserIds": "262561392693583141",
}
"""The own bucket is in OSS, and the peer's in S3."""

PEER_IN_OSS = {
    "PeerStoreType": "oss",
    "PeerRegion": "cn-hangzhou",
    "PeerCredentialsSecret": "oss-keys",
}
"""The other stack of that pair, in the same account."""


def walk(value: Any) -> Iterator[Any]:
    """Yield a value and everything in it."""
    yield value
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


@dataclass
class Stack:
    """The template with parameters: what is in it, with every function resolved.

    A reference to a resource is `<LogicalId>`, an attribute `<LogicalId.Attribute>`.
    """

    given: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        defaults = {
            name: str(entry["Default"]) for name, entry in PARAMETERS.items() if "Default" in entry
        }
        self.values = {**defaults, **SITE, **self.given}
        self.resources: dict[str, Any] = self._present(RESOURCES)
        self.outputs: dict[str, Any] = self._present(OUTPUTS)

    def properties(self, logical_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.resources[logical_id]["Properties"]
        return found

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of each resource of a type."""
        return {
            name: resource["Properties"]
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def is_true(self, condition: str) -> bool:
        return bool(self.resolved(TEMPLATE["Conditions"][condition]))

    def resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            items = (self.resolved(item) for item in value)
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        (name, argument), *more = value.items() or [("", None)]
        function = FUNCTIONS.get(name.removeprefix("Fn::")) if not more else None
        if function is not None:
            return function(self, argument)
        entries = {key: self.resolved(entry) for key, entry in value.items()}
        return {key: entry for key, entry in entries.items() if entry is not NO_VALUE}

    def _present(self, entries: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self.resolved({key: part for key, part in entry.items() if key != "Condition"})
            for name, entry in entries.items()
            if "Condition" not in entry or self.is_true(entry["Condition"])
        }

    def reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self.values.get(name, f"<{name}>")

    def attribute(self, name: str) -> str:
        return f"<{name}>"

    def substituted(self, argument: Any) -> str:
        text, named = (argument, {}) if isinstance(argument, str) else argument
        local = {name: self.resolved(value) for name, value in named.items()}

        def value_of(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            return str(local[name] if name in local else self.reference(name))

        return re.sub(r"\$\{([^}]+)\}", value_of, text)

    def chosen(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self.resolved(yes if self.is_true(condition) else no)

    def looked_up(self, argument: list[Any]) -> Any:
        name, first, second = self.resolved(argument)
        return TEMPLATE["Mappings"][name][first][second]

    def selected(self, argument: list[Any]) -> Any:
        index, items = argument
        return self.resolved(items)[int(index)]

    def split(self, argument: list[Any]) -> list[str]:
        separator, text = argument
        parts: list[str] = self.resolved(text).split(separator)
        return parts

    def equal(self, argument: list[Any]) -> bool:
        first, second = self.resolved(argument)
        return str(first) == str(second)


FUNCTIONS: dict[str, Callable[[Stack, Any], Any]] = {
    "Ref": Stack.reference,
    "GetAtt": Stack.attribute,
    "Sub": Stack.substituted,
    "If": Stack.chosen,
    "FindInMap": Stack.looked_up,
    "Select": Stack.selected,
    "Split": Stack.split,
    "Base64": Stack.resolved,
    "Equals": Stack.equal,
    "Contains": lambda stack, argument: stack.resolved(argument[1]) in argument[0],
    "Not": lambda stack, argument: not stack.resolved(argument[0]),
    "And": lambda stack, argument: all(stack.resolved(part) for part in argument),
    "Or": lambda stack, argument: any(stack.resolved(part) for part in argument),
    "Condition": Stack.is_true,
}
