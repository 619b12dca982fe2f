"""The page of a results folder.

Rules:
    The page needs no other file: it names no address outside it, and its policy (CSP) forbids loading any.
    Account names and indicator values may be chosen by an attacker: everything is escaped, and invisible
    characters and those that change the direction of text are spelled out.
    Style and script are allowed by their digest alone, so injected code cannot run.
    The page can be read and printed without its script; the script adds search, filters, export and links
    into the page.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from stillwatch.engine.files import atomic
from stillwatch.foreign import visible
from stillwatch.report import wording
from stillwatch.report.cards import CARDS, CampaignCard, cards, overview_or_unknown, verdict
from stillwatch.report.compare import compare
from stillwatch.report.leads import MAX_LEADS, LeadView, leads, leads_found
from stillwatch.report.packed import PackedGroup, pack
from stillwatch.report.reading import ABSENCE_UNMENTIONED, OPTIONAL, ResultTables, read
from stillwatch.report.trial import explanations_tried
from stillwatch.report.values import kind_words

NAME = "report.html"  # file name of the page
# Files of the page's style and script.
STYLE, SCRIPT = "style.css", "workbench.js"
NEVER = 2**40  # sort key of `at no look` in seconds since 1970, later than any time in a log


def render(folder: Path, prompts: pa.Table | None = None) -> str:
    """The page of a results folder as HTML; nothing is written.

    `prompts` replaces the folder's table of that name. Raises `StateError` when `campaigns`, `members` or
    `evidence` is absent, or any file is damaged or lacks a column.
    """
    results = read(folder, prompts)
    every, some_leads = cards(results), leads(results)
    found, meaning = verdict(results, every)
    packed, held = pack(results, [*_campaigns(results, every), *_leads(results, some_leads or ())])
    return _rendered(
        "page.html.j2",
        found=found,
        meaning=meaning,
        cards=every,
        full_cards=CARDS,
        never=NEVER,
        comparison=compare(results),
        leads=some_leads,
        leads_found=leads_found(results),
        full_leads=MAX_LEADS,
        explanations_tried=explanations_tried(results),
        overview=overview_or_unknown(results),
        has_overview=results.overview is not None,
        packed=packed,
        held=held,
        missing=[name for name in OPTIONAL if name not in results.tables and name not in ABSENCE_UNMENTIONED],
    )


def render_campaign(results: ResultTables, card: CampaignCard) -> str:
    """A page with one campaign's card only, as HTML."""
    packed, held = pack(results, [*_campaigns(results, [card])])
    return _rendered("campaign.html.j2", card=card, packed=packed, held=held)


def _campaigns(results: ResultTables, every: Sequence[CampaignCard]) -> Iterator[PackedGroup]:
    """The campaigns for the script, members by probability."""
    for card in every:
        name = card.row["campaign_id"]
        members = results.of("members", name)
        assert members is not None
        order = [("score", "descending"), ("exchanges", "descending"), ("account_id", "ascending")]
        yield PackedGroup(
            anchor=card.anchor,
            name=name,
            is_lead=False,
            members=members.sort_by(order),
            shared=card.desk.shared,
        )


def _leads(results: ResultTables, some: Sequence[LeadView]) -> Iterator[PackedGroup]:
    """The leads for the script, for which members were written."""
    for lead in some:
        name = lead.row["lead_id"]
        members = results.of("lead_members", name)
        if members is not None:
            yield PackedGroup(
                anchor=lead.anchor, name=name, is_lead=True, members=members.sort_by("account_id")
            )


def _rendered(template: str, **shown: Any) -> str:  # noqa: ANN401  what a template shows
    """A rendered template with style, script and a policy that allows only these two."""
    style, script = (
        files("stillwatch.report").joinpath(name).read_text(encoding="utf-8") for name in (STYLE, SCRIPT)
    )
    return (
        environment()
        .get_template(template)
        .render(
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
    )


def write(folder: Path, prompts: pa.Table | None = None) -> Path:
    """Write `report.html` into a results folder atomically and return its path; `prompts` as for `render`."""
    page = render(folder, prompts)
    target = folder / NAME
    with atomic(target) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return target


def environment(*packages: str) -> Environment:
    """Templates of `packages` and then of the report, with the words of the page as filters."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (*packages, "stillwatch.report")]),
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
        wording.prose,
        kind_words,
        visible,
    ):
        made.filters[words.__name__] = words
    return made


def _digest(content: str) -> str:
    """Digest of a script or style for the page's content security policy."""
    return f"sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
