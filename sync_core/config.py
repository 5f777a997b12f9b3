"""The configuration of one deployment; the only place that reads the environment.

cfn/site.yaml sets these variables for the Lambda functions; a long-running worker is started with
the same ones. Everything wrong is told at once, with what to do about it.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sync_core.model import ConflictPolicy, Direction, Site, SitePair
from sync_core.parts import MIB
from sync_core.policies import (
    conflict_policy_of,
    delete_limits_of,
    direction_of,
    require_netstorage,
)
from sync_core.safety import DeleteLimits
from sync_core.storage.dialects import AWS, DIALECTS
from sync_core.storage.netstorage_access import NETSTORAGE
from sync_core.storage.s3_options import (
    CANNED_ACLS,
    ENCRYPTIONS,
    KMS,
    STORAGE_CLASSES,
    WriteOptions,
)
from sync_core.variables import (
    Variables,
    log_level,
    one_of,
    patterns,
    principal_ids,
    role_arn,
    url,
    whole,
    yes_or_no,
)


@dataclass(frozen=True, slots=True)
class Config:
    """What an operator has set.

    `peer_secret` names a Secrets Manager secret that holds the key pair of the peer's dedicated
    user; `echo_principal_ids` are the ids of the own store's dedicated user and of the stack's own
    role. `store` and `peer_store` say what kinds of store the buckets are in (see `dialects`; the
    peer's may be `netstorage`, where a bucket is a CP code, and directories are made explicit with
    `peer_directories`); an own one outside of AWS has a secret of its own, `store_secret`, and its
    stack is in `aws_region`. `endpoint_url` replaces AWS's endpoints in the own account,
    `store_endpoint_url` and `peer_endpoint_url` those of the objects. `receive_wait_seconds` is how
    long one receive waits for a message, and with it the longest that an idle worker takes to stop.
    `preferred_site` goes with the conflict policy `prefer`; `excluded` are patterns of keys (see
    `routing.is_excluded`). `finder_seconds` is the time from the beginning of one finder round to
    the next in a long-running worker; 0: it runs none. `finder_depth` and `finder_parallelism` say
    how a round is split into ranges of keys.

    `prefix_list` is the key, in the own bucket as a whole, of a list of the prefixes that take part
    (see `prefix_list`). Without `include_metadata` objects are copied without their headers and
    user metadata. `write_options` are given to objects written to the peer; with `requester_pays`
    requests to both buckets are paid by whoever sends them; with `object_lock` retention and legal
    hold go along with an object.

    Parts of objects from `shared_upload_bytes` on are sent by all workers together, if there is a
    `parts_table` to count them in; `upload_state_machine` watches over that. `part_concurrency` is
    how many parts one worker sends at once. With `server_side_copy` it is tried whether the peer's
    key pair can read the own bucket. `restore_days`: for how long archived objects are restored so
    that they can be copied; 0: they are left alone. `orphan_days`: uploads of our own that nobody
    has gone on with for so long are aborted; 0: never. `worker_role` is the ARN of the role that
    workers have, whose uploads to the own bucket are our own in a finder with another one too.
    """

    pair: SitePair
    queue_url: str
    dead_letter_queue_url: str
    records_table: str
    peer_secret: str
    echo_principal_ids: frozenset[str]
    endpoint_url: str | None = None
    peer_endpoint_url: str | None = None
    store: str = AWS.name
    peer_store: str = AWS.name
    peer_directories: bool = False
    store_secret: str | None = None
    store_endpoint_url: str | None = None
    aws_region: str | None = None
    visibility_timeout_seconds: int = 180
    receive_wait_seconds: int = 20
    grace_seconds: int = 60
    concurrency: int = 16
    pollers: int = 4
    log_level: str = "INFO"
    conflict_policy: ConflictPolicy = ConflictPolicy.KEEP_COPY
    preferred_site: str | None = None
    excluded: tuple[str, ...] = ()
    delete_limits: DeleteLimits = field(default_factory=DeleteLimits)
    finder_seconds: int = 3600
    finder_depth: int = 0
    finder_parallelism: int = 4
    direction: Direction = Direction.TWO_WAY
    prefix_list: str | None = None
    include_metadata: bool = True
    write_options: WriteOptions = field(default_factory=WriteOptions)
    requester_pays: bool = False
    object_lock: bool = False
    parts_table: str | None = None
    upload_state_machine: str | None = None
    shared_upload_bytes: int = 1024 * MIB
    part_concurrency: int = 16
    server_side_copy: bool = False
    restore_days: int = 0
    orphan_days: int = 7
    worker_role: str | None = None

    @property
    def account_region(self) -> str:
        """The region of the stack's queue, tables and secrets."""
        return self.aws_region or self.pair.own.region

    @property
    def epoch(self) -> str:
        """A text that changes with whatever makes the same buckets mean something else.

        What a list of prefixes says is known later, see `startup`.
        """
        sites = (self.pair.own, self.pair.peer)
        meaning: tuple[object, ...] = (
            sorted((site.name, site.bucket, site.prefix) for site in sites),
            sorted(self.excluded),
            self.conflict_policy.value,
            self.preferred_site,
        )
        # With their defaults these change nothing: what was approved stays approved.
        if self.direction is not Direction.TWO_WAY:
            meaning += (self.direction.value,)
        if not self.include_metadata:
            meaning += ("without metadata",)
        stores = {(self.pair.own.name, self.store), (self.pair.peer.name, self.peer_store)}
        if {kind for _, kind in stores} != {AWS.name}:
            meaning += (sorted(stores),)
        return hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> "Config":
        """Read the variables; raises `ConfigError` that names every missing or invalid one."""
        variables = Variables(environ)
        pair = SitePair(own=_site(variables, ""), peer=_site(variables, "PEER_"))
        if pair.own.name and pair.own.name == pair.peer.name:
            variables.complain("DUALWAY_PEER_SITE", "equals DUALWAY_SITE: give each site its name")
        policy, preferred_site = conflict_policy_of(variables, pair)
        config = Config(
            pair=pair,
            queue_url=variables.required("DUALWAY_QUEUE_URL", url, ""),
            dead_letter_queue_url=variables.required("DUALWAY_DEAD_LETTER_QUEUE_URL", url, ""),
            records_table=variables.required("DUALWAY_RECORDS_TABLE", str, ""),
            peer_secret=variables.required("DUALWAY_PEER_SECRET", str, ""),
            echo_principal_ids=variables.required(
                "DUALWAY_ECHO_PRINCIPAL_IDS", principal_ids, frozenset()
            ),
            endpoint_url=variables.optional("AWS_ENDPOINT_URL", url, None),
            conflict_policy=policy,
            preferred_site=preferred_site,
            excluded=variables.optional("DUALWAY_EXCLUDE", patterns, ()),
            prefix_list=variables.optional("DUALWAY_PREFIX_LIST", str, None),
            direction=direction_of(variables, pair, preferred_site),
            delete_limits=delete_limits_of(variables),
        )
        for complete in (_with_stores, _with_running, _with_objects, _with_uploads):
            config = complete(config, variables)
        if config.peer_store == NETSTORAGE:
            locks = config.object_lock
            require_netstorage(variables, pair, config.direction, has_object_lock=locks)
        variables.raise_complaints()
        return config


