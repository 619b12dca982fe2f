"""One building, whose users leave it through one address range."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, move_in, office_day, people
from stillwatch.simulate.visits import openings, sittings, volumes, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People in one library, hostel, office building or co-working space, strangers to each other.

    Drawn at random: one to three gateways, a share of 0.5 to 1 of people there, few or all hours in the
    place, whether they signed up there, 3 to 200 exchanges per account, the spread of volumes, and
    whether a part of the prompts comes from a common list.
    """
    group = people(rng, accounts, setting, one_country=True)
    there = move_in(rng, group, gateways=count(rng, 1, 3), share=rng.uniform(0.5, 1.0))
    group.roaming = np.clip(group.roaming * rng.uniform(0.0, 1.5), 0.0, 0.6)
    group.signup_ip = np.where(there & (rng.random(accounts) < rng.uniform(0, 1)), group.ip, group.signup_ip)
    if rng.random() < 0.4:
        office_day(rng, group)
    rows = write(rng, group, sittings(rng, group, volumes(rng, accounts, 3, 200), setting), setting)
    if rng.random() < 0.4:
        listed = (rng.random(len(rows)) < rng.uniform(0.05, 0.5)) & (rows.turn == 0)
        pool = openings(rng, group, np.zeros(count(rng, 5, 200), np.int64), setting)
        item = pool[rng.integers(0, len(pool), len(rows))]
        rows.columns["prompt"] = np.where(listed, item, rows.columns["prompt"])
    return crowd(rng, group, setting, [rows])


@explanation(
    what="people in one building, whose traffic leaves it through one address range",
    carries="one address range of 256 IPv4 addresses (/24) or one IPv6 /48, shared by two accounts or more",
    bends=("load", "turns", "fungible", "division", "coercion", "handoff", *LIKENESS),
    produces="one address, one timetable, and work that people who sit together ask, copy, divide or hand on",
    cannot="cards shared by people who are strangers to each other",
    settled_by="the operator of the address range, and whether other users of the service come from it",
    source="RFC 6269, Issues with IP Address Sharing",
    draw=draw,
)
def one_place(traits: Traits, members: Labels) -> Labels:
    """One label for each address range that members share; -1 for others."""
    return alike(traits, members, "client_prefix")
