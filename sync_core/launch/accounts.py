"""The two accounts as the operator's profiles reach them, and what AWS's errors mean here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.loaders import Loader, create_loader

from sync_core.errors import AccessDenied, ConfigError, DualwayError, Throttled, Unavailable
from sync_core.launch.settings import LaunchSettings, SiteSettings
from sync_core.launch.store_rules import NO_REGION

NewClient = Callable[[str], Any]
"""Makes a boto3 client of a service, by boto3's name of it."""

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5})
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"}
_HTTP_SERVER_ERROR = 500
_DATE_RESOLUTION = timedelta(seconds=1)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Account:
    """One side's account: who the operator is there, and clients in the site's region.

    A site that is not in AWS has the account and the region of its peer: there stands its stack.
    `server_ahead_seconds` is how far AWS's clock is ahead of this machine's.
    """

    site: SiteSettings
    region: str
    account_id: str
    caller_arn: str
    new_client: NewClient = field(repr=False)
    server_ahead_seconds: float = 0.0

    @property
    def name(self) -> str:
        """The site's name."""
        return self.site.name

    @property
    def bucket_region(self) -> str:
        """The region of the bucket as its store names it, or that for which requests are signed."""
        return self.region if self.site.is_in_aws else self.site.region or NO_REGION

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service."""
        return self.new_client(service)


Accounts = tuple[Account, Account]


def open_accounts(settings: LaunchSettings) -> Accounts:
    """Reach both accounts with the operator's profiles, or the one of a pair with another store.

    Raises ConfigError where a profile or region is missing or both sides are one and the same, and
    what `aws_errors` raises where an account does not answer.
    """
    elsewhere = settings.elsewhere
    if elsewhere is not None:
        own = settings.peer_of(elsewhere)
        account = open_account(own, *_session(own))
        first, second = (replace(account, site=site) for site in settings.sites)
        return first, second
    first, second = (open_account(site, *_session(site)) for site in settings.sites)
    same = (first.account_id, first.region, settings.stack)
    if same == (second.account_id, second.region, settings.stack):
        cause = (
            f"[{first.name}] and [{second.name}] are account {first.account_id} in {first.region}, "
            "where one stack of this name has room; give the other table another profile or region"
        )
        raise ConfigError("reach the accounts", "profile", cause)
    return first, second


def open_account(site: SiteSettings, region: str, new_client: NewClient) -> Account:
    """Ask the account who the caller is; raises as `aws_errors`."""
    with aws_errors(site.name):
        sts = new_client("sts")
        asked_at = datetime.now(UTC)
        identity = sts.get_caller_identity()
        answered_at = datetime.now(UTC)
    date = identity["ResponseMetadata"]["HTTPHeaders"].get("date")
    return Account(
        site=site,
        region=region,
        account_id=identity["Account"],
        caller_arn=identity["Arn"],
        new_client=new_client,
        server_ahead_seconds=seconds_ahead(date, asked_at, answered_at) if date else 0.0,
    )


def seconds_ahead(date: str, asked_at: datetime, answered_at: datetime) -> float:
    """Return how far the clock that wrote an HTTP date is ahead of ours, as far as is certain.

    It was written, in whole seconds, between the two instants of our clock.
    """
    written_at = parsedate_to_datetime(date)
    if written_at > answered_at:
        return (written_at - answered_at).total_seconds()
    return min(0.0, (written_at + _DATE_RESOLUTION - asked_at).total_seconds())


def client_of_key_pair(account: Account, service: str, key_pair: tuple[str, str]) -> Any:
    """Return a client in the site's region that signs with a key pair, its id and its secret."""
    session = session_of_key_pair(key_pair, account.region)
    return _client(session, service, account.site.endpoint_url)


def session_of_key_pair(key_pair: tuple[str, str], region: str) -> Session:
    """Return a session that signs with a key pair, its id and its secret."""
    access_key_id, secret_access_key = key_pair
    return Session(
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        region_name=region,
        botocore_session=_botocore_session(),
    )


def code_of(error: ClientError) -> str:
    """Return the code of AWS's error, such as NoSuchBucket; "404" where the answer has no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_denied(error: ClientError) -> bool:
    """Tell whether the caller is not allowed to do what was asked."""
    return code_of(error) in {*_DENIED, "403"}


@contextmanager
def aws_errors(site: str) -> Iterator[None]:
    """Turn the SDK's errors into ours, naming site and operation; those of ours pass.

    Raises AccessDenied, Throttled, Unavailable (no answer, or a 5xx), or ConfigError for whatever
    else AWS refuses; the SDK's exception is chained.
    """
    try:
        yield
    except ClientError as error:
        what = f"{error.operation_name} on site {site}"
        raise _kind_of(error)("launch", what, str(error)) from error
    except BotoCoreError as error:
        raise Unavailable("launch", f"site {site}", str(error)) from error


def _kind_of(error: ClientError) -> type[DualwayError]:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if is_denied(error):
        return AccessDenied
    if code_of(error) in _THROTTLED:
        return Throttled
    return Unavailable if status >= _HTTP_SERVER_ERROR else ConfigError


def _session(site: SiteSettings) -> tuple[str, NewClient]:
    """Return the region of a site and what makes clients there."""
    where = f"[{site.name}]"
    try:
        session = Session(
            profile_name=site.profile,
            region_name=site.region,
            botocore_session=_botocore_session(),
        )
    except ProfileNotFound as error:
        cause = f"{error}; add it with `aws configure --profile {site.profile}`"
        raise ConfigError("reach the accounts", f"{where} profile", cause) from error
    region = session.region_name
    if not region:
        cause = "is missing in the file and in the profile; name the region of the bucket"
        raise ConfigError("reach the accounts", f"{where} region", cause)
    made: dict[str, Any] = {}
    # A client may be used by many threads, but a session makes clients for one at a time.
    lock = Lock()

    def new_client(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = _client(session, service, site.endpoint_url)
            return made[service]

    return region, new_client


def _botocore_session() -> botocore.session.Session:
    """Return a new session that reads the descriptions of services where others have them."""
    session = botocore.session.Session()
    loader = _loader(session.get_config_variable("data_path"))
    session.register_component("data_loader", loader)
    return session


@cache
def _loader(data_path: str | None) -> Loader:
    """Keep what was read: a session of its own reads and parses for a tenth of a second."""
    return create_loader(data_path)


def _client(session: Session, service: str, endpoint_url: str | None) -> Any:
    host = urlsplit(endpoint_url or "").hostname
    # No proxy leads to this machine. An empty mapping, unlike None, keeps botocore from asking.
    config = _CONFIG.merge(Config(proxies={})) if host in _LOOPBACK else _CONFIG
    return session.client(  # type: ignore[call-overload]
        service, endpoint_url=endpoint_url, config=config
    )
