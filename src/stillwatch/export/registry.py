"""What an exporter says about itself, and how it is found.

An exporter is one module in `export/exporters` that defines one `Exporter` of the module's own name, or one that an entry point of
an installed package names (`EXPORTERS`). It reads a results folder and nothing else.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stillwatch.errors import Problem, UsageError, unknown
from stillwatch.export import exporters
from stillwatch.results.folder import check_results
from stillwatch.units import units

EXPORTERS = "stillwatch.exporters"
"""Group of entry points by which exporters of other packages are found."""

Write = Callable[[Path, Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """A form of results. `write(results, out)` reads the results folder and writes files into the empty folder `out`."""

    name: str
    title: str
    write: Write


def exporter(*, title: str) -> Callable[[Write], Exporter]:
    """Declare an exporter; the decorated function is its `write`."""

    def wrap(function: Write) -> Exporter:
        return Exporter(name=function.__name__, title=title, write=function)

    return wrap


@cache
def all_exporters() -> tuple[Exporter, ...]:
    """Every exporter, in the order of their names."""
    return units(exporters, Exporter, EXPORTERS)


def export(results: Path, name: str, out: Path) -> list[Path]:
    """Write the results in a form of this name into the new folder `out`; returns the files, sorted.

    Raises `UsageError` for another name and for a folder that exists, `StateError` where `results` is no results folder. `out` appears
    as a whole or not at all.
    """
    known = {one.name: one for one in all_exporters()}
    if name not in known:
        raise unknown("exporter", name, known)
    check_results(results)
    if out.exists():
        raise UsageError(Problem(fact=f"`{out}` exists", where=str(out), expected="a folder that is new"))
    work = out.parent / f".{out.name}.{secrets.token_hex(6)}"
    work.mkdir(parents=True)
    try:
        known[name].write(results, work)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return sorted(path for path in out.rglob("*") if path.is_file())
