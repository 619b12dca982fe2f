"""Discovery of units (signals, readers, exporters, policies) in this package and in installed plugins.

A unit of this package is an object in a module of the same name. A unit of another package is declared by an
entry point.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TypeVar

from stillwatch.errors import PluginError, Problem

Unit = TypeVar("Unit")


def units(package: ModuleType, kind: type[Unit], group: str = "") -> tuple[Unit, ...]:
    """All units of `package` and of the entry points in `group` (empty: none), sorted by name.

    `kind` is the class of a unit. Raises `TypeError` for a module of the package without a unit of its name,
    and `PluginError` for an entry point that cannot be loaded, is of another class, or has a name that is
    taken.
    """
    found: dict[str, Unit] = {}
    for name in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        module = importlib.import_module(f"{package.__name__}.{name}")
        unit = getattr(module, name, None)
        if not isinstance(unit, kind):
            raise TypeError(f"{module.__file__} does not define a {kind.__name__} named {name}")
        found[name] = unit
    for entry in _entries(group):
        if entry.name in found:
            raise _unusable(entry, "its name is taken", "another name")
        found[entry.name] = _loaded(entry, kind)
    return tuple(found[name] for name in sorted(found))


def _entries(group: str) -> Iterator[EntryPoint]:
    """Entry points of a group, sorted by name; duplicates from several folders of `sys.path` are dropped."""
    if group:
        yield from sorted(
            {(e.name, e.value): e for e in entry_points(group=group)}.values(), key=lambda e: e.name
        )


def _loaded(entry: EntryPoint, kind: type[Unit]) -> Unit:
    """The unit of an entry point. Raises `PluginError` where loading fails, or where the unit's class or
    own name is not the expected one.
    """
    try:
        unit = entry.load()
    except Exception as error:
        # A wrong declaration raises `TypeError`, whose message its author needs. Messages of other errors
        # may hold customers' text and are left out.
        found = (
            f"{type(error).__name__}: {error}"
            if isinstance(error, TypeError | ImportError)
            else type(error).__name__
        )
        raise _unusable(entry, found, "a module that can be imported") from error
    if not isinstance(unit, kind):
        raise _unusable(
            entry, f"an object of type {type(unit).__name__}", f"an object of type {kind.__name__}"
        )
    own = getattr(getattr(unit, "card", unit), "name", entry.name)
    if own != entry.name:
        raise _unusable(entry, f"a unit named `{own}`", "the name of the entry point")
    return unit


def _unusable(entry: EntryPoint, found: str, expected: str) -> PluginError:
    """The error for an entry point that cannot be used, with the name of its package."""
    package = entry.dist.name if entry.dist is not None else entry.value.partition(":")[0].partition(".")[0]
    return PluginError(
        Problem(
            fact=f"`{entry.name}` of the package `{package}` cannot be used",
            where=f"entry point `{entry.name} = {entry.value}` of `{entry.group}`",
            found=found,
            expected=expected,
            fix=f"mend or remove the package: pip uninstall {package}",
        )
    )
