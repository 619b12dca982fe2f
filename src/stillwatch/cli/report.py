"""`stillwatch report`: the page of a results folder, again."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.reading import mapping, reading_options
from stillwatch.cli.values import Existing
from stillwatch.errors import Problem, UsageError


@click.command()
@click.argument("results", type=Existing(file=False))
@click.option(
    "--show-prompts",
    "logs",
    multiple=True,
    metavar="LOGS",
    help="Logs from which the texts that most members sent are read and shown; repeatable. Nothing is "
    "judged again.",
)
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print the path of the page as JSON.")
def report(
    results: Path,
    logs: tuple[str, ...],
    pairs: tuple[str, ...],
    log_format: str,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    r"""Write report.html again from the tables in RESULTS.

    Customers' text is on the page only with --show-prompts, and in no table; only the page is written.

    \b
    Examples:
      stillwatch report results/
      stillwatch report results/ --show-prompts logs/
    """
    from stillwatch.flows.texts import read_again
    from stillwatch.readers.limits import limits_of
    from stillwatch.report import page
    from stillwatch.results.folder import check_results

    check_results(results)
    if not logs and (pairs or limits or log_format != "auto"):
        raise UsageError(
            Problem(
                fact="`--map`, `--format` and `--limit` say how logs are read, and no log is named",
                fix=f"stillwatch report {results} --show-prompts LOGS",
            )
        )
    words = read_again(results, logs, mapping(pairs), log_format, limits_of(limits)) if logs else None
    written = page.write(results, words)
    if as_json:
        print_json({"report": str(written)} | ({} if words is None else {"texts": words.num_rows}))
    else:
        click.echo(str(written))
