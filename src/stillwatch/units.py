"""How are the units of an extension point found? A unit is one module of its package, which defines it under the module's own name."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

Unit = TypeVar("Unit")


def units(package: ModuleType, kind: type[Unit]) -> tuple[Unit, ...]:
    """Every unit of a package, in the order of their names; raises `TypeError` for a module that defines none."""
    found = []
    for name in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        module = importlib.import_module(f"{package.__name__}.{name}")
        unit = getattr(module, name, None)
        if not isinstance(unit, kind):
            raise TypeError(f"{module.__file__} does not define a {kind.__name__} named {name}")
        found.append(unit)
    return tuple(found)
