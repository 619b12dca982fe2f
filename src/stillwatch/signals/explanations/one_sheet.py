"""A sheet of questions that many people work through."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import LEAST_SHARE_REPEATED, human, repeats, short_lived, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import around, count, move_in, people, sign_up_between, window, words
from stillwatch.simulate.population import DAY
from stillwatch.simulate.visits import continue_as, own_life, sittings, through_list


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People who work through one sheet of questions within some days, from home or from one room.

    Drawn at random: 3 to 150 questions, a share of 0.3 to 1 that a person does, in order or not, word for
    word or with words of their own added, one to ten days, one room or not, accounts of long standing or
    made for it, and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    span = window(rng, setting, 2.0, 240.0)
    if rng.random() < 0.3:
        move_in(rng, group, share=rng.uniform(0.5, 1.0))
    if rng.random() < 0.4:
        sign_up_between(rng, group, span[0] - 3 * DAY, span[0])
    questions = count(rng, 3, 150)
    pool = words(rng, str(rng.choice(["assignment", "math", "eval_item", "dev", "person_en"])), questions)
    done = np.maximum(
        1,
        np.round(
            questions * np.clip(rng.normal(rng.uniform(0.3, 1.0), rng.uniform(0.02, 0.3), accounts), 0.02, 1)
        ),
    )
    group.sitting = around(rng, accounts, 5.0, 30.0)
    rows = sittings(
        rng,
        group,
        np.minimum(np.round(done / (1 - np.minimum(group.follow, 0.8))), 600).astype(np.int64),
        setting,
        between=span,
    )
    opening = through_list(rng, rows, pool, shuffled=rng.uniform(0, 1) * rng.integers(0, 2))
    own = np.flatnonzero(rng.random(len(rows)) < rng.uniform(0.0, 0.6))
    opening[own] = opening[own] + " " + words(rng, "student_note", len(own))
    continue_as(rng, group, rows, opening)
    parts = [rows] if rng.random() < 0.3 else [rows, own_life(rng, group, setting, rows)]
    return crowd(rng, group, setting, parts)


@explanation(
    what="people who work through one sheet of questions",
    carries=(
        "three tenths or more of the account's exchanges have a text that other members sent too, or the "
        "account was made shortly "
        "before its first exchange, was active for a few days only and keeps a person's hours"
    ),
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="one list of texts in one order, volumes as even as the sheet makes them, and joint hours "
    "before a deadline, and whatever the common text asks for, reasoning too",
    cannot="shared cards, conversations handed on, each question sent by one account only",
    settled_by="the sheet, and who handed it out",
    source="'Give me the code', arXiv 2411.17855: 69 students with one problem",
    draw=draw,
)
def one_sheet(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members whose texts others sent too and for short-lived ones that rest at night, else
    -1.
    """
    newcomers = human(traits, members) & short_lived(traits, members)
    return where((repeats(traits, members) >= LEAST_SHARE_REPEATED) | newcomers)
