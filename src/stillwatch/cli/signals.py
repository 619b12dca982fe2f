"""`stillwatch signals`: what each signal sees, what could mimic it, and which innocent explanations are
tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import completing, signal_names

if TYPE_CHECKING:
    from stillwatch.signals.registry import Explanation


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
    explanations = {e.card.name: e for e in all_explanations()}
    cards: dict[str, Card | ExplanationCard] = {u.card.name: u.card for u in all_indicators()}
    cards |= {t.card.name: t.card for t in all_group_tests()}
    cards |= {name: e.card for name, e in explanations.items()}
    if name is not None and name not in cards:
        raise unknown("signal or explanation", name, cards, "stillwatch signals")
    if as_json:
        chosen = [cards[name]] if name else list(cards.values())
        print_json([asdict(c) | _declared(explanations.get(c.name), tests.get(c.name)) for c in chosen])
    elif name:
        for field, value in asdict(cards[name]).items():
            _field(field, value)
        if name in explanations:
            _field("bends", sorted(explanations[name].bends))
            _field("accompanies", _accompanied(explanations[name]))
    else:
        listed = [
            (c.name, tests.get(c.name, "indicator"), c.measures)
            for c in cards.values()
            if isinstance(c, Card)
        ]
        text_table(("signal", "family", "measures"), listed)
        click.echo()
        tried = [(e.card.name, _accompanied(e), e.card.what) for e in explanations.values()]
        text_table(("innocent explanation", "accompanies", "group"), tried)


def _declared(explanation: Explanation | None, family: str | None) -> dict[str, Any]:
    """What a declaration holds beside its card: a group test's family, an explanation's families and whether
    it accompanies every other one; null where it is none of these.
    """
    return {
        "family": family,
        "bends": sorted(explanation.bends) if explanation else None,
        "accompanies": explanation.accompanies if explanation else None,
    }


def _accompanied(explanation: Explanation) -> str:
    """The explanations beside which this one is tried too."""
    return "every other" if explanation.accompanies else "none"


def _field(name: str, value: str | Sequence[str]) -> None:
    """Print one field of a card."""
    text = value if isinstance(value, str) else "; ".join(value)
    click.echo(f"{name.replace('_', ' '):<11} {text}")
