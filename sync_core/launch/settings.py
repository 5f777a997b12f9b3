"""What the operator wrote: the TOML file of a launch, read with exact errors.

    stack = "dualway"
    [a]
    profile = "acme-cn"
    region = "cn-north-1"
    bucket = "acme-data-cn"
    [b]
    profile = "acme-global"
    region = "us-west-2"
    bucket = "acme-data-global"
    [parameters]
    FinderSchedule = "rate(1 hour)"

The tables of the sites carry the sites' names; `[parameters]` is for both sites, `[a.parameters]`
for one. One of both may be in another store; its stack is in the account of the other side:

    [oss]
    store = "oss"
    region = "cn-hangzhou"
    bucket = "acme-data-oss"
    user_ids = ["262561392693583141"]

Key pairs are never read from this file.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sync_core.launch.setting_values import listed, nearest, text_of, unknown, value_of, wrong
from sync_core.launch.store_rules import refuse_unreachable
from sync_core.storage.dialects import AWS
from sync_core.storage.netstorage_access import NETSTORAGE

DEFAULT_STACK = "dualway"

_SITE_NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_TEXTS = ("store", "region", "bucket", "prefix", "endpoint_url")
_IN_AWS = (*_TEXTS, "profile", "parameters")
_ELSEWHERE = (*_TEXTS, "user_ids", "parameters")
_SITES = 2

TO_PEER = "ToPeer"
"""The template's Direction of a site that writes to the other one and takes nothing from it."""

SET_BY_LAUNCH = {
    "SiteName": "the name of the site's table",
    "BucketName": "`bucket` in the site's table",
    "Prefix": "`prefix` in the site's table",
    "PeerSiteName": "the name of the other site's table",
    "PeerBucketName": "`bucket` in the other site's table",
    "PeerPrefix": "`prefix` in the other site's table",
    "PeerRegion": "`region` in the other site's table",
    "StoreType": "`store` in the site's table",
    "StoreRegion": "`region` in the site's table",
    "StoreEndpoint": "`endpoint_url` in the site's table",
    "StoreCredentialsSecret": "the launch itself",
    "StoreUserIds": "`user_ids` in the site's table",
    "PeerStoreType": "`store` in the other site's table",
    "ArtifactBucket": "the launch itself",
    "LambdaPackage": "the launch itself",
    "FleetPackage": "the launch itself",
}
"""Template parameters that the file may not name, and where their values come from instead."""

