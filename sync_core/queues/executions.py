"""Executions of a state machine of Step Functions, one for each name."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sync_core.errors import ConfigError, Unavailable

_MISSING = ("StateMachineDoesNotExist", "InvalidArn")


class Executions:
    """Starts executions of the state machine `arn`; `client` is one of Step Functions."""

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Start the execution of that name, any text; one that was started before is no error.

        Raises `Unavailable`, and `ConfigError` where there is no such state machine.
        """
        # A name is good for ninety days and has 80 letters at most (API reference, StartExecution).
        letters = hashlib.sha256(name.encode()).hexdigest()
        try:
            self._client.start_execution(
                stateMachineArn=self._arn, name=letters, input=json.dumps(dict(given))
            )
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            if code == "ExecutionAlreadyExists":
                return
            kind = ConfigError if code in _MISSING else Unavailable
            raise kind("start execution", self._arn, str(error)) from error
        except BotoCoreError as error:
            raise Unavailable("start execution", self._arn, str(error)) from error
