"""An event in the news that many ask about."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people
from stillwatch.simulate.population import DAY, HOUR
from stillwatch.simulate.visits import continue_as, numbered, on_topics, own_life, reacting


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People who ask about one event within hours or days of it.

    Drawn at random: 1 to 6 events, a median of half an hour to 24 hours until people react, a share of
    0.1 to 1 who do, a topic or 3 to 60 common headlines, 1 to 20 exchanges about it, and a share of 0.2
    to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    events = np.sort(
        setting.start + (rng.random(count(rng, 1, 6)) * 0.9 * setting.days * DAY).astype(np.int64)
    )
    rows = reacting(rng, group, events, median_h=rng.uniform(0.5, 24.0), share=rng.uniform(0.1, 1.0))
    more = rng.integers(1, count(rng, 2, 20) + 1, len(rows))
    rows = rows.take(np.repeat(np.arange(len(rows)), more))
    rows.at = rows.at + (rng.exponential(rng.uniform(0.02, 4.0), len(rows)) * HOUR).astype(np.int64)
    topics = setting.topics[rng.integers(0, len(setting.texts), len(events))]
    opening = on_topics(rng, setting, topics[rows.run])
    headlines = count(rng, 3, 60)
    headline = numbered(rng, "s_en", rows.run * headlines + rng.integers(0, headlines, len(rows)))
    opening = np.where(rng.random(len(rows)) < rng.uniform(0.0, 1.0), headline + " " + opening, opening)
    continue_as(rng, group, rows, opening.astype(object))
    life = own_life(rng, group, setting, rows, share=rng.uniform(0.2, 0.7))
    return crowd(rng, group, setting, [rows, life])


@explanation(
    what="people who ask about one event in the news",
    carries="the account keeps a person's hours",
    bends=("fungible", "load", "division", *LIKENESS),
    produces="a joint rise within hours, one topic, and the same names and headlines in the prompts",
    cannot="shared cards, coerced reasoning, conversations handed on, work that takes turns over accounts",
    settled_by="the event's date, and accounts outside the group that ask about it at the same time",
    source="Seckin et al., arXiv 2411.10609: controls of the same topics and weeks; Vargas et al., arXiv "
    "2005.13466",
    draw=draw,
)
def breaking_news(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that rest at night, else -1."""
    return where(human(traits, members))
