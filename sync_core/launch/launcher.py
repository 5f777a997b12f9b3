"""Launches both sites: change sets first, shown and agreed to, then everything that makes it run.

A site that is only fed has no stack, and one in another store has its stack in its peer's account.
Idempotent: what stands already is left as it is. What a failed first launch has made is taken away
again, on both sides; a failed update is rolled back by CloudFormation.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TypeVar

from sync_core.errors import DualwayError
from sync_core.launch.accounts import Account, Accounts, aws_errors
from sync_core.launch.artifacts import (
    artifact_bucket,
    ensure_bucket,
    package_key,
    remove_package,
    remove_packages,
    upload,
    url_of,
)
from sync_core.launch.changes import change_lines
from sync_core.launch.feed_user import ensure_feed_user, remove_feed_user
from sync_core.launch.keys import ensure_key_pair
from sync_core.launch.other_store import remove_sentinels
from sync_core.launch.removal import remove_site
from sync_core.launch.settings import LaunchSettings
from sync_core.launch.site_parameters import template_parameters
from sync_core.launch.stacks import LaunchedSite, Prepared, discard, execute, prepare
from sync_core.launch.store_secret import StoreSecret
from sync_core.launch.template import find_template
from sync_core.launch.waiting import Tell

Packages = Mapping[str, Path]
"""The packages of one side by the template parameter that names each: LambdaPackage, FleetPackage.
"""

BuildPackages = Callable[[Mapping[str, str]], Packages]
"""Makes the packages that a side needs, given its template parameters."""

Result = TypeVar("Result")

_MAX_BODY_BYTES = 51_200
"""A longer template has to be named by its URL (CloudFormation quotas, template body size)."""


def always() -> bool:
    """Agree to the changes without asking anybody."""
    return True


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch of a pair: what is wanted, where, and who is asked before it is done.

    `agree` is called when all changes were told; False leaves everything as it was. `secret` is
    that of the side that is not in AWS, if one is not.
    """

    settings: LaunchSettings
    accounts: Accounts
    build: BuildPackages
    tell: Tell = field(repr=False)
    agree: Callable[[], bool] = always
    secret: StoreSecret | None = None

    @property
    def launching(self) -> tuple[Account, ...]:
        """The accounts as the sites have them that get a stack."""
        return tuple(each for each in self.accounts if self.settings.has_stack(each.site))

    def stack_of(self, account: Account) -> str:
        """Return the name of the stack of a side."""
        return self.settings.stack_of(account.site)

    def parameters_of(self, account: Account) -> dict[str, str]:
        """Return the template parameters of a side, but those of the packages."""
        region = self.peer_of(account).bucket_region
        return template_parameters(self.settings, account.site, region, {})

    def peer_of(self, account: Account) -> Account:
        """Return the other account."""
        first, second = self.accounts
        return second if account is first else first


@dataclass(frozen=True, slots=True)
class _Upload:
    """What is to lie in an account's bucket of packages before its stack is made."""

    key: str
    path: Path


def launch(wanted: Launch) -> dict[str, LaunchedSite] | None:
    """Create or update the stacks and mirror the key pairs; return the sites by name.

    None when `agree` said no: nothing is left of it then. Raises ConfigError with the resources
    that failed first, and what `aws_errors` raises.
    """
    with ExitStack() as undo:
        for each in wanted.launching:
            _open_bucket(wanted, each, undo)
        uploads = {each.name: _uploads_of(wanted, each) for each in wanted.launching}
        prepared = at_once(wanted.launching, lambda each: _prepared(wanted, each, uploads, undo))
        for change in prepared:
            _tell_changes(change, wanted.tell)
        if not wanted.agree():
            return None
        undo.pop_all()
    sites = {site.name: site for site in _executed(wanted, prepared, uploads)}
    _connect(wanted, sites)
    return sites


def _connect(wanted: Launch, sites: Mapping[str, LaunchedSite]) -> None:
    """Give each side what it reaches the other with."""
    keyed = dict(sites)
    for account in wanted.accounts:
        if wanted.settings.needs_user(account.site):
            with aws_errors(account.name):
                name = wanted.settings.user_of(account.site)
                keyed[account.name] = ensure_feed_user(account, name, wanted.tell)
    for own, peer in mirrored(wanted.accounts, keyed):
        with aws_errors(own.name):
            ensure_key_pair(own, peer, wanted.tell)
    if wanted.secret is not None and len(sites) == len(wanted.accounts):
        wanted.secret.write(sites[wanted.secret.account.name].outputs["QueueUrl"])
        fed = wanted.peer_of(wanted.secret.account)
        with aws_errors(fed.name):
            # Before it went both ways, the pair may have been a feed.
            remove_feed_user(fed, wanted.settings.user_of(fed.site), wanted.tell)


def mirrored(
    accounts: Accounts, sites: Mapping[str, LaunchedSite]
) -> list[tuple[LaunchedSite, LaunchedSite]]:
    """Return sites with a dedicated user, each with the site whose secret has its key pair."""
    first, second = (sites.get(each.name) for each in accounts)
    if first is None or second is None:
        return []
    return [
        (own, peer)
        for own, peer in ((first, second), (second, first))
        if own.account.site.is_in_aws
    ]


