"""Customers of one carrier that shares addresses among them."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, people
from stillwatch.simulate.population import addresses
from stillwatch.simulate.visits import sittings, volumes, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Customers of one mobile carrier with address translation: few addresses, one country, one time
    zone.

    Drawn at random: 4 to 300 gateways, a share of 0.2 to 1 of traffic through them, sign-ups by telephone
    or at home, and 3 to 200 exchanges per account.
    """
    group = people(rng, accounts, setting, one_country=True)
    asn = int(rng.integers(3000, 3600))
    gates = count(rng, 4, 300)
    pool = addresses(np.full(gates, asn), rng.integers(0, 1 << 40, gates))
    group.ip, group.asn = pool[rng.integers(0, gates, accounts)], np.full(accounts, asn)
    group.roaming = np.clip(rng.beta(2, 4, accounts) * rng.uniform(0.0, 2.0), 0.0, 0.8)
    if rng.random() < 0.5:
        group.signup_ip = group.ip.copy()
    rows = write(rng, group, sittings(rng, group, volumes(rng, accounts, 3, 200), setting), setting)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="customers of one carrier, which puts many of them behind each address",
    carries="one autonomous system, shared by two accounts or more",
    bends=("place", "timing", "habit"),
    produces="one network, few addresses, one country and its hours",
    cannot="any evidence of control",
    settled_by="the carrier's published address ranges, and other customers behind them",
    source="RFC 6888, requirements for carrier-grade NAT; Richter et al., IMC 2016",
    draw=draw,
)
def one_carrier(traits: Traits, members: Labels) -> Labels:
    """One label for each network that members share; -1 for others."""
    return alike(traits, members, "asn")
