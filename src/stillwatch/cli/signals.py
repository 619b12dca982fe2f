"""`stillwatch signals`: what each signal sees, what could mimic it, and which innocent explanations are
tried.
"""

from __future__ import annotations

from dataclasses import asdict

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import completing, signal_names


@click.command()
@click.argument("name", required=False, shell_complete=completing(signal_names))
@click.option("--json", "as_json", is_flag=True, help="Print every card as JSON.")
def signals(name: str | None, as_json: bool) -> None:
    r"""List the indicators, group tests and innocent explanations, or show the card of one NAME.

    \b
    Examples:
      stillwatch signals
      stillwatch signals load_balance
      stillwatch signals daily_puzzle
    """
    from stillwatch.errors import unknown
    from stillwatch.signals.registry import (
        Card,
        ExplanationCard,
        all_explanations,
        all_group_tests,
        all_indicators,
    )

    tests = {t.card.name: t.family for t in all_group_tests()}
    bends = {e.card.name: sorted(e.bends) for e in all_explanations()}
    cards: dict[str, Card | ExplanationCard] = {u.card.name: u.card for u in all_indicators()}
    cards |= {t.card.name: t.card for t in all_group_tests()}
    cards |= {e.card.name: e.card for e in all_explanations()}
    if name is not None and name not in cards:
        raise unknown("signal or explanation", name, cards, "stillwatch signals")
    if as_json:
        chosen = [cards[name]] if name else list(cards.values())
        rows = [asdict(c) | {"family": tests.get(c.name), "bends": bends.get(c.name)} for c in chosen]
        print_json(rows)
    elif name:
        known = asdict(cards[name]) | ({"bends": tuple(bends[name])} if name in bends else {})
        for field, value in known.items():
            text = "; ".join(value) if isinstance(value, tuple) else value
            click.echo(f"{field.replace('_', ' '):<10} {text}")
    else:
        listed = [
            (c.name, tests.get(c.name, "indicator"), c.measures)
            for c in cards.values()
            if isinstance(c, Card)
        ]
        text_table(("signal", "family", "measures"), listed)
        click.echo()
        tried = [(c.name, c.what) for c in cards.values() if isinstance(c, ExplanationCard)]
        text_table(("innocent explanation", "group"), tried)
