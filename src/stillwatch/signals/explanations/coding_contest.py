"""A contest in which all take part in the same hours."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import LEAST_SHARE_REPEATED, repeats, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, move_in, people, sign_up_between, window, words
from stillwatch.simulate.population import DAY
from stillwatch.simulate.visits import VisitRows, continue_as, own_life, sittings, through_list, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Participants of one or more rounds of a contest: the same tasks within the same hours, from home or
    from halls.

    Drawn at random: 1 to 6 rounds of 1 to 30 hours with 1 to 8 tasks, a share of 0.3 to 1 who take part,
    3 to 80 exchanges per round, halls or homes, sign-ups on the day of the first round or long before,
    and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    if rng.random() < 0.3:
        move_in(rng, group, gateways=count(rng, 1, 6), share=rng.uniform(0.4, 1.0))
    common: list[VisitRows] = []
    for number in range(count(rng, 1, 6)):
        span = window(rng, setting, 1.0, 30.0)
        if number == 0 and rng.random() < 0.4:
            sign_up_between(rng, group, span[0] - DAY, span[0], at_place=rng.random() < 0.5)
        takes = rng.random(accounts) < rng.uniform(0.3, 1.0)
        counts = np.where(takes, volumes(rng, accounts, 3, 80), 0)
        rows = sittings(rng, group, counts, setting, between=span)
        pool = words(rng, "item_code", count(rng, 1, 8))
        task = through_list(rng, rows, pool, shuffled=rng.uniform(0, 0.4))
        own = rng.random(len(rows)) < rng.uniform(0.0, 0.7)
        common.append(continue_as(rng, group, rows, np.where(own, words(rng, "dev", len(rows)), task)))
    return crowd(rng, group, setting, [*common, own_life(rng, group, setting, common[0])])


@explanation(
    what="participants of one contest, with the same tasks in the same hours",
    carries="three tenths or more of the account's exchanges have a text that other members sent too",
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="joint starts and ends, the same tasks, alike volumes, sign-ups before the first round, and "
    "whatever the common text asks for, reasoning too",
    cannot="shared cards, conversations handed on, each task sent by one account only",
    settled_by="the contest's tasks and times, and its list of participants",
    source="Codeforces and ICPC rounds",
    draw=draw,
)
def coding_contest(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members whose texts others sent too, else -1."""
    return where(repeats(traits, members) >= LEAST_SHARE_REPEATED)
