"""`stillwatch attribute`: who directed a campaign, compared with rival hypotheses."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing


@click.command()
@click.argument("results", type=Existing(file=False))
@click.option(
    "--actors",
    type=Existing(folder=False),
    required=True,
    help="TOML, YAML or JSON file of facts on actors, each with its source and Admiralty grade.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for attribution.json and matrix.csv.",
)
@click.option("--campaign", metavar="ID", help="This campaign only.")
@click.option("--json", "as_json", is_flag=True, help="Print attribution.json.")
def attribute(results: Path, actors: Path, out: Path, campaign: str | None, as_json: bool) -> None:
    r"""Compare hypotheses on who directed the campaigns of RESULTS: a listed actor, a laboratory that is
    not listed, a vendor, a reseller, a false flag, nobody. An organisation is named only with enough
    evidence; otherwise the missing evidence is listed.

    \b
    A file of actors:
      [[actors]]
      name = "Example Lab"
      kind = "lab"                      # lab, vendor or reseller
      [[actors.address_ranges]]
      values = ["203.0.113.0/24"]
      use = "own"                       # own, rented or shared
      source = "registry of addresses"
      grade = "A1"
      [[actors.capability_interests]]
      values = ["reasoning", "coding"]
      source = "job advertisements"
      grade = "B2"

    \b
    Items: address_ranges, card_countries, payment_processors, payment_accounts, earlier_campaigns,
    capability_interests, working_calendar, release_dates, toolchains, statements, model_tests, records.

    \b
    Examples:
      stillwatch attribute results/ --actors actors.toml --out attribution/
      stillwatch attribute results/ --actors actors.yaml --campaign C1 --out attribution/ --json
    """
    from stillwatch.attribution.run import MATRIX, NAME
    from stillwatch.attribution.run import attribute as run

    whole = run(results, actors, out, campaign)
    if as_json:
        print_json(whole)
        return
    for one in whole["campaigns"]:
        click.echo(f"\n{one['campaign_id']}")
        text_table(
            ("hypothesis", "probability", "likelihood", "rank by what contradicts"),
            [
                (h["statement"], f"{h['probability']:.3f}", h["likelihood"], h["rank_by_contradiction"])
                for h in one["hypotheses"]
            ],
        )
        last = one["claims"][-1]
        click.echo(f"claim 5: {last['basis']}: {last['statement']}")
        for need in one["needed"]:
            click.echo(f"  needed: {need}")
    click.echo(f"\n{out / NAME}\n{out / MATRIX}")
