"""cfn/site.yaml where a side is not AWS: what then is not there, and what takes its place."""

from collections.abc import Mapping
from typing import Any

import pytest

from sync_core.config import Config
from sync_core.storage.dialects import DIALECTS
from tests.cfn.template import (
    FLEET,
    IN_OSS,
    PARAMETERS,
    PEER_IN_OSS,
    RUNTIMES,
    SITE,
    Stack,
)
from tests.cfn.test_site_parameters import broken
from tests.cfn.test_site_permissions import grants, listed, statements
from tests.cfn.test_site_resources import OF_THE_RUNTIME, variables

SECRETS = "arn:aws-cn:secretsmanager:cn-north-1:111111111111:secret:"
ROLES = ("WorkerRole", "FinderRole", "UploadRole")
FUNCTIONS = ("WorkerFunction", "FinderFunction", "UploadFunction")
ENDPOINT = "https://objects.example.com:9000"
WITH_AN_ENDPOINT = ("minio", "ceph", "generic")
STORES: Mapping[str, dict[str, str]] = {
    name: {"StoreType": name, "StoreCredentialsSecret": "keys", "StoreUserIds": "me"}
    | ({"StoreEndpoint": ENDPOINT} if name in WITH_AN_ENDPOINT else {"StoreRegion": "there-1"})
    for name in DIALECTS
    if name != "aws"
}
"""The least that is given for each kind of store."""

PEERS: Mapping[str, dict[str, str]] = {
    name: {"PeerStoreType": name, "PeerCredentialsSecret": "keys"}
    | ({"PeerEndpoint": ENDPOINT} if name in WITH_AN_ENDPOINT else {})
    for name in DIALECTS
    if name != "aws"
}
NETSTORAGE = {
    "PeerStoreType": "netstorage",
    "PeerBucketName": "123456",
    "PeerCredentialsSecret": "keys",
    "Direction": "ToPeer",
}
ELSEWHERE = pytest.mark.parametrize("store", STORES)


def read(stack: Stack, function: str) -> Config:
    """Return what a function makes of its environment."""
    named = {
        "<SyncQueue>": "https://sqs.example.com/1/q",
        "<SyncDeadLetterQueue>": ENDPOINT,
        "<WorkerRole.Arn>": "arn:aws-cn:iam::111111111111:role/worker",
    }
    told = variables(stack, function)
    return Config.from_environment(
        {name: named.get(str(told[name]), str(told[name])) for name in set(told) - OF_THE_RUNTIME}
    )


class TestKinds:
    def test_every_dialect_is_a_kind_of_store_and_of_peer(self) -> None:
        assert set(PARAMETERS["StoreType"]["AllowedValues"]) == set(DIALECTS)
        assert set(PARAMETERS["PeerStoreType"]["AllowedValues"]) == {*DIALECTS, "netstorage"}

    def test_rules_and_dialects_agree_on_who_has_endpoints_of_its_own(self) -> None:
        without = {name for name, each in DIALECTS.items() if each.endpoint_template is None}
        assert without == set(WITH_AN_ENDPOINT)


class TestOwnBucketOutsideOfAws:
    @ELSEWHERE
    @pytest.mark.parametrize("runtime", RUNTIMES)
    def test_nothing_of_s3_or_of_users_is_made(self, store: str, runtime: str) -> None:
        stack = Stack({**RUNTIMES[runtime], **STORES[store]})
        within_aws = Stack(RUNTIMES[runtime]).resources
        assert set(within_aws) - set(stack.resources) == {
            "SyncQueuePolicy",
            *("DedicatedUser", "DedicatedUserIdentity"),
            *("DedicatedUserFunction", "DedicatedUserRole"),
            *("BucketNotification", "BucketNotificationFunction", "BucketNotificationRole"),
        }
        assert set(stack.resources) <= set(within_aws)

    @ELSEWHERE
    @pytest.mark.parametrize("runtime", RUNTIMES)
    def test_nobody_may_do_anything_in_s3_but_fetch_the_package(
        self, store: str, runtime: str
    ) -> None:
        asked = {"ObjectLock": "true", "ArchivedObjects": "restore", "PrefixListFile": "list"}
        stack = Stack({**RUNTIMES[runtime], **STORES[store], **asked})
        of_s3 = [
            listed(statement["Resource"])
            for statement in statements(stack.resources)
            if any(action.startswith("s3:") for action in listed(statement["Action"]))
        ]
        package = ["arn:aws-cn:s3:::packages-alpha/fleet.zip"]
        assert of_s3 == ([package] if runtime == "EC2" else [])

    @pytest.mark.parametrize("role", ROLES)
    @pytest.mark.parametrize("named", ["oss-keys", f"{SECRETS}oss-keys"], ids=["name", "ARN"])
    def test_each_role_reads_the_stores_key_pair_and_the_peers(self, role: str, named: str) -> None:
        granted = grants(Stack({**IN_OSS, "StoreCredentialsSecret": named}), role)
        reading = {sid: part for sid, part in granted.items() if "KeyPair" in sid}
        action = {"secretsmanager:GetSecretValue"}
        assert reading == {
            "AllowReadingThePeersKeyPair": (action, ["<PeerSecret.Id>"]),
            "AllowReadingTheStoresKeyPair": (
                action,
                [f"{SECRETS}oss-keys", f"{SECRETS}oss-keys-??????"],
            ),
        }

    @pytest.mark.parametrize("role", ROLES)
    def test_in_aws_there_is_no_key_pair_of_a_store(self, role: str) -> None:
        assert "AllowReadingTheStoresKeyPair" not in grants(Stack(), role)

    def test_the_queue_takes_no_messages_of_any_service(self) -> None:
        assert Stack(IN_OSS).of_type("AWS::SQS::QueuePolicy") == {}


