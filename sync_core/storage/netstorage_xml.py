"""Reads what Akamai NetStorage answers to `stat`, `dir` and `list`.

The shapes are those of the Usage API, Parse XML responses:

    <stat directory="/123456/dir">
      <file type="file" name="f.txt" size="42" md5="<hex>" mtime="1524068379"/>
      <file type="dir" name="sub" bytes="0" files="1" mtime="1524068379" implicit="true"/>
      <file type="symlink" name="l" target="f.txt" mtime="1524068379"/>
    </stat>

    <list>
      <file type="file" name="123456/dir/f.txt" size="42" md5="<hex>" mtime="1524068379"/>
      <resume start="/123456/dir/next"/>
    </list>

Names that the answer's encoding cannot carry come as `name_base64` and `start_base64`; bytes of
them that are no UTF-8 become lone surrogates (PEP 383).
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

FILE = "file"
DIRECTORY = "dir"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in an answer: a FILE, a DIRECTORY or a symbolic link.

    `md5` is lower-case hex, "" where none is shown; `modified_at` is in epoch seconds.
    """

    kind: str
    name: str
    size_bytes: int
    md5: str
    modified_at: int


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a listing; `resume` is the path at which the next one begins, None: the end."""

    entries: Sequence[Entry]
    resume: str | None


def entries_of(answer: bytes) -> list[Entry]:
    """Return the entries of an answer to `stat` or `dir`; raises ValueError for any other text."""
    return [_entry(element) for element in _root(answer, "stat").iterfind("file")]


def page_of(answer: bytes) -> ListPage:
    """Return a page of an answer to `list`; raises ValueError for any other text."""
    root = _root(answer, "list")
    resume = root.find("resume")
    entries = [_entry(element) for element in root.iterfind("file")]
    return ListPage(entries, None if resume is None else _name(resume, "start"))


def _root(answer: bytes, tag: str) -> ET.Element:
    try:
        root = ET.fromstring(answer)  # noqa: S314 - of an authenticated server; expat bounds entities
    except ET.ParseError as error:
        raise ValueError(f"the answer is no XML: {error}") from error
    if root.tag != tag:
        raise ValueError(f"the answer is <{root.tag}> instead of <{tag}>")
    return root


def _entry(element: ET.Element) -> Entry:
    return Entry(
        kind=element.get("type", ""),
        name=_name(element, "name"),
        size_bytes=_number(element, "size"),
        md5=element.get("md5", "").lower(),
        modified_at=_number(element, "mtime"),
    )


def _name(element: ET.Element, attribute: str) -> str:
    plain, encoded = element.get(attribute), element.get(f"{attribute}_base64")
    if plain is not None:
        return plain
    if encoded is None:
        raise ValueError(f"<{element.tag}> has no {attribute}")
    try:
        return base64.b64decode(encoded, validate=True).decode(errors="surrogateescape")
    except binascii.Error as error:
        raise ValueError(f"{attribute}_base64 is none: {error}") from error


def _number(element: ET.Element, attribute: str) -> int:
    """Return a whole number; 0 where there is none, as links and directories have no size."""
    return int(element.get(attribute) or 0)
