"""How requests to both clouds are signed: pure functions of what is sent, by whom and when.

Both sign the same canonical form of a request, with other keys.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from handlers.aliyun_fc.settings import KeyPair, Settings


def sign_for_sqs(settings: Settings, key_pair: KeyPair, body: bytes, at: float) -> dict[str, str]:
    """Return the headers of a SendMessageBatch with this body, signed at `at` (epoch seconds).

    The request is a POST to `/` of the queue's host (AWS Signature Version 4; Amazon SQS Developer
    Guide, AWS JSON protocol).
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": urlsplit(settings.queue_url).netloc,
        "x-amz-date": stamp,
        "x-amz-target": "AmazonSQS.SendMessageBatch",
    }
    names, request = _canonical("", headers, body)
    scope = f"{stamp[:8]}/{settings.region}/sqs/aws4_request"
    key = f"AWS4{key_pair.secret}".encode()
    for part in scope.split("/"):
        key = _keyed(key, part)
    signature = _keyed(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{request}").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key_pair.key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers


def sign_for_alibaba(headers: Mapping[str, str], query: str, key_pair: KeyPair) -> dict[str, str]:
    """Return the headers of a POST to `/?query` without a body, signed (ACS3-HMAC-SHA256).

    `headers` are the host and those that begin with x-acs-, in lower case; `query` is encoded and
    sorted (Alibaba Cloud SDK documentation, V3 request structure and signature).
    """
    signed = {**headers, "x-acs-content-sha256": _hashed(b"")}
    if key_pair.token:
        signed["x-acs-security-token"] = key_pair.token
    names, request = _canonical(query, signed, b"")
    signature = _keyed(key_pair.secret.encode(), f"ACS3-HMAC-SHA256\n{request}").hex()
    signed["authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={key_pair.key_id},SignedHeaders={names},Signature={signature}"
    )
    return signed


def _canonical(query: str, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """Return the names of the signed headers, and the hash of the canonical request."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    return names, _hashed("\n".join(("POST", "/", query, lines, names, _hashed(body))).encode())


def _hashed(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
