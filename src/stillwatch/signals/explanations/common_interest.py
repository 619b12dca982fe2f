"""An interest or a pool of tasks that accounts have in common for whatever reason."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import everyone
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people, window
from stillwatch.simulate.visits import continue_as, numbered, on_topics, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People who ask about the same topics, or take tasks from one pool, during some or all of the
    setting.

    Drawn at random: 1 to 6 topics or a pool of 20 to 3,000 tasks, a span of a day or more, 3 to 300
    exchanges per account, the spread of volumes, the strength of personal style, and a share of 0 to 0.7
    of other traffic.
    """
    group = people(rng, accounts, setting)
    span = window(rng, setting, 24.0, 24.0 * setting.days)
    rows = sittings(rng, group, volumes(rng, accounts, 3, 300), setting, between=span)
    if rng.random() < 0.5:
        topics = setting.topics[rng.integers(0, len(setting.texts), count(rng, 1, 6))]
        opening = on_topics(rng, setting, topics[rng.integers(0, len(topics), len(rows))])
    else:
        rule = str(rng.choice(["eval_item", "math", "dev", "label_item", "hack_item"]))
        item = rng.integers(0, count(rng, 20, 3000), len(rows))
        opening = numbered(rng, rule, item)
    continue_as(rng, group, rows, opening)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="accounts with one interest or one pool of tasks, for a cause that need not be known",
    carries="every account",
    bends=("fungible", "division", *LIKENESS),
    produces="one topic, one kind of work, joint hours, and accounts whose work is hard to tell apart",
    cannot="shared instruments, coerced reasoning, work in turns, volumes evened out over accounts",
    settled_by="the cause of the interest: a date, a release, a task list or an event that accounts outside "
    "the group know too",
    source="Vargas et al., arXiv 2005.13466: political bodies and academics coordinate on news, and raise "
    "false positives",
    draw=draw,
)
def common_interest(_traits: Traits, members: Labels) -> Labels:
    """The label 0 for every member, since any account may have the interest."""
    return everyone(members)
