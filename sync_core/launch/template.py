"""cfn/site.yaml as the launch needs it: its text and the names of its parameters."""

import re
from pathlib import Path

import sync_core
from sync_core.errors import ConfigError

_SECTION = re.compile(r"^Parameters:\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"^  (\w+):", re.MULTILINE)


def find_template() -> Path:
    """Return the path of cfn/site.yaml: it stands beside the package, in a checkout and installed.

    Raises ConfigError when it is missing.
    """
    path = Path(sync_core.__file__).resolve().parents[1] / "cfn" / "site.yaml"
    if not path.is_file():
        raise ConfigError("launch", str(path), "the template is missing; install dualway again")
    return path


def read_template() -> str:
    """Return the text of the template; raises ConfigError when it is missing."""
    return find_template().read_text(encoding="utf-8")


def parameter_names(text: str) -> frozenset[str]:
    """Return the names of the template's parameters.

    The template is our own, so its layout is known: the section's entries are indented by two.
    """
    section = _SECTION.search(text)
    return frozenset(_NAME.findall(section[1])) if section else frozenset()
