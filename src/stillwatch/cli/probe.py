"""`stillwatch probe`: does work move to other accounts when a request is refused at random?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from stillwatch.cli.groups import CommandGroup
from stillwatch.cli.output import print_json
from stillwatch.cli.reading import mapping, reading_options
from stillwatch.cli.values import Existing
from stillwatch.engine.files import atomic
from stillwatch.errors import Problem, UsageError

# Type of options that take a time, in UTC.
MOMENT = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
SHARE = click.FloatRange(0, 1, max_open=True)  # type of options that take a share of 0 or more, below 1


@click.group(cls=CommandGroup)
def probe() -> None:
    r"""Refuse some requests of a group at random, and test whether their work moves to other accounts.

    \b
    Examples:
      stillwatch probe plan results/ --group L1 --author ana --out plan.json --secret plan.secret
      stillwatch probe run plan.json --secret plan.secret --approved-by ben --orders orders.json \
          --trials trials.parquet
      stillwatch probe judge trials.parquet logs/ --plan plan.json --secret plan.secret
    """


@probe.command()
@click.argument("trials", type=Existing(folder=False))
@click.argument("logs", nargs=-1)
@click.option("--log", "more", multiple=True, metavar="LOG", help="A log; the same as a further argument.")
@click.option("--plan", "plan_file", type=Existing(folder=False), help="What was committed to.")
@click.option(
    "--secret", type=Existing(folder=False), help="The plan's secret: the coin is checked row by row."
)
@click.option(
    "--within",
    "within_s",
    type=click.FloatRange(1, 86_400),
    help="Seconds for which what follows a request is looked at; else the plan's, or 900.",
)
@click.option(
    "--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.01, show_default=True,
    help="Level of the verdict.",
)  # fmt: skip
@click.option(
    "--tolerated",
    type=SHARE,
    help="Share of refused requests that pairs of accounts in an honest group may move; else the plan's, or "
    "0.1.",
)
@click.option(
    "--natural", is_flag=True, help="An outage decided who failed, and no coin: a weaker guarantee."
)
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def judge(
    trials: Path,
    logs: tuple[str, ...],
    more: tuple[str, ...],
    plan_file: Path | None,
    secret: Path | None,
    within_s: float | None,
    alpha: float,
    tolerated: float | None,
    natural: bool,
    pairs: tuple[str, ...],
    log_format: str,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    r"""Judge the table TRIALS (trial, at, account_id, failed) against LOGS.

    Rows of one trial were drawn together: of its accounts, some were refused (`failed`) from `at` on. LOGS
    hold the group's requests, the refused ones among them with their status.

    \b
    Examples:
      stillwatch probe judge trials.parquet logs/ --json
      stillwatch probe judge trials.parquet logs/ --plan plan.json --secret plan.secret
      stillwatch probe judge outage.csv --log logs/ --natural
    """
    from stillwatch.flows.probe import JudgementTerms, judged
    from stillwatch.flows.reading import Reading
    from stillwatch.readers.limits import limits_of

    if not (logs or more):
        raise UsageError(
            Problem(
                fact="`probe judge` needs a log",
                expected="a log after the table of trials",
                fix=f"stillwatch probe judge {trials} logs/",
            )
        )
    terms = JudgementTerms(
        within_s=within_s, alpha=alpha, tolerated=tolerated, natural=natural, plan=plan_file, secret=secret
    )
    reading = Reading(names=mapping(pairs), log_format=log_format, limits=limits_of(limits))
    result = judged(trials, (*logs, *more), terms, reading)
    if as_json:
        print_json(result)
        return
    _print(result)


def _print(result: dict[str, Any]) -> None:
    """Print the result of a probe."""
    harm, displaced, pair = result["harm"], result["displaced"], result["any_pair"]
    click.echo(f"{result['verdict'].replace('_', ' ')}: {result['statement']}\n")
    click.echo(
        f"  evidence     e = 10^{result['log10_e']:.2f}, p = {result['p_value']:.3g}, against at most "
        f"{100 * result['tolerated_share']:g} % of refused work moving"
    )
    click.echo(
        f"               e = 10^{pair['log10_e']:.2f}, p = {pair['p_value']:.3g}, against none moving (one "
        f"user with two keys suffices)"
    )
    if displaced:
        click.echo(
            f"  moved        {100 * displaced['share']:.0f} % ({100 * displaced['low']:.0f} to "
            f"{100 * displaced['high']:.0f} %), {displaced['measure'].replace('_', ' ')}"
        )
    click.echo(
        f"  trials       {result['trials']:,}, with {result['refusals']:,} refusals, of which "
        f"{harm['met']:,} met a request and {result['comparisons']:,} could be compared"
    )
    click.echo(
        f"  harm         {harm['refusals']:,} refusals of {harm['accounts']:,} accounts, at most "
        f"{harm['most_of_one_account']:,} each; "
        f"{harm['errors']:,} of the group's {harm['requests']:,} requests were answered with an error"
    )
    click.echo(f"  guarantee    {result['guarantee']}")
    plan = result["plan"]
    if plan:
        click.echo(f"  plan         {plan['sha256']}{'' if plan['departures'] else ', kept'}")
    for text in (*(plan["departures"] if plan else ()), *result["warnings"]):
        click.echo(f"warning: {text}", err=True)


@probe.command()
@click.argument("group_from", metavar="RESULTS|FILE", type=Existing())
@click.option("--group", default="", metavar="ID", help="The campaign or lead in a results folder.")
@click.option(
    "--author",
    required=True,
    help="Person who is responsible for the plan; another person has to approve it.",
)
@click.option("--begins", type=MOMENT, help="First moment (UTC); else the next full hour.")
@click.option("--until", type=MOMENT, help="Last moment (UTC); else seven days later.")
@click.option(
    "--hours",
    type=(int, int),
    default=(0, 24),
    show_default=True,
    help="Hours (UTC) in which moments may lie.",
)
@click.option("--moments", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@click.option(
    "--slots", type=click.IntRange(min=2), default=20, show_default=True, help="Accounts drawn at a moment."
)
@click.option(
    "--refused",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Of these, refused one request.",
)
@click.option(
    "--sham", type=click.IntRange(min=0), default=0, show_default=True,
    help="One moment in so many is spared as a whole, on average; 0 for none.",
)  # fmt: skip
@click.option(
    "--hold", "hold_s", type=click.IntRange(1, 86_400), default=2_700, show_default=True,
    help="Seconds for which a drawn account's next request is awaited.",
)  # fmt: skip
@click.option(
    "--within", "within_s", type=click.IntRange(1, 86_400), default=900, show_default=True,
    help="Seconds for which what follows is looked at.",
)  # fmt: skip
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Refusals of one account, at most.",
)
@click.option(
    "--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.01, show_default=True,
    help="Level of the verdict.",
)  # fmt: skip
@click.option("--tolerated", type=SHARE, default=0.1, show_default=True, help="As for `judge`.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("probe.json"), show_default=True,
    help="The plan; it may be shown to anybody.",
)  # fmt: skip
@click.option(
    "--secret",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("probe.secret"),
    show_default=True,
    help="The coin's seed, for its owner's eyes only.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(
    group_from: Path,
    group: str,
    author: str,
    begins: datetime | None,
    until: datetime | None,
    hours: tuple[int, int],
    moments: int,
    slots: int,
    refused: int,
    sham: int,
    hold_s: int,
    within_s: int,
    most: int,
    alpha: float,
    tolerated: float,
    out: Path,
    secret: Path,
    as_json: bool,
) -> None:
    r"""Fix accounts, moments, dose and bound of harm under one digest, with the coin's seed sealed in it.

    \b
    Examples:
      stillwatch probe plan results/ --group L1 --author ana
      stillwatch probe plan accounts.csv --author ana --moments 50 --slots 40 --refused 4 --hours 8 20
    """
    from dataclasses import asdict
    from datetime import timedelta

    from stillwatch.flows.reading import accounts_of
    from stillwatch.probe import plan as plans

    first = (
        begins or datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    ).replace(tzinfo=UTC)
    last = (until or first + timedelta(days=7)).replace(tzinfo=UTC)
    made, seed = plans.make(
        accounts_of(group_from, group),
        group=group,
        begins=first,
        ends=last,
        hours=hours,
        moments=moments,
        slots=slots,
        refused=refused,
        sham=sham,
        hold_s=hold_s,
        within_s=within_s,
        most=most,
        tolerated=tolerated,
        alpha=alpha,
        author=author,
    )
    plans.write_secret(secret, seed, made)
    made.write(out)
    if as_json:
        print_json({"sha256": made.sha256, **asdict(made)})
        return
    click.echo(
        f"{made.moments:,} moments from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC: {made.slots} of "
        f"{len(made.accounts):,} accounts each, {made.refused} refused one request"
    )
    click.echo(f"harm: at most {made.refusals:,} refused requests, at most {made.most} of one account")
    click.echo(f"commitment {made.sha256}\nplan: {out}\nsecret: {secret}")
    click.echo(f"have it time-stamped: openssl ts -query -data {out} -sha256 -cert -out {out}.tsq")


@probe.command()
@click.argument("plan_file", metavar="PLAN", type=Existing(folder=False))
@click.option("--secret", type=Existing(folder=False), required=True, help="The plan's secret.")
@click.option("--approved-by", required=True, help="Person who approves; not the plan's author.")
@click.option(
    "--ahead", "ahead_s", type=click.FloatRange(1, 86_400), default=900.0, show_default=True,
    help="Seconds for which orders are written; later moments stay secret.",
)  # fmt: skip
@click.option("--at", "now", type=MOMENT, help="The present moment (UTC); else the clock's.")
@click.option(
    "--orders", type=click.Path(path_type=Path, dir_okay=False), help="Write orders for a gateway here."
)
@click.option(
    "--trials", type=click.Path(path_type=Path, dir_okay=False), help="Write the trials that are over here."
)
@click.option("--json", "as_json", is_flag=True, help="Print the orders as JSON.")
def run(
    plan_file: Path,
    secret: Path,
    approved_by: str,
    ahead_s: float,
    now: datetime | None,
    orders: Path | None,
    trials: Path | None,
    as_json: bool,
) -> None:
    r"""Write which requests a gateway is to refuse in the next minutes, and the trials that are over. Nothing
    is refused by this program.

    Run it every few minutes; the files are replaced as a whole.

    \b
    Example:
      stillwatch probe run plan.json --secret plan.secret --approved-by ben --orders orders.json \
          --trials trials.parquet
    """
    import json

    import pyarrow.parquet as pq

    from stillwatch.probe import plan as plans
    from stillwatch.probe.run import Probe

    one = Probe(plans.read(plan_file), plans.read_secret(secret), approved_by=approved_by)
    moment = (now or datetime.now(UTC)).replace(tzinfo=UTC)
    drawn = one.orders(moment, ahead_s)
    done = one.done(moment)
    if orders:
        with atomic(orders, private=True) as temporary:
            temporary.write_text(json.dumps(drawn, indent=2) + "\n", encoding="utf-8")
    if trials:
        with atomic(trials) as temporary:
            pq.write_table(done, temporary)
    if as_json:
        print_json({**drawn, "trials_over": len(set(done["trial"].to_pylist()))})
        return
    click.echo(f"{len(drawn['refusals']):,} refusals until {drawn['valid_until']}")
    click.echo(f"{len(set(done['trial'].to_pylist())):,} of {one.plan.moments:,} trials are over")
