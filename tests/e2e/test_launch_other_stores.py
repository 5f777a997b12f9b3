"""A bucket in AWS and a store that is not, launched from one account with one command."""

import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sync_core.cli import app
from sync_core.errors import ConfigError
from sync_core.launch.accounts import open_account
from sync_core.launch.launcher import Launch, launch
from sync_core.launch.packages import build_source_package
from sync_core.launch.settings import SiteSettings, read_settings
from sync_core.launch.store_check import opened
from sync_core.launch.store_secret import StoreSecret
from sync_core.launch.template import parameter_names, read_template
from sync_core.local.clients import Clients, KeyPair
from sync_core.local.cloud import LocalCloud
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.storage.protocol import ObjectWrite
from tests.e2e.launch_accounts import Side, notify_others
from tests.e2e.oss_account import REGION, new_account
from tests.e2e.test_netstorage_clients import ACCOUNT as UPLOADER
from tests.oss.client import oss_client
from tests.oss.happening import REGION as OSS_REGION
from tests.oss.server import OssServer, oss_server
from tests.oss.signatures import RamUser

OPTIONS = {
    "launch": ("--yes", "--source-package"),
    "rotate": ("--settle", "0", "--grace", "0"),
    "destroy": ("--yes",),
}

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Operator:
    """Who runs dualway for one account of AWS, with the file of a launch."""

    side: Side
    config: Path
    environment: dict[str, str | None]

    def describe(self, other: str, events: str = "No") -> None:
        """Write the file: site `a` is the account's bucket, and this table is the other one."""
        own = (
            f'[a]\nprofile = "operator"\nbucket = "{self.side.bucket}"\n'
            f'endpoint_url = "{self.side.endpoint_url}"\n'
        )
        common = f'[parameters]\nWorkerRuntime = "Elsewhere"\nEventTrigger = "{events}"\n'
        self.config.write_text(f"{own}{other}{common}")

    def run(self, verb: str, secret: object = None) -> str:
        """Run a verb without asking, and require that it goes well; return what it prints."""
        code, printed = self.tried(verb, secret)
        assert code == 0, printed
        return printed

    def tried(self, verb: str, secret: object = None) -> tuple[int, str]:
        """Run a verb; return its status and all that it prints, or raises, as one line."""
        options = ["--config", str(self.config), *OPTIONS[verb]]
        given = {"STORE_SECRET": None if secret is None else json.dumps(secret)}
        ended = CliRunner().invoke(app, [verb, *options], env={**self.environment, **given})
        return ended.exit_code, " ".join(f"{ended.output} {ended.exception}".split())

    def outputs(self, stack: str) -> dict[str, str]:
        (found,) = self.side.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

    def secret(self, name: str) -> Any:
        vault = self.side.client("secretsmanager")
        return json.loads(vault.get_secret_value(SecretId=name)["SecretString"])


@pytest.fixture
def operator(local_cloud: LocalCloud, tmp_path: Path) -> Iterator[Operator]:
    url = local_cloud.endpoint_url
    with new_account(url) as account:
        bucket = account.new_bucket("data")
        side = Side("a", account.number, REGION, bucket, url, account.clients)
        credentials = f"aws_access_key_id = {account.number}\naws_secret_access_key = root\n"
        (tmp_path / "credentials").write_text(f"[operator]\n{credentials}")
        (tmp_path / "config").write_text(f"[profile operator]\nregion = {REGION}\n")
        environment: dict[str, str | None] = {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }
        yield Operator(side, tmp_path / "dualway.toml", environment)


@pytest.fixture(scope="module")
def oss() -> Iterator[OssServer]:
    with oss_server() as server:
        yield server


@pytest.fixture
def netstorage() -> Iterator[NetStorageServer]:
    with NetStorageServer(UPLOADER) as server:
        yield server


ACCESS = {
    "hostname": "example-nsu.akamaihd.net",
    "username": UPLOADER.username,
    "key": UPLOADER.key,
    "cpcode": UPLOADER.cpcode,
}