class TestSettings:
    @ELSEWHERE
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_functions_are_told_what_the_configuration_demands(
        self, store: str, function: str
    ) -> None:
        config = read(Stack(STORES[store]), function)
        assert (config.store, config.store_secret) == (store, "keys")
        expected = ENDPOINT if store in WITH_AN_ENDPOINT else None
        assert config.store_endpoint_url == expected
        assert config.account_region == SITE["AWS::Region"]
        assert "me" in config.echo_principal_ids

    @pytest.mark.parametrize("peer", PEERS)
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_functions_are_told_of_a_peer_outside_of_aws(self, peer: str, function: str) -> None:
        config = read(Stack(PEERS[peer]), function)
        assert (config.peer_store, config.peer_secret) == (peer, "keys")
        assert (config.store, config.store_secret, config.store_endpoint_url) == ("aws", None, None)
        assert config.pair.own.region == config.account_region == SITE["AWS::Region"]

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_functions_are_told_of_netstorage(self, function: str) -> None:
        config = read(Stack(NETSTORAGE), function)
        assert (config.peer_store, config.pair.peer.bucket) == ("netstorage", "123456")
        assert not config.peer_directories
        assert read(Stack({**NETSTORAGE, "PeerDirectories": "true"}), function).peer_directories

    @pytest.mark.parametrize("function", ["WorkerFunction", "FinderFunction"])
    def test_a_storage_class_is_named_where_it_is_not_the_default(self, function: str) -> None:
        def named(**given: str) -> str | None:
            return read(Stack(given), function).write_options.storage_class

        assert (named(), named(StorageClass="STANDARD_IA")) == (None, "STANDARD_IA")

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_the_region_is_the_stores_and_a_word_where_it_has_none(self, function: str) -> None:
        def region(given: dict[str, str]) -> str:
            return read(Stack(given), function).pair.own.region

        assert region(IN_OSS) == "cn-hangzhou"
        assert region(STORES["ceph"]) == "us-east-1"
        assert region({**STORES["ceph"], "StoreRegion": "zone-2"}) == "zone-2"

    def test_echoes_are_the_stores_users_and_the_role(self) -> None:
        users = {**IN_OSS, "StoreUserIds": "1,2"}
        echoes = read(Stack(users), "WorkerFunction").echo_principal_ids
        assert echoes == {"1", "2", "<WorkerRole.RoleId>"}
        assert read(Stack(users), "FinderFunction").echo_principal_ids == echoes
        assert read(Stack(users), "UploadFunction").echo_principal_ids == {"1", "2"}

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_one_way_no_user_has_to_be_named(self, function: str) -> None:
        one_way = {**IN_OSS, "StoreUserIds": "", "Direction": "ToPeer"}
        assert broken(one_way) == set()
        assert len(read(Stack(one_way), function).echo_principal_ids) == 1

    def test_instances_connect_to_any_port_where_a_store_has_an_endpoint(self) -> None:
        def ports(given: dict[str, str]) -> tuple[Any, Any]:
            group = Stack({**FLEET, **given}).properties("FleetSecurityGroup")
            (out,) = group["SecurityGroupEgress"]
            return out["FromPort"], out["ToPort"]

        assert ports(STORES["oss"]) == (443, 443)
        assert ports(STORES["minio"]) == ports(PEERS["minio"]) == (1, 65535)


