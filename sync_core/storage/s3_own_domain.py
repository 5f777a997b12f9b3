"""Domains that users have bound to a bucket itself: OSS demands them of some, COS offers them.

OSS, Access OSS through a custom domain name; COS, Custom origin domains.
"""

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from sync_core.storage.dialects import Dialect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PROVIDERS = {
    "oss": (".aliyuncs.com",),
    "cos": (".myqcloud.com", ".tencentcos.cn", ".tencentcos.com"),
}
"""The providers' own domains, below which every other endpoint is, by dialect."""


def is_own_domain(dialect: Dialect, endpoint_url: str | None) -> bool:
    """Tell whether an endpoint names one bucket by itself; an address of numbers never does."""
    host = urlsplit(endpoint_url or "").hostname or ""
    provided = _PROVIDERS.get(dialect.name)
    return bool(host and provided) and not host.endswith(provided or ()) and not _is_number(host)


def leave_bucket_out(client: "S3Client") -> None:
    """Let a client with path addresses send them without the bucket."""
    client.meta.events.register_first("before-sign.s3", _leave_bucket_out)


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _leave_bucket_out(request: Any, **_: Any) -> None:
    parts = urlsplit(request.url)
    _, _, rest = parts.path.removeprefix("/").partition("/")
    request.url = urlunsplit(parts._replace(path=f"/{rest}"))