def table_of(server: NetStorageServer) -> str:
    return (
        f'[akamai]\nstore = "netstorage"\nbucket = "{UPLOADER.cpcode}"\nprefix = "media/"\n'
        f'endpoint_url = "http://{server.hostname}"\n'
    )


def key_of(user: RamUser) -> dict[str, str]:
    return {"access_key_id": user.access_key_id, "secret_access_key": user.secret_access_key}


def test_a_pair_with_oss_comes_from_nothing_and_goes_back(
    operator: Operator, oss: OssServer
) -> None:
    side, user = operator.side, oss.new_user()
    before = side.everything()
    oss.new_bucket("media")
    operator.describe(
        f'[oss]\nstore = "oss"\nregion = "{OSS_REGION}"\nbucket = "media"\n'
        f'endpoint_url = "{oss.url}"\nuser_ids = ["{user.user_id}"]\n'
    )
    code, printed = operator.tried("launch")
    assert code == 2
    assert "give its text in STORE_SECRET" in printed
    assert side.everything() == before

    printed = operator.run("launch", key_of(user))
    in_s3, in_oss = (operator.outputs(f"dualway-{site}") for site in ("a", "oss"))
    assert f"with QUEUE_URL of {in_oss['QueueUrl']}" in printed
    assert user.secret_access_key not in printed
    assert operator.secret("dualway-oss") == {**key_of(user), "queue_url": in_oss["QueueUrl"]}
    mirrored = operator.secret(in_oss["PeerSecretArn"])
    assert [mirrored["access_key_id"]] == side.access_keys()
    assert mirrored["queue_url"] == in_s3["QueueUrl"]

    standing = side.everything()
    assert operator.run("launch").count("no change") == 2
    assert side.everything() == standing

    with oss_client(oss, user) as theirs:
        others = [".dualway/sentinel-ab", "a users own"]
        for key in (".dualway/sentinel-a", ".dualway/sentinel-oss", *others):
            theirs.put_object(Bucket="media", Key=key, Body=b"x")
    side.client("s3").put_object(Bucket=side.bucket, Key=".dualway/sentinel-a", Body=b"x")
    operator.run("destroy")
    assert side.everything() == before
    assert sorted(oss.bucket("media").objects) == others


def test_a_feed_to_netstorage_is_one_stack_and_a_secret(
    operator: Operator, netstorage: NetStorageServer
) -> None:
    side = operator.side
    before = side.everything()
    operator.describe(table_of(netstorage))
    code, printed = operator.tried("launch", {**ACCESS, "key": "another"})
    assert code == 2
    assert "akamai: error" in printed
    assert side.everything() == before

    printed = operator.run("launch", ACCESS)
    assert "leave /media/.dualway/ out of delivery" in printed
    assert UPLOADER.key not in printed
    assert operator.outputs("dualway-akamai")["PeerSecretArn"] == "dualway-akamai"
    assert operator.secret("dualway-akamai") == ACCESS
    assert side.everything()["list_stacks"] == ["dualway-akamai"]
    assert side.access_keys() == []

    operator.run("destroy")
    assert side.everything() == before


