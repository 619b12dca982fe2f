"""A spreadsheet add-in that sends one request for each cell."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import around, count, give_program, move_in, people, words
from stillwatch.simulate.visits import instruct, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Users of one add-in: a formula filled down a column sends its rows within seconds, in the user's
    working hours.

    Drawn at random: whether the add-in's template is the system prompt, columns of about 5 to 150 rows, 5
    to 300 exchanges per account, whether the requests leave through the add-in's servers, and a share of
    0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    give_program(rng, group)
    if rng.random() < 0.4:
        move_in(rng, group, gateways=count(rng, 1, 20))
    group.sitting, group.gap = around(rng, accounts, 5.0, 150.0), around(rng, accounts, 1.0, 8.0)
    group.follow = np.zeros(accounts)
    rows = sittings(rng, group, volumes(rng, accounts, 5, 300), setting)
    formula = words(rng, "product_template", accounts)
    items = (formula[rows.account] + " Cell: " + words(rng, "row", len(rows))).astype(object)
    wrap = "You fill one cell of a spreadsheet. Return the value only, without explanation."
    instruct(rng, rows, items, template=wrap, as_system=rng.random() < 0.7)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="users of one spreadsheet add-in, who fill columns with it",
    carries="one User-Agent shared by two accounts or more, or else one prompt template",
    bends=("fungible", "division", *LIKENESS),
    produces="bursts of short requests under one template, each row sent once",
    cannot="shared cards, coerced reasoning, conversations handed on",
    settled_by="the add-in's listing, and whether each account's rows are of its own table",
    source="GPT for Sheets and similar add-ins of the Google Workspace Marketplace",
    draw=draw,
)
def spreadsheet_addin(traits: Traits, members: Labels) -> Labels:
    """One label for each user agent, or template, that members share; -1 for others."""
    return either(alike(traits, members, "user_agent"), alike(traits, members, "prompt_template"))
