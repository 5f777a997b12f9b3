"""How a gap takes hold of the emulator: by private names, each of them checked.

A new release of the emulator may rename anything. Then the cloud must not start with a part of its
behaviour missing; it must say which name is gone and what it was for.
"""

from collections.abc import Callable
from importlib import import_module, metadata
from types import ModuleType
from typing import Any

from sync_core.errors import ConfigError

Around = Callable[[Callable[..., Any]], Callable[..., Any]]


class EmulatorChanged(ConfigError):
    """The installed ministack is another one than a gap module was written for."""


class Seam:
    """The emulator as one gap may touch it.

    Modules are named without the leading `ministack.`. Every method raises EmulatorChanged when
    what it is to work on is missing.
    """

    def __init__(self, gap: str) -> None:
        self._gap = gap

    def take(self, module: str, name: str) -> Any:
        """Return an attribute of a module."""
        return self._get(self._module(module), name, f"ministack.{module}.{name}")

    def wrap(self, module: str, name: str, around: Around) -> None:
        """Replace a function of a module by what `around` makes of it."""
        setattr(self._module(module), name, around(self.take(module, name)))

    def put(self, module: str, name: str, value: object) -> None:
        """Replace a value of a module by one of the same type."""
        if type(self.take(module, name)) is not type(value):
            raise self._changed(f"ministack.{module}.{name}: {type(value).__name__}")
        setattr(self._module(module), name, value)

    def wrap_entry(self, module: str, table: str, key: str, around: Around) -> None:
        """Replace a function in a dispatch table of a module by what `around` makes of it."""
        entries = self.take(module, table)
        if key not in entries:
            raise self._changed(f"ministack.{module}.{table}[{key!r}]")
        entries[key] = around(entries[key])

    def _module(self, module: str) -> ModuleType:
        try:
            return import_module(f"ministack.{module}")
        except ModuleNotFoundError as error:
            raise self._changed(f"ministack.{module}") from error

    def _get(self, owner: object, name: str, shown: str) -> Any:
        try:
            return getattr(owner, name)
        except AttributeError as error:
            raise self._changed(shown) from error

    def _changed(self, name: str) -> EmulatorChanged:
        cause = (
            f"the gap {self._gap!r} needs {name}, which ministack {metadata.version('ministack')} "
            "does not have; install the version that pyproject.toml pins, or adapt the gap module"
        )
        return EmulatorChanged("start the local cloud", "ministack", cause)
