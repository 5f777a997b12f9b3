"""DynamoDB's answers to reads, without botocore's parser, which costs 15 us of CPU for each item.

DynamoDB writes an item in JSON just as botocore shows it, all but binary values (API reference,
AttributeValue), and records hold none. So a hook hands the JSON through, and leaves to botocore
what is an error or no JSON.
"""

import json
from typing import Any

_BEFORE_PARSE = "before-parse.dynamodb"
_READS = ("BatchGetItem", "GetItem", "Query")


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
        answer = json.loads(response_dict["body"])
    except ValueError:
        return
    if isinstance(answer, dict):
        customized_response_dict.update(answer)
        response_dict["body"] = b"{}"
