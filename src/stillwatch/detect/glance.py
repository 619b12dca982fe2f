"""Short statements on what the accounts of a group have in common and in what they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stillwatch.detect.judge import Bench, Judged
from stillwatch.signals import marks
from stillwatch.signals.registry import CONTROL, Labels
from stillwatch.signals.traits import Traits
from stillwatch.stats.arrays import Floats

Speaks = Literal["for", "against", "neither"]
SHARE_IN_COMMON = 0.5  # share of the members from which a property is stated
CLEAR_LOG_ODDS = float(np.log(20))  # log e-value above which a finding is stated
MONTH_H = 730.0  # hours of a month
FEWEST_MONTHS = 3  # months from which ages are given in months
MOST_DAYS_OF_EVENT = 9  # days of activity, at most, of a group that met at an event
# Indicator kind, its name in a statement, and whether sharing it is evidence for or against one control.
IN_COMMON: tuple[tuple[str, str, Speaks], ...] = (
    ("client_prefix", "one address range", "against"),
    ("email_domain", "one mail domain", "neither"),
    ("system_prompt", "one system prompt", "neither"),
    ("user_agent", "one client program", "neither"),
)
SHARE_SENDING_COMMON_TEXT = 0.5  # share of the members that must send a text for it to be common


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One sentence (`statement`) on one `trait` of a group, and whether it is evidence for or against common
    control, or neither.
    """

    trait: str
    speaks: Speaks
    statement: str


def glance(one: Judged, bench: Bench) -> list[Sight]:
    """Statements on a group's place, mail, cards, sign-up, owners, texts, programs, span, ages, nights and
    clocks, then its findings of control above `CLEAR_LOG_ODDS`, strongest first. Empty for a group without
    known accounts.
    """
    members = bench.places(one.accounts)
    if len(members) == 0:
        return []
    seen = [*_shared(bench.traits, members), *_span(bench.traits, members), *_habits(bench.traits, members)]
    control = sorted(
        (
            (name, f)
            for name, f in one.findings.items()
            if bench.family_of[name] in CONTROL and f.log_e > CLEAR_LOG_ODDS
        ),
        key=lambda named: -named[1].log_e,
    )
    return seen + [Sight(trait=name, speaks="for", statement=found.statement) for name, found in control]


def _shared(traits: Traits, members: Labels) -> Iterator[Sight]:
    """Statements on shared values, cards, sign-up addresses, owners and texts."""
    n = len(members)
    for kind, words, speaks in IN_COMMON:
        most = _most(traits.value[kind][members])
        if most > SHARE_IN_COMMON * n:
            yield Sight(trait=kind, speaks=speaks, statement=f"{most} of {n} members share {words}")
    for kind, word, words in (
        ("payment_fingerprint", "card", "cards"),
        ("signup_address", "sign-up address", "sign-up addresses"),
    ):
        codes = traits.value[kind][members]
        known = codes[codes >= 0]
        if len(known) >= SHARE_IN_COMMON * n:
            distinct = len(np.unique(known))
            apart = distinct == len(known)
            yield Sight(
                trait=kind,
                speaks="against"
                if apart
                else "for"
                if distinct < SHARE_IN_COMMON * len(known)
                else "neither",
                statement=f"the {words} of {len(known)} members are all different"
                if apart
                else f"{len(known)} members have {distinct} {words if distinct > 1 else word}",
            )
    owners = len(np.unique(traits.owner[members]))
    if owners < SHARE_IN_COMMON * n:
        yield Sight(
            trait="owner",
            speaks="against",
            statement=f"{n} members declare {owners} owners, which count once each",
        )
    inside = np.zeros(len(traits.exchanges), bool)
    inside[members] = True
    texts = traits.text[inside[traits.text_account]]
    if len(texts):
        _text, holders = np.unique(texts, return_counts=True)
        common = int((holders >= SHARE_SENDING_COMMON_TEXT * n).sum())
        if common:
            yield Sight(
                trait="texts",
                speaks="against",
                statement=f"{common} {'text was' if common == 1 else 'texts were'} sent by at least half of "
                f"the members: they "
                "work through one list",
            )


def _span(traits: Traits, members: Labels) -> Iterator[Sight]:
    """Statements on the span of the members' activity and on the ages of their accounts."""
    first, last = np.quantile(traits.first[members], 0.1), np.quantile(traits.last[members], 0.9)
    days = max(1, round((last - first) / 24))
    if days <= MOST_DAYS_OF_EVENT:
        yield Sight(
            trait="span",
            speaks="against",
            statement=f"most of the activity of all members falls into {days} "
            f"{'day' if days == 1 else 'days'}, as at an event",
        )
    created = traits.created[members]
    ages = (traits.last[members] - created)[np.isfinite(created)]
    if len(ages):
        yield Sight(trait="age", speaks="neither", statement=f"nine in ten accounts are {_ages(ages)} old")


def _ages(hours: Floats) -> str:
    """The range of the middle 90 % of ages in `hours`, as text in days, or in months from `FEWEST_MONTHS`."""
    low, high = np.quantile(hours, (0.05, 0.95))
    unit, words = (24.0, "days") if high < FEWEST_MONTHS * MONTH_H else (MONTH_H, "months")
    first, last = round(low / unit), round(high / unit)
    return f"about {last} {words}" if first == last else f"{first} to {last} {words}"


def _habits(traits: Traits, members: Labels) -> Iterator[Sight]:
    """Statements on the members' nights and clocks."""
    n = len(members)
    nights = int(marks.human(traits, members).sum())
    if nights >= 0.8 * n:
        yield Sight(
            trait="nights", speaks="against", statement=f"{nights} of {n} members keep a person's nights"
        )
    elif nights <= 0.2 * n:
        yield Sight(
            trait="nights", speaks="for", statement=f"{n - nights} of {n} members are active at all hours"
        )
    clocks = int(marks.clocked(traits, members).sum())
    if clocks >= SHARE_IN_COMMON * n:
        yield Sight(
            trait="clock",
            speaks="against",
            statement=f"{clocks} of {n} members send at one minute of the hour or one time of the day, as "
            f"scheduled programs do",
        )


def _most(codes: Labels) -> int:
    """Number of members with the most frequent value; 0 where none has a value."""
    known = codes[codes >= 0]
    return int(np.unique(known, return_counts=True)[1].max()) if len(known) else 0
