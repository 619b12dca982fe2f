"""Customers of one commercial VPN."""

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
    """Strangers who leave the internet through the exits of one provider.

    Drawn at random: 2 to 40 exits, a share of 0.3 to 1 of traffic through them, countries of exit or home
    shown, sign-ups through the VPN or not, and 3 to 200 exchanges per account.
    """
    group = people(rng, accounts, setting, one_country=False)
    asn = int(rng.integers(15_000, 15_020))
    gates = count(rng, 2, 40)
    exits = addresses(np.full(gates, asn), rng.integers(0, 1 << 40, gates))
    group.other_ip, group.other_asn = group.ip, group.asn
    group.ip, group.asn = exits[rng.integers(0, gates, accounts)], np.full(accounts, asn)
    group.roaming = np.clip(rng.beta(2, 2, accounts) * rng.uniform(0.0, 1.4), 0.0, 0.7)
    if rng.random() < 0.5:
        group.signup_ip = group.ip.copy()
    if rng.random() < 0.5:
        group.country[:] = str(rng.choice(["NL", "US", "SG"]))
    rows = write(rng, group, sittings(rng, group, volumes(rng, accounts, 3, 200), setting), setting)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="customers of one commercial VPN",
    carries="one autonomous system, shared by two accounts or more",
    bends=("place", "timing", "habit"),
    produces="one network and few addresses for strangers in many countries",
    cannot="any evidence of control",
    settled_by="published lists of the provider's exits, and accounts outside the group that use them",
    source="X4BNet lists_vpn; RFC 6269, Issues with IP Address Sharing",
    draw=draw,
)
def vpn_users(traits: Traits, members: Labels) -> Labels:
    """One label for each network that members share; -1 for others."""
    return alike(traits, members, "asn")
