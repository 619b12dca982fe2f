"""The season of one trade."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, office_day, people, window, words
from stillwatch.simulate.visits import continue_as, openings, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Self-employed people of one trade in its season: tax advisers before a deadline, shops before a
    sale, growers in spring.

    Drawn at random: a share of 0.3 to 1 of the setting, 1 to 4 kinds of task with a different customer in
    each request, office or evening hours, 5 to 300 exchanges per account, and a share of 0 to 0.7 of
    other traffic.
    """
    group = people(rng, accounts, setting)
    if rng.random() < 0.6:
        office_day(rng, group)
    span = window(rng, setting, 0.3 * 24 * setting.days, 24.0 * setting.days)
    rows = sittings(rng, group, volumes(rng, accounts, 5, 300), setting, between=span)
    kinds = words(rng, "product_template", count(rng, 1, 4))
    kind = kinds[rng.integers(0, len(kinds), len(rows))]
    wording = np.where(
        rng.random(len(rows)) < rng.uniform(0.0, 0.8), kind, openings(rng, group, rows.account, setting)
    )
    opening = (wording + " " + words(rng, "product_item", len(rows))).astype(object)
    continue_as(rng, group, rows, opening)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="people of one trade in its season",
    carries="the account keeps a person's hours",
    bends=("fungible", "load", "division", *LIKENESS),
    produces="one purpose, joint weeks and working hours, and items that are sent once because each is "
    "another customer's",
    cannot="shared cards, coerced reasoning, conversations handed on, work that takes turns over accounts",
    settled_by="the season's dates, and whether each account's items are of its own customers",
    source="public search statistics of tax, harvest and sale seasons (Google Trends)",
    draw=draw,
)
def trade_season(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that rest at night, else -1."""
    return where(human(traits, members))
