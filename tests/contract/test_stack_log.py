"""A site's log in CloudWatch Logs: on moto, on the local cloud, and page by page."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from typer.testing import CliRunner

from sync_core.cli import app
from sync_core.entries import Wanted, interleaved
from sync_core.errors import AccessDenied, ConfigError, Throttled
from sync_core.launch.accounts import Account
from sync_core.launch.logs import GROUP_OUTPUTS, OVERLAP, StackLog, stack_log
from sync_core.launch.settings import SiteSettings
from sync_core.local.cloud import LocalCloud

NOW = datetime.now(UTC).replace(microsecond=0)
SECOND = timedelta(seconds=1)
ALL = Wanted(NOW - timedelta(minutes=30))
REGION = "us-west-2"


def account(new_client: Callable[[str], Any], name: str = "b") -> Account:
    return Account(SiteSettings(name, "bucket"), REGION, "222222222222", "arn", new_client)


def moto_client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


class Groups:
    """Log groups of a site, and what writes to them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.names = [f"/dualway/{uuid.uuid4()}/{name}" for name in ("worker", "finder")]
        for name in self.names:
            client.create_log_group(logGroupName=name)

    def write(self, group: int, stream: str, *lines: tuple[timedelta, str]) -> None:
        name = self.names[group]
        found = self.client.describe_log_streams(logGroupName=name, logStreamNamePrefix=stream)
        if not found["logStreams"]:
            self.client.create_log_stream(logGroupName=name, logStreamName=stream)
        self.client.put_log_events(
            logGroupName=name,
            logStreamName=stream,
            logEvents=[
                {"timestamp": int((NOW + later).timestamp() * 1000), "message": line}
                for later, line in lines
            ],
        )

    def log(self, clock: Callable[[], datetime] = lambda: NOW) -> StackLog:
        return StackLog(account(lambda service: self.client), self.names, clock)


@pytest.fixture
def moto_logs() -> Iterator[Any]:
    with mock_aws():
        yield moto_client("logs")


@pytest.fixture
def cloud_logs(local_cloud: LocalCloud) -> Any:
    return local_cloud.client("logs", "b")


@pytest.fixture(params=["moto", "cloud"])
def groups(request: pytest.FixtureRequest) -> Iterator[Groups]:
    made = Groups(request.getfixturevalue(f"{request.param}_logs"))
    yield made
    for name in made.names:
        made.client.delete_log_group(logGroupName=name)


def line(message: str, **fields: Any) -> str:
    return json.dumps({"message": message, **fields})


def messages(log: StackLog, wanted: Wanted = ALL) -> list[str]:
    return [entry.message for entry in log.new_entries(wanted)]


def test_streams_and_groups_come_in_the_order_of_time(groups: Groups) -> None:
    groups.write(0, "x", (-9 * SECOND, line("1")), (-4 * SECOND, line("5")))
    groups.write(0, "y", (-8 * SECOND, line("2")), (-6 * SECOND, line("4")))
    groups.write(1, "z", (-7 * SECOND, line("3")), (-3 * SECOND, "a line of text\n"))
    found = list(groups.log().new_entries(ALL))
    assert [entry.message for entry in found] == ["1", "2", "3", "4", "5", "a line of text"]
    assert {entry.site for entry in found} == {"b"}
    assert found[0].at == NOW - 9 * SECOND


def test_only_what_is_wanted_is_found(groups: Groups) -> None:
    groups.write(
        0,
        "x",
        (-9 * SECOND, "START RequestId: 1 Version: $LATEST"),
        (-8 * SECOND, line("Repeated transfer job!", key='k "quoted" *')),
        (-7 * SECOND, line("Repeated transfer job!", key="k 2")),
        (-6 * SECOND, line("Copied the object", key='k "quoted" *')),
        (-5 * SECOND, line("", _aws={})),
    )
    repeated = replace(ALL, search="Repeated transfer job!")
    assert messages(groups.log(), repeated) == ["Repeated transfer job!"] * 2
    assert messages(groups.log(), replace(ALL, key='k "quoted" *')) == [
        "Repeated transfer job!",
        "Copied the object",
    ]
    assert len(messages(groups.log(), replace(repeated, key="k 2"))) == 1
    assert len(messages(groups.log())) == 3
    assert len(messages(groups.log(), replace(ALL, with_overhead=True))) == 5


