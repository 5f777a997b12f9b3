"""The queries for CloudWatch Logs Insights that the template saves in an account."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

# The template is our own, so its layout is known.
_DEFINITION = re.compile(
    r"^    Type: AWS::Logs::QueryDefinition\n(?:^ {5,}.*\n|^    \w.*\n)*", re.MULTILINE
)
_NAME = re.compile(r"^      Name: .*/(.+)$", re.MULTILINE)
_TEXT = re.compile(r"^      QueryString: \|-?\n((?: {8}.*\n)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query and its name in an account, without the folder that carries the stack's name."""

    name: str
    text: str


def saved_queries(template: str) -> Iterator[SavedQuery]:
    """Yield the queries that a template's text defines, in its order."""
    for definition in _DEFINITION.finditer(template):
        name, text = _NAME.search(definition[0]), _TEXT.search(definition[0])
        if name and text:
            yield SavedQuery(name[1], textwrap.dedent(text[1]).rstrip())
