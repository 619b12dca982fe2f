"""Batch jobs that run at night."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import clocked, human, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import on_servers, people, words
from stillwatch.simulate.visits import instruct, own_life, ticks, volumes

# Least concentration over the hours of the day (`Traits.hourly`) of an account with a nightly job and other
# use; chosen, half of full concentration.
HOURLY = 0.5


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Owners of batch jobs: a number of requests each night at an hour of their own, and little or much
    use by day.

    Drawn at random: nights at one hour or at hours of their own, 5 to 200 requests per night with a
    spread from none to large, a share of 0.3 to 1 of the nights, one template for all or one each, and a
    share of 0 to 0.7 of use by day.
    """
    group = people(rng, accounts, setting)
    on_servers(rng, group, share=rng.uniform(0.0, 1.0))
    spread = rng.uniform(0.05, 3.0)
    hour = rng.normal(rng.uniform(0.0, 6.0), spread, accounts)
    if rng.random() < 0.6:
        hour = np.floor(hour)
    rows = ticks(
        rng,
        setting,
        ((hour - group.zone) % 24 * 3600.0)[:, None],
        requests=np.minimum(volumes(rng, accounts, 5, 60), 200),
        gap_s=rng.uniform(1, 20),
        jitter_s=float(rng.choice([0.0, 60.0, 900.0])),
        kept=rng.uniform(0.3, 1.0),
    )
    items = words(rng, "product_item", len(rows))
    if rng.random() < 0.5:
        instruct(rng, rows, items)
    else:
        own = words(rng, "product_template", accounts)
        rows.columns["prompt"] = (own[rows.account] + "\n\n" + items).astype(object)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="owners of batch jobs that run at night",
    carries=(
        "the account's moments keep a clock, or half or more of its exchanges concentrate on one part of the "
        "day and its "
        "quietest eight hours are a person's"
    ),
    bends=("turns", "load", "fungible", "division", *LIKENESS),
    produces="even volumes, regular turns at the same hours, and items that are sent once",
    cannot="shared cards, coerced reasoning, conversations handed on",
    settled_by="the owners' own schedules, and whether the items of each account are of its own business",
    source="nightly batches of API customers; the simulator's ordinary batch owners",
    draw=draw,
)
def nightly_jobs(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that send by the clock, or at one time of the day, else -1."""
    by_night = (traits.hourly[members] >= HOURLY) & human(traits, members)
    return where(clocked(traits, members) | by_night)
