"""The ready file: whole or not there, for its owner alone, gone at the end."""

import json
from pathlib import Path

import pytest

from sync_core.errors import ConfigError
from sync_core.local.ready_file import announced, parse, read_ready_file

SITE = {
    "account_id": "111111111111",
    "region": "cn-north-1",
    "bucket": "dualway-a",
    "user_access_key_id": "AKIA1",
    "user_secret_access_key": "very secret",
    "dedicated_user_id": "AIDA1",
    "queue_url": "http://127.0.0.1/1/q",
    "dead_letter_queue_url": "http://127.0.0.1/1/d",
    "records_table": "t",
    "parts_table": "p",
    "log_file": "/tmp/a.log",
}
TEXT = json.dumps({"endpoint_url": "http://127.0.0.1:1", "sites": {"a": SITE, "b": SITE}})


def test_it_is_there_while_the_cloud_is_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    with announced(path, TEXT):
        cloud = read_ready_file(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert [file.name for file in tmp_path.iterdir()] == ["ready.json"]
    assert list(cloud.sites) == ["a", "b"]
    assert cloud.sites["a"].bucket == "dualway-a"
    assert not path.exists()


def test_without_a_name_nothing_is_written(tmp_path: Path) -> None:
    with announced(None, TEXT):
        assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="name a file in a folder of yours"),
        announced(tmp_path / "nowhere" / "ready.json", TEXT),
    ):
        pass


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="start `dualway local --ready-file"):
        read_ready_file(tmp_path / "ready.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"endpoint_url": "x", "sites": []}',
        TEXT.replace('"region"', '"continent"'),
        TEXT[:-20],
    ],
)
def test_what_is_no_ready_file_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ConfigError, match="is no ready file") as refused:
        parse(text)
    assert "very secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_secret_is_not_shown() -> None:
    assert "very secret" not in repr(parse(TEXT))
