"""A daily limit that many accounts use up."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import LEAST_SHARE_FULL_DAYS, human, where
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people
from stillwatch.simulate.population import DAY, texts
from stillwatch.simulate.visits import VisitRows, sittings, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People on a plan with a daily limit, most of whom use it up.

    Drawn at random: a limit of 5 to 60 per day, how far demand exceeds it, the spread of demand, a share
    of 0.4 to 1 of days with use, a reset at UTC midnight, and the strength of personal style.
    """
    group = people(rng, accounts, setting)
    group.plan = texts(accounts, "free")
    limit, wide = count(rng, 5, 60), rng.uniform(0.1, 1.0)
    demand = limit * rng.uniform(0.8, 3.0) * np.exp(0.5 * wide * rng.standard_normal(accounts))
    present = rng.random((accounts, setting.days)) < rng.uniform(0.4, 1.0)
    parts: list[VisitRows] = []
    for day in range(setting.days):
        wish = rng.poisson(demand * np.exp(wide * rng.standard_normal(accounts)))
        counts = np.where(present[:, day], np.minimum(wish, limit), 0).astype(np.int64)
        low = setting.start + day * DAY
        rows = sittings(rng, group, counts, setting, between=(low, low + DAY))
        parts.append(write(rng, group, rows, setting))
    return crowd(rng, group, setting, parts)


@explanation(
    what="people on a plan with a daily limit, most of whom use it up",
    carries="on at least half of its days an account sends nine tenths or more of what it sends on its "
    "largest day",
    bends=("load", "turns"),
    produces="volumes as even as a scheduler makes them, since the limit is the same for all",
    cannot="shared instruments, a pool divided without repeats, exchangeable identities, work handed on",
    settled_by="the plan's limit, compared with the largest days of the accounts",
    source="free tiers of public model services",
    draw=draw,
)
def quota(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that rest at night and reach their limit on most days, else -1."""
    return where((traits.full_days[members] >= LEAST_SHARE_FULL_DAYS) & human(traits, members))