def test_a_span_of_time_is_kept_to(groups: Groups) -> None:
    groups.write(0, "x", *((-second * SECOND, line(str(second))) for second in (9, 8, 7, 6)))
    span = replace(ALL, since=NOW - 8 * SECOND, until=NOW - 7 * SECOND)
    assert messages(groups.log(), span) == ["8", "7"]


def test_a_later_look_gives_what_came_late_and_nothing_twice(groups: Groups) -> None:
    times = iter([NOW, NOW + SECOND, NOW + 2 * SECOND])
    log = groups.log(lambda: next(times))
    groups.write(0, "x", (-300 * SECOND, line("old")), (-2 * SECOND, line("one")))
    assert messages(log) == ["old", "one"]
    # As old as an entry that was seen, and older than that: it has arrived only now.
    groups.write(0, "y", (-60 * SECOND, line("late")), (-2 * SECOND, line("one")))
    groups.write(1, "z", (SECOND, line("two")))
    assert messages(log) == ["late", "one", "two"]
    assert messages(log) == []


def test_a_lost_log_group_is_named(groups: Groups) -> None:
    log = StackLog(account(lambda service: groups.client), ["/gone"])
    with pytest.raises(ConfigError, match="launch the stack again") as refused:
        messages(log)
    assert refused.value.key == "/gone"


def test_both_sites_come_in_the_order_of_time(moto_logs: Any) -> None:
    first, second = Groups(moto_logs), Groups(moto_logs)
    first.write(0, "x", (-9 * SECOND, line("1")), (-7 * SECOND, line("3")))
    second.write(0, "x", (-8 * SECOND, line("2")))
    logs = [
        StackLog(account(lambda service: moto_logs, name), group.names, lambda: NOW)
        for name, group in (("a", first), ("b", second))
    ]
    found = [(entry.site, entry.message) for entry in interleaved(logs, ALL)]
    assert found == [("a", "1"), ("b", "2"), ("a", "3")]


@pytest.fixture
def stubbed() -> Iterator[Stubber]:
    client = boto3.client(
        "logs", region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
    client.close()


def asked(since: datetime = ALL.since) -> dict[str, Any]:
    start = int(since.timestamp() * 1000)
    return {"logGroupName": "g", "interleaved": True, "startTime": start}


def answer(*seconds: int, **more: Any) -> dict[str, Any]:
    """Return a page with an event for each of the seconds (before now)."""
    found = [
        {
            "timestamp": int((NOW - second * SECOND).timestamp() * 1000),
            "message": line("Repeated transfer job!", ago=second),
            "eventId": f"event {second}",
        }
        for second in seconds
    ]
    return {"events": found, **more}


def seconds(log: StackLog, wanted: Wanted) -> list[int]:
    return [entry.fields["ago"] for entry in log.new_entries(wanted)]


def test_every_page_is_read_and_an_empty_one_is_not_the_last(stubbed: Stubber) -> None:
    pattern = {"filterPattern": '"Repeated transfer job!"'}
    for token, page in (
        ({}, answer(9, nextToken="1")),
        ({"nextToken": "1"}, answer(nextToken="2")),
        ({"nextToken": "2"}, answer(8, 7)),
    ):
        stubbed.add_response("filter_log_events", page, asked() | pattern | token)
    log = StackLog(account(lambda service: stubbed.client), ["g"])
    assert seconds(log, replace(ALL, search="Repeated transfer job!")) == [9, 8, 7]


def test_a_later_look_begins_shortly_before_the_one_ahead_of_it(stubbed: Stubber) -> None:
    looks = [NOW, NOW + 60 * SECOND, NOW + 600 * SECOND]
    stubbed.add_response("filter_log_events", answer(900, 9), asked())
    stubbed.add_response("filter_log_events", answer(100, 9), asked(looks[0] - OVERLAP))
    stubbed.add_response("filter_log_events", answer(9, 1), asked(looks[1] - OVERLAP))
    times = iter(looks)
    log = StackLog(account(lambda service: stubbed.client), ["g"], lambda: next(times))
    assert [seconds(log, ALL) for _ in looks] == [[900, 9], [100], [1]]


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDeniedException", 400, AccessDenied),
        ("ThrottlingException", 400, Throttled),
        ("InvalidParameterException", 400, ConfigError),
    ],
)
def test_an_error_of_the_service_is_one_of_ours(
    stubbed: Stubber, code: str, status: int, error: type[Exception]
) -> None:
    stubbed.add_client_error("filter_log_events", code, http_status_code=status)
    with pytest.raises(error, match="FilterLogEvents on site b"):
        messages(StackLog(account(lambda service: stubbed.client), ["g"]))