def test_a_launch_that_fails_takes_the_secret_away_that_it_has_made(
    operator: Operator, netstorage: NetStorageServer, tmp_path: Path
) -> None:
    side = operator.side
    operator.describe(table_of(netstorage), events="Create")
    # The launch that looks first would have stopped at this.
    notify_others(side, "s3:ObjectCreated:Put")
    before = side.everything()
    settings = read_settings(operator.config, parameter_names(read_template()))
    own, other = (open_account(site, REGION, side.client) for site in settings.sites)
    package = build_source_package(tmp_path)
    secret = StoreSecret(other, settings.secret_of(other.site), json.dumps(ACCESS))
    wanted = Launch(
        settings, (own, other), lambda _: {"LambdaPackage": package}, print, secret=secret
    )
    with pytest.raises(ConfigError, match="BucketNotification"):
        launch(wanted)
    assert side.everything() == before

    # A sentinel without records would have a later launch hold all deletes.
    side.client("secretsmanager").create_secret(Name=secret.name, SecretString=json.dumps(ACCESS))
    with opened(secret.place, secret.access()) as store:
        store.put(ObjectWrite(".dualway/sentinel-a", 1), io.BytesIO(b"x"))
    assert netstorage.paths(UPLOADER.cpcode) == [f"/{UPLOADER.cpcode}/media/.dualway/sentinel-a"]
    with pytest.raises(ConfigError, match="BucketNotification"):
        launch(wanted)
    assert netstorage.paths(UPLOADER.cpcode) == []
    assert operator.secret(secret.name) == ACCESS


def test_a_secret_that_no_launch_has_made_is_used_and_stays(operator: Operator) -> None:
    side, key_pair = operator.side, {"access_key_id": "LTAI", "secret_access_key": "first"}
    site = SiteSettings("oss", "media", store="oss", region=OSS_REGION)
    secret = StoreSecret(open_account(site, REGION, side.client), "theirs")
    vault = side.client("secretsmanager")
    vault.create_secret(Name="theirs", SecretString=json.dumps(key_pair))
    assert not secret.write("https://sqs.example/queue")
    newer = {**key_pair, "secret_access_key": "second"}
    assert not replace(secret, given=json.dumps(newer)).write()
    assert operator.secret("theirs") == {**newer, "queue_url": "https://sqs.example/queue"}
    assert not secret.remove()
    assert operator.secret("theirs")["secret_access_key"] == "second"


def test_a_feed_from_oss_makes_the_user_that_writes_to_s3(
    operator: Operator, oss: OssServer
) -> None:
    side, user = operator.side, oss.new_user()
    before = side.everything()
    oss.new_bucket("photos")
    operator.describe(
        f'[oss]\nstore = "oss"\nregion = "{OSS_REGION}"\nbucket = "photos"\n'
        f'endpoint_url = "{oss.url}"\n[oss.parameters]\nDirection = "ToPeer"\n'
    )
    printed = operator.run("launch", key_of(user))
    fed = operator.outputs("dualway-oss")
    assert f"with QUEUE_URL of {fed['QueueUrl']}" in printed
    assert side.everything()["list_stacks"] == ["dualway-oss"]
    assert operator.secret("dualway-oss") == key_of(user)
    old = operator.secret(fed["PeerSecretArn"])
    assert old.keys() == {"access_key_id", "secret_access_key"}
    pair = KeyPair(old["access_key_id"], old["secret_access_key"])
    with closing(Clients(side.endpoint_url, REGION, pair)) as feeding:
        s3 = feeding.client("s3")
        s3.put_object(Bucket=side.bucket, Key="fed", Body=b"x")
        s3.delete_object(Bucket=side.bucket, Key="fed")

    operator.run("rotate")
    assert operator.secret(fed["PeerSecretArn"])["access_key_id"] != old["access_key_id"]

    one_way = operator.config.read_text()
    ids = f'user_ids = ["{user.user_id}"]\n[oss.parameters]\n'
    operator.config.write_text(one_way.replace('[oss.parameters]\nDirection = "ToPeer"\n', ids))
    operator.run("launch")
    assert "dualway-oss-a" not in side.everything()["list_users"]
    assert [operator.secret(fed["PeerSecretArn"])["access_key_id"]] == side.access_keys()
    both_ways = operator.config.read_text()
    operator.config.write_text(one_way)
    standing = side.everything()
    for verb in ("launch", "destroy"):
        code, printed = operator.tried(verb)
        assert code != 0
        assert "the stack dualway-a stands" in printed
    assert side.everything() == standing
    operator.config.write_text(both_ways)
    operator.run("destroy")
    assert side.everything() == before
