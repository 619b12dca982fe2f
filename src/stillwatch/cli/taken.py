"""`stillwatch taken`: what did a campaign take?"""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.prices import price_options
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing


@click.command()
@click.argument("results", type=Existing(file=False))
@price_options
@click.option(
    "--tokens-in",
    type=click.FloatRange(0),
    default=500.0,
    show_default=True,
    help="Input tokens of an exchange, where the log has no counts.",
)
@click.option(
    "--tokens-out",
    type=click.FloatRange(0),
    default=1_500.0,
    show_default=True,
    help="Output tokens of an exchange, where the log has no counts.",
)
@click.option(
    "--used",
    type=(float, float),
    default=(0.1, 1.0),
    show_default=True,
    help="Least and greatest share of the answers on which a student was trained.",
)
@click.option(
    "--curve",
    type=Existing(folder=False),
    help="curve.json of `stillwatch lab curve`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def taken(
    results: Path,
    price_in: float,
    price_out: float,
    tokens_in: float,
    tokens_out: float,
    used: tuple[float, float],
    curve: Path | None,
    as_json: bool,
) -> None:
    r"""Exchanges and tokens by capability of every campaign in RESULTS, their price, and a student's possible
    gain.

    \b
    Examples:
      stillwatch taken results/
      stillwatch taken results/ --curve curve/curve.json --used 0.05 1
    """
    from stillwatch.report.exposure import Assumptions, Prices, lines
    from stillwatch.report.exposure import taken as run
    from stillwatch.results.folder import check_results

    check_results(results)
    whole = run(
        results,
        Prices(read=price_in, written=price_out, source=f"${price_in:g} and ${price_out:g} a million tokens"),
        Assumptions(input_tokens=tokens_in, output_tokens=tokens_out, used=used),
        curve,
    )
    if as_json:
        print_json(whole)
        return
    text_table(
        (
            "campaign",
            "capability",
            "exchanges",
            "tokens read",
            "written",
            "",
            "dollars",
            "teacher's ability reached",
        ),
        [
            (
                one["campaign_id"],
                part["capability"],
                f"{part['exchanges']:,}",
                f"{part['input_tokens']:,}",
                f"{part['output_tokens']:,}",
                part["tokens"],
                f"{part['usd_low']:,.0f} to {part['usd_high']:,.0f}",
                _gap(part["gap_closed"]),
            )
            for one in whole["campaigns"]
            for part in one["capabilities"]
        ],
    )
    click.echo("\n" + "\n".join(lines(whole)))
    click.echo(
        "\nmeasured: exchanges and counted tokens; computed: dollars; estimated, under what "
        "docs/methods/taken.md assumes: the rest"
    )


def _gap(one: dict[str, float] | None) -> str:
    """An interval in percent, with `*` where it is extrapolated; "-" where it is unknown."""
    return (
        "-"
        if one is None
        else f"{100 * one['low']:.0f} to {100 * one['high']:.0f} %{' *' if one['beyond'] else ''}"
    )
