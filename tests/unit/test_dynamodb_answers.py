"""DynamoDB's answers to reads are handed through as JSON; errors are left to botocore."""

import json
from typing import Any

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError

from sync_core.records.dynamodb_answers import Columns, keep_json
from tests.scripted_server import Answer, ScriptedServer

KEY = {"pk": {"S": "p"}, "sk": {"S": '日本 \U0001f600 \\ "'}}


def read(server: ScriptedServer, times: int = 1) -> Any:
    session = Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")
    client = session.client("dynamodb", endpoint_url=server.url)
    try:
        for _ in range(times):
            keep_json(client)
            answer = client.get_item(TableName="t", Key=KEY)
    finally:
        client.close()
    return answer


def test_an_answer_is_what_dynamodb_wrote() -> None:
    body = '{"Item": {"sk": {"S": "日本 \\ud83d\\ude00 \\\\ \\""}, "gen": {"N": "7"}}}'.encode()
    with ScriptedServer(Answer(200, body)) as server:
        answer = read(server, times=2)
    assert answer["Item"] == {"sk": KEY["sk"], "gen": {"N": "7"}}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_error_is_botocores() -> None:
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}'
    with ScriptedServer(Answer(400, body)) as server, pytest.raises(ClientError) as raised:
        read(server)
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


def queried(body: str) -> Any:
    session = Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="us-east-1")
    with ScriptedServer(Answer(200, body.encode())) as server:
        client = session.client("dynamodb", endpoint_url=server.url)
        keep_json(client)
        try:
            return client.query(TableName="t", KeyConditionExpression="pk = r1")
        finally:
            client.close()


def page(items: list[Any], **dumping: Any) -> str:
    last = {"pk": {"S": "r1"}, "sk": {"S": '[{"}}]'}}
    answer = {"Count": 2, "Items": items, "LastEvaluatedKey": last, "ScannedCount": 2}
    return json.dumps(answer, ensure_ascii=False, **dumping)


def item(key: str, shown: str) -> dict[str, dict[str, str]]:
    return {"sk": {"S": key}, "shown": {"S": shown}}


TWO = [item("日本 \U0001f600 {}[],:%", "=e|1|m = - -"), item("b", "")]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_a_page_of_what_is_shown_is_read_as_columns(separators: tuple[str, str]) -> None:
    plain = {"LastEvaluatedKey": {"pk": {"S": "r1"}, "sk": {"S": "b"}}, "Count": 2}
    for items in (TWO, [dict(reversed(one.items())) for one in TWO]):
        body = {"Items": items, **plain}
        answer = queried(json.dumps(body, ensure_ascii=False, separators=separators))
        assert answer["Items"] == Columns([TWO[0]["sk"]["S"], "b"], ["=e|1|m = - -", ""])
        assert answer["LastEvaluatedKey"] == plain["LastEvaluatedKey"]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([], id="none"),
        pytest.param([*TWO, item('a "quoted" \\ key', "x")], id="escapes"),
        pytest.param([*TWO, {"sk": {"S": "c"}}], id="something missing"),
        pytest.param([{"sk": {"S": "c"}}, *TWO], id="something missing at first"),
        pytest.param([*TWO, {**item("c", "x"), "pk": {"S": "p"}}], id="something more"),
        pytest.param([*TWO, dict(reversed(TWO[0].items()))], id="another order"),
        pytest.param([*TWO, {"sk": {"S": "c"}, "shown": {"N": "1"}}], id="another type"),
        pytest.param([{"text": {"S": "x"}}], id="others"),
        pytest.param([{"text": {"L": TWO}}], id="in another place"),
    ],
)
def test_any_other_page_is_what_dynamodb_wrote(items: list[Any]) -> None:
    assert queried(page(items))["Items"] == items


def test_a_page_that_ends_in_odd_keys_is_read_all_the_same() -> None:
    answer = queried(page(TWO))
    assert answer["Items"] in (TWO, Columns([TWO[0]["sk"]["S"], "b"], ["=e|1|m = - -", ""]))
    assert answer["LastEvaluatedKey"]["sk"] == {"S": '[{"}}]'}
