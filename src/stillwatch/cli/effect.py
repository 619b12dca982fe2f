"""`stillwatch effect`: did an action work?"""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.reading import mapping, reading_options
from stillwatch.cli.values import Existing


@click.command()
@click.argument("actions", type=Existing(folder=False))
@click.argument("logs", nargs=-1, required=True)
@click.option(
    "--group",
    type=Existing(),
    metavar="RESULTS|FILE",
    help="All accounts of the group: a results folder, or a table of account_id. New accounts of a later "
    "scan belong there.",
)
@click.option("--campaign", default="", metavar="ID", help="The campaign or lead in the results folder.")
@click.option(
    "--bin", "bin_h", type=click.FloatRange(0.05, 168), default=24.0, show_default=True,
    help="Hours that are counted together; 24 keeps days and nights out of the comparison.",
)  # fmt: skip
@click.option(
    "--bins",
    "most_bins",
    type=click.IntRange(3),
    default=28,
    show_default=True,
    help="Of these on each side, at most.",
)
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print the effect as JSON.")
def effect(
    actions: Path,
    logs: tuple[str, ...],
    group: Path | None,
    campaign: str,
    bin_h: float,
    most_bins: int,
    pairs: tuple[str, ...],
    log_format: str,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    r"""Print how far a group's requests fell after the ACTIONS (account_id, at), and what other accounts took
    up, from LOGS.

    \b
    Examples:
      stillwatch effect actions.parquet logs/ --group results/ --campaign C1
      stillwatch effect actions.csv logs/ --bin 6 --json
    """
    from stillwatch.flows.effect import EffectScope, measured
    from stillwatch.flows.reading import Reading
    from stillwatch.readers.limits import limits_of

    scope = EffectScope(group=group, campaign=campaign, bin_s=3600 * bin_h, most_bins=most_bins)
    reading = Reading(names=mapping(pairs), log_format=log_format, limits=limits_of(limits))
    effect_found = measured(actions, logs, scope, reading)
    if as_json:
        print_json(effect_found)
        return
    whole, bins, accounts = effect_found["whole"], effect_found["bins"], effect_found["accounts"]
    click.echo(f"{effect_found['statement']}\n")
    click.echo(f"  requests     {whole['before']:,.1f} a bin before, {whole['after']:,.1f} after")
    click.echo(
        f"  bins         {bins['before']} before and {bins['after']} after, of {bins['seconds'] / 3600:g} h"
    )
    click.echo(f"  accounts     {accounts['acted_on']:,} acted on, {accounts['group']:,} in the group")
    for text in effect_found["warnings"]:
        click.echo(f"warning: {text}", err=True)