class TestTwoStacksOfOneAccount:
    @pytest.mark.parametrize("peer", PEERS)
    def test_the_worker_sends_hints_to_the_peers_queue_itself(self, peer: str) -> None:
        granted = grants(Stack(PEERS[peer]), "WorkerRole")["AllowSendingHintsToThePeersQueue"]
        queue = "arn:aws-cn:sqs:*:111111111111:dualway-bravo-*"
        assert granted == ({"sqs:SendMessage"}, [queue])
        other = Stack({"SiteName": "bravo", "PeerSiteName": "alpha"}).properties("SyncQueue")
        assert other["QueueName"].startswith(queue.rpartition(":")[2].removesuffix("*"))

    @pytest.mark.parametrize("role", ["FinderRole", "UploadRole"])
    def test_nobody_else_does(self, role: str) -> None:
        assert "AllowSendingHintsToThePeersQueue" not in grants(Stack(PEER_IN_OSS), role)

    @pytest.mark.parametrize(
        "given",
        [{}, IN_OSS, {**PEER_IN_OSS, "Direction": "ToPeer"}, NETSTORAGE],
        ids=["a peer in AWS", "a peer in AWS, seen from outside", "one way", "NetStorage"],
    )
    def test_where_there_is_no_such_queue_there_is_no_permission(
        self, given: dict[str, str]
    ) -> None:
        assert "AllowSendingHintsToThePeersQueue" not in grants(Stack(given), "WorkerRole")

    def test_they_share_no_name(self) -> None:
        own = Stack({**PEER_IN_OSS, "AWS::StackName": "dualway-alpha"})
        other_site = {"SiteName": "bravo", "PeerSiteName": "alpha"}
        other = Stack({**IN_OSS, **other_site, "AWS::StackName": "dualway-bravo"})

        def names(stack: Stack) -> set[str]:
            queries = stack.of_type("AWS::Logs::QueryDefinition").values()
            queue = stack.properties("SyncQueue")["QueueName"]
            return {queue, *(query["Name"] for query in queries)}

        assert not names(own) & names(other)


class TestRules:
    @ELSEWHERE
    def test_the_least_for_each_store_is_enough(self, store: str) -> None:
        assert broken(STORES[store]) == set()

    @pytest.mark.parametrize("peer", PEERS)
    def test_the_least_for_each_peer_is_enough(self, peer: str) -> None:
        assert broken(PEERS[peer]) == set()
        assert broken(NETSTORAGE) == set()

    @pytest.mark.parametrize(
        ("missing", "rules"),
        [
            ("StoreCredentialsSecret", {"StoreIsReached"}),
            ("StoreRegion", {"StoreIsReached", "StoreHasARegion"}),
            ("StoreUserIds", {"StoreTellsEchoes"}),
        ],
    )
    def test_a_store_outside_of_aws_needs_what_reaches_it(
        self, missing: str, rules: set[str]
    ) -> None:
        assert broken({**IN_OSS, missing: ""}) == rules

    @pytest.mark.parametrize("store", WITH_AN_ENDPOINT)
    def test_a_store_that_everybody_runs_elsewhere_needs_an_endpoint(self, store: str) -> None:
        without = {**STORES[store], "StoreRegion": "there-1", "StoreEndpoint": ""}
        assert broken(without) == {"StoreHasAnEndpoint"}
        assert broken({**PEERS[store], "PeerEndpoint": ""}) == {"PeerHasAnEndpoint"}

    @pytest.mark.parametrize(
        "name", ["StoreRegion", "StoreEndpoint", "StoreCredentialsSecret", "StoreUserIds"]
    )
    def test_what_is_for_other_stores_is_refused_in_aws(self, name: str) -> None:
        assert broken({name: "x"}) == {"StoreIsMeant"}

    def test_a_store_outside_of_aws_has_no_dedicated_iam_user(self) -> None:
        user = {"DedicatedUserId": "AIDA22DTNGKCEFNXNVSDR"}
        assert broken({**IN_OSS, **user}) == {"StoreIsReached"}

    def test_a_peer_outside_of_aws_needs_a_secret(self) -> None:
        assert broken({**PEER_IN_OSS, "PeerCredentialsSecret": ""}) == {"PeerIsReached"}

    @pytest.mark.parametrize(
        "given",
        [
            {"StorageClass": "STANDARD_IA"},
            {"Acl": "private"},
            {"SseType": "AES256"},
            {"ObjectLock": "true"},
        ],
    )
    def test_netstorage_has_no_options_for_objects(self, given: dict[str, str]) -> None:
        assert broken({**NETSTORAGE, **given}) == {"NetStorageIsADestination"}

    def test_netstorage_is_a_destination_only(self) -> None:
        assert broken({**NETSTORAGE, "Direction": "TwoWay"}) == {"NetStorageIsADestination"}

    @pytest.mark.parametrize("given", [IN_OSS, PEER_IN_OSS], ids=["own", "peer"])
    def test_s3_fetches_nothing_from_another_store(self, given: dict[str, str]) -> None:
        assert broken({**given, "ServerSideCopy": "true"}) == {"ServerSideCopyIsWithinAws"}
