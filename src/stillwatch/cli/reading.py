"""The options that say how logs are read, the same for every command that reads some."""

from __future__ import annotations

import click

from stillwatch.cli.groups import Command
from stillwatch.cli.values import column_names, completing, format_names
from stillwatch.errors import Problem, UsageError

# Options that say how logs are read.
OPTIONS = (
    click.option(
        "--map",
        "pairs",
        multiple=True,
        metavar="COLUMN=NAME",
        shell_complete=completing(column_names),
        help="Your name for a contract column; repeatable.",
    ),
    click.option(
        "--format",
        "--mapping",
        "log_format",
        shell_complete=completing(format_names),
        default="auto",
        show_default=True,
        metavar="NAME|FILE.toml",
        help="Format of the logs, if it is not to be recognised: a name of `stillwatch formats`, or a "
        "mapping file for a log of your own.",
    ),
    click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=SIZE",
        help="Limits of one file: line (32MB), file (256GB, decompressed), ratio (10000) of "
        "decompression; repeatable.",
    ),
)


def reading_options(command: Command) -> Command:
    """Give a command `--map`, `--format` and `--limit`, as its arguments `pairs`, `log_format` and
    `limits`.
    """
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    """`column=their_name` pairs; raises `UsageError` for anything else."""
    names: dict[str, str] = {}
    for pair in pairs:
        column, sign, theirs = pair.partition("=")
        if not sign or not column or not theirs:
            raise UsageError(
                Problem(
                    fact="`--map` is not of the form column=their_name",
                    found=pair,
                    expected="a contract column, an equals sign, the name in your files",
                    fix="stillwatch scan LOGS --map timestamp=received_at --out RESULTS",
                )
            )
        names[column] = theirs
    return names
