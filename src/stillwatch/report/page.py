"""How does a results folder become one page that a person wants to read?

Rules:
    The page is whole in itself: no address outside it is named, and its policy (CSP) forbids fetching any.
    Account names and indicator values are the attacker's to choose: everything is escaped, and what would
    be invisible or turn the text around is spelled out.
    Style and script are allowed by their digest alone, so nothing that slips in can run.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stillwatch.engine.files import atomic
from stillwatch.foreign import visible
from stillwatch.report import wording
from stillwatch.report.cards import CARDS, Card, cards, overview_or_unknown, verdict
from stillwatch.report.leads import MAX_LEADS, leads, leads_found
from stillwatch.report.reading import OPTIONAL, UNTOLD, read
from stillwatch.report.trial import explanations_tried

NAME = "report.html"
NEVER = 2**40  # seconds since 1970 by which `at no look` is sorted, later than any moment of a log


def render(folder: Path) -> str:
    """The page of a results folder, as HTML; nothing is written.

    Raises `StateError` when `campaigns`, `members` or `evidence` is absent, or any file is not as agreed.
    """
    results = read(folder)
    every = cards(results)
    found, meaning = verdict(results, every)
    return _rendered(
        "page.html.j2",
        found=found,
        meaning=meaning,
        cards=every,
        full_cards=CARDS,
        never=NEVER,
        leads=leads(results),
        leads_found=leads_found(results),
        full_leads=MAX_LEADS,
        explanations_tried=explanations_tried(results),
        overview=overview_or_unknown(results),
        has_overview=results.overview is not None,
        missing=[name for name in OPTIONAL if name not in results.tables and name not in UNTOLD],
    )


def render_campaign(card: Card) -> str:
    """A page with one campaign's card alone, as HTML."""
    return _rendered("campaign.html.j2", card=card)


def _rendered(template: str, **shown: Any) -> str:  # noqa: ANN401  what a template shows
    """A template with the style, the script and the policy that allows these two alone."""
    environment = _environment()
    style = environment.get_template("style.html.j2").render()
    script = environment.get_template("script.html.j2").render()
    return environment.get_template(template).render(
        style=style,
        script=script,
        policy=(
            f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
            "base-uri 'none'; form-action 'none'"
        ),
        bases=wording.BASES,
        kinds=wording.KINDS,
        **shown,
    )


def write(folder: Path) -> Path:
    """Writes `report.html` into a results folder, whole or not at all, and gives its path."""
    page = render(folder)
    target = folder / NAME
    with atomic(target) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return target


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("stillwatch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for words in (
        wording.count,
        wording.counted,
        wording.percent,
        wording.at_most,
        wording.part,
        wording.exponent,
        wording.spaced,
        wording.scientific,
        wording.odds,
        wording.moment,
        wording.day,
        wording.duration,
        wording.listed,
        visible,
    ):
        environment.filters[words.__name__] = words
    return environment


def _digest(content: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
