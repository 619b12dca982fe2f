"""A support widget on the sites of unrelated shops."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import around, count, give_program, move_in, on_servers, people, words
from stillwatch.simulate.visits import continue_as, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Shops with one chat widget, each with its own key; customers write at all hours and from all
    places.

    Drawn at random: 1 to 40 exchanges per day and shop with heavy tails, the depth of the nightly lull,
    one system prompt with the shop's name in it or without, the widget's host or the shops' own, and a
    share of 0 to 0.2 of other traffic.
    """
    group = people(rng, accounts, setting, sdk=1.0)
    give_program(rng, group)
    on_servers(rng, group)
    if rng.random() < 0.5:
        move_in(rng, group, gateways=count(rng, 1, 8))
    group.night = np.full(accounts, rng.uniform(0.1, 0.9))
    group.follow = np.clip(around(rng, accounts, 0.3, 0.9), 0.0, 0.95)
    group.activity[:], group.weekend[:] = 1.0, rng.uniform(0.5, 1.3)
    counts = volumes(rng, accounts, 1.0 * setting.days, 40.0 * setting.days, sigma=rng.uniform(0.3, 1.4))
    rows = sittings(rng, group, np.minimum(counts, 150 * setting.days), setting)
    continue_as(rng, group, rows, words(rng, "product_item", len(rows)))
    brand = words(rng, "brand", accounts if rng.random() < 0.5 else 1)
    prompt = (
        "You are the assistant of " + brand + ". Answer the customer's question from the shop's pages only."
    )
    rows.columns["system_prompt"] = np.broadcast_to(prompt, accounts)[rows.account].astype(object)
    return crowd(
        rng, group, setting, [rows, own_life(rng, group, setting, rows, share=rng.uniform(0.0, 0.2))]
    )


@explanation(
    what="shops that put one support widget on their sites, each with an own key",
    carries="one system prompt shared by two accounts or more, or else one User-Agent",
    bends=("fungible", "division", *LIKENESS),
    produces="one template, activity by day and by night, and questions of the same kind",
    cannot="shared cards, coerced reasoning, conversations that pass from one shop to another",
    settled_by="the widget's provider, and the shops' sites, which show it",
    source="chat widgets for shop systems that take the merchant's own API key (WordPress and Shopify "
    "directories)",
    draw=draw,
)
def support_widget(traits: Traits, members: Labels) -> Labels:
    """One label for each system prompt, or user agent, that members share; -1 for others."""
    return either(alike(traits, members, "system_prompt"), alike(traits, members, "user_agent"))
