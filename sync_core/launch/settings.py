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
for one. Key pairs are never read from this file.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync_core.errors import ConfigError

DEFAULT_STACK = "dualway"

_OPERATION = "read the launch configuration"
_SITE_NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_TEXTS = ("profile", "region", "bucket", "prefix", "endpoint_url")
_SITES = 2
_AWS = "aws"

SET_BY_LAUNCH = {
    "SiteName": "the name of the site's table",
    "BucketName": "`bucket` in the site's table",
    "Prefix": "`prefix` in the site's table",
    "PeerSiteName": "the name of the other site's table",
    "PeerBucketName": "`bucket` in the other site's table",
    "PeerPrefix": "`prefix` in the other site's table",
    "PeerRegion": "`region` in the other site's table",
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
    """

    name: str
    bucket: str
    profile: str | None = None
    region: str | None = None
    prefix: str = ""
    endpoint_url: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """Both sides and the name that their stacks share."""

    sites: tuple[SiteSettings, SiteSettings]
    stack: str = DEFAULT_STACK

    def peer_of(self, site: SiteSettings) -> SiteSettings:
        """Return the other of both sites."""
        first, second = self.sites
        return second if site == first else first


def read_settings(path: Path, parameters: frozenset[str]) -> LaunchSettings:
    """Read the file; `parameters` are the names that the template knows.

    Raises ConfigError, naming table and name and saying what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = f"cannot be read ({error}); name the file with --config"
        raise ConfigError(_OPERATION, str(path), cause) from error
    return parse_settings(text, parameters)


def parse_settings(text: str, parameters: frozenset[str]) -> LaunchSettings:
    """Return what the text of the file says; raises as `read_settings`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_OPERATION, "TOML", f"{error}; mend the file there") from error
    stack = _text(document.pop("stack", DEFAULT_STACK), "stack")
    if not _STACK_NAME.fullmatch(stack):
        raise _wrong("stack", "begin with a letter; then letters, digits and hyphens")
    common = _parameters(document.pop("parameters", {}), "[parameters]", parameters)
    sites = [_site(name, table, common, parameters) for name, table in document.items()]
    if len(sites) != _SITES:
        found = ", ".join(f"[{site.name}]" for site in sites) or "none"
        raise _wrong("the file", f"give exactly two tables of sites, such as [a] and [b]: {found}")
    first, second = sites
    if (first.bucket, first.endpoint_url) == (second.bucket, second.endpoint_url):
        raise _wrong(f"[{second.name}] bucket", f"is that of [{first.name}] too; name two buckets")
    _refuse_odd_pairs(first.parameters, second.parameters)
    return LaunchSettings((first, second), stack)


def _refuse_odd_pairs(first: Mapping[str, str], second: Mapping[str, str]) -> None:
    for name in SAME_ON_BOTH_SIDES:
        if first.get(name) != second.get(name):
            raise _wrong(name, "has to be the same on both sides: move it to [parameters]")
    for name in ("StoreType", "PeerStoreType"):
        if {first.get(name, _AWS), second.get(name, _AWS)} != {_AWS}:
            cause = (
                "is not aws, but a launch makes two sites in AWS: a pair with another store is two "
                "stacks, launched by hand (cfn/README.md, stores that are not AWS)"
            )
            raise _wrong(name, cause)
    if "ToPeer" in {first.get("Direction"), second.get("Direction")}:
        cause = (
            "is ToPeer, but a launch makes both sites of a pair: a one-way feed is one stack, "
            "launched by hand (cfn/README.md, one way)"
        )
        raise _wrong("Direction", cause)


def template_parameters(
    site: SiteSettings, peer: SiteSettings, peer_region: str, packages: Mapping[str, str]
) -> dict[str, str]:
    """Return all parameters with which the template is launched for `site`.

    `packages` are ArtifactBucket, LambdaPackage and, where there is one, FleetPackage.
    """
    return {
        **({"PeerEndpoint": peer.endpoint_url} if peer.endpoint_url else {}),
        **site.parameters,
        **packages,
        "SiteName": site.name,
        "BucketName": site.bucket,
        "Prefix": site.prefix,
        "PeerSiteName": peer.name,
        "PeerBucketName": peer.bucket,
        "PeerPrefix": peer.prefix,
        "PeerRegion": peer_region,
    }


def _site(
    name: str, table: object, common: Mapping[str, str], parameters: frozenset[str]
) -> SiteSettings:
    where = f"[{name}]"
    if not isinstance(table, dict):
        known = ("stack", "parameters")
        raise _wrong(
            name, f"is no name at the top{_nearest(name, known)}; it may be {_list(known)}"
        )
    if not _SITE_NAME.fullmatch(name):
        raise _wrong(where, "a site's name is a small letter, then at most 15 of a-z, 0-9 and -")
    for each in table:
        if each not in (*_TEXTS, "parameters"):
            raise _wrong(f"{where} {each}", _unknown(each, (*_TEXTS, "parameters")))
    texts = {each: _text(table[each], f"{where} {each}") for each in _TEXTS if each in table}
    if not texts.get("bucket"):
        raise _wrong(f"{where} bucket", "is missing: name the bucket of this side, which exists")
    own = _parameters(table.get("parameters", {}), f"[{name}.parameters]", parameters)
    return SiteSettings(name, **texts, parameters={**common, **own})


def _parameters(table: object, where: str, known: frozenset[str]) -> dict[str, str]:
    if not isinstance(table, dict):
        raise _wrong(where, "give a table of template parameters")
    for name in table:
        if name in SET_BY_LAUNCH:
            raise _wrong(f"{where} {name}", f"is set by {SET_BY_LAUNCH[name]}; take it out here")
        if name not in known:
            raise _wrong(f"{where} {name}", _unknown(name, sorted(known - set(SET_BY_LAUNCH))))
    return {name: _parameter(value, f"{where} {name}") for name, value in table.items()}


def _parameter(value: object, where: str) -> str:
    """Return a value as CloudFormation takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return ",".join(_text(each, where) for each in value)
    return _text(value, where)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, f"is {value!r}: write it in quotes, as a text")
    return value


def _unknown(name: str, known: "tuple[str, ...] | list[str]") -> str:
    return f"is unknown{_nearest(name, known)}; it may be {_list(known)}"


def _nearest(name: str, known: "tuple[str, ...] | list[str]") -> str:
    lowered = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), lowered, n=1)
    return f" (did you mean {lowered[found[0]]}?)" if found else ""


def _list(names: "tuple[str, ...] | list[str]") -> str:
    return ", ".join(names)


def _wrong(where: str, cause: str) -> ConfigError:
    return ConfigError(_OPERATION, where, cause)
