"""A labelling firm whose workers use private accounts at home."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import around, count, give_program, office_day, people, words
from stillwatch.simulate.visits import instruct, own_life, sittings


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Workers of one labelling firm: private accounts and homes, one tool or the browser, a fixed daily
    target, each item once.

    Drawn at random: a target of 10 to 150 items a working day reached with a spread of 2 to 40 per cent,
    shifts, days off, one template or instructions in their own words, several countries or one, and a
    share of 0 to 0.5 of other traffic.
    """
    group = people(rng, accounts, setting, one_country=rng.random() < 0.6)
    if rng.random() < 0.5:
        give_program(rng, group)
    office_day(rng, group)
    group.wake = group.wake + rng.integers(0, 3, accounts) * rng.choice([0.0, 4.0])
    group.sitting = around(rng, accounts, 10.0, 50.0)
    group.follow, group.roaming = np.zeros(accounts), group.roaming * 0.3
    target, loose = count(rng, 10, 150), rng.uniform(0.02, 0.4)
    days_worked = np.round(
        setting.days * 5 / 7 * np.clip(rng.normal(0.9, rng.uniform(0.02, 0.3), accounts), 0.1, 1)
    )
    group.spread[:] = loose
    counts = np.maximum(
        1, np.round(target * days_worked * np.exp(loose * rng.standard_normal(accounts)))
    ).astype(np.int64)
    rows = sittings(rng, group, np.minimum(counts, 30_000 // max(1, accounts)), setting)
    items = words(rng, "label_item", len(rows))
    if rng.random() < 0.7:
        instruct(rng, rows, items)
    else:
        own = words(rng, "product_template", accounts)
        rows.columns["prompt"] = (own[rows.account] + " " + items).astype(object)
    life = own_life(rng, group, setting, rows, share=rng.uniform(0.0, 0.5))
    return crowd(rng, group, setting, [rows, life])


@explanation(
    what="workers of one labelling firm, who use private accounts at home",
    carries="the account keeps a person's hours",
    bends=("load", "fungible", "division", *LIKENESS),
    produces="a queue of items that are sent once, a common target that evens volumes out, one template and "
    "working hours",
    cannot="shared cards, coerced reasoning, conversations handed on, activity at all hours of the day",
    settled_by="the firm's contract and instructions, and other traffic of the same people",
    source="labelling firms whose workers use private accounts, the kind `fleet`; the simulator's labelling "
    "office",
    draw=draw,
)
def home_workers(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that rest at night, else -1."""
    return where(human(traits, members))
