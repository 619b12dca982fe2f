"""A puzzle that appears each day."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import LEAST_SHARE_REPEATED, repeats, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people, words
from stillwatch.simulate.population import DAY, HOUR, SECOND
from stillwatch.simulate.visits import numbered, own_life, reacting, stacked, typed


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Solvers of one daily puzzle, who paste it and ask for hints or the answer.

    Drawn at random: 1 to 3 puzzles a day at a fixed hour, a share of 0.2 to 1 of solvers a day, a median
    of half an hour to eight hours until they ask, 1 to 6 exchanges per puzzle, and a share of 0 to 0.7 of
    other traffic.
    """
    group = people(rng, accounts, setting)
    each = count(rng, 1, 3)
    hour = rng.uniform(0, 24, each)
    appears = (
        setting.start
        + (np.arange(setting.days)[:, None] * DAY + (hour[None, :] * HOUR)).astype(np.int64).ravel()
    )
    rows = reacting(rng, group, appears, median_h=rng.uniform(0.5, 8.0), share=rng.uniform(0.2, 1.0))
    puzzle = numbered(rng, str(rng.choice(["math", "eval_item", "item_code"])), rows.run)
    changed = np.flatnonzero(rng.random(len(rows)) < rng.uniform(0.0, 0.5))
    puzzle[changed] = puzzle[changed] + "\n" + words(rng, "student_note", len(changed))
    rows.conversation = np.arange(len(rows))
    rows.columns["prompt"] = puzzle
    again = rows.take(np.repeat(np.arange(len(rows)), rng.integers(0, count(rng, 1, 6), len(rows))))
    again.turn = again.turn + 1
    again.at = again.at + (rng.exponential(rng.uniform(60, 600), len(again)) * SECOND).astype(np.int64)
    again.columns["prompt"] = typed(rng, group, again.account, words(rng, "follow_en", len(again)))
    both = stacked([rows, again])
    return crowd(rng, group, setting, [both, own_life(rng, group, setting, both)])


@explanation(
    what="people who solve the same puzzle each day",
    carries="three tenths or more of the account's exchanges have a text that other members sent too",
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="one text a day in all accounts, soon after a fixed hour, and volumes as even as the puzzle "
    "makes them, and whatever the common text asks for, reasoning too",
    cannot="shared cards, conversations handed on, each puzzle sent by one account only",
    settled_by="the puzzle's page and its hour of publication",
    source="Advent of Code and daily word puzzles, with one task a day",
    draw=draw,
)
def daily_puzzle(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members whose texts others sent too, else -1."""
    return where(repeats(traits, members) >= LEAST_SHARE_REPEATED)
