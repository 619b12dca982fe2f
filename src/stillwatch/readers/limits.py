"""How much of a log file is read, and what is said where that is not all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from stillwatch.errors import Problem, UsageError

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = re.compile(r"(\d{1,15})\s*([KMGT]?)I?B?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one file may cost. All sizes are in bytes and chosen.

    * `line`: of a line, an element of an array, a message, or a cell. What is larger is set aside; its
      neighbours are read.
    * `file`: of a file when it is decompressed. Its rest is not read.
    * `ratio`: of decompressed to compressed bytes, beyond the first `FREE` bytes. Gzip cannot exceed 1032.
    """

    line: int = 32 << 20
    file: int = 256 << 30
    ratio: int = 10_000

    @property
    def suffix(self) -> str:
        """What a store remembers of limits other than the usual ones, under which more or less of a file
        is read.
        """
        changed = {name: value for name, value in asdict(self).items() if value != getattr(LIMITS, name)}
        return "".join(f" {name}={value}" for name, value in changed.items())

    def told(self, name: str, what: str) -> str:
        """The reason for what is not read because of a limit, with the option that changes it."""
        limit = getattr(self, name)
        size = f"{limit:,} times" if name == "ratio" else size_of(limit)
        return f"{what} the limit of {size}, which --limit {name}=N changes"


LIMITS = Limits()
FREE = 1 << 30  # bytes below which no ratio is too high


def size_of(number: int) -> str:
    """A number of bytes in the largest unit that divides it."""
    for unit in ("T", "G", "M", "K"):
        if number >= UNITS[unit] and number % UNITS[unit] == 0:
            return f"{number // UNITS[unit]} {unit}iB"
    return f"{number} bytes"


def limits_of(pairs: Iterable[str]) -> Limits:
    """Limits from `NAME=SIZE` pairs, such as `line=64MB`; raises `UsageError` for anything else."""
    given: dict[str, int] = {}
    for pair in pairs:
        name, _sign, size = pair.partition("=")
        found = SIZE.fullmatch(size.strip())
        if name not in asdict(LIMITS) or found is None or int(found[1]) == 0:
            raise UsageError(
                Problem(
                    fact="`--limit` is not of the form NAME=SIZE",
                    found=pair,
                    expected=f"{', '.join(asdict(LIMITS))}, an equals sign, a number of bytes such as 64MB, "
                    f"or of times",
                    fix="stillwatch scan LOGS --limit line=64MB --out RESULTS",
                )
            )
        given[name] = int(found[1]) * UNITS[found[2].upper()]
    return replace(LIMITS, **given)
