"""Launched sites for tests that never reach an account."""

from typing import Any, NoReturn

from sync_core.launch.accounts import Account
from sync_core.launch.settings import SiteSettings
from sync_core.launch.stacks import LaunchedSite


def launched_site(name: str, **outputs: Any) -> LaunchedSite:
    """Return a site that stands on paper; whoever asks its account for a client fails."""

    def no_client(service: str) -> NoReturn:
        raise AssertionError(f"the test needs no client of {service}")

    account = Account(
        site=SiteSettings(name, f"bucket-{name}"),
        region="us-west-2",
        account_id="111111111111",
        caller_arn="arn:aws:iam::111111111111:user/operator",
        new_client=no_client,
    )
    return LaunchedSite(account, outputs)
