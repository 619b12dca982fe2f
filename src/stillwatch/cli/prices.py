"""The options `--price-in` and `--price-out`, which several commands have."""

from __future__ import annotations

import click

from stillwatch.cli.groups import Command


def price_options(command: Command) -> Command:
    """Give a command what tokens cost, in US dollars, as its arguments `price_in` and `price_out`."""
    price_in = click.option(
        "--price-in",
        type=click.FloatRange(0),
        default=2.0,
        show_default=True,
        help="Price of a million input tokens, in dollars.",
    )
    price_out = click.option(
        "--price-out",
        type=click.FloatRange(0),
        default=10.0,
        show_default=True,
        help="Price of a million output tokens, in dollars.",
    )
    return price_in(price_out(command))
