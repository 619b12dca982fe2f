"""Finds campaigns that harvest a language model's answers through its API."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

LAZY = {
    "Campaign": "library.results",
    "Results": "library.results",
    "Table": "library.table",
    "open_results": "library.results",
    "read": "flows.inspect",
    "scan": "library.calls",
    "score": "library.calls",
    "simulate": "library.calls",
    "sketch": "library.calls",
    "watch": "library.watching",
}
"""Public names, and the module of this package that defines each; it is imported when the name is first used.

Type checkers read the same names in `__init__.pyi`.
"""

__all__ = [  # noqa: PLE0604  names of `LAZY`
    "__version__",
    *LAZY,
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever is public
    if name not in LAZY:
        raise AttributeError(f"module `stillwatch` has no attribute `{name}`")
    value = getattr(importlib.import_module(f"stillwatch.{LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Type of the module `stillwatch`; keeps public functions from being replaced by subpackages.

    Python sets a subpackage as an attribute of its package when it is imported. Where a subpackage has the
    name of a public function (`sketch`, `simulate`, `watch`), the attribute remains the function. `from
    stillwatch.sketch import ...` still imports the subpackage.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in LAZY and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
