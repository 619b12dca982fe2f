"""`stillwatch allow`: what the guard never acts upon."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.labelling import author_option, write_label
from stillwatch.cli.values import Existing


@click.command()
@click.argument("folder", type=Existing(file=False), metavar="RESULTS_OR_STATE")
@click.argument("target")
@click.option("--reason", required=True, metavar="TEXT", help="Reason of the label; shown in the report.")
@click.option(
    "--expires", metavar="DATE", default="", help="Last day of its validity. [default: until withdrawn]"
)
@author_option
@click.option("--json", "as_json", is_flag=True, help="Print the label as JSON.")
def allow(folder: Path, target: str, reason: str, expires: str, author: str, as_json: bool) -> None:
    r"""Exempt TARGET, as in `stillwatch label`, from every action of the guard, whatever the policy.

    \b
    Examples:
      stillwatch allow results/ organization:acme --reason "contract of 2026-05-01" --expires 2027-05-01
      stillwatch allow guard-state/ account:a17 --reason "our own test account"
    """
    write_label(folder, target, "allow", reason, expires, author, as_json=as_json)
