"""Sends events to the queue, each as a message of its own, or raises."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

from handlers.aliyun_fc.connection import Clock, Connection, NotSent
from handlers.aliyun_fc.settings import KeyPair, Settings, SettingsError
from handlers.aliyun_fc.signing import sign_for_alibaba, sign_for_sqs

MOST_ENTRIES = 10
MOST_BATCH_BYTES = 256 * 1024
"""What SQS takes in one request, of every age and in both partitions (SQS quotas)."""

SECRET_SECONDS = 300.0
"""So long a secret is not read again, unless a request fails meanwhile."""


def in_batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    """Yield message bodies, which are ASCII, in batches that SQS takes."""
    batch: list[str] = []
    for body in bodies:
        size_bytes = sum(map(len, batch)) + len(body)
        if batch and (len(batch) == MOST_ENTRIES or size_bytes > MOST_BATCH_BYTES):
            yield batch
            batch = []
        batch.append(body)
    if batch:
        yield batch


class Forwarder:
    """Sends to the queue of `settings`; it lives as long as an instance of the function."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._queue = Connection(settings.queue_url, settings.timeout_seconds, clock)
        self._secret: tuple[float, KeyPair] | None = None

    def send(self, events: Iterable[Any], context: Any) -> None:
        """Send each event as the one of `{"events": [event]}`.

        `context` is Function Compute's: its region and the credentials of the function's role are
        used where a secret has to be read. Raises NotSent, SettingsError, and what
        `Connection.post` raises, when a message is not known to be in the queue.
        """
        bodies = (json.dumps({"events": [event]}, separators=(",", ":")) for event in events)
        for batch in in_batches(bodies):
            try:
                self._send(batch, self._key_pair(context))
            except NotSent:
                # The key may have been replaced.
                self._secret = None
                raise

    def close(self) -> None:
        """Close the connection to the queue."""
        self._queue.close()

    def _send(self, batch: list[str], key_pair: KeyPair) -> None:
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(batch)]
        request = {"QueueUrl": self._settings.queue_url, "Entries": entries}
        body = json.dumps(request).encode()
        headers = sign_for_sqs(self._settings, key_pair, body, self._clock())
        answer = self._queue.post("/", headers, body)
        sent = {each.get("Id") for each in answer.get("Successful") or []}
        failed = answer.get("Failed") or []
        if failed or sent != {entry["Id"] for entry in entries}:
            reasons = ", ".join(sorted({str(each.get("Code")) for each in failed})) or "no reason"
            raise NotSent(f"SQS has taken {len(sent)} of {len(batch)} messages: {reasons}")

    def _key_pair(self, context: Any) -> KeyPair:
        if self._settings.key_pair is not None:
            return self._settings.key_pair
        now = self._clock()
        if self._secret is None or now - self._secret[0] > SECRET_SECONDS:
            self._secret = (now, self._read_secret(context))
        return self._secret[1]

    def _read_secret(self, context: Any) -> KeyPair:
        """Return the key in KMS (Key Management Service API, GetSecretValue)."""
        settings = self._settings
        endpoint = settings.kms_endpoint or f"https://kms.{context.region}.aliyuncs.com"
        query = f"SecretName={quote(settings.secret_name, safe='')}"
        headers = {
            "host": urlsplit(endpoint).netloc,
            "x-acs-action": "GetSecretValue",
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock())),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": "2016-01-20",
        }
        signed = sign_for_alibaba(headers, query, _role(context))
        signed["accept"] = "application/json"
        with closing(Connection(endpoint, settings.timeout_seconds, self._clock)) as kms:
            return _key_in(kms.post(f"/?{query}", signed, b""), settings.secret_name)


def _role(context: Any) -> KeyPair:
    found = context.credentials
    if not found or not found.access_key_id:
        raise SettingsError("KMS_SECRET_NAME is set and the function has no role: give it one")
    return KeyPair(found.access_key_id, found.access_key_secret, found.security_token or "")


def _key_in(answer: dict[str, Any], name: str) -> KeyPair:
    try:
        found = json.loads(answer["SecretData"])
        return KeyPair(_text(found["access_key_id"]), _text(found["secret_access_key"]))
    except (KeyError, TypeError, ValueError):
        # Without the cause, which may quote the secret.
        form = '{"access_key_id": "...", "secret_access_key": "..."}'
        raise SettingsError(f"the secret {name!r} holds no key: store {form} in it") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("it should be a text")
    return value
