"""What does a mark or a provenance test say of itself, and how is it found?

One module, one object of the module's own name: a mark in `marks/`, a test in `tests/`. Nothing else is
touched to add one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stillwatch.errors import Problem, UsageError
from stillwatch.plugins import units

if TYPE_CHECKING:
    from stillwatch.prove.case import Case
    from stillwatch.prove.finding import SuspectFinding

Array = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint64]
Tensor = Any  # torch is imported by who serves a model, not by who tests text


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark set while an answer is sampled.

    `score` turns a window's bits into a number whose distribution under the null is known exactly: `log_tail`
    gives ln P(sum of n scores >= total), `log_mgf` ln E exp(x score). `reshape` gives the log-probabilities
    to sample from, of log-probabilities and bits of the whole vocabulary, both of shape (rows, vocabulary),
    the strength, and a proxy student's probabilities where `needs_proxy`. Marks without distortion leave a
    context that an answer repeats unmarked (`spares_repeats`).
    """

    name: str
    does: str
    price: str
    null: str
    removed_by: tuple[str, ...]
    source: str
    width: int
    strength: float
    spares_repeats: bool
    needs_proxy: bool = False
    mean: float
    sd: float
    score: Callable[[Bits], Array]
    log_tail: Callable[[float, int], float]
    log_mgf: Callable[[Array], Array]
    reshape: Callable[[Tensor, Tensor, float, Tensor | None], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceTest:
    """A test on a suspect: what it needs, what it takes for granted, and its function.

    `missing` says in a few words what the case lacks for it, or nothing. `keyed` tests have a null made by
    our own randomness; the others' nulls are assumptions about how innocent models behave.
    """

    name: str
    asks: str
    null: str
    assumes: tuple[str, ...]
    keyed: bool
    removed_by: tuple[str, ...]
    source: str
    missing: Callable[[Case], str]
    test: Callable[[Case], list[SuspectFinding]]


@cache
def marks() -> dict[str, Mark]:
    """All marks by name."""
    from stillwatch.prove import marks as package

    return {mark.name: mark for mark in units(package, Mark)}


@cache
def provenance_tests() -> tuple[ProvenanceTest, ...]:
    """All tests, those whose null we made ourselves first."""
    from stillwatch.prove import tests as package

    return tuple(sorted(units(package, ProvenanceTest), key=lambda test: (not test.keyed, test.name)))


def mark_named(name: str) -> Mark:
    """A mark; raises `UsageError` with the names there are."""
    if name not in marks():
        raise UsageError(Problem(fact=f"there is no mark `{name}`", found=name, expected=", ".join(marks())))
    return marks()[name]
