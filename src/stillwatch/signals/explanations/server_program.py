"""One program that many people run on servers, day and night."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import exclusive, largest
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, give_program, on_servers, people, words
from stillwatch.simulate.population import DAY
from stillwatch.simulate.visits import instruct, moments, numbered


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Owners of servers that run one program: events at all hours call the model, each with one of a few
    templates.

    Drawn at random: one client string with or without a common system prompt, 1 to 12 templates that
    events choose at random, 2 to 60 events per account and day, volumes from even to very uneven, and a
    day that is flat or has a peak.
    """
    group = people(rng, accounts, setting)
    give_program(rng, group)
    on_servers(rng, group)
    rate = np.exp(rng.uniform(np.log(2.0), np.log(60.0)))
    rates = rate * rng.lognormal(0.0, rng.choice([0.0, 0.1, 0.5, 1.0]), accounts)
    account = np.repeat(np.arange(accounts), rng.poisson(rates * setting.days) + 1)
    hour = rng.random(len(account)) * 24
    if rng.random() < 0.5:
        peak, depth = rng.uniform(0, 24), rng.uniform(0.2, 0.6)
        kept = rng.random(len(hour)) < (1 + depth * np.cos((hour - peak) * np.pi / 12)) / (1 + depth)
        hour = np.where(kept, hour, (peak + rng.normal(0, 4, len(hour))) % 24)
    day = rng.integers(0, setting.days, len(account))
    at = setting.start + day * DAY + (hour / 24 * DAY).astype(np.int64)
    rows = moments(account, at)
    scene = numbered(rng, "s_en", rng.integers(0, count(rng, 1, 12), len(rows)))
    items = (scene + "\n" + words(rng, "s_en", len(rows))).astype(object)
    role = (
        f"You are {words(rng, 'name')[0]}, {words(rng, 'adj')[0]} keeper of the {words(rng, 'noun')[0]}. "
        f"Answer in one line."
    )
    instruct(rng, rows, items, template=role, as_system=rng.random() < 0.5)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="owners of servers that run one program, which calls the model whenever something happens on them",
    carries="the group's most frequent User-Agent, where hardly any other account of the log shows it",
    bends=("load", "fungible", "division", "coercion", *LIKENESS),
    produces="activity at all hours, one mixture of the program's templates in all accounts, and volumes "
    "that may be alike",
    cannot="shared cards, work that takes turns over accounts, conversations handed on, many client programs",
    settled_by="the program's page, and a count of its installations",
    source="game servers, chat bots and monitoring plug-ins that call a model with their owner's key",
    draw=draw,
)
def server_program(traits: Traits, members: Labels) -> Labels:
    """One label for members with a user agent that hardly anybody else has; -1 for others."""
    return largest(exclusive(traits, members, "user_agent"))
