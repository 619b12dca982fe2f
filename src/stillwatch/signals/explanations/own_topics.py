"""A task for which each person chooses a topic of its own."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import move_in, people, window, words
from stillwatch.simulate.visits import continue_as, instruct, on_topics, openings, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Participants of one assignment, each with a topic of its own, so that no two ask the same.

    Drawn at random: one assignment text or none, 2 to 60 exchanges per account, one to twenty days, home
    or campus, how strictly a person keeps to the topic (0.4 to 1), and a share of 0 to 0.7 of other
    traffic.
    """
    group = people(rng, accounts, setting, style=1.0 if rng.random() < 0.5 else None)
    if rng.random() < 0.3:
        move_in(rng, group, share=rng.uniform(0.3, 1.0))
    span = window(rng, setting, 24.0, 480.0)
    rows = sittings(rng, group, volumes(rng, accounts, 2, 60), setting, between=span)
    topic = setting.topics[rng.integers(0, len(setting.texts), accounts)]
    opening = on_topics(rng, setting, topic[rows.account])
    opening = (opening + " " + words(rng, "s_en", len(rows))).astype(object)
    strict = rng.random(len(rows)) < rng.uniform(0.4, 1.0)
    opening = np.where(strict, opening, openings(rng, group, rows.account, setting))
    continue_as(rng, group, rows, opening)
    if rng.random() < 0.4:
        instruct(
            rng, rows, rows.columns["prompt"], template=str(words(rng, "assignment")[0]), as_system=False
        )
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="people with one task, for which each has chosen a topic of its own",
    carries="the account keeps a person's hours",
    bends=("fungible", "load", "division", *LIKENESS),
    produces="a common pool of topics in which nobody repeats another, as a work queue would leave it",
    cannot="shared cards, coerced reasoning, conversations handed on, work that takes turns over accounts",
    settled_by="whether each account keeps to one topic, which a queue does not do",
    source="Aronson et al. 1978, The Jigsaw Classroom, in which each student has an own topic",
    draw=draw,
)
def own_topics(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that rest at night, else -1."""
    return where(human(traits, members))
