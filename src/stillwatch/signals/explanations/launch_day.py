"""The day on which a model or a product appears."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people, words
from stillwatch.simulate.population import DAY, HOUR, MODELS, NEW_MODEL
from stillwatch.simulate.visits import continue_as, openings, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People who try a new model in the hours and days after its release.

    Drawn at random: the moment of the release, a share of 0.2 to 1 of exchanges that use the new model
    from then on, 3 to 120 exchanges, a fading of interest, common test questions in 0.1 to 0.9 of
    openings, new accounts in 0 to 0.6 of cases, and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    release = setting.start + int(rng.uniform(0.0, 0.8) * setting.days * DAY)
    new = rng.random(accounts) < rng.uniform(0.0, 0.6)
    joined_at = release + (rng.exponential(6.0, accounts) * HOUR).astype(np.int64)
    group.created = np.where(new, np.minimum(joined_at, setting.end - HOUR), group.created)
    until = min(setting.end, release + int(rng.uniform(1.0, 6.0) * DAY))
    rows = sittings(rng, group, volumes(rng, accounts, 3, 120), setting, between=(release, until))
    rows.at = (
        release + ((rows.at - release) / (until - release)) ** rng.uniform(1.0, 3.0) * (until - release)
    ).astype(np.int64)
    tests = words(rng, "release_item", count(rng, 5, 100))
    common = rng.random(len(rows)) < rng.uniform(0.1, 0.9)
    tried = tests[rng.integers(0, len(tests), len(rows))]
    continue_as(rng, group, rows, np.where(common, tried, openings(rng, group, rows.account, setting)))
    model = np.array(MODELS, dtype=object)[group.model[rows.account]]
    rows.columns["model"] = np.where(
        rng.random(len(rows)) < rng.uniform(0.2, 1.0), MODELS[NEW_MODEL], model
    ).astype(object)
    life = own_life(rng, group, setting, rows)
    life = life.take((life.at >= release) | ~new[life.account])
    return crowd(rng, group, setting, [rows, life])


@explanation(
    what="people who try a new model or product in the days after its release",
    carries="the account keeps a person's hours",
    bends=("fungible", "load", "division", *LIKENESS),
    produces="a joint move to the new model, the same test questions, sign-ups in one day",
    cannot="shared cards, coerced reasoning, conversations handed on, work that takes turns over accounts",
    settled_by="the release date, and how many accounts outside the group moved on that day",
    source="the contract's `releases`; the simulator's release crowd",
    draw=draw,
)
def launch_day(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that rest at night, else -1."""
    return where(human(traits, members))
