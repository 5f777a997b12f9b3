"""Stacks that stand where a pair with another store has its own, and belong to another pair.

Their names follow from the names of the sites, so that two files may name the same ones; and a pair
that goes one way now may have gone both ways before.
"""

from collections.abc import Sequence

from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, Accounts, aws_errors
from sync_core.launch.findings import Finding, Level
from sync_core.launch.settings import LaunchSettings
from sync_core.launch.stacks import launched

_NAMES = ("SiteName", "BucketName", "PeerSiteName", "PeerBucketName")
"""The template's outputs that tell which pair a stack belongs to, and which side of it."""

_BACK = "put the file back as it was, run `dualway destroy`, and then launch it as it is now"


def look_for_others(settings: LaunchSettings, accounts: Accounts) -> list[Finding]:
    """Return an error for each stack of another pair, and for that of a way that is given up.

    Nothing for two sites in AWS, which have an account each. Raises what `aws_errors` raises.
    """
    if settings.elsewhere is None:
        return []
    stacks = {settings.stack_of(each.site): each for each in accounts if _has_stack(settings, each)}
    both_ways = {f"{settings.stack}-{each.name}": each for each in accounts}
    found: list[Finding] = []
    for name, account in {**both_ways, **stacks}.items():
        with aws_errors(account.name):
            site = launched(account, name)
        told = {} if site is None else {each: site.outputs.get(each) for each in _NAMES}
        if told.get("SiteName") is None or (name in stacks and _is_of(settings, account, told)):
            continue
        whose = " ".join(f"{each} {told[each]}" for each in _NAMES)
        if any(_is_of(settings, each, told) for each in accounts):
            text = f"the stack {name} stands, of the same pair in another direction: {_BACK}"
        elif name in stacks:
            text = f"the stack {name} is another pair's ({whose}): give `stack` another name"
        else:
            continue
        found.append(Finding(account.name, Level.ERROR, text))
    return found


def refuse_others(settings: LaunchSettings, accounts: Accounts) -> None:
    """Raise ConfigError where `look_for_others` finds any; and what `aws_errors` raises."""
    found = look_for_others(settings, accounts)
    if found:
        raise ConfigError("look at the stacks", f"site {found[0].site}", _texts(found))


def _texts(findings: Sequence[Finding]) -> str:
    return "; ".join(each.text for each in findings)


def _has_stack(settings: LaunchSettings, account: Account) -> bool:
    return settings.has_stack(account.site)


def _is_of(settings: LaunchSettings, account: Account, told: dict[str, str | None]) -> bool:
    """Tell whether a stack's outputs are those of the site's stack; a missing one is no matter."""
    site, peer = account.site, settings.peer_of(account.site)
    wanted = (site.name, site.bucket, peer.name, peer.bucket)
    return all(told[name] in {None, value} for name, value in zip(_NAMES, wanted, strict=True))
