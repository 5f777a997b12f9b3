"""What of a wheel goes into a package, and where it lies there: a function of its path alone."""

from pathlib import PurePosixPath

_NOT_RUN = {"tests", "test", "examples", "__pycache__"}
_NOT_READ = {".pyi", ".pyc", ".pyx", ".pxd", ".c", ".h"}
_NOT_USED = {"examples-1.json"}
_LIBRARIES = ("purelib", "platlib")
_SDKS = {"botocore", "boto3"}
_ABOUT = {"METADATA", "LICENSE", "LICENCE", "NOTICE", "COPYING"}
"""Files of a .dist-info that stay: version and licence, as inspectors of packages look for them.

Others, such as RECORD, describe an installation, and this is none.
"""

LAMBDA_SERVICES = frozenset(
    {"dynamodb", "iam", "s3", "secretsmanager", "sqs", "stepfunctions", "sts", "xray"}
)
"""Services, by botocore's names, that the functions make clients of.

The SDK of X-Ray makes its client while it is imported, even where tracing is disabled.
"""

FLEET_SERVICES = LAMBDA_SERVICES | {"cloudformation", "lambda", "logs"}
"""Those of every verb of the command line."""


def place_in_package(name: str, services: frozenset[str]) -> str | None:
    """Return the path in the package of a wheel's entry; None when nothing needs it there.

    Of botocore's and boto3's descriptions of services only those of `services` stay, with what all
    services share.
    """
    parts = PurePosixPath(name).parts
    if parts[0].endswith(".data"):
        # The binary distribution format: what is below these belongs beside everything else.
        if parts[1] not in _LIBRARIES:
            return None
        parts = parts[2:]
    is_needed = _is_about(parts) if parts[0].endswith(".dist-info") else _is_run(parts, services)
    return "/".join(parts) if is_needed else None


def _is_about(parts: tuple[str, ...]) -> bool:
    return parts[1] == "licenses" or PurePosixPath(parts[1]).stem in _ABOUT


def _is_run(parts: tuple[str, ...], services: frozenset[str]) -> bool:
    if _NOT_RUN & set(parts[:-1]) or PurePosixPath(parts[-1]).suffix in _NOT_READ:
        return False
    describes = parts[0] in _SDKS and parts[1:2] == ("data",) and parts[3:]
    return not describes or (parts[2] in services and parts[-1] not in _NOT_USED)
