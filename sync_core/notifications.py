"""A bucket's notification configuration, in which one entry is this stack's and the rest foreign.

A configuration is the dict of boto3's get_bucket_notification_configuration, which is replaced as a
whole when it is written; it never holds an empty list. Our entry is recognised by its Id.

| the bucket has | wanted | becomes |
|---|---|---|
| nothing | ours | ours |
| foreign ones | ours | the foreign ones, and ours behind them |
| ours | ours | the same |
| ours with another prefix, trigger or queue | ours | ours as wanted, in its place |
| ours among foreign ones | ours | ours as wanted, in its place among them |
| nothing, or foreign ones | none | the same |
| ours | none | nothing, not even an empty list |
| ours among foreign ones | none | the foreign ones |

S3 refuses two entries for one event whose prefixes overlap and whose suffixes overlap, whatever
their destinations are; EventBridge takes no part in that (S3 user guide, Configuring event
notifications using object key name filtering). It hands filter rules back with the names Prefix and
Suffix, and takes their values URL-encoded, with a plus for a space (ibid.).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from sync_core.errors import ConfigError

Configuration = Mapping[str, Any]


class Trigger(StrEnum):
    """Which events reach the queue, as the template's EventTrigger names it."""

    CREATE_AND_DELETE = "CreateAndDelete"
    CREATE = "Create"
    NO = "No"


EVENTS: Mapping[Trigger, tuple[str, ...]] = {
    Trigger.CREATE_AND_DELETE: (
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:LifecycleExpiration:*",
        "s3:ObjectTagging:*",
    ),
    Trigger.CREATE: ("s3:ObjectCreated:*", "s3:ObjectTagging:*"),
    Trigger.NO: (),
}
"""The event types of a trigger; none means that there is no entry."""

RESTORED = "s3:ObjectRestore:Completed"
"""From here on an archived object can be read, and so be copied."""

_QUEUES = "QueueConfigurations"
_KINDS: Mapping[str, tuple[str, str]] = {
    _QUEUES: ("queue", "QueueArn"),
    "TopicConfigurations": ("topic", "TopicArn"),
    "LambdaFunctionConfigurations": ("function", "LambdaFunctionArn"),
}
_PLAIN = "/!-_.*'()"
"""What stays as it is in a filter (S3 user guide, Object key naming guidelines, Safe characters).

The slash is none of them, but the examples of the guide leave it.
"""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One destination of a configuration, in the form in which two of them are compared.

    `kind` is queue, topic or function; `prefix` and `suffix` are parts of keys, not encoded, and
    empty where there is no such filter.
    """

    kind: str
    identity: str
    destination: str
    events: frozenset[str]
    prefix: str = ""
    suffix: str = ""

    def __str__(self) -> str:
        events = ", ".join(sorted(self.events))
        where = f"prefix {self.prefix!r}, suffix {self.suffix!r}"
        return (
            f"{self.kind} configuration {self.identity!r} ({events}; {where}; {self.destination})"
        )

    def overlaps(self, other: "Entry") -> bool:
        """Tell whether one event on one key could be meant for both."""
        return (
            _one_begins_with_the_other(self.prefix, other.prefix)
            and _one_begins_with_the_other(self.suffix[::-1], other.suffix[::-1])
            and any(_share(one, two) for one in self.events for two in other.events)
        )


def identity_of(configuration_id: str) -> str:
    """Return the Id of the entry of the stack that uses this ConfigurationId."""
    return f"dualway-{configuration_id}"


def own_entry(identity: str, queue_arn: str, prefix: str, trigger: Trigger) -> dict[str, Any]:
    """Return our entry as boto3 takes it, for any trigger but NO, which wants none.

    `prefix` is the beginning of the keys, not encoded.
    """
    entry: dict[str, Any] = {
        "Id": identity,
        "QueueArn": queue_arn,
        "Events": list(EVENTS[trigger]),
    }
    if prefix:
        rule = {"Name": "prefix", "Value": quote_plus(prefix, safe=_PLAIN)}
        entry["Filter"] = {"Key": {"FilterRules": [rule]}}
    return entry


def with_restores(
    current: Configuration, own: Mapping[str, Any], *, is_needed: bool
) -> dict[str, Any]:
    """Return our entry with RESTORED, unless a foreign entry has that event already.

    Where it is needed it is there all the same, and `refuse_overlaps` tells what to do. Without it
    an object that somebody restores is copied when its message is sent back from the dead letters.
    """
    only = {**own, "Events": [RESTORED]}
    restores = _entry("queue", "QueueArn", only)
    is_taken = any(entry.overlaps(restores) for entry in entries(without(current, own["Id"])))
    return {**own} if is_taken and not is_needed else {**own, "Events": [*own["Events"], RESTORED]}


def merged(current: Configuration, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with our entry as `own`, once; everything else is untouched."""
    found = list(current.get(_QUEUES, []))
    places = [number for number, entry in enumerate(found) if entry.get("Id") == own["Id"]]
    place = places[0] if places else len(found)
    before, after = found[:place], found[place:]
    kept = [entry for entry in after if entry.get("Id") != own["Id"]]
    return {**current, _QUEUES: [*before, dict(own), *kept]}


