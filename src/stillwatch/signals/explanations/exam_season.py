"""The weeks before an examination."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people, words
from stillwatch.simulate.population import DAY, HOUR
from stillwatch.simulate.visits import continue_as, on_topics, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Candidates who prepare for the same examination and stop when it is over.

    Drawn at random: the day of the examination, a growth of use of 1 to 8 times towards it, 1 to 12
    common subjects, past papers or their own questions, 5 to 250 exchanges per account, and a share of 0
    to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    exam = setting.start + int(rng.uniform(0.3, 1.0) * setting.days) * DAY
    low = max(setting.start, exam - int(rng.uniform(3, 25)) * DAY)
    high = max(low + DAY, min(exam + 9 * HOUR, setting.end))
    rows = sittings(rng, group, volumes(rng, accounts, 5, 250), setting, between=(low, high))
    age = (rows.at - low) / max(1, high - low)
    kept = rng.random(len(rows)) < np.exp((age - 1) * rng.uniform(0.0, 2.0))
    rows = rows.take(kept)
    topics = setting.topics[rng.integers(0, len(setting.texts), count(rng, 1, 12))]
    opening = on_topics(rng, setting, topics[rng.integers(0, len(topics), len(rows))])
    papers = words(rng, "eval_item", count(rng, 20, 600))
    from_paper = rng.random(len(rows)) < rng.uniform(0.0, 0.7)
    opening = np.where(from_paper, papers[rng.integers(0, len(papers), len(rows))], opening)
    continue_as(rng, group, rows, opening)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="candidates of one examination in the weeks before it",
    carries="the account keeps a person's hours",
    bends=("fungible", "load", "division", *LIKENESS),
    produces="a joint rise and a joint end of use, one purpose, questions of the same kind",
    cannot="shared cards, coerced reasoning, conversations handed on, work that takes turns over accounts",
    settled_by="the calendar of the examination, and other accounts that ask about its subjects at the same "
    "time",
    source="public search statistics before national examinations (Google Trends)",
    draw=draw,
)
def exam_season(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that rest at night, else -1."""
    return where(human(traits, members))