SAME_ON_BOTH_SIDES = (
    "IncludeMetadata",
    "Exclude",
    "ConflictPolicy",
    "ObjectLock",
    "ServerSideCopy",
)
"""Template parameters for both sites, or none.

They decide what belongs to a pair, who wins, or what a site's dedicated user may do for the worker
of the other.
"""


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """One side as its table describes it.

    `region` and `profile` None: as the profile, or the SDK's own search, says. `endpoint_url`
    stands in place of AWS (an emulator). `parameters` are the template's, the common ones included.

    Where `store` is not aws, `region` and `endpoint_url` are the store's, and `bucket` is the CP
    code of NetStorage; `user_ids` are those of the users whose events are echoes.
    """

    name: str
    bucket: str
    profile: str | None = None
    region: str | None = None
    prefix: str = ""
    endpoint_url: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    store: str = AWS.name
    user_ids: str = ""

    @property
    def is_in_aws(self) -> bool:
        """Whether the bucket is in AWS."""
        return self.store == AWS.name

    @property
    def is_feeding(self) -> bool:
        """Whether it takes nothing from its peer, which then has no stack."""
        return self.parameters.get("Direction") == TO_PEER


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """Both sides, of which at most one is not in AWS, and the name that their stacks share."""

    sites: tuple[SiteSettings, SiteSettings]
    stack: str = DEFAULT_STACK

    @property
    def names(self) -> tuple[str, ...]:
        """The names of both sites."""
        return tuple(site.name for site in self.sites)

    def peer_of(self, site: SiteSettings) -> SiteSettings:
        """Return the other of both sites."""
        first, second = self.sites
        return second if site == first else first

    @property
    def elsewhere(self) -> SiteSettings | None:
        """The site whose bucket is not in AWS, if one is not."""
        return next((site for site in self.sites if not site.is_in_aws), None)

    def has_stack(self, site: SiteSettings) -> bool:
        """Tell whether a site has a stack: one that is only fed has none."""
        return not self.peer_of(site).is_feeding

    def stack_of(self, site: SiteSettings) -> str:
        """Return the name of a site's stack.

        Both share it in two accounts; in one each is named after its site, and that of a feed after
        the site that is elsewhere, of which there may be several beside one bucket.
        """
        if self.elsewhere is None:
            return self.stack
        is_feed = any(each.is_feeding for each in self.sites)
        return f"{self.stack}-{(self.elsewhere if is_feed else site).name}"

    def user_of(self, site: SiteSettings) -> str:
        """Return the name of the user of a site that `needs_user`, or would if it was fed."""
        return f"{self.secret_of(self.peer_of(site))}-{site.name}"

    def needs_user(self, site: SiteSettings) -> bool:
        """Tell whether a site in AWS is only fed, and by nobody with a secret of his own."""
        is_fed = site.is_in_aws and not self.has_stack(site)
        return is_fed and "PeerCredentialsSecret" not in self.peer_of(site).parameters

    def secret_of(self, site: SiteSettings) -> str:
        """Return the name of the secret with which the store of a site elsewhere is reached."""
        return f"{self.stack}-{site.name}"


def read_settings(path: Path, parameters: frozenset[str]) -> LaunchSettings:
    """Read the file; `parameters` are the names that the template knows.

    Raises ConfigError, naming table and name and saying what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = f"cannot be read ({error}); name the file with --config"
        raise wrong(str(path), cause) from error
    return parse_settings(text, parameters)


def parse_settings(text: str, parameters: frozenset[str]) -> LaunchSettings:
    """Return what the text of the file says; raises as `read_settings`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong("TOML", f"{error}; mend the file there") from error
    stack = text_of(document.pop("stack", DEFAULT_STACK), "stack")
    if not _STACK_NAME.fullmatch(stack):
        raise wrong("stack", "begin with a letter; then letters, digits and hyphens")
    common = _parameters(document.pop("parameters", {}), "[parameters]", parameters)
    sites = [_site(name, table, common, parameters) for name, table in document.items()]
    if len(sites) != _SITES:
        found = ", ".join(f"[{site.name}]" for site in sites) or "none"
        raise wrong("the file", f"give exactly two tables of sites, such as [a] and [b]: {found}")
    first, second = sites
    first, second = _directed(first, second), _directed(second, first)
    settings = LaunchSettings((first, second), stack)
    _refuse_odd_pairs(first, second)
    for site in settings.sites:
        if not settings.has_stack(site) and document[site.name].get("parameters"):
            cause = f"has no effect: {site.name} is only fed and has no stack; take it out"
            raise wrong(f"[{site.name}.parameters]", cause)
    return settings


def _directed(site: SiteSettings, peer: SiteSettings) -> SiteSettings:
    """Return the site; what has NetStorage for its peer can only feed it."""
    if peer.store != NETSTORAGE:
        return site
    if site.parameters.get("Direction", TO_PEER) != TO_PEER:
        raise wrong("Direction", f"has to be {TO_PEER}, or left out: {NETSTORAGE} is only fed")
    return replace(site, parameters={**site.parameters, "Direction": TO_PEER})


