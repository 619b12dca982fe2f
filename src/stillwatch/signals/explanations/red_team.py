"""A course or a group that tries published attacks on models."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either, repeats, where
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, move_in, people, window, words
from stillwatch.simulate.visits import continue_as, own_life, sittings, volumes

# Share of an account's exchanges with texts that other members sent too, from which it uses a published list.
PUBLIC = 0.25


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Participants of a security course, a bounty or a study who try published jailbreaks and extraction
    prompts.

    Drawn at random: 5 to 200 published prompts, used word for word or changed in 0 to 0.9 of cases, one
    place or many, a day to the whole setting, 5 to 150 exchanges per account, and a share of 0 to 0.7 of
    other traffic.
    """
    group = people(rng, accounts, setting)
    if rng.random() < 0.5:
        move_in(rng, group, gateways=count(rng, 1, 3), share=rng.uniform(0.6, 1.0))
        group.roaming = group.roaming * rng.uniform(0.0, 1.0)
    span = window(rng, setting, 4.0, 24.0 * setting.days)
    rows = sittings(rng, group, volumes(rng, accounts, 5, 150), setting, between=span)
    size = count(rng, 5, 200)
    kinds = rng.random(size) < rng.uniform(0.0, 1.0)
    published = np.where(kinds, words(rng, "attack", size), words(rng, "want_reasoning", size))
    opening = published[rng.integers(0, size, len(rows))].astype(object)
    changed = np.flatnonzero(rng.random(len(rows)) < rng.uniform(0.0, 0.9))
    opening[changed] = opening[changed] + " " + words(rng, "s_en", len(changed))
    continue_as(rng, group, rows, opening)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="participants of a course, a bounty or a study that tries published attacks on models",
    carries=(
        "a quarter or more of the account's exchanges have a text that other members sent too, or else one "
        "address range, or else "
        "one phrase in most of their prompts, is shared by two accounts or more"
    ),
    bends=("coercion", "fungible"),
    produces="attempts to force out the reasoning or the instructions, with prompts that are public",
    cannot="shared cards, volumes evened out over accounts, work that takes turns or is handed on",
    settled_by="the published list of prompts, and the course or programme",
    source="JailbreakBench, HarmBench and vendors' bounty programmes, whose prompts are public",
    draw=draw,
)
def red_team(traits: Traits, members: Labels) -> Labels:
    """One label for shared texts, for each address range and for each template; -1 for others."""
    repeated = where(repeats(traits, members) >= PUBLIC)
    return either(
        either(repeated, alike(traits, members, "client_prefix")), alike(traits, members, "prompt_template")
    )
