"""What a launch and its removal do in a store that is not AWS, and what is left to the operator."""

from collections.abc import Mapping, Sequence

from sync_core.errors import DualwayError
from sync_core.launch.findings import Finding, Level
from sync_core.launch.store_check import Row, opened, rows_of
from sync_core.launch.store_secret import StoreSecret
from sync_core.launch.waiting import Tell
from sync_core.model import Ability
from sync_core.provider_check import Verdict
from sync_core.sentinel import SENTINEL_PREFIX, sentinel_key
from sync_core.storage.dialects import DIALECTS
from sync_core.storage.netstorage_access import NETSTORAGE

_EVENTS = {
    "oss": "install the Function Compute package (handlers/aliyun_fc/README.md) with QUEUE_URL of",
    "cos": "have a cloud function of yours send each event, as it is, with sqs:SendMessage to",
    "kodo": "have an address of yours take its event notifications, and send each body as it is to",
    "minio": "have a target of its notifications, such as a webhook, send each body as it is to",
    "ceph": "have a target of its notifications, such as a webhook, send each body as it is to",
}
"""What brings a store's events to the queue whose URL follows (cfn/README.md)."""

_CREATING = {Ability.CREATES_IF_ABSENT, Ability.COMPLETES_IF_ABSENT}
_WITH_VERSIONS = (
    "not seen, as where the bucket has versioning: an object that a user creates in the moment of "
    "a transfer may be overwritten (cfn/README.md, what is weaker)"
)


def look_at_store(secret: StoreSecret) -> list[Finding]:
    """Return what there is to say of the store: its key pair, and what it does on its bucket."""
    site = secret.account.name
    try:
        access = secret.access()
        rows = rows_of(secret.place, access)
    except DualwayError as error:
        return [Finding(site, Level.ERROR, f"{secret.place.store}: {error}")]
    return judge_rows(secret, rows)


def judge_rows(secret: StoreSecret, rows: Sequence[Row]) -> list[Finding]:
    """Judge what was tried: whatever dualway cannot do without has to be seen."""
    site, place = secret.account.name, secret.place
    bad = [row for row in rows if row.verdict.is_bad]
    if not bad:
        does = f"{secret.source} opens {place.bucket} in {place.store}, which does what it should"
        return [Finding(site, Level.OK, does)]
    return [
        Finding(site, Level.WARNING, f"{place.store}: {row.finding.ability}: {_WITH_VERSIONS}")
        if _is_of_versions(place.store, row)
        else Finding(site, Level.ERROR, f"{place.store}: {row.finding.ability}: {_advice(row)}")
        for row in bad
    ]


def remove_sentinels(secret: StoreSecret, sites: Sequence[str], tell: Tell) -> None:
    """Delete these sites' sentinels in the store; that the store refuses to is told."""
    place, ours = secret.place, set(map(sentinel_key, sites))
    try:
        with opened(place, secret.access()) as store:
            for key in [each.key for each in store.list(SENTINEL_PREFIX) if each.key in ours]:
                store.delete(key)
    except DualwayError as error:
        keys = " and ".join(f"{place.prefix}{key}" for key in sorted(ours))
        tell(
            f"{secret.account.name}: delete {keys} in {place.bucket} by yourself, unless they are "
            f"gone, before a later launch: {error}"
        )


def steps_left(secret: StoreSecret, outputs: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return what is left to the operator; `outputs` are those of the stacks, by site."""
    own, place = secret.account.name, secret.place
    if place.store == NETSTORAGE:
        return [f"{own}: leave /{place.prefix}.dualway/ out of delivery: the guards need it"]
    lifecycle = (
        f"{own}: give {place.bucket} a lifecycle rule that aborts uploads in parts after a month: "
        "a worker that dies may leave some"
    )
    if own not in outputs:
        return [lifecycle]
    events = _EVENTS.get(place.store, "send its events, or the keys that have changed, to")
    told = f"{own}: {events} {outputs[own]['QueueUrl']}; until then the finder alone sees changes"
    return [told, lifecycle]


def _is_of_versions(store: str, row: Row) -> bool:
    """Tell whether a store's own header for creating was ignored, as it is in versioned buckets."""
    dialect = DIALECTS.get(store)
    has_own_header = dialect is not None and dialect.create_header is not None
    return has_own_header and row.finding.ability in _CREATING and row.verdict is Verdict.LESS


def _advice(row: Row) -> str:
    if row.verdict is Verdict.UNKNOWN:
        return f"not found out ({row.finding.detail}); allow the key pair to, and look again"
    return f"it does less than it should ({row.finding.detail}); choose another `store`"
