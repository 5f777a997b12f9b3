"""What the server answers: XML as in the documentation's examples, and plain text for a refusal.

A value that the asked-for encoding cannot hold within XML's rules is given in base64, under the
attribute's name with `_base64` added
(https://techdocs.akamai.com/netstorage-usage/reference/parse-xml-responses).
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self
from xml.sax.saxutils import quoteattr

from sync_core.local.netstorage.bodies import Body

Attributes = Mapping[str, bytes | int | str]

ENCODINGS = {"iso-8859-1": "iso-8859-1", "utf-8": "utf-8"}
DEFAULT_ENCODING = "iso-8859-1"

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Refusal(Exception):
    """The request is answered with `status` and `reason`, as unstructured text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `body` is text or a stored file, of which `span` (start, end) is sent."""

    status: int
    body: bytes | Body = b""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)
    span: tuple[int, int] | None = None

    @classmethod
    def refused(cls, refusal: Refusal) -> Self:
        """Return the answer to a request that is refused."""
        return cls(refusal.status, f"{refusal.reason}\n".encode())

    def halved(self) -> Self:
        """Return the same answer with half of its body."""
        if isinstance(self.body, bytes):
            return replace(self, body=self.body[: len(self.body) // 2])
        start, end = self.span or (0, self.body.size_bytes)
        return replace(self, span=(start, start + (end - start) // 2))

    @property
    def length_bytes(self) -> int:
        """How many bytes of body are sent."""
        if self.span is not None:
            return self.span[1] - self.span[0]
        return len(self.body) if isinstance(self.body, bytes) else self.body.size_bytes


class Document:
    """An XML document of one element and its empty children, in one encoding.

    Raises `Refusal` (400) for an encoding that is not offered.
    """

    def __init__(self, name: str, encoding: str, **attributes: bytes) -> None:
        found = ENCODINGS.get(encoding.lower())
        if found is None:
            raise Refusal(400, f"unsupported encoding={encoding}")
        self._encoding = found
        self._name = name
        self._opening = self._tag(name, attributes)
        self._children: list[str] = []

    def add(self, name: str, attributes: Attributes) -> None:
        """Add a child, with its attributes in the order given."""
        self._children.append(f"<{self._tag(name, attributes)}/>")

    def extend(self, name: str, children: Iterable[Attributes]) -> None:
        """Add a child of this name for each set of attributes."""
        for attributes in children:
            self.add(name, attributes)

    def answer(self) -> Answer:
        """Return the document as an answer."""
        text = "\n".join(
            [
                f'<?xml version="1.0" encoding="{self._encoding.upper()}"?>',
                f"<{self._opening}>",
                *self._children,
                f"</{self._name}>\n",
            ]
        )
        content_type = f"text/xml; charset={self._encoding}"
        return Answer(200, text.encode(self._encoding), content_type)

    def _tag(self, name: str, attributes: Attributes) -> str:
        return " ".join([name, *(self._attribute(*each) for each in attributes.items())])

    def _attribute(self, name: str, value: bytes | int | str) -> str:
        if isinstance(value, bytes):
            text = self._text(value)
            if text is None:
                return f'{name}_base64="{base64.b64encode(value).decode()}"'
            return f"{name}={quoteattr(text)}"
        return f"{name}={quoteattr(str(value))}"

    def _text(self, value: bytes) -> str | None:
        """Return a stored name as text, or None where the encoding or XML has none for it."""
        try:
            text = value.decode(self._encoding)
        except UnicodeDecodeError:
            return None
        return None if _NOT_XML.search(text) else text
