"""`stillwatch demo`: simulate, scan, compare."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.score import score_table


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("stillwatch-demo"),
    show_default=True,
    help="Folder for world and results.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the world.")
@click.option("--json", "as_json", is_flag=True, help="Print the score as JSON.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def demo(out: Path, seed: int, as_json: bool, quiet: bool) -> None:
    r"""Make a world of 300,000 exchanges with three campaigns and every look-alike, scan it, and compare.

    \b
    Example:
      stillwatch demo --out stillwatch-demo/
    """
    from stillwatch.flows.demo import demo as run

    with bars(quiet=quiet or as_json) as progress:
        scored = run(out, seed, progress)
    if as_json:
        print_json(scored)
        return
    score_table(scored)
    click.echo(f"\nopen in a browser: {out / 'results' / 'report.html'}")
    click.echo(
        "its first table says why each group is what it is; docs/commands/report.md says how to work with it"
    )
