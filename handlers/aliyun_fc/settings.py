"""The settings of the function, out of its environment variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

VARIABLES = (
    "QUEUE_URL",
    "REGION_NAME",
    "AWS_KEY_ID",
    "AWS_KEY_SECRET",
    "KMS_SECRET_NAME",
    "KMS_ENDPOINT",
    "TIMEOUT_SECONDS",
)
"""All that are looked at; README.md tells what each is for."""

_TIMEOUT_SECONDS = "8"
_AWS_HOST = re.compile(
    r"sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws|api\.amazonwebservices\.com\.cn)"
)
"""A queue's host, also over IPv6, in both partitions (AWS General Reference, SQS endpoints)."""


class SettingsError(ValueError):
    """A setting is missing or wrong; the text names it and says what to do."""


@dataclass(frozen=True)
class KeyPair:
    """An access key, with its token where it is a temporary one."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """Where to send, and as whom: with `key_pair` or, where that is None, with the secret in KMS.

    `kms_endpoint` is empty for the one of the function's own region.
    """

    queue_url: str
    region: str
    key_pair: KeyPair | None
    secret_name: str
    kms_endpoint: str
    timeout_seconds: float


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in VARIABLES; blanks around a value do not count.

    Raises SettingsError when one is missing or they contradict each other.
    """
    given = {name: environ.get(name, "").strip() for name in VARIABLES}
    queue_url = _required(given, "QUEUE_URL", "set it to the queue's URL as AWS shows it")
    secret_name = given["KMS_SECRET_NAME"]
    return Settings(
        queue_url,
        _region(queue_url, given["REGION_NAME"]),
        None if secret_name else _key_pair(given),
        secret_name,
        given["KMS_ENDPOINT"],
        _seconds(given["TIMEOUT_SECONDS"] or _TIMEOUT_SECONDS),
    )


def _required(given: Mapping[str, str], name: str, advice: str) -> str:
    if not given[name]:
        raise SettingsError(f"the environment variable {name} is missing: {advice}")
    return given[name]


def _key_pair(given: Mapping[str, str]) -> KeyPair:
    advice = "set it, or KMS_SECRET_NAME instead of AWS_KEY_ID and AWS_KEY_SECRET"
    return KeyPair(
        _required(given, "AWS_KEY_ID", advice), _required(given, "AWS_KEY_SECRET", advice)
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise SettingsError(f"TIMEOUT_SECONDS is {text!r}: set it to seconds, such as 8")
    return seconds


def _region(queue_url: str, given: str) -> str:
    """Return the region to sign for, after checking that it is the queue's."""
    url = urlsplit(queue_url)
    host = url.hostname or ""
    if url.scheme not in {"http", "https"} or not host:
        raise SettingsError(f"QUEUE_URL is {queue_url!r}: set it to the whole URL, https://sqs...")
    named = _AWS_HOST.fullmatch(host)
    region = named["region"] if named else given
    if not region:
        raise SettingsError(f"REGION_NAME is missing: set it, as {host} does not name the region")
    if given and given != region:
        raise SettingsError(f"REGION_NAME is {given!r}, and QUEUE_URL is in {region}: remove it")
    if named and url.scheme != "https":
        raise SettingsError("QUEUE_URL begins with http: set it to https")
    if named and region.startswith("cn-") is not host.endswith(".cn"):
        raise SettingsError(f"QUEUE_URL names {host}: set it to the queue's URL as AWS shows it")
    return region
