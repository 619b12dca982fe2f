"""A failure of one carrier's network, which silences all of its customers."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, on_one_network, people, window
from stillwatch.simulate.visits import sittings, volumes, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Customers of one carrier who all fall silent while its network is down, and come back together.

    Drawn at random: one to five outages of 10 minutes to 12 hours, a share of 0.7 to 1 of customers who
    lose the connection, people or programs, and 10 to 300 exchanges per account.
    """
    group = people(rng, accounts, setting, one_country=True)
    on_one_network(rng, group)
    group.roaming = np.zeros(accounts)
    counts = volumes(rng, accounts, 10, 300)
    rows = write(rng, group, sittings(rng, group, counts, setting), setting)
    kept = np.ones(len(rows), dtype=bool)
    for _ in range(count(rng, 1, 5)):
        low, high = window(rng, setting, 1 / 6, 12.0)
        hit = rng.random(accounts) < rng.uniform(0.7, 1.0)
        kept &= ~(hit[rows.account] & (rows.at >= low) & (rows.at < high))
    return crowd(rng, group, setting, [rows.take(kept)])


@explanation(
    what="customers of one carrier whose network failed for a time",
    carries="one autonomous system, shared by two accounts or more",
    bends=("timing", "place", "habit"),
    produces="joint silences and joint returns of accounts in one network",
    cannot="any evidence of control",
    settled_by="outage reports of the carrier, and the silence of its customers outside the group",
    source="RIPEstat and IODA record outages by autonomous system",
    draw=draw,
)
def carrier_outage(traits: Traits, members: Labels) -> Labels:
    """One label for each network that members share; -1 for others."""
    return alike(traits, members, "asn")
