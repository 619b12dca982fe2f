"""`stillwatch inspect`: what a scan would make of logs, before it is run."""

from __future__ import annotations

from typing import Any

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.reading import mapping, reading_options
from stillwatch.cli.tables import said_of_reading, text_table
from stillwatch.foreign import visible

SHOWN = 20  # files that are described one by one: chosen


@click.command()
@click.argument("paths", nargs=-1, required=True)
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def inspect(
    paths: tuple[str, ...], pairs: tuple[str, ...], log_format: str, limits: tuple[str, ...], as_json: bool
) -> None:
    r"""Show what a scan would read at PATHS; nothing is written.

    For each file: its format and the reason for it, envelopes, records, rows, null values, quarantined rows
    and largest accounts. For the log: the signals that can be used, and the columns that others would need.

    \b
    Examples:
      stillwatch inspect logs/
      stillwatch inspect gateway.log.1 --map account_id=metadata.user
      zcat old.gz | stillwatch inspect -
      stillwatch inspect s3://bucket/logs/ --json
    """
    from stillwatch.flows.inspect import inspect as run
    from stillwatch.readers.limits import limits_of

    reading = run(paths, mapping(pairs), log_format, limits_of(limits))
    if as_json:
        print_json(reading)
    else:
        _print(reading)
    said_of_reading(reading)


def _print(reading: dict[str, Any]) -> None:
    """Print what a scan would read."""
    for one in reading["files"][:SHOWN]:
        _print_file(one)
    if len(reading["files"]) > SHOWN:
        click.echo(f"{len(reading['files']) - SHOWN:,} more files: --json has them all\n")
    click.echo(f"signals that can work on this log: {', '.join(reading['signals']) or 'none'}")
    if reading["would_need"]:
        click.echo("\ncolumns without a value, and the signals that would need them:\n")
        text_table(
            ("column", "signals"),
            [(name, ", ".join(signals)) for name, signals in reading["would_need"].items()],
        )


def _print_file(one: dict[str, Any]) -> None:
    """Print what would be read of one file."""
    click.echo(visible(one["path"], 200))
    if one["format"] is None:
        click.echo(f"  not read     {visible(one['why'], 400)}\n")
        return
    click.echo(f"  format       {one['format']}: {visible(one['why'], 200)}")
    if one["envelopes"]:
        click.echo(f"  envelopes    {', '.join(one['envelopes'])}")
    of = f"{one['accounts']:,} account{'' if one['accounts'] == 1 else 's'}"
    click.echo(
        f"  rows         {one['rows']:,} from {one['records']:,} record{'' if one['records'] == 1 else 's'}, "
        f"of {of}"
    )
    if one["rows"]:
        click.echo(f"  time         {one['first']} to {one['last']}")
        largest = ", ".join(f"{visible(name, 40)} {rows:,}" for name, rows in one["largest_accounts"].items())
        click.echo(f"  largest      {largest}")
        click.echo(f"  columns      {', '.join(one['filled'])}")
    for label, counts in (("set aside", one["quarantine_reasons"]), ("made null", one["nulled"])):
        if counts:
            click.echo(f"  {label:<12} " + "; ".join(f"{name} {number:,}" for name, number in counts.items()))
    if one["passed_over"]:
        click.echo(f"  passed over  {one['passed_over']:,} that are no exchanges")
    click.echo("")
