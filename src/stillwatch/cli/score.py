"""`stillwatch score`: results against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing


@click.command()
@click.argument("results", type=Existing(file=False))
@click.argument("truth", type=Existing(folder=False))
@click.option(
    "--logs",
    type=Existing(),
    help="The logs, if they are not where the scan read them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the score as JSON.")
def score(results: Path, truth: Path, logs: Path | None, as_json: bool) -> None:
    r"""Compare the results folder RESULTS with the table TRUTH (exchange_id, account_id, campaign_id).

    \b
    Example:
      stillwatch score results/ world/truth.parquet
    """
    from stillwatch.flows.score import score as run
    from stillwatch.results.folder import check_results

    check_results(results)
    scored = run(results, truth, logs)
    if as_json:
        print_json(scored)
    else:
        score_table(scored)


def percent(share: float | None) -> str:
    """A share as a percentage with one digit."""
    return "-" if share is None else f"{100 * share:.1f} %"


def score_table(scored: dict[str, Any]) -> None:
    """Planted against found, and the totals."""
    rows = [
        (
            c["campaign_id"], ", ".join(c["reported_as"]) or "not found", ", ".join(c["kinds"]) or "-",
            f"{c['accounts_found']} of {c['accounts']}", f"{c['exchanges_found']:,} of {c['exchanges']:,}",
            percent(c["share_before_detection"]),
        )
        for c in scored["campaigns"]
    ]  # fmt: skip
    if rows:
        text_table(
            ("planted", "found as", "kind", "accounts found", "exchanges found", "before detection"), rows
        )
        click.echo("")
    for name in ("accounts", "exchanges"):
        part = scored[name]
        click.echo(f"{name:<10} precision {percent(part['precision'])}, recall {percent(part['recall'])}")
    flagged = scored["accounts"]["honest_flagged_per_100000"]
    click.echo(f"honest accounts flagged per 100,000: {'-' if flagged is None else f'{flagged:.0f}'}")
    click.echo(f"false campaigns: {scored['false_campaigns']} of {scored['reported_campaigns']} reported")
