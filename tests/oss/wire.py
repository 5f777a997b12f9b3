"""What goes over the wire: requests as they were sent, answers, refusals, and XML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
# What a listing may hold as character references, and what an XML parser would change.
_REFERENCES = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;"}


@dataclass(frozen=True)
class Answer:
    """An answer; HEAD's have no body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that the server does not carry out, with its status and OSS's code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message

    def answer(self) -> Answer:
        body = element("Code", self.code) + element("Message", self.message)
        return xml("Error", body, self.status)


@dataclass(frozen=True)
class Request:
    """A request in path style, `/bucket/key?query`; `target` is as it was sent.

    Names of headers are in lower case; a query's parameter without a value has the empty text.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def bucket(self) -> str:
        return unquote(self._path.partition("/")[0])

    @cached_property
    def key(self) -> str:
        try:
            return unquote(self._path.partition("/")[2], errors="strict")
        except UnicodeDecodeError as error:
            raise Refused(400, "InvalidObjectName", "the name is not UTF-8") from error

    @cached_property
    def query(self) -> Mapping[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def _path(self) -> str:
        return self.target.partition("?")[0].removeprefix("/")

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def number(self, name: str, default: int) -> int:
        """Return a number of the query; raises `Refused` for what is none."""
        text = self.query.get(name, str(default))
        if not text.isdecimal():
            raise Refused(400, "InvalidArgument", f"{name} is no number")
        return int(text)


def element(name: str, content: str | float) -> str:
    """Return an element that holds a text."""
    return f"<{name}>{escape(str(content), _REFERENCES)}</{name}>"


def around(name: str, inner: str) -> str:
    """Return an element that holds others."""
    return f"<{name}>{inner}</{name}>"


def xml(root: str, inner: str, status: int = 200) -> Answer:
    """Return an answer whose body is a document."""
    namespace = "" if root == "Error" else f' xmlns="{_NAMESPACE}"'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{namespace}>{inner}</{root}>'
    return Answer(status, text.encode(), {"Content-Type": "application/xml"})


def elements(body: bytes, name: str) -> list[dict[str, str]]:
    """Return the texts in each element of that name, by their own names."""
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise Refused(400, "MalformedXML", str(error)) from error
    return [
        {_bare(child.tag): child.text or "" for child in found}
        for found in root
        if _bare(found.tag) == name
    ]


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]
