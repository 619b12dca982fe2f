"""`stillwatch label`: say what is known of an account, a group or a value."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.labelling import author_option, write_label
from stillwatch.cli.values import Existing

VERDICTS = ("honest", "campaign", "withdrawn")  # values of the argument VERDICT


@click.command()
@click.argument("folder", type=Existing(file=False), metavar="RESULTS_OR_STATE")
@click.argument("target")
@click.option(
    "--verdict",
    type=click.Choice(VERDICTS),
    required=True,
    help="What TARGET is; `withdrawn` ends its label.",
)
@click.option("--reason", required=True, metavar="TEXT", help="Reason of the label; shown in the report.")
@click.option(
    "--expires", metavar="DATE", default="", help="Last day of its validity. [default: until withdrawn]"
)
@author_option
@click.option("--json", "as_json", is_flag=True, help="Print the label as JSON.")
def label(
    folder: Path, target: str, verdict: str, reason: str, expires: str, author: str, as_json: bool
) -> None:
    r"""Label TARGET honest or part of a campaign, in a results folder or in the state of a watch or guard.

    TARGET is a campaign (C1, or W0001 over scans), a lead, an account of one, or KIND:NAME: account:NAME,
    organization:NAME, key:NAME, indicator:KIND=VALUE, mark:EXPLANATION:KIND=VALUE. A label changes no table:
    reports show it, and the guard does nothing to what is honest.

    \b
    Examples:
      stillwatch label results/ C1 --verdict honest --reason "a class at the university"
      stillwatch label watch/ account:a17 --verdict campaign --reason "says so himself" --expires 2027-03-31
      stillwatch label results/ indicator:email_domain=uni.example --verdict honest --reason "a university"
      stillwatch label results/ C1 --verdict withdrawn --reason "not a class after all"
    """
    write_label(folder, target, verdict, reason, expires, author, as_json=as_json)
