"""A list of prompts that was shared widely."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import LEAST_SHARE_REPEATED, repeats, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people, sign_up_between, words
from stillwatch.simulate.population import DAY
from stillwatch.simulate.visits import continue_as, openings, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People who try prompts of one shared list, in the days after it was published.

    Drawn at random: 5 to 300 prompts with unequal popularity, a fast or slow fading of interest, a share
    of 0.1 to 1 of exchanges from the list, word for word or with an ending of their own, 2 to 150
    exchanges per account, new accounts or old, and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    begins = setting.start + int(rng.uniform(0, 0.7) * setting.days) * DAY
    if rng.random() < 0.4:
        sign_up_between(rng, group, begins, min(setting.end, begins + 3 * DAY))
    rows = sittings(rng, group, volumes(rng, accounts, 2, 150), setting, between=(begins, setting.end))
    fade = rng.uniform(0.5, 6.0)
    length = setting.end - begins
    rows.at = begins + (((rows.at - begins) / length) ** fade * length).astype(np.int64)
    size = count(rng, 5, 300)
    weight = (np.arange(size) + 1.0) ** -rng.uniform(0.0, 1.2)
    pool = openings(rng, group, rng.integers(0, accounts, size), setting)
    opening = pool[rng.choice(size, len(rows), p=weight / weight.sum())].astype(object)
    ended = np.flatnonzero(rng.random(len(rows)) < rng.uniform(0.0, 0.5))
    opening[ended] = opening[ended] + " " + words(rng, "s_en", len(ended))
    other = rng.random(len(rows)) > rng.uniform(0.1, 1.0)
    opening = np.where(other, openings(rng, group, rows.account, setting), opening)
    continue_as(rng, group, rows, opening)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="people who try prompts of one list that was shared widely",
    carries="three tenths or more of the account's exchanges have a text that other members sent too",
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="the same texts in unrelated accounts within a few days, new accounts among them, and whatever "
    "the common text asks for, reasoning too",
    cannot="shared cards, conversations handed on, each text sent by one account only",
    settled_by="the published list, and accounts outside the group that use it",
    source="awesome-chatgpt-prompts and similar lists",
    draw=draw,
)
def viral_list(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members whose texts others sent too, else -1."""
    return where(repeats(traits, members) >= LEAST_SHARE_REPEATED)
