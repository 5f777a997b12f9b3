"""The environment into a configuration, and every complaint at once."""

import pytest

from sync_core import config
from sync_core.config import Config
from sync_core.errors import ConfigError
from sync_core.model import ConflictPolicy, Direction, Site, SitePair
from sync_core.safety import DeleteLimits
from sync_core.storage.s3_options import WriteOptions

REQUIRED = {
    "DUALWAY_SITE": "cn",
    "DUALWAY_BUCKET": "media-cn",
    "DUALWAY_REGION": "cn-north-1",
    "DUALWAY_PEER_SITE": "global",
    "DUALWAY_PEER_BUCKET": "media-global",
    "DUALWAY_PEER_REGION": "us-west-2",
    "DUALWAY_PEER_SECRET": "dualway/peer",
    "DUALWAY_QUEUE_URL": "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/sync",
    "DUALWAY_DEAD_LETTER_QUEUE_URL": "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/dead",
    "DUALWAY_RECORDS_TABLE": "records",
    "DUALWAY_ECHO_PRINCIPAL_IDS": "AIDAEXAMPLEUSER, AROAEXAMPLEROLE,",
}
OPTIONAL = {
    "DUALWAY_PEER_ENDPOINT_URL": "https://s3.example.org",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "DUALWAY_VISIBILITY_TIMEOUT_SECONDS": "30",
    "DUALWAY_RECEIVE_WAIT_SECONDS": "0",
    "DUALWAY_GRACE_SECONDS": "10",
    "DUALWAY_CONCURRENCY": "64",
    "DUALWAY_POLLERS": "2",
    "DUALWAY_LOG_LEVEL": "debug",
    "DUALWAY_PREFIX": "from/here/",
    "DUALWAY_PEER_PREFIX": "to/",
    "DUALWAY_EXCLUDE": "*.tmp, cache/*,",
    "DUALWAY_CONFLICT_POLICY": "keep-version",
    "DUALWAY_MAX_DELETES": "7",
    "DUALWAY_MAX_DELETE_PERCENT": "5",
    "DUALWAY_DELETE_WINDOW_SECONDS": "600",
    "DUALWAY_DELETE_SETTLE_SECONDS": "0",
    "DUALWAY_FINDER_SECONDS": "0",
    "DUALWAY_FINDER_DEPTH": "2",
    "DUALWAY_FINDER_PARALLELISM": "40",
    "DUALWAY_DIRECTION": "to-peer",
    "DUALWAY_PREFIX_LIST": "lists/prefixes.txt",
    "DUALWAY_INCLUDE_METADATA": "false",
    "DUALWAY_STORAGE_CLASS": "STANDARD_IA",
    "DUALWAY_ACL": "bucket-owner-full-control",
    "DUALWAY_SSE": "AES256",
    "DUALWAY_REQUESTER_PAYS": "true",
    "DUALWAY_WORKER_ROLE": "arn:aws-cn:iam::111122223333:role/team/worker",
}


