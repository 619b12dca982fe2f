"""`stillwatch signals`: what each signal sees, and what could mimic it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from stillwatch.cli.tables import text_table


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print every card as JSON.")
def signals(name: str | None, as_json: bool) -> None:
    r"""List the indicators and group tests, or show the card of one NAME.

    \b
    Examples:
      stillwatch signals
      stillwatch signals load_balance
    """
    from stillwatch.errors import Problem, UsageError
    from stillwatch.signals.registry import all_group_tests, all_indicators

    tests = {t.card.name: t.family for t in all_group_tests()}
    cards = {u.card.name: u.card for u in all_indicators()} | {t.card.name: t.card for t in all_group_tests()}
    if name is not None and name not in cards:
        raise UsageError(Problem(fact=f"`{name}` is no signal", expected=", ".join(cards)))
    if as_json:
        chosen = [cards[name]] if name else list(cards.values())
        click.echo(json.dumps([asdict(c) | {"family": tests.get(c.name)} for c in chosen], indent=2))
    elif name:
        card = cards[name]
        for field, value in asdict(card).items():
            text = "; ".join(value) if isinstance(value, tuple) else value
            click.echo(f"{field.replace('_', ' '):<10} {text}")
    else:
        rows = [(c.name, tests.get(c.name, "indicator"), c.measures) for c in cards.values()]
        text_table(("signal", "family", "measures"), rows)
