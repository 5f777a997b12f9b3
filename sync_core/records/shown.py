"""What a listing needs of a record, as one short text: pure, and quick to read a million times.

    =<own lid> =<peer lid> - -                   `-`: the side is absent from the pair; `=`: its lid
    - - - -                                      is not known
    =<own lid> - open,conflict =<blocked>        an intent or a wait, and a conflict, are noted

A lid holds no space, since an etag cannot (RFC 9110, "ETag"); should one do so nevertheless, it is
percent-encoded. A word among the third that only a newer release knows is passed over.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import repeat
from urllib.parse import unquote

from sync_core.model import ListedRecord

_NONE = "-"
_OPEN = "open"
_CONFLICT = "conflict"

_USUAL = re.compile("=([^ %\n]*) =([^ %\n]*) - -\n")
_listed_record = partial(tuple.__new__, ListedRecord)


def to_shown(listed: ListedRecord) -> str:
    """Return the text for a record, without its key."""
    words = [_OPEN] * listed.is_open + [_CONFLICT] * listed.has_conflict
    state = ",".join(words) or _NONE
    return f"{_quoted(listed.own)} {_quoted(listed.peer)} {state} {_quoted(listed.blocked)}"


def from_shown(key: str, shown: str) -> ListedRecord:
    """Return the record of `key`; raises `ValueError` when the text is not of this form."""
    own, peer, state, blocked = shown.split(" ")
    if own[:1] == peer[:1] == "=" and state == blocked == _NONE and "%" not in shown:
        # Most records are like this one.
        return ListedRecord(key, own[1:], peer[1:])
    return ListedRecord(
        key,
        None if own == _NONE else _unquoted(own),
        None if peer == _NONE else _unquoted(peer),
        _OPEN in state,
        None if blocked == _NONE else _unquoted(blocked),
        _CONFLICT in state,
    )


def usual_records(keys: Sequence[str], shown: Sequence[str]) -> Iterator[ListedRecord] | None:
    """Return the records of these keys if all of the texts are of whole pairs and note nothing.

    None where one is not: then each is read on its own, which takes two or three times as long.
    """
    # What is not of such a text comes out between the lids: there has to be nothing.
    parts = _USUAL.split("\n".join(shown) + "\n")
    if len(parts) != 3 * len(shown) + 1 or any(parts[::3]):
        return None
    nothing_noted = map(repeat, ListedRecord("", None, None)[3:])
    return map(_listed_record, zip(keys, parts[1::3], parts[2::3], *nothing_noted, strict=False))


def _quoted(lid: str | None) -> str:
    return _NONE if lid is None else "=" + lid.replace("%", "%25").replace(" ", "%20")


def _unquoted(text: str) -> str:
    if text[:1] != "=":
        raise ValueError(f"{text!r} is neither a lid nor its absence")
    return unquote(text[1:]) if "%" in text else text[1:]
