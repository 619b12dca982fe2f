"""What does a signal say about itself, and how is it found?

A signal is one module that defines one object of the module's own name. An *indicator* is a kind and a value
that accounts can share; a *group test* is evidence against a stated null about a group of accounts. A signal
says what it sees, never how much it counts: weights and thresholds live in `detect`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Literal

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from stillwatch.signals import group_tests, indicators

Family = Literal["identity", "rhythm", "division", "purpose"]
Rows = Callable[["Evidence"], pa.Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a signal states of itself; its page, its line in the report and its tests are made from this."""

    name: str
    measures: str
    null: str
    innocent: tuple[str, ...]
    evaded_by: str
    source: str
    reads: tuple[str, ...]

    @property
    def table(self) -> str:
        """The one table that the signal reads."""
        return self.reads[0].split(".", 1)[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be there for the signal to speak."""
        return tuple(name.split(".", 1)[1] for name in self.reads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A kind of value that accounts can share. `value` maps its table to a column, null where there is nothing."""

    card: Card
    value: Callable[[ir.Table], ir.Value]


FORBIDDEN = ("prompt", "response", "system_prompt")


def indicator(
    *, measures: str, innocent: tuple[str, ...], evaded_by: str, source: str, reads: tuple[str, ...], null: str = ""
) -> Callable[[Callable[[ir.Table], ir.Value]], Indicator]:
    """Declare an indicator; it may not read text, which only `sketch` may."""

    def wrap(function: Callable[[ir.Table], ir.Value]) -> Indicator:
        for name in reads:
            if name.split(".", 1)[1] in FORBIDDEN:
                raise TypeError(f"{function.__name__} reads text; text enters by sketch only")
        card = Card(
            name=function.__name__,
            measures=measures,
            null=null or "independent accounts share a value as often as its prevalence among all accounts",
            innocent=innocent,
            evaded_by=evaded_by,
            source=source,
            reads=reads,
        )
        return Indicator(card=card, value=function)

    return wrap


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


@cache
def all_indicators() -> tuple[Indicator, ...]:
    """Every indicator, in the order of their names."""
    found = []
    for module in _modules(indicators):
        name = module.__name__.rsplit(".", 1)[1]
        unit = getattr(module, name, None)
        if not isinstance(unit, Indicator):
            raise TypeError(f"{module.__file__} does not define an indicator named {name}")
        found.append(unit)
    return tuple(found)
