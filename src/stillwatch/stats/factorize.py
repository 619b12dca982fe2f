"""Numbers for the distinct values of integer arrays, and array keys for caches."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from stillwatch.stats.arrays import Ints

# Entries of the lookup table, at most, by which `codes` avoids sorting, or 8 per value where these are more.
ROOM = 1 << 22


def codes(values: npt.ArrayLike) -> tuple[Ints, int]:
    """Position of each value among the distinct values in rising order, and the number of distinct values."""
    given = np.asarray(values, np.int64)
    if len(given) == 0:
        return given, 0
    low = int(given.min())
    span = int(given.max()) - low + 1
    if span > max(ROOM, 8 * len(given)):
        some, place = np.unique(given, return_inverse=True)
        return np.asarray(place, np.int64), len(some)
    present = np.zeros(span, bool)
    present[given - low] = True
    place = np.cumsum(present) - 1
    return np.asarray(place[given - low], np.int64), int(place[-1]) + 1


def distinct(values: npt.ArrayLike) -> Ints:
    """The distinct values in rising order."""
    given = np.sort(np.asarray(values, np.int64))
    if len(given) == 0:
        return given
    return np.asarray(given[np.concatenate([[True], given[1:] != given[:-1]])])


Held = TypeVar("Held")


class Same(Generic[Held]):
    """Wraps an array, or an object of arrays, as a cache key that is compared by identity.

    Two wrappers are equal when they wrap the same object; its contents are not compared.
    """

    __slots__ = ("array",)

    def __init__(self, array: Held) -> None:
        self.array = array

    def __hash__(self) -> int:
        return id(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.array is other.array
