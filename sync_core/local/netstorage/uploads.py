"""An upload: its body, what it has to be equal to, and what the trailer says of it.

`md5`, `sha1`, `sha256` and `mtime` may be given as `atend`: their values are then in the trailer of
a chunked body, which repeats the three signed headers
(https://techdocs.akamai.com/netstorage-usage/reference/usage-details-for-upload).
"""

from collections.abc import Mapping
from email.message import Message
from pathlib import Path

from sync_core.local.netstorage.answers import Refusal
from sync_core.local.netstorage.bodies import Body, BodyWriter
from sync_core.local.netstorage.chunks import RequestBody
from sync_core.local.netstorage.signature import Gatekeeper, SignedAction

DIGESTS = ("md5", "sha1", "sha256")

_AT_END = "atend"
_MAY_BE_AT_END = {*DIGESTS, "mtime"}


def seconds(parameters: Mapping[str, str], default: int | None = None) -> int:
    """Return the `mtime` of an action; raises `Refusal` (400) where it is no number."""
    given = parameters.get("mtime")
    if given is None and default is not None:
        return default
    if given is None or not (given.isascii() and given.isdigit()):
        raise Refusal(400, "mtime has to be in seconds since 1970")
    return int(given)


def receive(body: RequestBody, signed: SignedAction, folder: Path) -> Body:
    """Take the body in; the caller owns what is returned.

    Raises ConnectionError where the client goes away before its end, `Refusal` (400) where it is
    malformed.
    """
    asked = frozenset(signed.parameters) & frozenset(DIGESTS)
    writer = BodyWriter(folder, asked)
    try:
        for piece in body.pieces():
            writer.write(piece)
    except BaseException:
        writer.discard()
        raise
    return writer.finish()


def final_parameters(
    signed: SignedAction, target: str, trailer: Message, gatekeeper: Gatekeeper
) -> Mapping[str, str]:
    """Return the parameters with what the trailer adds.

    Raises `Refusal`: 400 where the trailer is missing or says something else than the headers did,
    403 where it is not signed by the same account.
    """
    at_end = {name for name, value in signed.parameters.items() if value == _AT_END}
    if at_end - _MAY_BE_AT_END:
        raise Refusal(400, f"{sorted(at_end - _MAY_BE_AT_END)} cannot be given at the end")
    if not at_end:
        return signed.parameters
    if not trailer.keys():
        raise Refusal(400, f"{sorted(at_end)} should have come in a chunk trailer")
    final = gatekeeper.admit(target, trailer)
    if final.account != signed.account:
        raise Refusal(403, "the trailer is signed by another account")
    names = set(signed.parameters) | set(final.parameters)
    changed = {name for name in names if signed.parameters.get(name) != final.parameters.get(name)}
    if changed - at_end or _AT_END in final.parameters.values():
        raise Refusal(400, "the trailer has to repeat the action with the missing values")
    return final.parameters


def check(body: Body, parameters: Mapping[str, str]) -> None:
    """Compare a body with what it should be; raises `Refusal` (412), 400 for a malformed size."""
    size = parameters.get("size")
    if size is not None and not (size.isascii() and size.isdigit()):
        raise Refusal(400, "size has to be a number of bytes")
    if size is not None and int(size) != body.size_bytes:
        raise Refusal(412, f"size is {body.size_bytes} and not {size}")
    for name in DIGESTS:
        if name in parameters and parameters[name].lower() != body.digests[name]:
            raise Refusal(412, f"{name} is {body.digests[name]} and not {parameters[name]}")