def complaint(**changes: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        Config.from_environment(REQUIRED | changes)
    return caught.value


def test_the_required_variables_are_enough() -> None:
    assert Config.from_environment(REQUIRED) == Config(
        pair=SitePair(
            own=Site("cn", "media-cn", "cn-north-1"),
            peer=Site("global", "media-global", "us-west-2"),
        ),
        queue_url=REQUIRED["DUALWAY_QUEUE_URL"],
        dead_letter_queue_url=REQUIRED["DUALWAY_DEAD_LETTER_QUEUE_URL"],
        records_table="records",
        peer_secret="dualway/peer",
        echo_principal_ids=frozenset({"AIDAEXAMPLEUSER", "AROAEXAMPLEROLE"}),
        endpoint_url=None,
        peer_endpoint_url=None,
        visibility_timeout_seconds=180,
        receive_wait_seconds=20,
        grace_seconds=60,
        concurrency=16,
        pollers=4,
        log_level="INFO",
        conflict_policy=ConflictPolicy.KEEP_COPY,
        preferred_site=None,
        excluded=(),
        delete_limits=DeleteLimits(100, 25, 3600, 300),
        finder_seconds=3600,
        finder_depth=0,
        finder_parallelism=4,
        direction=Direction.TWO_WAY,
        prefix_list=None,
        include_metadata=True,
        write_options=WriteOptions(None, None, None, None),
        requester_pays=False,
    )


def test_each_optional_variable_replaces_its_default() -> None:
    read = Config.from_environment(REQUIRED | OPTIONAL)
    assert read.peer_endpoint_url == "https://s3.example.org"
    assert read.endpoint_url == "http://127.0.0.1:4566"
    assert read.visibility_timeout_seconds == 30
    assert read.receive_wait_seconds == 0
    assert read.grace_seconds == 10
    assert read.concurrency == 64
    assert read.pollers == 2
    assert read.log_level == "DEBUG"
    assert (read.pair.own.prefix, read.pair.peer.prefix) == ("from/here/", "to/")
    assert read.excluded == ("*.tmp", "cache/*")
    assert (read.conflict_policy, read.preferred_site) == (ConflictPolicy.KEEP_VERSION, None)
    assert read.delete_limits == DeleteLimits(7, 5, 600, 0)
    assert read.finder_seconds == 0
    assert (read.finder_depth, read.finder_parallelism) == (2, 40)
    assert read.direction is Direction.TO_PEER
    assert read.prefix_list == "lists/prefixes.txt"
    assert not read.include_metadata
    assert read.write_options == WriteOptions("STANDARD_IA", "bucket-owner-full-control", "AES256")
    assert read.requester_pays
    assert read.worker_role == "arn:aws-cn:iam::111122223333:role/team/worker"


def test_a_key_of_ones_own_goes_with_kms() -> None:
    kms = {"DUALWAY_SSE": "aws:kms", "DUALWAY_SSE_KMS_KEY_ID": "arn:aws-cn:kms:x:1:key/2"}
    read = Config.from_environment(REQUIRED | kms)
    assert read.write_options == WriteOptions(
        encryption="aws:kms", kms_key_id="arn:aws-cn:kms:x:1:key/2"
    )


@pytest.mark.parametrize("encryption", ["", "AES256"])
def test_a_key_without_kms_is_refused(encryption: str) -> None:
    error = complaint(DUALWAY_SSE=encryption, DUALWAY_SSE_KMS_KEY_ID="k")
    assert error.cause == (
        "DUALWAY_SSE_KMS_KEY_ID is set without aws:kms: set DUALWAY_SSE to aws:kms, "
        "or take the key id away"
    )


def test_one_way_the_peer_cannot_be_preferred() -> None:
    error = complaint(DUALWAY_DIRECTION="to-peer", DUALWAY_CONFLICT_POLICY="prefer:global")
    assert error.cause == (
        "DUALWAY_CONFLICT_POLICY prefers global, which one way never wins: prefer cn"
    )
    one_way = {"DUALWAY_DIRECTION": "to-peer", "DUALWAY_CONFLICT_POLICY": "prefer:cn"}
    assert Config.from_environment(REQUIRED | one_way).preferred_site == "cn"


@pytest.mark.parametrize("policy", ["keep-copy", "keep-version", "manual"])
def test_a_conflict_policy_is_given_by_its_name(policy: str) -> None:
    read = Config.from_environment(REQUIRED | {"DUALWAY_CONFLICT_POLICY": policy})
    assert (read.conflict_policy.value, read.preferred_site) == (policy, None)


@pytest.mark.parametrize("site", ["cn", "global"])
def test_the_policy_to_prefer_names_one_of_both_sites(site: str) -> None:
    read = Config.from_environment(REQUIRED | {"DUALWAY_CONFLICT_POLICY": f"prefer:{site}"})
    assert (read.conflict_policy, read.preferred_site) == (ConflictPolicy.PREFER, site)


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_empty_optional_variable_counts_as_not_set(name: str) -> None:
    assert Config.from_environment(REQUIRED | {name: ""}) == Config.from_environment(REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("state", ["missing", "blank"])
def test_each_required_variable_is_asked_for_by_name(name: str, state: str) -> None:
    environ = REQUIRED | {name: "  "}
    if state == "missing":
        del environ[name]
    with pytest.raises(ConfigError) as caught:
        Config.from_environment(environ)
    assert caught.value.key == name
    assert caught.value.cause == (
        f"{name} is not set: take its value from the outputs of the site's stack"
    )


def test_an_empty_environment_is_complained_about_once_and_whole() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_environment({})
    assert caught.value.key.split(", ") == sorted(REQUIRED, key=caught.value.key.index)
    assert all(name in str(caught.value) for name in REQUIRED)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("DUALWAY_QUEUE_URL", "sync-queue", "give a URL that begins with https:// or http://"),
        ("DUALWAY_DEAD_LETTER_QUEUE_URL", "ftp://x/y", "give a URL"),
        ("DUALWAY_PEER_ENDPOINT_URL", "https://", "give a URL"),
        ("AWS_ENDPOINT_URL", "127.0.0.1:4566", "give a URL"),
        ("DUALWAY_ECHO_PRINCIPAL_IDS", " , ", "give at least one id"),
        ("DUALWAY_VISIBILITY_TIMEOUT_SECONDS", "0", "give a whole number from 3 to 43200"),
        ("DUALWAY_VISIBILITY_TIMEOUT_SECONDS", "ten", "give a whole number"),
        ("DUALWAY_RECEIVE_WAIT_SECONDS", "21", "give a whole number from 0 to 20"),
        ("DUALWAY_GRACE_SECONDS", "-1", "give a whole number"),
        ("DUALWAY_GRACE_SECONDS", "1.5", "give a whole number"),
        ("DUALWAY_CONCURRENCY", "0", "give a whole number from 1 to 1000"),
        ("DUALWAY_POLLERS", "²", "give a whole number from 1 to 100"),
        (
            "DUALWAY_CONFLICT_POLICY",
            "prefer",
            "give keep-copy, keep-version, manual or prefer:SITE",
        ),
        ("DUALWAY_CONFLICT_POLICY", "prefer:", "give keep-copy"),
        ("DUALWAY_CONFLICT_POLICY", "prefer:mars", "give keep-copy"),
        ("DUALWAY_CONFLICT_POLICY", "manual:cn", "give keep-copy"),
        ("DUALWAY_CONFLICT_POLICY", "newest", "give keep-copy"),
        ("DUALWAY_MAX_DELETES", "-1", "give a whole number from 0 to 1000000000"),
        ("DUALWAY_MAX_DELETE_PERCENT", "101", "give a whole number from 0 to 100"),
        ("DUALWAY_DELETE_WINDOW_SECONDS", "0", "give a whole number from 1 to 604800"),
        ("DUALWAY_DELETE_SETTLE_SECONDS", "86401", "give a whole number from 0 to 86400"),
        ("DUALWAY_FINDER_SECONDS", "hourly", "give a whole number from 0 to 604800"),
        ("DUALWAY_FINDER_DEPTH", "17", "give a whole number from 0 to 16"),
        ("DUALWAY_FINDER_PARALLELISM", "0", "give a whole number from 1 to 40"),
        ("DUALWAY_FINDER_PARALLELISM", "41", "give a whole number from 1 to 40"),
        ("DUALWAY_DIRECTION", "TwoWay", "give one of two-way, to-peer"),
        ("DUALWAY_INCLUDE_METADATA", "yes", "give one of true, false"),
        ("DUALWAY_REQUESTER_PAYS", "True", "give one of true, false"),
        ("DUALWAY_STORAGE_CLASS", "DEEP_ARCHIVE", "give one of STANDARD, STANDARD_IA, ONEZONE_IA"),
        ("DUALWAY_ACL", "mine", "give one of private, public-read"),
        ("DUALWAY_SSE", "AWS_KMS", "give one of AES256, aws:kms"),
        ("DUALWAY_WORKER_ROLE", "worker", "give a role's ARN, such as the output WorkerRoleArn"),
        ("DUALWAY_WORKER_ROLE", "arn:aws:sts::111122223333:assumed-role/x/y", "give a role's ARN"),
        ("DUALWAY_LOG_LEVEL", "loud", "give one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ],
)
def test_an_invalid_value_is_shown_with_what_to_give_instead(
    name: str, value: str, advice: str
) -> None:
    error = complaint(**{name: value})
    assert error.key == name
    assert f"{name} is {value.strip()!r}: {advice}" in error.cause


def test_two_sites_of_one_name_are_refused() -> None:
    error = complaint(DUALWAY_PEER_SITE="cn")
    assert error.cause == "DUALWAY_PEER_SITE equals DUALWAY_SITE: give each site its name"


def test_several_mistakes_are_told_together() -> None:
    error = complaint(DUALWAY_SITE="", DUALWAY_POLLERS="many", DUALWAY_LOG_LEVEL="loud")
    assert error.key == "DUALWAY_SITE, DUALWAY_POLLERS, DUALWAY_LOG_LEVEL"
    assert error.cause.count("; ") == 2


def test_the_process_environment_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    assert config.load().records_table == "records"
