"""`stillwatch report`: the page of a results folder, again."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.values import Existing


@click.command()
@click.argument("results", type=Existing(file=False))
@click.option("--json", "as_json", is_flag=True, help="Print the path of the page as JSON.")
def report(results: Path, as_json: bool) -> None:
    r"""Write report.html again from the tables in RESULTS.

    \b
    Example:
      stillwatch report results/
    """
    from stillwatch.report import page
    from stillwatch.results.folder import check_results

    check_results(results)
    written = page.write(results)
    if as_json:
        print_json({"report": str(written)})
    else:
        click.echo(str(written))
