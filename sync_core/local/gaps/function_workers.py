"""Making a function in one account leaves the functions of other accounts running.

AWS: a function's name is unique in one account and region
(https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html, FunctionName).
Emulator: when CloudFormation makes a function, the running processes of every account's function of
that name are killed, in the middle of an invocation too; and two stacks of one name have functions
of the same names.
"""

from collections.abc import Callable
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("processes of functions with the same name in other accounts")


def install() -> None:
    """Have only processes of the caller's account and region ended."""
    account = _SEAM.take("core.responses", "get_account_id")
    region = _SEAM.take("core.responses", "get_region")

    def around(invalidate: Callable[..., None]) -> Callable[..., None]:
        def invalidate_here(function: str, **scope: Any) -> None:
            invalidate(function, **{"account": account(), "region": region(), **scope})

        return invalidate_here

    _SEAM.wrap("services.lambda_svc", "invalidate_worker", around)
