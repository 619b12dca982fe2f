"""`stillwatch verify`: is a package, or a log of seals, as it was made?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.errors import Problem, UsageError
from stillwatch.foreign import visible

if TYPE_CHECKING:
    from stillwatch.package.check import Verification

SHOWN = 10  # differences within the tolerance that are listed; chosen


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--public-key",
    "public",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Key (PEM) that must have signed.",
)
@click.option(
    "--tsa-certificates",
    "authorities",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificates (PEM) of time-stamping authorities that are trusted.",
)
@click.option(
    "--head",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Head of a log that was kept, with which the log must begin.",
)
@click.option(
    "--rescan",
    is_flag=True,
    help="Judge the sketches in the package again and compare all results; takes as long as a scan.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def verify(
    path: Path,
    public: Path | None,
    authorities: Path | None,
    head: Path | None,
    rescan: bool,
    as_json: bool,
) -> None:
    r"""Verify the package or the log of seals at PATH; exit code 0 where it is whole, 1 where it was changed,
    with each changed file named.

    \b
    Examples:
      stillwatch verify sealed.zip --public-key provider-public.pem
      stillwatch verify keyed/ --json
      stillwatch verify keyed/ --public-key provider-public.pem --rescan
      stillwatch verify seals.jsonl --head head-2026-05-01.json
    """
    from stillwatch.package.check import Trust, checked
    from stillwatch.package.seal import check_log, is_log

    log = is_log(path)
    for option, given, fits in (
        ("--head", head, log),
        ("--tsa-certificates", authorities, not log),
        ("--rescan", rescan or None, not log),
    ):
        if given is not None and not fits:
            raise UsageError(
                Problem(
                    fact=f"`{option}` is for {'packages' if log else 'logs of seals'}",
                    where=str(path),
                    found="a log of seals" if log else "no log of seals",
                    fix="stillwatch verify --help",
                )
            )
    trust = Trust(public=public, authorities=authorities)
    verdict, files = (check_log(path, trust, head), {}) if log else checked(path, trust)
    if rescan and verdict.is_whole:
        from stillwatch.flows.rescan import rescan as judge_again

        with bars(quiet=as_json) as progress:
            judge_again(files, verdict, progress)
    if as_json:
        print_json(asdict(verdict) | {"whole": verdict.is_whole})
    else:
        _print(verdict)
    if not verdict.is_whole:
        sys.exit(1)


def _print(verdict: Verification) -> None:
    """Print a verdict as lines of a label and a value."""
    apart = len(verdict.near)
    for name, value in (
        ("level", verdict.level),
        ("root", verdict.root),
        ("signed with", verdict.signed_by),
        ("time stamp", verdict.stamped_at),
        ("numbers", verdict.numbers and f"{verdict.numbers} follow from the tables"),
        ("dossiers", verdict.of_dossiers and f"{verdict.of_dossiers} numbers follow from the tables"),
        ("sketches", verdict.of_sketches and f"{verdict.of_sketches:,} values compared with a scan of them"),
        ("near", apart and f"{apart} of these values differ, within the tolerance"),
    ):
        if value:
            click.echo(f"{name:<12} {visible(value)}")
    for one in verdict.near[:SHOWN]:
        click.echo(f"{'near':<12} {visible(one.file)}: {visible(one.what, 300)}")
    if apart > SHOWN:
        click.echo(f"{'near':<12} and {apart - SHOWN} more: give --json")
    for note in (*verdict.notes, *(f"not derived: {one}" for one in verdict.not_derived)):
        click.echo(f"{'note':<12} {note}")
    for fault in verdict.faults:
        click.echo(f"{'CHANGED':<12} {visible(fault.file)}: {visible(fault.what, 300)}")
    click.echo("whole" if verdict.is_whole else "changed")
