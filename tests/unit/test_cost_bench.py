"""What is billed for a request, and what that comes to for a TB."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from scripts.bench.cost_count import Caller, Counted, Entry, Usage, count, role_keys
from scripts.bench.cost_meter import Meter
from scripts.bench.cost_model import bill_of
from scripts.bench.cost_naming import Exchange, Unnamed, operation_of
from scripts.bench.cost_standing import for_each_million, standing
from scripts.bench.cost_table import bill_table, requests_table
from scripts.bench.cost_units import item_bytes, read_units, sqs_units, write_units
from scripts.bench.prices import KINDS, MONTHLY, PRICES, REFERENCES
from sync_core.local.gateway import Receive, Scope, Send

LARGE, SMALL = REFERENCES
ROLE = Caller("a", "a", "role")
CALLERS = {"ROLE-A": ROLE, "USER-OF-B": Caller("a", "b", "dedicated user")}
LONG = "x" * 1000


def s3(method: str, path: str, query: str = "", **headers: str) -> Exchange:
    return Exchange("ROLE-A", "s3", method, path, query, headers)


def call(service: str, operation: str, request: Any, answer: Any = None) -> Exchange:
    return Exchange(
        "ROLE-A",
        service,
        "POST",
        "/",
        headers={"x-amz-target": f"Version.{operation}"},
        request=json.dumps(request).encode(),
        answer=json.dumps(answer or {}).encode(),
    )


def received(*messages: tuple[str, str], wait_seconds: int = 20) -> Exchange:
    answer = {"Messages": [{"MessageId": name, "Body": body} for name, body in messages]}
    request = {"WaitTimeSeconds": wait_seconds}
    return call("sqs", "ReceiveMessage", request, answer if messages else {})


def put(text: str = "", pk: str = "r0") -> dict[str, Any]:
    return {"TableName": "t", "Item": {"pk": {"S": pk}, "sk": {"S": "k"}, "text": {"S": text}}}


def by_operation(counted: Counted) -> Mapping[str, int]:
    return {entry.operation: number for entry, number in counted.requests.items()}


@pytest.mark.parametrize(
    ("exchange", "operation"),
    [
        (s3("GET", "/bucket/a/b", "x-id=GetObject"), "GetObject"),
        (s3("GET", "/bucket/k", "versionId=1"), "GetObject"),
        (s3("GET", "/bucket/k", "tagging"), "GetObjectTagging"),
        (s3("HEAD", "/bucket/k"), "HeadObject"),
        (s3("PUT", "/bucket/k", "x-id=PutObject"), "PutObject"),
        (s3("PUT", "/bucket/k", **{"x-amz-copy-source": "bucket/k"}), "CopyObject"),
        (s3("PUT", "/bucket/k", "tagging="), "PutObjectTagging"),
        (s3("PUT", "/bucket/k", "uploadId=u&partNumber=1"), "UploadPart"),
        (s3("POST", "/bucket/k", "uploads"), "CreateMultipartUpload"),
        (s3("POST", "/bucket/k", "uploadId=u"), "CompleteMultipartUpload"),
        (s3("DELETE", "/bucket/k", "uploadId=u"), "AbortMultipartUpload"),
        (s3("DELETE", "/bucket/k"), "DeleteObject"),
        (s3("GET", "/bucket", "list-type=2&prefix=p&max-keys=1000"), "ListObjectsV2"),
        (s3("GET", "/bucket/", "versions&prefix=p"), "ListObjectVersions"),
        (s3("GET", "/bucket", "versioning"), "GetBucketVersioning"),
        (call("dynamodb", "TransactWriteItems", {}), "TransactWriteItems"),
        (call("sqs", "DeleteMessageBatch", {}), "DeleteMessageBatch"),
        (
            Exchange("ROLE-A", "sts", "POST", "/", request=b"Action=AssumeRole&Version=1"),
            "AssumeRole",
        ),
    ],
)
def test_a_request_has_the_name_that_its_service_gives_it(
    exchange: Exchange, operation: str
) -> None:
    assert operation_of(exchange) == operation


@pytest.mark.parametrize(
    "exchange",
    [
        s3("GET", "/bucket/k", "something-new"),
        s3("PATCH", "/bucket/k"),
        s3("GET", "/bucket"),
        s3("GET", "/"),
        Exchange("ROLE-A", "dynamodb", "POST", "/"),
        Exchange("ROLE-A", "", "GET", "/health"),
    ],
)
def test_a_request_without_a_sure_name_is_refused(exchange: Exchange) -> None:
    with pytest.raises(Unnamed):
        operation_of(exchange)


def test_a_request_of_an_unknown_caller_is_refused() -> None:
    with pytest.raises(Unnamed, match="STRANGER"):
        count([replace(s3("GET", "/b/k"), access_key_id="STRANGER")], CALLERS, ["USER"])


def test_a_request_without_a_price_is_refused() -> None:
    with pytest.raises(Unnamed, match="CreateQueue"):
        count([call("sqs", "CreateQueue", {})], CALLERS, [])


def test_what_users_send_is_not_counted() -> None:
    exchange = replace(call("sqs", "CreateQueue", {}), access_key_id="USER")
    assert count([exchange], CALLERS, ["USER"]).requests == {}


def test_every_operation_is_billed_as_something_that_has_a_price() -> None:
    assert set(KINDS.values()) <= set(PRICES)


def test_the_keys_of_a_role_are_those_that_its_sites_user_was_given() -> None:
    answer = b"<Credentials><AccessKeyId>ASIA1</AccessKeyId></Credentials>"
    given = Exchange("USER", "sts", "POST", "/", request=b"Action=AssumeRole", answer=answer)
    strange = replace(given, access_key_id="OTHER", answer=answer.replace(b"1", b"2"))
    assert role_keys([given, strange], {"USER": "a"}) == {"ASIA1": ROLE}


def test_a_message_of_s3_is_counted_once_however_often_it_is_received() -> None:
    event, hint = '{"Records":[{"eventSource":"aws:s3"}]}', '{"key": "k"}'
    counted = count([received(("1", event), ("2", hint)), received(("1", event))], CALLERS, [])
    assert by_operation(counted) == {"ReceiveMessage": 2, "SendMessage": 1}


def test_only_a_long_poll_that_brings_nothing_is_idle() -> None:
    counted = count([received(), received(wait_seconds=0)], CALLERS, [])
    assert by_operation(counted) == {"ReceiveMessage": 1}
    assert counted.idle == {"a": 1}


def test_bytes_cross_when_they_go_to_the_other_account() -> None:
    there = replace(s3("PUT", "/b/k"), access_key_id="USER-OF-B", sent_bytes=10)
    here = replace(s3("PUT", "/a/k"), sent_bytes=1)
    assert count([there, here], CALLERS, []).crossed_bytes == {"a": 10}


def test_each_64_kb_of_a_payload_are_a_request() -> None:
    assert sqs_units(call("sqs", "SendMessage", {})) == 1
    assert sqs_units(replace(call("sqs", "ReceiveMessage", {}), answer=b"x" * 65_537)) == 2


def test_an_item_is_as_large_as_dynamodb_counts_it() -> None:
    item = {
        "pk": {"S": "é"},
        "n": {"N": "-123.4"},
        "b": {"BOOL": True},
        "m": {"M": {"x": {"S": "12"}}},
        "l": {"L": [{"NULL": True}]},
    }
    assert item_bytes(item) == (2 + 2) + (1 + 3) + (1 + 1) + (1 + 3 + 1 + 3) + (1 + 3 + 2)


def test_an_item_of_a_type_without_a_known_size_is_refused() -> None:
    with pytest.raises(Unnamed):
        item_bytes({"pk": {"B": "AAAA"}})


def test_a_write_is_billed_by_the_larger_of_both_items_and_twice_in_a_transaction() -> None:
    sizes: dict[tuple[str, str], int] = {}
    large = call("dynamodb", "PutItem", put(LONG + LONG))
    small = call("dynamodb", "PutItem", put())
    assert write_units("PutItem", replace(large, status=400), sizes) == 2
    assert write_units("PutItem", small, sizes) == 1
    assert write_units("PutItem", large, sizes) == 2
    assert write_units("PutItem", small, sizes) == 2
    both = {"TransactItems": [{"Put": put()}, {"Put": put(LONG + LONG, pk="r1")}]}
    exchange = call("dynamodb", "TransactWriteItems", both)
    assert write_units("TransactWriteItems", exchange, {}) == 2 * (1 + 2)


def test_a_transaction_of_anything_but_puts_is_refused() -> None:
    exchange = call("dynamodb", "TransactWriteItems", {"TransactItems": [{"Update": {}}]})
    with pytest.raises(Unnamed, match="Update"):
        write_units("TransactWriteItems", exchange, {})


def test_a_read_is_billed_for_each_item_also_for_those_that_are_not_there() -> None:
    asked = {"RequestItems": {"t": {"Keys": [{}, {}, {}], "ConsistentRead": True}}}
    answer = {"Responses": {"t": [put(LONG * 5)["Item"]]}}
    assert read_units("BatchGetItem", call("dynamodb", "BatchGetItem", asked, answer)) == 2 + 2
    asked["RequestItems"]["t"]["ConsistentRead"] = False
    assert read_units("BatchGetItem", call("dynamodb", "BatchGetItem", asked, answer)) == 2
    missing = call("dynamodb", "GetItem", {"ConsistentRead": True})
    assert read_units("GetItem", missing) == 1
    listed = call("dynamodb", "Query", {}, {"Items": [put(LONG)["Item"]] * 5})
    assert read_units("Query", listed) == 1


def usage(objects: int = 2) -> Usage:
    """One GET and one PUT for each object there, one HEAD for its echo; one receive for all."""
    counted = Counted()
    for _ in range(objects):
        counted.add(Entry("a", "a", "role", "s3", "GetObject", "s3_get"), 1)
        counted.add(Entry("a", "b", "dedicated user", "s3", "PutObject", "s3_put"), 1)
        counted.add(Entry("b", "b", "role", "s3", "HeadObject", "s3_get"), 1)
    counted.add(Entry("a", "a", "role", "sqs", "ReceiveMessage", "sqs_request"), 1)
    return Usage(objects, SMALL.size_bytes, counted, {"a": 0.5, "b": 0.25}, {"a": 1024**3, "b": 0})


def test_the_bill_is_split_into_the_way_there_and_the_echo() -> None:
    bill = bill_of(usage(), SMALL)
    lines = {line.name: line.dollars for line in bill.lines}
    assert lines["s3"].one_way == pytest.approx(0.0004 / 1000 + 0.005 / 1000)
    assert lines["s3"].echo == pytest.approx(0.0004 / 1000)
    assert lines["sqs"].both == pytest.approx(0.40 / 1e6 / 2)
    assert lines["other"].both == pytest.approx(0.50 / 2)
    assert lines["dynamodb"].both == 0


def test_computing_is_billed_by_the_references_pace_and_by_cpu_alone() -> None:
    computing = {line.name: line.dollars for line in bill_of(usage(), SMALL).computing}
    pace_seconds = 3000 * 3600 / 107_400_000
    assert computing["EC2 t4g.micro"].one_way == pytest.approx(0.0084 / 3600 * pace_seconds)
    assert computing["EC2 t4g.small"].echo == pytest.approx(0.0168 / 3600 * 0.125)
    cpu = computing["Lambda, CPU only"]
    invocation = 0.20 / 1e6 + 300 * 0.50 / 1024**3
    assert cpu.one_way == pytest.approx(0.25 * 0.0000133334 + invocation / 2)
    assert cpu.echo == pytest.approx(0.125 * 0.0000133334)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.name)
def test_the_references_lines_add_up_to_its_total_and_follow_from_its_counts(
    reference: Any,
) -> None:
    assert sum(reference.published.values()) == pytest.approx(reference.total, abs=0.005)
    bill = bill_of(replace(usage(), size_bytes=reference.size_bytes), reference)
    total = bill.total(bill.computing[0], with_data_out=True)
    assert total.published == pytest.approx(reference.total, abs=0.005)
    # DynamoDB has become half as dear since; the other lines follow from the counts.
    writes = reference.published["dynamodb"] / 2
    assert total.today == pytest.approx(reference.total - writes, rel=0.002)


def test_data_transfer_is_that_of_the_reference_and_left_out_of_one_sum() -> None:
    bill = bill_of(usage(), SMALL)
    sums = [bill.total(bill.computing[0], with_data_out=each) for each in (True, False)]
    dollars = [total.dollars.both * bill.files for total in sums]
    assert dollars[0] - dollars[1] == pytest.approx(92.16)


def test_objects_are_compared_with_those_of_their_size_only() -> None:
    with pytest.raises(ValueError, match="no example"):
        bill_of(usage(), LARGE)


def test_the_tables_tell_who_sent_what_and_both_totals() -> None:
    requests = requests_table(usage())
    assert "a       b        dedicated user  s3 PutObject" in requests
    table = bill_table(bill_of(usage(), SMALL))
    assert "1,113.87" in table
    assert "1,021.71" in table


def test_what_stands_is_counted_in_the_template() -> None:
    template = "  A:\n    Type: AWS::CloudWatch::Alarm\n  B:\n    Type: AWS::CloudWatch::Alarm\n"
    dollars = standing(template)
    assert dollars["2 alarms at each site"] == pytest.approx(4 * MONTHLY["alarm"].dollars)
    assert dollars["0 secrets at each site"] == 0
    polls = next(amount for what, amount in dollars.items() if "Lambda" in what)
    assert polls == pytest.approx(2 * 5 * 730 * 3600 / 20 * 0.40 / 1e6)


def test_a_finder_round_lists_both_sides_and_reads_the_records() -> None:
    (_, one_round) = for_each_million(4096).values()
    assert one_round == pytest.approx(2000 * 0.005 / 1000 + 0.125)


def test_the_meter_keeps_the_bodies_of_all_services_but_s3() -> None:
    meter = Meter()
    for service in ("sqs", "s3"):
        asyncio.run(_send(meter, service, b"request"))
    sqs_exchange, s3_exchange = meter.take()
    assert (sqs_exchange.access_key_id, sqs_exchange.service) == ("AKIA1", "sqs")
    assert (sqs_exchange.request, sqs_exchange.answer) == (b"request", b"answer")
    assert (s3_exchange.request, s3_exchange.answer) == (b"", b"")
    assert (s3_exchange.sent_bytes, s3_exchange.status, s3_exchange.query) == (7, 201, "x=1")
    assert meter.take() == []


async def _send(meter: Meter, service: str, body: bytes) -> None:
    async def application(_scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == body
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"answer"})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(_message: Any) -> None:
        return

    signed = f"AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-west-2/{service}/aws4_request, ..."
    headers = [(b"Authorization", signed.encode()), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "method": "PUT", "path": "/b/k", "query_string": b"x=1"}
    await meter.around(application)({**scope, "headers": headers}, receive, send)
