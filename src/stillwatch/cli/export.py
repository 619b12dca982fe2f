"""`stillwatch export`: results in a form that another program reads."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.values import Existing, completing, exporter_names


@click.command()
@click.argument("results", type=Existing(file=False))
@click.option(
    "--to",
    "name",
    default="json_lines",
    show_default=True,
    metavar="NAME",
    shell_complete=completing(exporter_names),
    help="The exporter.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder for the files.")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
def export(results: Path, name: str, out: Path, as_json: bool) -> None:
    r"""Write the results folder RESULTS into a new folder, in the form of an exporter.

    Exporters are `json_lines` and those of installed packages (entry points of `stillwatch.exporters`).

    \b
    Example:
      stillwatch export results/ --to json_lines --out exported/
    """
    from stillwatch.export.registry import export as run

    files = run(results, name, out)
    if as_json:
        print_json({"exporter": name, "files": [str(path) for path in files]})
        return
    for path in files:
        click.echo(str(path))
