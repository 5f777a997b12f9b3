"""Two accounts, each with a bucket and nothing else, launched with one command, and taken back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.errors import ConfigError
from sync_core.launch.accounts import open_account
from sync_core.launch.findings import errors_of
from sync_core.launch.keys import ensure_key_pair, mirror_new_key, read_secret
from sync_core.launch.launcher import Launch
from sync_core.launch.preflight import is_ready, look_at
from sync_core.launch.rotation import Pauses, rotate
from sync_core.launch.settings import LaunchSettings
from sync_core.launch.stacks import LaunchedSite
from sync_core.local.observe import wait_until
from tests.e2e.launch_accounts import Side, TwoAccounts, notify_others, two_accounts

DEADLINE_SECONDS = 180
AT_ONCE = Pauses(settle_seconds=0, grace_seconds=0)

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[TwoAccounts]:
    with two_accounts(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoAccounts]:
    with two_accounts(tmp_path_factory.mktemp("kept")) as found:
        yield found


@pytest.fixture
def untouched(kept: TwoAccounts) -> Iterator[TwoAccounts]:
    """Accounts for launches that leave nothing, which is why these tests can share them."""
    notifications = {name: side.notifications() for name, side in kept.sides.items()}
    yield kept
    kept.write_config()
    for name, side in kept.sides.items():
        side.client("s3").put_bucket_notification_configuration(
            Bucket=side.bucket, NotificationConfiguration=notifications[name]
        )


@pytest.fixture(scope="module")
def launched(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[TwoAccounts, LaunchedSite, LaunchedSite]]:
    """Both sites launched once, for workers that run elsewhere."""
    with two_accounts(tmp_path_factory.mktemp("launched")) as accounts:
        first, second = accounts.launch().values()
        yield accounts, first, second


def has_arrived(side: Side, key: str, body: bytes) -> bool:
    listed = side.client("s3").list_objects_v2(Bucket=side.bucket, Prefix=key)
    if not listed.get("KeyCount"):
        return False
    answer = side.client("s3").get_object(Bucket=side.bucket, Key=key)
    return bool(answer["Body"].read() == body)


def assert_synchronises(accounts: TwoAccounts, key: str) -> None:
    first, second = accounts.sides.values()
    for source, destination in ((first, second), (second, first)):
        name, body = f"{key}-from-{source.name}", source.name.encode()
        source.client("s3").put_object(Bucket=source.bucket, Key=name, Body=body)
        wait_until(
            lambda: has_arrived(destination, name, body),  # noqa: B023 - called at once
            DEADLINE_SECONDS,
            lambda: f"{name} has not arrived",  # noqa: B023 - called at once
        )


def echoes_told(accounts: TwoAccounts, key: str) -> str:
    """Wait until a search finds an echo of a key; return what it prints."""
    searched = []

    def is_found() -> bool:
        searched.append(accounts.run("logs", "--search", "Repeated transfer job!", "--key", key))
        return searched[-1].returncode == 0

    wait_until(is_found, DEADLINE_SECONDS, lambda: searched[-1].stderr)
    return searched[-1].stdout


def assert_a_rotation_loses_nothing(accounts: TwoAccounts) -> None:
    """Write on both sides while the key pairs change under the workers."""
    first, second = accounts.sides.values()
    written: list[tuple[Side, str, bytes]] = []
    with ThreadPoolExecutor(1) as threads:
        rotating = threads.submit(accounts.run, "rotate", "--settle", "1", "--grace", "1")
        while wait([rotating], timeout=0.2).not_done:
            for source, destination in ((first, second), (second, first)):
                name = f"meanwhile/{len(written)}"
                source.client("s3").put_object(Bucket=source.bucket, Key=name, Body=name.encode())
                written.append((destination, name, name.encode()))
    rotated = rotating.result()
    assert rotated.returncode == 0, rotated.stdout + rotated.stderr
    assert len(written) > 2
    wait_until(
        lambda: all(has_arrived(*each) for each in written),
        2 * DEADLINE_SECONDS,
        lambda: "what was written during the rotation has not arrived",
    )


def test_two_accounts_come_from_nothing_to_synchronising_and_back(accounts: TwoAccounts) -> None:
    before = accounts.everything()
    first, second = accounts.sides.values()
    first.client("s3").put_object(Bucket=first.bucket, Key="was/there", Body=b"already")

    launched = accounts.run("launch", "--yes", "--source-package")
    assert launched.returncode == 0, launched.stdout + launched.stderr
    for arrow in ("cn -> global", "global -> cn"):
        assert f"{arrow}: dualway-proof/" in launched.stdout
    assert launched.stdout.count("Repeated transfer job!") == 2
    wait_until(
        lambda: has_arrived(second, "was/there", b"already"),
        DEADLINE_SECONDS,
        lambda: "the first finder round has not sent what was there already",
    )
    assert_synchronises(accounts, "new")
    assert echoes_told(accounts, "new-from-cn").count("global  Repeated transfer job!") == 1
    foreign = before["cn"]["notifications"]["QueueConfigurations"]
    assert [
        entry
        for entry in first.notifications()["QueueConfigurations"]
        if not entry["Id"].startswith("dualway-")
    ] == foreign

    standing = accounts.everything()
    again = accounts.run("launch", "--yes", "--source-package")
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("no change") == 2
    assert accounts.everything() == standing

    old = {name: side.access_keys() for name, side in accounts.sides.items()}
    assert_a_rotation_loses_nothing(accounts)
    new = {name: side.access_keys() for name, side in accounts.sides.items()}
    assert all(len(keys) == 1 and keys != old[name] for name, keys in new.items())
    assert_synchronises(accounts, "after the rotation")

    for side in accounts.sides.values():
        keys = side.client("s3").list_objects_v2(Bucket=side.bucket)["Contents"]
        for entry in keys:
            if entry["Key"].startswith(".dualway/"):
                continue  # what dualway has planted, it takes away itself
            side.client("s3").delete_object(Bucket=side.bucket, Key=entry["Key"])
    for _ in range(2):
        destroyed = accounts.run("destroy", "--yes")
        assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert accounts.everything() == before


def test_a_dry_run_shows_the_changes_and_leaves_nothing(untouched: TwoAccounts) -> None:
    before = untouched.everything()
    shown = untouched.run("launch", "--dry-run", "--source-package")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "add  SyncQueue " in shown.stdout
    assert untouched.everything() == before


def test_who_does_not_agree_has_changed_nothing(untouched: TwoAccounts) -> None:
    before = untouched.everything()
    # Standard input is empty: nobody agrees.
    shown = untouched.run("launch", "--source-package")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "nothing was changed" in shown.stdout
    assert untouched.everything() == before


def test_an_overlapping_notification_stops_the_launch_before_it_begins(
    untouched: TwoAccounts,
) -> None:
    notify_others(untouched.sides["cn"], "s3:ObjectCreated:Put")
    before = untouched.everything()
    refused = untouched.run("launch", "--yes", "--source-package")
    assert refused.returncode == 2
    assert "cn: error" in refused.stdout
    assert untouched.everything() == before


def test_a_launch_that_one_side_refuses_leaves_nothing_on_both(untouched: TwoAccounts) -> None:
    before = untouched.everything()
    untouched.write_config("[global.parameters]\nWorkerTimeout = 61\n")
    refused = untouched.run("launch", "--yes", "--source-package")
    assert refused.returncode == 2
    assert "WorkerTimeout" in refused.stderr
    assert untouched.everything() == before


def test_a_launch_that_fails_half_way_names_the_cause_and_leaves_nothing_on_both(
    untouched: TwoAccounts,
) -> None:
    # The launch that looks first would have stopped at this.
    notify_others(untouched.sides["global"], "s3:ObjectCreated:Put")
    before = untouched.everything()
    with pytest.raises(ConfigError) as failed:
        untouched.launch()
    assert failed.value.key == "site global"
    assert "BucketNotification (Custom::BucketNotification)" in failed.value.cause
    assert untouched.everything() == before


class TestLookingFirst:
    def test_what_the_profile_may_not_look_at_is_said_and_stops_nothing(
        self, launched: tuple[TwoAccounts, LaunchedSite, LaunchedSite]
    ) -> None:
        accounts, own, _peer = launched
        with accounts.sides["cn"].limited_user("s3:ListBucket") as limited:
            account = open_account(own.account.site, own.account.region, limited.client)
            found = look_at(account, "dualway", {})
        assert errors_of(found) == []
        unchecked = [each.text for each in found if "could not be checked" in each.text]
        for what in ("versioning", "notifications", "permissions", "the stack"):
            assert any(what in text for text in unchecked), what

    def test_a_bucket_of_another_account_is_an_error_with_advice(
        self, launched: tuple[TwoAccounts, LaunchedSite, LaunchedSite]
    ) -> None:
        accounts, own, peer = launched
        foreign = replace(own.account, site=peer.account.site)
        with accounts.sides["cn"].limited_user("*") as operator:
            [found] = errors_of(
                look_at(replace(foreign, new_client=operator.client), "dualway", {})
            )
        assert "belongs to another account" in found.text

    def test_a_stack_that_stands_is_ready_to_be_brought_up_to_date(
        self, launched: tuple[TwoAccounts, LaunchedSite, LaunchedSite]
    ) -> None:
        _accounts, own, peer = launched
        lines: list[str] = []
        accounts = (own.account, peer.account)
        settings = LaunchSettings((own.account.site, peer.account.site))
        assert is_ready(Launch(settings, accounts, lambda _: {}, lines.append))
        assert len([line for line in lines if "has 1 key pair(s)" in line]) == 2
        assert any("1 notification(s) of others" in line for line in lines)


class TestKeyPairs:
    def test_a_rotation_that_lost_its_new_secret_is_begun_again(
        self, launched: tuple[TwoAccounts, LaunchedSite, LaunchedSite]
    ) -> None:
        accounts, own, peer = launched
        side = accounts.sides["cn"]
        [old] = side.access_keys()
        user = own.outputs["DedicatedUserName"]
        lost = side.client("iam").create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
        rotate(own, peer, AT_ONCE, print)
        [new] = side.access_keys()
        assert new not in {old, lost}
        assert read_secret(peer)["access_key_id"] == new

    def test_a_rotation_that_was_interrupted_is_finished_and_not_begun_again(
        self, launched: tuple[TwoAccounts, LaunchedSite, LaunchedSite]
    ) -> None:
        accounts, own, peer = launched
        new, _secret = mirror_new_key(own, peer, own.outputs["DedicatedUserName"])
        iam = accounts.sides["cn"].client("iam")
        [old] = set(accounts.sides["cn"].access_keys()) - {new}
        iam.update_access_key(
            UserName=own.outputs["DedicatedUserName"], AccessKeyId=old, Status="Inactive"
        )
        rotate(own, peer, AT_ONCE, print)
        assert accounts.sides["cn"].access_keys() == [new]

    def test_a_secret_without_a_key_pair_gets_one_with_the_queue_for_hints(
        self, launched: tuple[TwoAccounts, LaunchedSite, LaunchedSite]
    ) -> None:
        accounts, own, peer = launched
        for damaged in ("no JSON", "{}"):
            for key in accounts.sides["cn"].access_keys():
                accounts.sides["cn"].client("iam").delete_access_key(
                    UserName=own.outputs["DedicatedUserName"], AccessKeyId=key
                )
            vault = accounts.sides["global"].client("secretsmanager")
            vault.put_secret_value(SecretId=peer.outputs["PeerSecretArn"], SecretString=damaged)
            ensure_key_pair(own, peer, print)
            found = read_secret(peer)
            assert accounts.sides["cn"].access_keys() == [found["access_key_id"]]
            assert found["queue_url"] == own.outputs["QueueUrl"]

    def test_two_key_pairs_of_others_leave_no_room_for_ours(
        self, launched: tuple[TwoAccounts, LaunchedSite, LaunchedSite]
    ) -> None:
        accounts, peer, own = launched
        user = own.outputs["DedicatedUserName"]
        accounts.sides["global"].client("iam").create_access_key(UserName=user)
        vault = accounts.sides["cn"].client("secretsmanager")
        vault.put_secret_value(SecretId=peer.outputs["PeerSecretArn"], SecretString="{}")
        before = accounts.sides["global"].access_keys()
        with pytest.raises(ConfigError) as refused:
            ensure_key_pair(own, peer, print)
        assert all(key in refused.value.cause for key in before)
        assert accounts.sides["global"].access_keys() == before
        with pytest.raises(ConfigError, match="dualway launch"):
            rotate(own, peer, AT_ONCE, print)