def start_rounds(sites: Sequence[LaunchedSite], tell: Tell) -> None:
    """Start the first finder round of each site that has had none: the initial synchronisation."""
    for site in sites:
        machine = site.outputs.get("FinderStateMachineArn")
        if machine is None:
            tell(f"{site.name}: its worker, which runs elsewhere, compares both sides by itself")
            continue
        with aws_errors(site.name):
            states = site.account.client("stepfunctions")
            listed = states.list_executions(stateMachineArn=machine, maxResults=1)
            if not listed["executions"]:
                states.start_execution(stateMachineArn=machine, input="{}")
                tell(f"{site.name}: the first finder round has begun: what differs is made equal")


def at_once(accounts: Sequence[Account], work: Callable[[Account], Result]) -> tuple[Result, ...]:
    """Do the same for all sides at once; return the results in their order.

    All are waited for. Raises the error of one of them, joined with the other's, in the form that
    `aws_errors` gives it; any other exception as it is.
    """
    outcomes: dict[str, Result] = {}
    failures: dict[str, Exception] = {}

    def guarded(account: Account) -> None:
        try:
            with aws_errors(account.name):
                outcomes[account.name] = work(account)
        except Exception as error:  # noqa: BLE001 - raised again where all have ended
            failures[account.name] = error

    # Daemons, because who interrupts the command does not want to wait for CloudFormation.
    threads = [Thread(target=guarded, args=[each], daemon=True) for each in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [failures[each.name] for each in accounts if each.name in failures]
    if failed:
        raise _joined(failed) from failed[0]
    return tuple(outcomes[each.name] for each in accounts)


def _joined(errors: Sequence[Exception]) -> Exception:
    first, *others = errors
    ours = [each for each in others if isinstance(each, DualwayError)]
    if not isinstance(first, DualwayError) or not ours:
        return first
    (second,) = ours
    return type(first)(
        first.operation, f"{first.key}, {second.key}", f"{first.cause}; {second.cause}"
    )


def _open_bucket(wanted: Launch, account: Account, undo: ExitStack) -> None:
    """Have the bucket of packages, with its removal in `undo` if it was made."""
    with aws_errors(account.name):
        made = ensure_bucket(account)
    if made:
        undo.callback(remove_packages, account, wanted.stack_of(account))
        wanted.tell(f"{account.name}: the bucket of packages {artifact_bucket(account)} is made")


def _uploads_of(wanted: Launch, account: Account) -> dict[str, _Upload]:
    packages = wanted.build(wanted.parameters_of(account))
    return {
        name: _Upload(package_key(wanted.stack_of(account), path), path)
        for name, path in packages.items()
    }


def _prepared(
    wanted: Launch, account: Account, uploads: Mapping[str, Mapping[str, _Upload]], undo: ExitStack
) -> Prepared:
    stack = wanted.stack_of(account)
    packages = {name: each.key for name, each in uploads[account.name].items()}
    parameters = {
        **wanted.parameters_of(account),
        **packages,
        "ArtifactBucket": artifact_bucket(account),
    }
    prepared = prepare(account, stack, _template(account, stack, undo), parameters)
    undo.callback(_discard_quietly, prepared)
    return prepared


def _discard_quietly(prepared: Prepared) -> None:
    with aws_errors(prepared.account.name):
        discard(prepared)


def _template(account: Account, stack: str, undo: ExitStack) -> dict[str, str]:
    """Return the template as CloudFormation takes it, put into the bucket where it is too long."""
    path = find_template()
    text = path.read_text(encoding="utf-8")
    if len(text.encode()) <= _MAX_BODY_BYTES:
        return {"TemplateBody": text}
    key = package_key(stack, path)
    if upload(account, key, path):
        undo.callback(remove_package, account, key)
    return {"TemplateURL": url_of(account, key)}


def _tell_changes(prepared: Prepared, tell: Tell) -> None:
    account = prepared.account
    tell(
        f"{account.name}: stack {prepared.stack} in account {account.account_id}, {account.region}"
    )
    for line in change_lines(prepared.changes):
        tell(f"  {line}")


def _executed(
    wanted: Launch,
    prepared: Sequence[Prepared],
    uploads: Mapping[str, Mapping[str, _Upload]],
) -> tuple[LaunchedSite, ...]:
    by_name = {each.account.name: each for each in prepared}

    def work(account: Account) -> LaunchedSite:
        for each in uploads[account.name].values():
            upload(account, each.key, each.path)
        return execute(by_name[account.name], wanted.tell)

    is_new = False
    try:
        is_new = wanted.secret is not None and wanted.secret.write()
        return at_once(wanted.launching, work)
    except DualwayError:
        new = [each.account for each in prepared if each.is_new]
        _take_back(wanted, new)
        if wanted.secret is not None and new:
            remove_sentinels(wanted.secret, [each.name for each in new], wanted.tell)
        if wanted.secret is not None and is_new:
            wanted.secret.remove()
        raise


def _take_back(wanted: Launch, accounts: Sequence[Account]) -> None:
    """Remove what a failed launch has newly made; what cannot be removed is told."""
    for account in accounts:
        wanted.tell(f"{account.name}: the launch has failed; what it has made is taken away again")
        try:
            with aws_errors(account.name):
                stack, sites = wanted.stack_of(account), wanted.settings.names
                remove_site(account, stack, wanted.tell, sites=sites)
        except DualwayError as error:
            wanted.tell(f"{account.name}: {error.cause}; `dualway destroy` takes away the rest")
