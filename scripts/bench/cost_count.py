"""From what went over the wire to what is billed, by who sent it. Pure."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from scripts.bench.cost_naming import Exchange, Unnamed, operation_of
from scripts.bench.cost_units import Sizes, read_units, sqs_units, write_units
from scripts.bench.prices import KINDS, Kind

SOURCE, DESTINATION = "a", "b"
"""Users write at the one; what the worker of the other does is the echo's handling."""

KeyPair = Literal["role", "dedicated user", "S3 itself"]

_ASSUMED_KEY = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One kind of request: for which site's `worker`, to which account, as whom, and what."""

    worker: str
    account: str
    key_pair: KeyPair
    service: str
    operation: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key pair it is: that of a site's worker in the account `account`."""

    worker: str
    account: str
    key_pair: KeyPair


@dataclass(slots=True)
class Counted:
    """How often each kind of request was made, and the billed pieces that these came to.

    `idle` are the long polls that brought nothing, `messages` those that S3 sent to each site's
    queue, `crossed_bytes` the bodies sent to the other account by each site's worker, and
    `item_sizes` the records' sizes in bytes.
    """

    requests: Counter[Entry] = field(default_factory=Counter)
    pieces: dict[Entry, float] = field(default_factory=dict)
    idle: Counter[str] = field(default_factory=Counter)
    crossed_bytes: Counter[str] = field(default_factory=Counter)
    item_sizes: Sizes = field(default_factory=dict)

    def add(self, entry: Entry, pieces: float) -> None:
        """Count one request."""
        self.requests[entry] += 1
        self.pieces[entry] = self.pieces.get(entry, 0) + pieces


@dataclass(frozen=True, slots=True)
class Usage:
    """What `objects` objects of `size_bytes` took: requests, and by site CPU and log."""

    objects: int
    size_bytes: int
    counted: Counted
    cpu_seconds: Mapping[str, float]
    log_bytes: Mapping[str, int]


def role_keys(exchanges: Iterable[Exchange], site_of_user: Mapping[str, str]) -> dict[str, Caller]:
    """Return the temporary keys of the sites' roles, which the sites' users were given by STS."""
    found = {}
    for exchange in exchanges:
        site = site_of_user.get(exchange.access_key_id)
        if exchange.service == "sts" and site and operation_of(exchange) == "AssumeRole":
            for key in _ASSUMED_KEY.findall(exchange.answer):
                found[key.decode()] = Caller(site, site, "role")
    return found


def count(
    exchanges: Iterable[Exchange], callers: Mapping[str, Caller], users: Iterable[str]
) -> Counted:
    """Count what the callers sent; what users sent is not billed to the workers.

    Raises `Unnamed` for a request of anybody else, and for one that has no name or no price.
    """
    counted, ignored, seen = Counted(), frozenset(users), set[str]()
    for exchange in exchanges:
        if exchange.access_key_id in ignored:
            continue
        caller = callers.get(exchange.access_key_id)
        if caller is None:
            who = exchange.access_key_id or "nobody"
            raise Unnamed(f"{who} is no caller: {exchange.service} {exchange.path}")
        _count_one(counted, exchange, caller, seen)
    return counted


def _count_one(counted: Counted, exchange: Exchange, caller: Caller, seen: set[str]) -> None:
    operation = operation_of(exchange)
    if operation == "ReceiveMessage":
        messages = _messages(exchange)
        # A receive that does not wait is asked for more than a full one brought: that is work.
        if not messages and json.loads(exchange.request).get("WaitTimeSeconds"):
            counted.idle[caller.worker] += 1
            return
        _count_events(counted, messages, caller, seen)
    kind = KINDS.get((exchange.service, operation))
    if kind is None:
        raise Unnamed(f"no price is known for {exchange.service} {operation}")
    entry = _entry(caller, exchange.service, operation, kind)
    counted.add(entry, _pieces(exchange, operation, kind, counted.item_sizes))
    if caller.worker != caller.account:
        counted.crossed_bytes[caller.worker] += exchange.sent_bytes


def _count_events(
    counted: Counted, messages: Iterable[Mapping[str, Any]], caller: Caller, seen: set[str]
) -> None:
    """Count what S3 sent to the queue, once for each message however often it was received."""
    for message in messages:
        if message["MessageId"] in seen or '"aws:s3"' not in message["Body"]:
            continue
        seen.add(message["MessageId"])
        sender = Caller(caller.worker, caller.account, "S3 itself")
        counted.add(_entry(sender, "sqs", "SendMessage", "sqs_request"), 1)


def _entry(caller: Caller, service: str, operation: str, kind: Kind) -> Entry:
    return Entry(caller.worker, caller.account, caller.key_pair, service, operation, kind)


def _messages(exchange: Exchange) -> list[Mapping[str, Any]]:
    answer = json.loads(exchange.answer or b"{}")
    return list(answer.get("Messages") or ())


def _pieces(exchange: Exchange, operation: str, kind: Kind, sizes: Sizes) -> float:
    if kind == "dynamodb_write":
        return write_units(operation, exchange, sizes)
    if kind == "dynamodb_read":
        return read_units(operation, exchange)
    return sqs_units(exchange) if kind == "sqs_request" else 1
