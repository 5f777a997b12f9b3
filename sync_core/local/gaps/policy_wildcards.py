"""A wildcard in a policy matches every character of a key.

AWS: `*` stands for any combination of characters
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html), and a
key may hold any character of UTF-8.
Emulator: `*` does not match a line break, so a role may not touch a key that has one.
"""

import re
from collections.abc import Callable

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("wildcards in policies")

_Compile = Callable[[str, bool], "re.Pattern[str]"]


def install() -> None:
    """Compile each pattern so that its dots match line breaks too."""
    _SEAM.wrap("core.iam_evaluator", "_fnmatch_compile", _matching_line_breaks)


def _matching_line_breaks(compile_pattern: _Compile) -> _Compile:
    def compiled(pattern: str, ignore_case: bool) -> "re.Pattern[str]":  # noqa: FBT001 - its shape
        made = compile_pattern(pattern, ignore_case)
        return re.compile(made.pattern, made.flags | re.DOTALL)

    return compiled
