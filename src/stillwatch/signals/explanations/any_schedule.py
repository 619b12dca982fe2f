"""A schedule that accounts have in common for whatever reason."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import everyone
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, on_servers, people, words
from stillwatch.simulate.visits import instruct, own_life, ticks


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Accounts whose programs keep one schedule: every so many hours, once a day, or in the working day
    every 15 to 60 minutes.

    Drawn at random: the kind, the hours, a spread of start times of 0 to 12 hours, whether the minute is
    common, 1 to 20 requests per run (fewer where runs are many), a share of 0.6 to 1 of runs that take
    place, one template for all or one each, and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    if rng.random() < 0.7:
        on_servers(rng, group, share=rng.uniform(0.2, 1.0))
    kind = rng.integers(3)
    if kind == 0:
        hours = int(rng.choice([1, 2, 3, 4, 6, 8, 12]))
        times = np.arange(0, 24, hours)[None, :] * 3600.0 + rng.uniform(0, 3600, (accounts, 1))
    elif kind == 1:
        times = (rng.uniform(0, 24) + rng.uniform(0, 12) * rng.standard_normal((accounts, 1))) % 24 * 3600.0
    else:
        step = float(rng.choice([15, 20, 30, 60])) * 60
        times = (rng.uniform(0, 24) * 3600 + np.arange(0, 8 * 3600, step))[None, :] + np.zeros((accounts, 1))
    if rng.random() < 0.5:
        times = times // 3600 * 3600 + rng.uniform(0, 3600)
    rows = ticks(
        rng,
        setting,
        times,
        requests=count(rng, 1, max(1, 20 // times.shape[1])),
        gap_s=rng.uniform(1, 60),
        jitter_s=rng.uniform(0, 600),
        kept=rng.uniform(0.6, 1.0),
    )
    items = words(rng, "product_item", len(rows))
    if rng.random() < 0.5:
        instruct(rng, rows, items)
    else:
        template = words(rng, "product_template", accounts)
        rows.columns["prompt"] = (template[rows.account] + "\n\n" + items).astype(object)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="accounts that keep one schedule, for a cause that need not be known",
    carries="every account",
    bends=("turns", "load"),
    produces="regular turns and even volumes, which follow from a common clock without a common controller",
    cannot="shared instruments, a pool divided without repeats, exchangeable identities, work handed on",
    settled_by="the programs that keep the schedule, and who runs them",
    source="Cox and Lewis 1966, The Statistical Analysis of Series of Events: fixed schedules give counts "
    "less dispersed than Poisson's",
    draw=draw,
)
def any_schedule(_traits: Traits, members: Labels) -> Labels:
    """The label 0 for every member, since any account may be scheduled."""
    return everyone(members)
