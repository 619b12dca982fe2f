"""Declaration and discovery of exporters.

An exporter is one module in `export/exporters` that defines one `Exporter` of the module's name, or an object
named by an entry point of an installed package (`EXPORTERS`). It reads only a results folder.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from stillwatch.errors import Problem, UsageError, unknown
from stillwatch.export import exporters
from stillwatch.export.terms import Terms
from stillwatch.plugins import units
from stillwatch.results.folder import check_results

EXPORTERS = "stillwatch.exporters"
"""Entry point group for exporters of other packages."""

Write = Callable[[Path, Path, Terms], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """An export format. `write(results, out, terms)` reads the results folder and writes files into the empty
    folder `out`.

    `names_accounts` is whether accounts are named where the terms do not say; None for a format that copies
    the tables unchanged, to which terms do not apply.
    """

    name: str
    title: str
    write: Write
    names_accounts: bool | None


def exporter(*, title: str, names_accounts: bool | None = None) -> Callable[[Write], Exporter]:
    """Decorator that declares an exporter: the function becomes its `write`, the arguments are fields of
    `Exporter`.
    """

    def wrap(function: Write) -> Exporter:
        """Make the function an `Exporter`."""
        return Exporter(name=function.__name__, title=title, write=function, names_accounts=names_accounts)

    return wrap


@cache
def all_exporters() -> tuple[Exporter, ...]:
    """All exporters, sorted by name."""
    return units(exporters, Exporter, EXPORTERS)


def find(name: str) -> Exporter:
    """The exporter of this name. Raises `UsageError` for an unknown name."""
    known = {one.name: one for one in all_exporters()}
    if name not in known:
        raise unknown("exporter", name, known)
    return known[name]


def settled(one: Exporter, terms: Terms) -> Terms:
    """The terms with `with_accounts` set for this exporter. Raises `UsageError` where terms are given for a
    format to which none apply.
    """
    if one.names_accounts is None:
        if terms != Terms():
            raise UsageError(
                Problem(
                    fact=f"`{one.name}` writes the tables as they are",
                    where="--to",
                    expected="no option on accounts, marking, expiry, revocation or producer",
                )
            )
        return terms
    return terms if terms.with_accounts is not None else replace(terms, with_accounts=one.names_accounts)


def export(results: Path, name: str, out: Path, terms: Terms | None = None) -> list[Path]:
    """Write the results in the named format into the new folder `out`; returns the written files, sorted.

    Where the format is a single file and `out` has the same suffix, such as `.json`, `out` is that file.
    `out` is created completely or not at all. Raises `UsageError` for an unknown name, invalid terms, or
    where `out` exists; `StateError` where `results` is no results folder.
    """
    one = find(name)
    terms = settled(one, terms or Terms())
    check_results(results)
    if out.exists():
        raise UsageError(Problem(fact=f"`{out}` exists", where=str(out), expected="a folder that is new"))
    work = out.parent / f".{out.name}.{secrets.token_hex(6)}"
    work.mkdir(parents=True)
    try:
        one.write(results, work, terms)
        files = [path for path in work.rglob("*") if path.is_file()]
        if out.suffix and [path.suffix for path in files] == [out.suffix]:
            files[0].rename(out)
        else:
            work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return [out] if out.is_file() else sorted(path for path in out.rglob("*") if path.is_file())
