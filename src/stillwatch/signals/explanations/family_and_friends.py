"""A household or a circle of friends with one card."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people
from stillwatch.simulate.population import fresh
from stillwatch.simulate.visits import sittings, volumes, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Households and circles of 2 to 12 people: one card each, often one address, and a few conversations
    that pass between members.

    Drawn at random: the size of a household, a share of 0 to 1 of members at the address, a share of 0 to
    0.1 of later turns that another member sends, 3 to 150 exchanges per account, and topics of their own.
    """
    group = people(rng, accounts, setting)
    most = count(rng, 2, 12)
    house = np.repeat(np.arange(accounts), rng.integers(2, most + 1, accounts))[:accounts]
    first = np.searchsorted(house, house)
    group.card, group.card_country = fresh(rng, accounts, "card_")[house], group.card_country[first]
    home = rng.random(accounts) < rng.uniform(0.0, 1.0)
    group.ip, group.asn = (
        np.where(home, group.ip[first], group.ip),
        np.where(home, group.asn[first], group.asn),
    )
    group.country, group.zone = group.country[first], group.zone[first]
    rows = write(rng, group, sittings(rng, group, volumes(rng, accounts, 3, 150), setting), setting)
    sizes = np.bincount(house, minlength=accounts)
    passes = (rng.random(len(rows)) < rng.uniform(0.0, 0.1)) & (rows.turn > 0)
    other = first[rows.account] + rng.integers(0, 1 << 30, len(rows)) % sizes[house[rows.account]]
    rows.account = np.where(passes, other, rows.account)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="a household or a circle of friends that pays with one card",
    carries="one payment fingerprint, shared by two accounts or more",
    bends=("ownership", "division", "handoff"),
    produces="one card, one address, and now and then a conversation that another member continues",
    cannot="large groups, one purpose, volumes evened out over accounts, work that takes turns",
    settled_by="the number of accounts on the card, and whether their topics differ",
    source="family plans of subscription services",
    draw=draw,
)
def family_and_friends(traits: Traits, members: Labels) -> Labels:
    """One label for each card that members share; -1 for others."""
    return alike(traits, members, "payment_fingerprint")
