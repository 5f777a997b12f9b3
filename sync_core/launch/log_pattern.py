"""What is looked for, as a filter pattern of CloudWatch Logs.

A pattern lets at least the wanted entries through; the exact choice is `Wanted.matches`, on what
comes back. So a value that the syntax cannot carry is cut, never dropped from the search.
Source: CloudWatch Logs user guide, Filter pattern syntax: a quoted phrase matches wherever it
stands in an event, of JSON or of text; a selector such as `$.key` compares a value of JSON, and an
asterisk at either end of the string stands for any text (in the middle it stands for itself).
"""

from collections.abc import Iterator

from sync_core.entries import Wanted

MOST_CHARACTERS = 1024
"""The longest pattern (API reference, FilterLogEvents)."""

_MOST_VALUE_CHARACTERS = 200
_SYNTAX = '"\\*'


def filter_pattern(wanted: Wanted) -> str:
    """Return the pattern for FilterLogEvents; "" matches every event."""
    terms = list(_field_terms(wanted))
    if not terms:
        # Unlike a selector, a phrase also finds lines of text, such as Lambda's `Task timed out`.
        phrase = _longest_plain(wanted.search)
        return f'"{phrase}"' if phrase else ""
    if text := _longest_plain(wanted.search):
        terms.insert(0, f'$.message = "*{text}*"')
    while len(pattern := "{ " + " && ".join(terms) + " }") > MOST_CHARACTERS:
        terms.remove(max(terms, key=len))
    return pattern


def _field_terms(wanted: Wanted) -> Iterator[str]:
    if wanted.key is not None and (key := _whole_or_beginning(wanted.key)):
        yield f'$.key = "{key}"'
    if reason := _longest_plain(wanted.reason):
        yield f'$.reason = "*{reason}*"'
    actions = [_whole_or_beginning(action) for action in wanted.actions]
    if actions and all(actions):
        either = " || ".join(f'$.action = "{action}"' for action in actions)
        yield f"({either})" if len(actions) > 1 else either


def _whole_or_beginning(value: str) -> str:
    """Return the value, or as much of it as can be written, with an asterisk for the rest."""
    plain = next(_plain_runs(value), "") if value and _is_plain(value[0]) else ""
    plain = plain[:_MOST_VALUE_CHARACTERS]
    return plain if plain == value or not plain else f"{plain}*"


def _longest_plain(text: str) -> str:
    """Return the longest part of the text that can be written; "" if there is none."""
    return max(_plain_runs(text), key=len, default="")[:_MOST_VALUE_CHARACTERS]


def _plain_runs(text: str) -> Iterator[str]:
    """Yield the parts of the text between those characters that cannot stand in a string."""
    yield from "".join(char if _is_plain(char) else "\0" for char in text).split("\0")


def _is_plain(char: str) -> bool:
    return char.isprintable() and char not in _SYNTAX
