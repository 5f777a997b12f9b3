"""The proof that a launched pair synchronises: an object goes there, is recognised, and goes away.

What is written on one side has to arrive on the other with the same bytes; the worker there has to
recognise that as its peer's write (`Repeated transfer job!` in its log); and deleting it has to
delete it on both sides.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from sync_core.launch.accounts import code_of, is_denied
from sync_core.launch.keys import read_secret
from sync_core.launch.stacks import LaunchedSite
from sync_core.launch.waiting import Tell, wait_for
from sync_core.remote import NOT_MIRRORED
from sync_core.routing import is_excluded

PROOF_PREFIX = "dualway-proof/"
ECHO_LINE = "Repeated transfer job!"
"""What a worker logs for an event that its peer has caused (the reference's words)."""

WAIT_SECONDS = 300.0
FLEET_WAIT_SECONDS = 900.0
"""An instance has to start first."""

_PUT_AGAIN_SECONDS = 60.0
_MILLISECONDS = 1000
_CLOCK_MARGIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Proving:
    """One launched site and the template parameters with which it was launched."""

    site: LaunchedSite
    parameters: Mapping[str, str]

    @property
    def name(self) -> str:
        """The site's name."""
        return self.site.name

    @property
    def trigger(self) -> str:
        """The template's EventTrigger."""
        return self.parameters.get("EventTrigger", "CreateAndDelete")

    @property
    def runtime(self) -> str:
        """The template's WorkerRuntime."""
        return self.parameters.get("WorkerRuntime", "Lambda")

    @property
    def wait_seconds(self) -> float:
        """How long the worker of this site may take to do something."""
        return FLEET_WAIT_SECONDS if self.runtime == "EC2" else WAIT_SECONDS


def why_not(source: Proving, destination: Proving) -> str | None:
    """Return why there can be no proof from source to destination; None where there can be one."""
    if source.runtime == "Elsewhere":
        return f"the worker of {source.name} runs elsewhere (WorkerRuntime): start it, and try"
    if source.trigger == "No":
        return f"EventTrigger of {source.name} is No: only its finder sees changes"
    for each in (source, destination):
        patterns = tuple(each.parameters.get("Exclude", "").split(","))
        if each.parameters.get("PrefixListFile"):
            return f"PrefixListFile of {each.name} names the keys that take part: try one of them"
        if is_excluded(f"{PROOF_PREFIX}0", tuple(filter(None, map(str.strip, patterns)))):
            return f"Exclude of {each.name} excludes {PROOF_PREFIX}: try another key"
    return None


def prove(source: Proving, destination: Proving, tell: Tell) -> None:
    """Prove that changes of one side reach the other, and leave nothing behind.

    Raises `Overdue`, which says where to look, or ClientError.
    """
    reason = why_not(source, destination) or _without_key_pair(source, destination)
    arrow = f"{source.name} -> {destination.name}"
    if reason is not None:
        tell(f"{arrow}: no proof; {reason}")
        return
    key = PROOF_PREFIX + secrets.token_hex(8)
    probe = _Probe(source.site, destination.site, key)
    began = time.monotonic()
    try:
        probe.send(source.wait_seconds)
        tell(f"{arrow}: {key} has arrived after {time.monotonic() - began:.1f} s")
        _prove_echo(probe, destination, tell)
        if source.trigger == "CreateAndDelete":
            probe.delete(source.wait_seconds)
            tell(f"{arrow}: {key} is deleted on both sides")
    finally:
        probe.clear()


def _without_key_pair(source: Proving, destination: Proving) -> str | None:
    """Return what is to be done where an operator's own key pair is not in the secret yet."""
    if not destination.parameters.get("DedicatedUserId"):
        return None
    if read_secret(source.site).get("access_key_id", NOT_MIRRORED) != NOT_MIRRORED:
        return None
    return (
        f"the secret of {source.name} does not hold the key pair of {destination.name}'s "
        "dedicated user: write it there (cfn/README.md), and launch again"
    )


def _prove_echo(probe: "_Probe", destination: Proving, tell: Tell) -> None:
    group = destination.site.outputs.get("WorkerLogGroupName")
    if destination.runtime == "Elsewhere" or destination.trigger == "No" or not group:
        tell(f"{destination.name}: no proof of the recognised echo: its worker's log is not here")
        return
    try:
        probe.find_echo(group, destination.wait_seconds)
    except ClientError as error:
        if not is_denied(error):
            raise
        tell(f"{destination.name}: the profile may not read the log group {group}")
    else:
        tell(f"{destination.name}: its worker says {ECHO_LINE!r} of it: no loop")


class _Probe:
    """One object that goes from a source to a destination."""

    def __init__(self, source: LaunchedSite, destination: LaunchedSite, key: str) -> None:
        self._source = source
        self._destination = destination
        self._key = key
        self._body = f"proof of dualway: {key}\n".encode()
        self._since = time.time() - _CLOCK_MARGIN_SECONDS

    def send(self, within_seconds: float) -> None:
        """Put it until it has arrived: the first try may have met a key pair too young."""
        put_at = float("-inf")

        def look() -> bool | None:
            nonlocal put_at
            if time.monotonic() - put_at > _PUT_AGAIN_SECONDS:
                put_at = time.monotonic()
                s3 = self._source.account.client("s3")
                s3.put_object(**self._where(self._source), Body=self._body)
            return True if self._read(self._destination) == self._body else None

        wait_for(look, within_seconds, self._explained("the arrival of", self._destination))

    def find_echo(self, group: str, within_seconds: float) -> None:
        """Wait for the line of the destination's worker."""
        logs = self._destination.account.client("logs")

        def look() -> bool | None:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group,
                startTime=int(self._since * _MILLISECONDS),
                filterPattern=f'"{ECHO_LINE}"',
            )
            lines = (event["message"] for page in pages for event in page["events"])
            return True if any(self._key in line for line in lines) else None

        what = f"{ECHO_LINE!r} about {self._key} in the log group {group}"
        wait_for(look, within_seconds, f"{what} of site {self._destination.name}")

    def delete(self, within_seconds: float) -> None:
        """Delete it at the source and wait until it is gone on both sides."""
        self._source.account.client("s3").delete_object(**self._where(self._source))
        for site in (self._source, self._destination):
            what = self._explained("the deletion of", site)
            wait_for(partial(self._is_gone, site), within_seconds, what)

    def clear(self) -> None:
        """Delete it wherever it still is."""
        for site in (self._source, self._destination):
            if self._read(site) is not None:
                site.account.client("s3").delete_object(**self._where(site))

    def _is_gone(self, site: LaunchedSite) -> bool | None:
        return True if self._read(site) is None else None

    def _where(self, site: LaunchedSite) -> dict[str, str]:
        settings = site.account.site
        return {"Bucket": settings.bucket, "Key": settings.prefix + self._key}

    def _read(self, site: LaunchedSite) -> bytes | None:
        try:
            answer = site.account.client("s3").get_object(**self._where(site))
        except ClientError as error:
            if code_of(error) in {"NoSuchKey", "404"}:
                return None
            raise
        found: bytes = answer["Body"].read()
        return found

    def _explained(self, what: str, at: LaunchedSite) -> str:
        outputs = self._source.outputs
        group = outputs.get("WorkerLogGroupName", "its worker")
        return (
            f"{what} {self._key} in {at.account.site.bucket} (what went wrong stands in the log "
            f"group {group} of site {self._source.name} and in {outputs['DeadLetterQueueUrl']})"
        )
