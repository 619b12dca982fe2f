"""`stillwatch report`: the page of a results folder, again."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, file_okay=False))
def report(results: Path) -> None:
    r"""Write report.html again from the tables in RESULTS.

    \b
    Example:
      stillwatch report results/
    """
    from stillwatch.report import page

    click.echo(str(page.write(results)))