def _refuse_odd_pairs(first: SiteSettings, second: SiteSettings) -> None:
    if not (first.is_in_aws or second.is_in_aws):
        raise wrong("store", "is not aws on both sides: one of them has to be in AWS")
    if first.is_in_aws and second.is_in_aws:
        _refuse_one_bucket(first, second, is_one=first.endpoint_url == second.endpoint_url)
        _refuse_unlike(first, second)
        if first.is_feeding or second.is_feeding:
            cause = (
                "is ToPeer, but a launch makes both sites of a pair in AWS: a one-way feed there "
                "is one stack, launched by hand (cfn/README.md, one way)"
            )
            raise wrong("Direction", cause)
        return
    own, other = (first, second) if first.is_in_aws else (second, first)
    if other.is_feeding and (own.is_feeding or other.store == NETSTORAGE):
        cause = f"is ToPeer on the wrong side: give it to one site, and {NETSTORAGE} is only fed"
        raise wrong("Direction", cause)
    if not (own.is_feeding or other.is_feeding):
        # Both stacks are in one account, where metrics are kept by the bucket's name.
        _refuse_one_bucket(first, second, is_one=True)
        _refuse_unlike(first, second)
        if not other.user_ids:
            cause = "is missing: give the ids that the store's events tell for the key pair's user"
            raise wrong(f"[{other.name}] user_ids", cause)
    if not other.is_feeding:
        _refuse_own_way_to(other, own)


def _refuse_one_bucket(first: SiteSettings, second: SiteSettings, *, is_one: bool) -> None:
    if is_one and first.bucket == second.bucket:
        raise wrong(f"[{second.name}] bucket", f"is that of [{first.name}] too; name two buckets")


def _refuse_unlike(first: SiteSettings, second: SiteSettings) -> None:
    for name in SAME_ON_BOTH_SIDES:
        if first.parameters.get(name) != second.parameters.get(name):
            raise wrong(name, "has to be the same on both sides: move it to [parameters]")


def _refuse_own_way_to(other: SiteSettings, own: SiteSettings) -> None:
    """Refuse a second word on how the stack of `own` reaches the store of `other`."""
    for name, set_by in (
        ("PeerCredentialsSecret", "made by the launch itself"),
        ("PeerEndpoint", f"`endpoint_url` in [{other.name}]"),
    ):
        if name in own.parameters:
            instead = f"take it out here, or give it to [{other.name}.parameters] alone"
            raise wrong(name, f"of [{own.name}] is {set_by}; {instead}")


def _site(
    name: str, table: object, common: Mapping[str, str], parameters: frozenset[str]
) -> SiteSettings:
    where = f"[{name}]"
    if not isinstance(table, dict):
        known = ("stack", "parameters")
        raise wrong(name, f"is no name at the top{nearest(name, known)}; it may be {listed(known)}")
    if not _SITE_NAME.fullmatch(name):
        raise wrong(where, "a site's name is a small letter, then at most 15 of a-z, 0-9 and -")
    allowed = _IN_AWS if table.get("store", AWS.name) == AWS.name else _ELSEWHERE
    for each in table:
        if each not in allowed:
            raise wrong(f"{where} {each}", unknown(each, allowed))
    texts = {
        each: value_of(table[each], f"{where} {each}")
        if each == "user_ids"
        else text_of(table[each], f"{where} {each}")
        for each in table
        if each != "parameters"
    }
    if not texts.get("bucket"):
        raise wrong(f"{where} bucket", "is missing: name the bucket of this side, which exists")
    refuse_unreachable(where, texts)
    own = _parameters(table.get("parameters", {}), f"[{name}.parameters]", parameters)
    return SiteSettings(name, **texts, parameters={**common, **own})


def _parameters(table: object, where: str, known: frozenset[str]) -> dict[str, str]:
    if not isinstance(table, dict):
        raise wrong(where, "give a table of template parameters")
    for name in table:
        if name in SET_BY_LAUNCH:
            raise wrong(f"{where} {name}", f"is set by {SET_BY_LAUNCH[name]}; take it out here")
        if name not in known:
            raise wrong(f"{where} {name}", unknown(name, sorted(known - set(SET_BY_LAUNCH))))
    return {name: value_of(value, f"{where} {name}") for name, value in table.items()}
