"""`stillwatch simulate`: the tables of a world with known truth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing, completing, scenario_names
from stillwatch.contract.reactions import REACTIONS, ReactionKind
from stillwatch.errors import Problem, UsageError


@click.command()
@click.option(
    "--scenario",
    required=True,
    metavar="NAME",
    shell_complete=completing(scenario_names),
    help="demo, null, stealth-1 to stealth-4, seed, relay, mixed, attack-prompts.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same tables.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the tables.")
@click.option(
    "--scale", type=float, default=1.0, show_default=True, help="Multiplies accounts and exchanges."
)
@click.option("--rate", type=float, default=1.0, show_default=True, help="Multiplies exchanges alone.")
@click.option(
    "--prompts",
    type=Existing(folder=False),
    help="Real text to use for prompts.",
)
@click.option(
    "--times",
    type=Existing(folder=False),
    help="Real arrival rates for honest applications.",
)
@click.option(
    "--reaction",
    type=click.Choice(REACTIONS),
    help="Suspend accounts of every campaign on one day; the value is what the operator does then.",
)
@click.option("--action-day", type=float, help="Day of the suspension. [default: the middle of the world]")
@click.option(
    "--caught",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of a campaign's accounts that are suspended.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def simulate(
    scenario: str,
    seed: int,
    out: Path,
    scale: float,
    rate: float,
    prompts: Path | None,
    times: Path | None,
    reaction: ReactionKind | None,
    action_day: float | None,
    caught: float,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""Write a world's exchanges, accounts, releases and truth. No request is ever sent.

    \b
    Examples:
      stillwatch simulate --scenario demo --seed 1 --out world/
      stillwatch simulate --scenario seed --scale 0.01 --seed 3 --out world/
      stillwatch simulate --scenario stealth-1 --reaction replace --action-day 7 --caught 0.9 --out world/
      stillwatch simulate --scenario seed --rate 0.35 \
          --out world/    (30 million rows, 25,000 campaign accounts)
    """
    from stillwatch.simulate.reaction import Reaction
    from stillwatch.simulate.worlds import find_scenario
    from stillwatch.simulate.worlds import simulate as run

    if reaction is None and action_day is not None:
        raise UsageError(Problem(fact="`--action-day` needs `--reaction`", expected=", ".join(REACTIONS)))
    day = find_scenario(scenario).days / 2 if action_day is None else action_day
    acted = None if reaction is None else Reaction(kind=reaction, day=day, caught=caught)
    with bars(quiet=quiet or as_json) as progress:
        world = run(
            scenario,
            seed=seed,
            out=out,
            scale=scale,
            rate=rate,
            prompts=prompts,
            times=times,
            reaction=acted,
            progress=lambda done, total: progress("simulate", done, total),
        )
    if as_json:
        print_json(asdict(world))
        return
    click.echo(f"{world.exchanges:,} exchanges of {world.accounts:,} accounts in {out}")
    if world.campaigns:
        text_table(
            ("planted", "kind", "accounts", "exchanges"),
            [
                (name, kind, accounts, exchanges)
                for name, (kind, accounts, exchanges) in world.campaigns.items()
            ],
        )