def adopt(changed: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
    """Change the process's environment as a whole: the SDK looks there for credentials too."""
    environ = dict(changed(dict(os.environ)))
    os.environ.clear()
    os.environ.update(environ)


def environment() -> Mapping[str, str]:
    """Return the process's environment, for who reads other variables than a deployment's."""
    return dict(os.environ)


def load() -> Config:
    """Read the configuration from the process's environment; see `Config.from_environment`."""
    return Config.from_environment(os.environ)


def _site(variables: Variables, role: str) -> Site:
    return Site(
        name=variables.required(f"DUALWAY_{role}SITE", str, ""),
        bucket=variables.required(f"DUALWAY_{role}BUCKET", str, ""),
        region=variables.required(f"DUALWAY_{role}REGION", str, ""),
        prefix=variables.optional(f"DUALWAY_{role}PREFIX", str, ""),
    )


def _with_stores(config: Config, variables: Variables) -> Config:
    """Set where the buckets are."""
    optional = variables.optional
    config = replace(
        config,
        store=optional("DUALWAY_STORE", one_of(*DIALECTS), AWS.name),
        store_secret=optional("DUALWAY_SECRET", str, None),
        store_endpoint_url=optional("DUALWAY_ENDPOINT_URL", url, None),
        aws_region=optional("DUALWAY_ACCOUNT_REGION", str, None),
        peer_store=optional("DUALWAY_PEER_STORE", one_of(*DIALECTS, NETSTORAGE), AWS.name),
        peer_endpoint_url=optional("DUALWAY_PEER_ENDPOINT_URL", url, None),
        peer_directories=optional("DUALWAY_PEER_DIRECTORIES", yes_or_no, False),  # noqa: FBT003 - the default
    )
    if config.store != AWS.name and config.store_secret is None:
        cause = f"is not set: name the secret with the key pair for the {config.store} bucket"
        variables.complain("DUALWAY_SECRET", cause)
    if config.store != AWS.name and config.aws_region is None:
        cause = "is not set: name the region of AWS in which queue, tables and secrets are"
        variables.complain("DUALWAY_ACCOUNT_REGION", cause)
    endpoints = (
        ("DUALWAY_ENDPOINT_URL", config.store, config.store_endpoint_url),
        ("DUALWAY_PEER_ENDPOINT_URL", config.peer_store, config.peer_endpoint_url),
    )
    for name, store, endpoint_url in endpoints:
        if endpoint_url is None and store in DIALECTS and DIALECTS[store].endpoint_template is None:
            variables.complain(name, f"is not set: no endpoint is known of {store} by itself")
    return config


def _with_running(config: Config, variables: Variables) -> Config:
    """Set how the worker and the finder run."""
    optional = variables.optional
    return replace(
        config,
        visibility_timeout_seconds=optional(
            "DUALWAY_VISIBILITY_TIMEOUT_SECONDS", whole(3, 43_200), 180
        ),
        receive_wait_seconds=optional("DUALWAY_RECEIVE_WAIT_SECONDS", whole(0, 20), 20),
        grace_seconds=optional("DUALWAY_GRACE_SECONDS", whole(0, 86_400), 60),
        concurrency=optional("DUALWAY_CONCURRENCY", whole(1, 1_000), 16),
        pollers=optional("DUALWAY_POLLERS", whole(1, 100), 4),
        log_level=optional("DUALWAY_LOG_LEVEL", log_level, "INFO"),
        finder_seconds=optional("DUALWAY_FINDER_SECONDS", whole(0, 604_800), 3600),
        finder_depth=optional("DUALWAY_FINDER_DEPTH", whole(0, 16), 0),
        finder_parallelism=optional("DUALWAY_FINDER_PARALLELISM", whole(1, 40), 4),
    )


def _with_objects(config: Config, variables: Variables) -> Config:
    """Set what of objects is copied, and how they are written."""
    optional = variables.optional
    options = WriteOptions(
        storage_class=optional("DUALWAY_STORAGE_CLASS", one_of(*STORAGE_CLASSES), None),
        acl=optional("DUALWAY_ACL", one_of(*CANNED_ACLS), None),
        encryption=optional("DUALWAY_SSE", one_of(*ENCRYPTIONS), None),
        kms_key_id=optional("DUALWAY_SSE_KMS_KEY_ID", str, None),
    )
    if options.kms_key_id is not None and options.encryption != KMS:
        cause = f"is set without {KMS}: set DUALWAY_SSE to {KMS}, or take the key id away"
        variables.complain("DUALWAY_SSE_KMS_KEY_ID", cause)
    return replace(
        config,
        include_metadata=optional("DUALWAY_INCLUDE_METADATA", yes_or_no, True),  # noqa: FBT003 - the default
        write_options=options,
        requester_pays=optional("DUALWAY_REQUESTER_PAYS", yes_or_no, False),  # noqa: FBT003 - the default
        object_lock=optional("DUALWAY_OBJECT_LOCK", yes_or_no, False),  # noqa: FBT003 - the default
    )


def _with_uploads(config: Config, variables: Variables) -> Config:
    """Set what becomes of large and of archived objects."""
    optional = variables.optional
    archived = optional("DUALWAY_ARCHIVED", one_of("skip", "restore"), "skip")
    restore_days = optional("DUALWAY_RESTORE_DAYS", whole(1, 365), 7)
    shared_mib = optional("DUALWAY_SHARED_UPLOAD_MIB", whole(8, 64 * MIB), 1024)
    return replace(
        config,
        parts_table=optional("DUALWAY_PARTS_TABLE", str, None),
        upload_state_machine=optional("DUALWAY_UPLOAD_STATE_MACHINE", str, None),
        shared_upload_bytes=shared_mib * MIB,
        part_concurrency=optional("DUALWAY_PART_CONCURRENCY", whole(1, 256), 16),
        server_side_copy=optional("DUALWAY_SERVER_SIDE_COPY", yes_or_no, False),  # noqa: FBT003 - the default
        restore_days=restore_days if archived == "restore" else 0,
        orphan_days=optional("DUALWAY_ORPHAN_DAYS", whole(0, 365), 7),
        worker_role=optional("DUALWAY_WORKER_ROLE", role_arn, None),
    )
