"""A program that its users installed and that sends requests by the clock."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import clocked, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, give_program, people, words
from stillwatch.simulate.visits import instruct, numbered, own_life, ticks


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Installations of one digest, monitoring or reminder program, each with its owner's key and address.

    Drawn at random: every hour at a common minute or at one of its own, every few hours, or each morning
    at the owner's hour; 1 to 5 requests per run, a share of 0.6 to 1 of runs that take place, one text
    for all or items of the owner's, installation before or during the setting, and a share of 0 to 0.7 of
    other traffic.
    """
    group = people(rng, accounts, setting)
    give_program(rng, group)
    if rng.random() < 0.5:
        morning = group.wake - group.zone + rng.uniform(-1, 1) * rng.random(accounts)
        times = morning[:, None] % 24 * 3600.0
        if rng.random() < 0.5:
            times = times // 900 * 900
    else:
        step = int(rng.choice([1, 1, 2, 3, 4, 6]))
        minute = rng.uniform(0, 3600, (accounts, 1)) if rng.random() < 0.5 else rng.uniform(0, 3600)
        times = np.arange(0, 24, step)[None, :] * 3600.0 + minute + np.zeros((accounts, 1))
    installed = np.floor(rng.uniform(-1.0, 0.8, accounts) * setting.days)
    rows = ticks(
        rng,
        setting,
        times,
        requests=count(rng, 1, 5) if times.shape[1] == 1 else 1,
        gap_s=rng.uniform(1, 30),
        jitter_s=float(rng.choice([0.0, 20.0, 300.0])),
        kept=rng.uniform(0.6, 1.0),
        days=np.arange(setting.days)[None, :] >= installed[:, None],
    )
    if rng.random() < 0.5:
        items = numbered(rng, "product_item", rng.integers(0, count(rng, 1, 40), len(rows)))
    else:
        items = words(rng, "product_item", len(rows))
    instruct(rng, rows, items)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="installations of one program that sends requests by the clock, each with its owner's key",
    carries="the account's moments keep one minute of the hour or quarter, or one time of the day",
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="even volumes, regular turns and the same requests from unrelated accounts, and whatever the "
    "common text asks for, reasoning too",
    cannot="shared cards, conversations handed on",
    settled_by="the program's code or manual, which states the schedule, and other traffic of the same "
    "owners",
    source="a simulated digest app of 150 installations, which an earlier version reported as a harvest by "
    "load_balance and rotation",
    draw=draw,
)
def scheduled_app(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that send by the clock, else -1."""
    return where(clocked(traits, members))
