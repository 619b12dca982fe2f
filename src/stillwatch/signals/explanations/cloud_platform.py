"""One hosting platform from which unrelated programs call."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, give_program, move_in, people, window, words
from stillwatch.simulate.population import AGENTS, BROWSERS
from stillwatch.simulate.visits import own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Programs of unrelated owners on one hosting platform: its addresses, a common client library, day
    and night traffic.

    Drawn at random: 1 to 60 addresses, a share of 0.5 to 1 of accounts there, restarts that silence all
    of them, templates of their own, 5 to 400 exchanges per account with heavy tails, and a share of 0 to
    0.3 of other traffic.
    """
    group = people(rng, accounts, setting, sdk=1.0)
    move_in(
        rng,
        group,
        gateways=count(rng, 1, 60),
        share=rng.uniform(0.5, 1.0),
        asn=14_000 + int(rng.integers(1, 13)),
    )
    group.roaming = np.zeros(accounts)
    if rng.random() < 0.5:
        give_program(rng, group, agent=str(AGENTS[rng.integers(BROWSERS, len(AGENTS))]))
    group.night, group.activity[:] = np.full(accounts, rng.uniform(0.2, 1.0)), 1.0
    rows = sittings(rng, group, volumes(rng, accounts, 5, 400, sigma=rng.uniform(0.4, 1.4)), setting)
    rows.turn[:], rows.conversation[:] = 0, -1
    template = words(rng, "product_template", accounts)
    rows.columns["prompt"] = (template[rows.account] + "\n\n" + words(rng, "product_item", len(rows))).astype(
        object
    )
    kept = np.ones(len(rows), dtype=bool)
    for _ in range(int(rng.integers(0, 4))):
        low, high = window(rng, setting, 0.2, 6.0)
        kept &= ~((rows.at >= low) & (rows.at < high))
    rows = rows.take(kept)
    return crowd(
        rng, group, setting, [rows, own_life(rng, group, setting, rows, share=rng.uniform(0.0, 0.3))]
    )


@explanation(
    what="unrelated programs that run on one hosting platform",
    carries="one autonomous system, shared by two accounts or more",
    bends=("place", "timing", "habit"),
    produces="one network, common addresses, activity at all hours, and joint silences when the platform "
    "restarts",
    cannot="any evidence of control",
    settled_by="the platform's published address ranges and status page",
    source="published address ranges of cloud providers (AWS, Google Cloud, Azure)",
    draw=draw,
)
def cloud_platform(traits: Traits, members: Labels) -> Labels:
    """One label for each network that members share; -1 for others."""
    return alike(traits, members, "asn")
