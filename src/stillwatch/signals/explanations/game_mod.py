"""A game modification that asks the model for its characters' lines."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import around, count, give_program, people, words
from stillwatch.simulate.visits import instruct, numbered, own_life, sittings, typed, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Players of one game with a modification that sends each line of dialogue to the model with the
    player's own key.

    Drawn at random: evening hours, long sittings of many short requests, a common system prompt, 4 to 200
    situations that the game repeats or none, 20 to 300 exchanges per account, and a share of 0 to 0.5 of
    other traffic.
    """
    group = people(rng, accounts, setting)
    give_program(rng, group)
    group.wake, group.awake = (
        group.wake + rng.uniform(4.0, 9.0),
        np.minimum(group.awake, rng.uniform(6.0, 10.0)),
    )
    group.sitting, group.gap = around(rng, accounts, 15.0, 60.0), around(rng, accounts, 5.0, 60.0)
    group.answer = group.answer - rng.uniform(0.5, 2.0)
    rows = sittings(rng, group, volumes(rng, accounts, 20, 300), setting)
    items = words(rng, "s_en", len(rows))
    if rng.random() < 0.6:
        scene = numbered(rng, "s_en", rng.integers(0, count(rng, 4, 200), len(rows)))
        items = (scene + "\nPlayer: " + typed(rng, group, rows.account, items)).astype(object)
    role = (
        f"You are {words(rng, 'name')[0]}, {words(rng, 'adj')[0]} keeper of the {words(rng, 'noun')[0]}. "
        f"Stay in character and answer in one line."
    )
    instruct(rng, rows, items, template=role, as_system=rng.random() < 0.8)
    return crowd(
        rng, group, setting, [rows, own_life(rng, group, setting, rows, share=rng.uniform(0.0, 0.5))]
    )


@explanation(
    what="players who run one game modification with their own keys",
    carries="one User-Agent shared by two accounts or more, or else one system prompt",
    bends=("fungible", "division", *LIKENESS),
    produces="one client and one template, short requests in quick succession, and evenings of play",
    cannot="shared cards, coerced reasoning, conversations handed on, activity at all hours of the day",
    settled_by="the modification's page, and whether the accounts play at different hours and in different "
    "countries",
    source="Mantella and similar dialogue modifications, whose manuals ask for an own API key",
    draw=draw,
)
def game_mod(traits: Traits, members: Labels) -> Labels:
    """One label for each user agent, or system prompt, that members share; -1 for others."""
    return either(alike(traits, members, "user_agent"), alike(traits, members, "system_prompt"))
