"""Finds campaigns that harvest a language model's answers through its API."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

LAZY = {"read": "flows.inspect"}
"""Public names, and the module of this package that defines each; it is imported when the name is first used."""

__all__ = ["__version__", *LAZY]  # noqa: PLE0604  names of `LAZY`


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever is public
    if name not in LAZY:
        raise AttributeError(f"module `stillwatch` has no attribute `{name}`")
    return getattr(importlib.import_module(f"stillwatch.{LAZY[name]}"), name)
