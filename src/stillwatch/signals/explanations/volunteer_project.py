"""A volunteer project that divides a large task."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import people, window, words
from stillwatch.simulate.visits import continue_as, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Volunteers who transcribe, translate or tag the pages of one archive: each page once, at home, with
    the project's instructions.

    Drawn at random: 2 to 200 pages per volunteer with heavy tails, pages given out one by one or in
    parcels that stay with a person, the project's instructions word for word or in their own words, an
    event of some days or a steady effort, and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    group.follow = group.follow * rng.uniform(0.0, 0.6)
    span = window(rng, setting, 24.0, 24.0 * setting.days)
    rows = sittings(rng, group, volumes(rng, accounts, 2, 200), setting, between=span)
    page = words(rng, str(rng.choice(["letter", "minutes", "para", "row"])), len(rows))
    parcel = "Folder " + (rng.integers(100, 999) * 1000 + rows.account).astype(str).astype(object) + ". "
    items = (parcel + page if rng.random() < 0.5 else page).astype(object)
    rule = str(words(rng, "product_template")[0])
    own = rng.random(accounts) < rng.uniform(0.0, 1.0)
    mine = words(rng, "product_template", accounts)
    requested = np.where(own[rows.account], mine[rows.account], rule)
    continue_as(rng, group, rows, (requested + "\n\n" + items).astype(object))
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="volunteers of one project, who divide the pages of an archive among themselves",
    carries="the account keeps a person's hours",
    bends=("fungible", "load", "division", *LIKENESS),
    produces="a pool that is divided without repeats, one purpose and one set of instructions",
    cannot="shared cards, coerced reasoning, conversations handed on, work that takes turns over accounts",
    settled_by="the project's page, on which the pages and the volunteers' contributions can be seen",
    source="Zooniverse and Wikisource, which give each page to a few volunteers",
    draw=draw,
)
def volunteer_project(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that rest at night, else -1."""
    return where(human(traits, members))
