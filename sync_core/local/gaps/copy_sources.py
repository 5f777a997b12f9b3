"""A copy may come from a bucket of another account.

AWS: whoever copies needs to be allowed to read the source, wherever it is
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
Emulator: checks that, and then looks for the source among the buckets of the destination's account.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("copies from another account")
_MODULE = "services.s3"


def install() -> None:
    """Lend the source's bucket to the destination's account for the time of the copy."""
    _SEAM.wrap(_MODULE, "_copy_object", _lending)
    _SEAM.wrap(_MODULE, "_upload_part_copy", _lending)


def source_of(headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the bucket and the key that a request wants to copy."""
    path = headers.get("x-amz-copy-source", "").partition("?")[0]
    name, _, key = unquote(path).lstrip("/").partition("/")
    return name, key


def _lending(copy: Callable[..., Any]) -> Callable[..., Any]:
    lent = _lender()

    def copied(*request: Any) -> Any:
        with lent(*source_of(request[-1])):
            return copy(*request)

    return copied


def _lender() -> Callable[[str, str], Any]:
    owner_of = _SEAM.take(_MODULE, "_bucket_owner_account")
    account_id = _SEAM.take("core.responses", "get_account_id")
    buckets = _SEAM.take(_MODULE, "_buckets")
    histories = _SEAM.take(_MODULE, "_object_versions")
    tags = _SEAM.take(_MODULE, "_object_tags")

    def entries(owner: str, name: str, key: str) -> list[tuple[Any, Any, Any]]:
        """Return all that the emulator has of the object: tables, indexes and values."""
        bucket = buckets.get_scoped(owner, None, name)
        version_id = bucket["objects"].get(key, {}).get("version_id")
        places = (buckets, name), (histories, (name, key)), (tags, (name, key, version_id))
        found = [(table, index, table.get_scoped(owner, None, index)) for table, index in places]
        return [entry for entry in found if entry[-1] is not None]

    @contextmanager
    def lent(name: str, key: str) -> Iterator[None]:
        owner = owner_of(name)
        borrowed = [] if owner in (None, account_id()) else entries(owner, name, key)
        for table, index, value in borrowed:
            table[index] = value
        try:
            yield
        finally:
            for table, index, _ in borrowed:
                del table[index]

    return lent
