"""What the verbs print on that show tables and colours; the others do without the library."""

from rich.console import Console


def new_console() -> Console:
    """Return the console for standard output; keys and values are never taken for markup."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
