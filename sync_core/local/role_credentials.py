"""A site's role for its worker, given out the way ECS gives a task its role.

The worker's SDK asks AWS_CONTAINER_CREDENTIALS_FULL_URI for credentials and asks again before they
expire (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html); so a
worker started here runs with no key pair of its own and under its role's policy alone.
"""

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from cachetools import TTLCache

from sync_core.local.clients import Clients
from sync_core.local.gateway import LOCAL_PREFIX, Application, Receive, Scope, Send, answer, header

SESSION_NAME = "worker"
_DURATION_SECONDS = 3600


class RoleCredentials:
    """The endpoint of one site's role, to be served at `path`; `token` is the caller's password.

    `clients` belong to someone who may assume the role.
    """

    def __init__(self, site: str, clients: Clients, role_arn: str) -> None:
        self.path = f"{LOCAL_PREFIX}credentials/{site}"
        self.token = secrets.token_urlsafe()
        self._sts = clients.client("sts")
        self._role_arn = role_arn
        # An SDK waits two seconds for its credentials, and many processes ask.
        self._given: TTLCache[str, Mapping[str, Any]] = TTLCache(1, _DURATION_SECONDS / 2)

    def environment(self, endpoint_url: str) -> dict[str, str]:
        """Return the variables with which an SDK in a subprocess finds this endpoint."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint_url}{self.path}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.token,
        }

    @property
    def application(self) -> Application:
        """The ASGI application; it answers 403 to a wrong or missing token."""
        return self._serve

    async def _serve(self, scope: Scope, _receive: Receive, send: Send) -> None:
        given = header(scope, b"authorization")
        if scope["method"] != "GET" or not hmac.compare_digest(given, self.token.encode()):
            await answer(send, 403, b'{"code": "AccessDenied", "message": "wrong token"}')
            return
        credentials = self._given.get(self._role_arn)
        if credentials is None:
            # In a thread, because the emulator that is asked runs on this event loop.
            credentials = await asyncio.to_thread(self._assume)
            self._given[self._role_arn] = credentials
        await answer(send, 200, json.dumps(credentials).encode())

    def _assume(self) -> Mapping[str, Any]:
        given = self._sts.assume_role(
            RoleArn=self._role_arn,
            RoleSessionName=SESSION_NAME,
            DurationSeconds=_DURATION_SECONDS,
        )["Credentials"]
        return {
            "RoleArn": self._role_arn,
            "AccessKeyId": given["AccessKeyId"],
            "SecretAccessKey": given["SecretAccessKey"],
            "Token": given["SessionToken"],
            "Expiration": given["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
