"""The interfaces of marks and provenance tests, and the search for them.

Each module defines one object of the module's own name: a mark in `marks/`, a test in `tests/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from stillwatch.errors import Problem, UsageError
from stillwatch.plugins import units
from stillwatch.stats.arrays import Floats, Uints

if TYPE_CHECKING:
    from stillwatch.prove.case import SuspectCase
    from stillwatch.prove.finding import SuspectFinding

Tensor = Any  # torch is imported only where a model is served


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark set while an answer is sampled.

    `score` turns each window's bits into a number with a known distribution under the null, of mean `mean`
    and standard deviation `sd`. `log_tail(total, n)` is ln P(sum of n scores >= total); `log_mgf(x)` is ln
    E exp(x score). `reshape` returns the log-probabilities to sample from. It takes log-probabilities and
    bits of the whole vocabulary, both of shape (rows, vocabulary), the strength, and a proxy student's
    probabilities where `needs_proxy`, else None. `width` is the context in tokens. `spares_repeats` says
    that a context which recurs within an answer is left unmarked.
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
    score: Callable[[Uints], Floats]
    log_tail: Callable[[float, int], float]
    log_mgf: Callable[[Floats], Floats]
    reshape: Callable[[Tensor, Tensor, float, Tensor | None], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceTest:
    """A test on a suspect.

    `missing` returns what the case lacks for the test, in a few words, or "". `keyed` tests have a null
    made by our own randomness; the nulls of the others are assumptions about innocent models. `assumes`
    lists what the test takes for granted, `removed_by` what removes the trace.
    """

    name: str
    asks: str
    null: str
    assumes: tuple[str, ...]
    keyed: bool
    removed_by: tuple[str, ...]
    source: str
    missing: Callable[[SuspectCase], str]
    test: Callable[[SuspectCase], list[SuspectFinding]]


@cache
def marks() -> dict[str, Mark]:
    """All marks by name."""
    from stillwatch.prove import marks as package

    return {mark.name: mark for mark in units(package, Mark)}


@cache
def provenance_tests() -> tuple[ProvenanceTest, ...]:
    """All tests: keyed ones first, then by name."""
    from stillwatch.prove import tests as package

    return tuple(sorted(units(package, ProvenanceTest), key=lambda test: (not test.keyed, test.name)))


def mark_named(name: str) -> Mark:
    """The mark of a name; raises `UsageError`, which lists the marks, for an unknown name."""
    if name not in marks():
        raise UsageError(Problem(fact=f"there is no mark `{name}`", found=name, expected=", ".join(marks())))
    return marks()[name]
