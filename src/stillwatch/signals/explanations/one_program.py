"""One client program that its users run by hand with their own keys."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, give_program, name_of_program, people, words
from stillwatch.simulate.population import texts
from stillwatch.simulate.visits import continue_as, instruct, openings, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Users of one program with its own client name and system prompt, each with their own key and at
    their own hours.

    Drawn at random: whether the program sends a system prompt and a template, one to four versions, its
    items (code, text, messages, own words), 3 to 300 exchanges per account, the spread of volumes, and a
    share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    name = name_of_program(rng)
    give_program(rng, group, agent=name)
    versions = np.array([name] + [f"{name}{k}" for k in range(1, count(rng, 1, 4))], dtype=object)
    group.agent = versions[np.minimum(rng.geometric(0.6, accounts) - 1, len(versions) - 1)]
    if rng.random() < 0.7:
        group.system = texts(accounts, str(words(rng, "product_template")[0]))
    rows = sittings(rng, group, volumes(rng, accounts, 3, 300), setting)
    rule = str(rng.choice(["tool_item", "product_item", "dev", ""]))
    items = words(rng, rule, len(rows)) if rule else openings(rng, group, rows.account, setting)
    continue_as(rng, group, rows, items)
    if rng.random() < 0.6:
        instruct(rng, rows, items, as_system=False)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="users of one program, each with an own key",
    carries="one system prompt shared by two accounts or more, or else one User-Agent",
    bends=("fungible", "division", "coercion", *LIKENESS),
    produces="one client, one template, one kind of work, and instructions that the program adds and its "
    "users never see",
    cannot="shared cards, conversations handed on, work that takes turns over accounts",
    settled_by="the program's public code or documentation, and users of it outside the group",
    source="chat front ends with own keys (LibreChat, Open WebUI, TypingMind), used by hand",
    draw=draw,
)
def one_program(traits: Traits, members: Labels) -> Labels:
    """One label for each system prompt, or user agent, that members share; -1 for others."""
    return either(alike(traits, members, "system_prompt"), alike(traits, members, "user_agent"))
