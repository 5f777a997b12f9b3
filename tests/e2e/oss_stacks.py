"""The stacks of a pair with OSS, launched as the guide has it, and what their workers are told.

cfn/README.md, Stores that are not AWS: site `a` is in S3 and site `oss` in OSS; `feed` sends one
way, from another bucket of OSS to another one of S3.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sync_core.local.clients import KeyPair
from sync_core.local.workers import process_environment
from tests.e2e.oss_account import REGION, Account, key_of
from tests.oss.happening import REGION as OSS_REGION
from tests.oss.signatures import RamUser

SITES = ("a", "oss", "feed")
SECRET = "dualway-oss"

Outputs = Mapping[str, Mapping[str, str]]
"""The outputs of each site's stack."""


@dataclass(frozen=True)
class Stacks:
    """Where they stand and between which buckets; `buckets` are by site, `fed` is the feed's peer.

    `dedicated` is the RAM user with whose key pair the workers write to OSS, which is at `oss_url`.
    """

    account: Account
    oss_url: str
    dedicated: RamUser
    buckets: Mapping[str, str]

    def launch(self, folder: Path) -> Outputs:
        """Launch all, and put into the secrets what lets each reach its stores."""
        account, artifacts = self.account, self.account.new_artifacts(folder)
        account.client("secretsmanager").create_secret(Name=SECRET, SecretString="{}")
        account.write_secret(SECRET, self._ram_key)
        given = {"a": self._in_s3(), "oss": self._both_ways(), "feed": self._one_way()}
        for site in SITES:
            account.begin(artifacts, site, given[site])
        outputs = {site: account.outputs(site) for site in SITES}
        self._mirror(outputs)
        return outputs

    def environment(self, site: str, outputs: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a site's worker, as the template sets it for its own."""
        in_s3 = site == "a"
        dedicated = outputs["DedicatedUserId"] if in_s3 else self.dedicated.user_id
        stores = (
            {
                "DUALWAY_REGION": REGION,
                "DUALWAY_PEER_STORE": "oss",
                "DUALWAY_PEER_ENDPOINT_URL": self.oss_url,
            }
            if in_s3
            else {
                "DUALWAY_STORE": "oss",
                "DUALWAY_REGION": OSS_REGION,
                "DUALWAY_ENDPOINT_URL": self.oss_url,
                "DUALWAY_SECRET": SECRET,
                "DUALWAY_PEER_ENDPOINT_URL": self.account.endpoint_url,
            }
        )
        own = {
            **stores,
            "DUALWAY_SITE": site,
            "DUALWAY_BUCKET": outputs["BucketName"],
            "DUALWAY_ACCOUNT_REGION": REGION,
            "DUALWAY_PEER_SITE": outputs["PeerSiteName"],
            "DUALWAY_PEER_BUCKET": outputs["PeerBucketName"],
            "DUALWAY_PEER_REGION": outputs["PeerRegion"],
            "DUALWAY_PEER_SECRET": outputs["PeerSecretArn"],
            "DUALWAY_QUEUE_URL": outputs["QueueUrl"],
            "DUALWAY_DEAD_LETTER_QUEUE_URL": outputs["DeadLetterQueueUrl"],
            "DUALWAY_RECORDS_TABLE": outputs["RecordsTableName"],
            "DUALWAY_PARTS_TABLE": outputs["PartsTableName"],
            "DUALWAY_ECHO_PRINCIPAL_IDS": f"{dedicated},{outputs['WorkerRoleId']}",
            "DUALWAY_DIRECTION": "to-peer" if site == "feed" else "two-way",
            "DUALWAY_VISIBILITY_TIMEOUT_SECONDS": outputs["VisibilityTimeoutSeconds"],
            "DUALWAY_GRACE_SECONDS": outputs["GraceSeconds"],
            "DUALWAY_DELETE_SETTLE_SECONDS": "0",
            "DUALWAY_FINDER_SECONDS": "0",
            "DUALWAY_RECEIVE_WAIT_SECONDS": "2",
            "AWS_ENDPOINT_URL": self.account.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            **self.account.role(outputs["WorkerRoleArn"]),
        }
        return process_environment(own, os.environ)

    @property
    def _ram_key(self) -> KeyPair:
        return KeyPair(self.dedicated.access_key_id, self.dedicated.secret_access_key)

    def _in_s3(self) -> dict[str, str]:
        return {
            "BucketName": self.buckets["a"],
            "PeerSiteName": "oss",
            "PeerStoreType": "oss",
            "PeerBucketName": self.buckets["oss"],
            "PeerRegion": OSS_REGION,
            "PeerEndpoint": self.oss_url,
            "PeerCredentialsSecret": SECRET,
        }

    def _in_oss(self) -> dict[str, str]:
        return {
            "StoreType": "oss",
            "StoreRegion": OSS_REGION,
            "StoreEndpoint": self.oss_url,
            "StoreCredentialsSecret": SECRET,
            "PeerRegion": REGION,
            "PeerEndpoint": self.account.endpoint_url,
        }

    def _both_ways(self) -> dict[str, str]:
        return {
            **self._in_oss(),
            "BucketName": self.buckets["oss"],
            "StoreUserIds": self.dedicated.user_id,
            "PeerSiteName": "a",
            "PeerBucketName": self.buckets["a"],
        }

    def _one_way(self) -> dict[str, str]:
        return {
            **self._in_oss(),
            "BucketName": self.buckets["feed"],
            "Direction": "ToPeer",
            "PeerSiteName": "fed",
            "PeerBucketName": self.buckets["fed"],
        }

    def _mirror(self, outputs: Outputs) -> None:
        """Write into the peer secrets the key pair for the other bucket, and the other queue."""
        account, user = self.account, outputs["a"]["DedicatedUserName"]
        created = account.client("iam").create_access_key(UserName=user)["AccessKey"]
        of_oss = outputs["oss"]["PeerSecretArn"]
        account.write_secret(of_oss, key_of(created), outputs["a"]["QueueUrl"])
        account.write_secret(SECRET, self._ram_key, outputs["oss"]["QueueUrl"])
        bucket = f"arn:aws:s3:::{self.buckets['fed']}"
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": [bucket, f"{bucket}/*"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        account.write_secret(outputs["feed"]["PeerSecretArn"], account.new_key("fed", policy))