def without(current: Configuration, identity: str) -> dict[str, Any]:
    """Return the configuration without our entry; everything else is untouched."""
    kept = [entry for entry in current.get(_QUEUES, []) if entry.get("Id") != identity]
    rest = {name: value for name, value in current.items() if name != _QUEUES or kept}
    return {**rest, _QUEUES: kept} if kept else rest


def refuse_overlaps(current: Configuration, own: Mapping[str, Any]) -> None:
    """Raise ConfigError if S3 would refuse `own` beside what is there.

    It names what overlaps and says what to do.
    """
    ours = _entry("queue", "QueueArn", own)
    found = [entry for entry in entries(without(current, ours.identity)) if entry.overlaps(ours)]
    if found:
        raise ConfigError("merge notification", ours.identity, _advice(ours, found))


def is_same(one: Configuration, other: Configuration) -> bool:
    """Tell whether two configurations mean the same to S3."""
    return not missing(one, other) and not missing(other, one)


def missing(wanted: Configuration, found: Configuration) -> list[str]:
    """Name everything of `wanted` that `found` lacks or has otherwise."""
    there = set(entries(found))
    lacking = [str(entry) for entry in entries(wanted) if entry not in there]
    others = wanted.keys() - _KINDS.keys()
    return lacking + sorted(
        name for name in others if name not in found or found[name] != wanted[name]
    )


def entries(configuration: Configuration) -> Iterator[Entry]:
    """Yield the destinations of a configuration, except EventBridge."""
    for name, (kind, arn) in _KINDS.items():
        yield from (_entry(kind, arn, entry) for entry in configuration.get(name, []))


def _entry(kind: str, arn: str, entry: Mapping[str, Any]) -> Entry:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    filters = {rule["Name"].lower(): unquote_plus(rule.get("Value", "")) for rule in rules}
    return Entry(
        kind=kind,
        identity=entry.get("Id", ""),
        destination=entry[arn],
        events=frozenset(entry["Events"]),
        prefix=filters.get("prefix", ""),
        suffix=filters.get("suffix", ""),
    )


def _one_begins_with_the_other(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _share(one: str, other: str) -> bool:
    """Tell whether two event types, which may end with an asterisk, have an event in common."""
    return any(
        pattern == event or (pattern.endswith("*") and event.startswith(pattern[:-1]))
        for pattern, event in ((one, other), (other, one))
    )


def _advice(ours: Entry, found: Sequence[Entry]) -> str:
    named = "; ".join(str(entry) for entry in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    if all(entry.destination == ours.destination for entry in found):
        todo = "It leads to this stack's own queue already: delete it from the bucket and repeat"
    else:
        todo = (
            "Keep it and let its function forward to the queue (s3_forwarder), or fan out to both"
            " by SNS or EventBridge, or set EventTrigger to No and rely on the finder; or give the"
            " two prefixes that do not overlap"
        )
    return f"S3 allows one destination for an event on a key, and there is {named}{more}. {todo}"