def template(*outputs: str) -> str:
    queue = {"Queue": {"Type": "AWS::SQS::Queue"}}
    named = {name: {"Value": f"/group/of/{name}"} for name in (*outputs, "Other")}
    return json.dumps({"Resources": queue, "Outputs": named})


@pytest.fixture
def launched(local_cloud: LocalCloud) -> Iterator[Callable[..., StackLog]]:
    """Launches a stack with some outputs and opens its log; None launches nothing."""
    stacks = local_cloud.client("cloudformation", "b")
    name = f"logs-{uuid.uuid4()}"

    def open_log(*outputs: str | None) -> StackLog:
        if None not in outputs:
            stacks.create_stack(StackName=name, TemplateBody=template(*filter(None, outputs)))
            waiter = stacks.get_waiter("stack_create_complete")
            waiter.wait(StackName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
        return stack_log(account(lambda service: local_cloud.client(service, "b")), name)

    yield open_log
    stacks.delete_stack(StackName=name)


def test_a_stack_names_its_log_groups(launched: Callable[..., StackLog], cloud_logs: Any) -> None:
    for name in GROUP_OUTPUTS:
        group = f"/group/of/{name}"
        cloud_logs.create_log_group(logGroupName=group)
        cloud_logs.create_log_stream(logGroupName=group, logStreamName="s")
        events = [{"timestamp": int(NOW.timestamp() * 1000), "message": name}]
        cloud_logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    assert sorted(messages(launched(*GROUP_OUTPUTS))) == sorted(GROUP_OUTPUTS)
    for name in GROUP_OUTPUTS:
        cloud_logs.delete_log_group(logGroupName=f"/group/of/{name}")


@pytest.mark.parametrize(("outputs", "says"), [((None,), "`dualway launch`"), ((), "no log group")])
def test_a_site_without_logs_there_is_told(
    launched: Callable[..., StackLog], outputs: tuple[None, ...], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        launched(*outputs)


@pytest.fixture
def config(
    local_cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The file of a launch whose stacks stand in both accounts, each with a worker's log group."""
    stack, credentials, tables = f"logs-{uuid.uuid4()}", list[str](), list[str]()
    for name, site in local_cloud.sites.items():
        credentials += [
            f"[profile-{name}]",
            f"aws_access_key_id = {site.user.access_key_id}",
            f"aws_secret_access_key = {site.user.secret_access_key}",
        ]
        tables += [
            f"[{name}]",
            f'profile = "profile-{name}"',
            f'region = "{site.region}"',
            f'bucket = "{site.bucket}"',
            f'endpoint_url = "{local_cloud.endpoint_url}"',
        ]
        stacks = local_cloud.client("cloudformation", name)
        stacks.create_stack(StackName=stack, TemplateBody=template(GROUP_OUTPUTS[0]))
        stacks.get_waiter("stack_create_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )
        group = {"logGroupName": f"/group/of/{GROUP_OUTPUTS[0]}"}
        logs = local_cloud.client("logs", name)
        logs.create_log_group(**group)
        logs.create_log_stream(**group, logStreamName="s")
        events = [{"timestamp": int(NOW.timestamp() * 1000), "message": line("hello", of=name)}]
        logs.put_log_events(**group, logStreamName="s", logEvents=events)
    (tmp_path / "credentials").write_text("\n".join(credentials))
    (tmp_path / "dualway.toml").write_text("\n".join([f'stack = "{stack}"', *tables]))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    yield tmp_path / "dualway.toml"
    for name in local_cloud.sites:
        local_cloud.client("cloudformation", name).delete_stack(StackName=stack)
        local_cloud.client("logs", name).delete_log_group(**group)


def test_the_command_searches_both_accounts_of_a_launch(config: Path) -> None:
    searched = CliRunner().invoke(app, ["logs", "--config", str(config), "--json"])
    assert searched.exit_code == 0, searched.stderr
    found = [json.loads(text) for text in searched.stdout.splitlines()]
    assert found == [{"message": "hello", "of": name, "site": name} for name in ("a", "b")]
