"""Limits on how much of a log file is read, and the messages where a limit is exceeded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from stillwatch.errors import Problem, UsageError

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
"""Bytes in each unit of size."""
SIZE = re.compile(r"(\d{1,15})\s*([KMGT]?)I?B?", re.IGNORECASE)  # a size: number and unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for one file, in bytes except `ratio`. All are chosen.

    * `line`: of a line, an element of an array, a message, or a cell. A larger one is quarantined; its
      neighbours are read.
    * `file`: of a file after decompression. The rest is not read.
    * `ratio`: decompressed to compressed bytes, beyond the first `FREE` bytes. Gzip cannot exceed 1032.
    """

    line: int = 32 << 20
    file: int = 256 << 30
    ratio: int = 10_000

    @property
    def suffix(self) -> str:
        """The limits that differ from the defaults, as text; a store records it, since more or less of a file
        is read under them.
        """
        changed = {name: value for name, value in asdict(self).items() if value != getattr(LIMITS, name)}
        return "".join(f" {name}={value}" for name, value in changed.items())

    def message(self, name: str, what: str) -> str:
        """The reason for not reading something because of the limit `name`, with the option that
        changes it.
        """
        limit = getattr(self, name)
        size = f"{limit:,} times" if name == "ratio" else size_of(limit)
        return f"{what} the limit of {size}, which --limit {name}=N changes"


LIMITS = Limits()  # the limits that hold where no `--limit` is given
FREE = 1 << 30  # decompressed bytes up to which `ratio` is not checked


def size_of(number: int) -> str:
    """A number of bytes as text, in the largest unit that divides it."""
    for unit in ("T", "G", "M", "K"):
        if number >= UNITS[unit] and number % UNITS[unit] == 0:
            return f"{number // UNITS[unit]} {unit}iB"
    return f"{number} bytes"


def limits_of(pairs: Iterable[str]) -> Limits:
    """Limits from `NAME=SIZE` pairs, such as `line=64MB`. Raises `UsageError` for anything else."""
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
