"""DynamoDB's answers to reads, without botocore's parser, which costs 15 us of CPU for each item.

DynamoDB writes an item in JSON just as botocore shows it, all but binary values (API reference,
AttributeValue), and records hold none. So a hook hands the JSON through, and leaves to botocore
what is an error or no JSON.

Of a listing's pages, all of whose items are `{"sk": {"S": key}, "shown": {"S": text}}`, only the
frame is read as JSON, and the items by a pattern, for a third of the time and with nothing made
that the garbage collector has to visit. Texts with escapes in them are left to JSON.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_BEFORE_PARSE = "before-parse.dynamodb"
_READS = ("BatchGetItem", "GetItem", "Query")

_TEXT = '{ ?"S": ?"([^"]*)" ?}'


def _pattern(first: str, second: str) -> re.Pattern[str]:
    return re.compile(f'{{ ?"{first}": ?{_TEXT}, ?"{second}": ?{_TEXT} ?}}(?:, ?|\\Z)')


# DynamoDB keeps no order among the attributes of an item.
_KEY_FIRST, _SHOWN_FIRST = _pattern("sk", "shown"), _pattern("shown", "sk")


class Columns(NamedTuple):
    """The items of a listing's page: their keys, and what is shown of each record."""

    keys: Sequence[str]
    shown: Sequence[str]


def keep_json(client: Any) -> None:
    """Let a botocore client of DynamoDB answer reads with their JSON; once more does no harm."""
    for operation in _READS:
        event = f"{_BEFORE_PARSE}.{operation}"
        client.meta.events.register(event, _take_answer, unique_id=f"dualway-{operation}")


def _take_answer(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    if response_dict["status_code"] != 200:  # noqa: PLR2004 - HTTP's OK
        return
    try:
        text = response_dict["body"].decode()
        answer = _with_columns(text) or json.loads(text)
    except ValueError:
        return
    if isinstance(answer, dict):
        customized_response_dict.update(answer)
        response_dict["body"] = b"{}"


def _with_columns(text: str) -> dict[str, Any] | None:
    """Return the answer with `Columns` for its items, or None: it is to be read as JSON."""
    start, end = text.find("[{") + 1, text.rfind('"}}]') + 3
    run = text[start:end]
    is_key_first = _KEY_FIRST.match(run) is not None
    if start == 0 or "\\" in run or not (is_key_first or _SHOWN_FIRST.match(run)):
        return None
    # What is not of an item comes out between the items: there has to be nothing.
    parts = (_KEY_FIRST if is_key_first else _SHOWN_FIRST).split(run)
    if any(parts[::3]):
        return None
    answer: dict[str, Any] = json.loads(text[:start] + text[end:])
    if answer.get("Items") != []:
        return None
    firsts, seconds = parts[1::3], parts[2::3]
    answer["Items"] = Columns(firsts, seconds) if is_key_first else Columns(seconds, firsts)
    return answer
