"""DynamoDB's answers to reads are handed through as JSON; errors are left to botocore."""

from typing import Any

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError

from sync_core.records.dynamodb_answers import keep_json
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
