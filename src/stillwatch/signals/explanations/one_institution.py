"""One school, university or authority."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, employ, move_in, office_day, people
from stillwatch.simulate.population import texts
from stillwatch.simulate.visits import numbered, sittings, volumes, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Members of one institution with its mail domain and, for part of their traffic, its network.

    Drawn at random: one to four gateways, a share of 0.3 to 1 who work there, whether the institution
    pays one contract, whether there is common work and how much of it, 3 to 200 exchanges per account,
    the spread of volumes and the strength of personal style.
    """
    group = people(rng, accounts, setting, one_country=True)
    network = int(rng.integers(20_000, 24_000))
    there = move_in(rng, group, gateways=count(rng, 1, 4), share=rng.uniform(0.3, 1.0), asn=network)
    group.email_domain = texts(accounts, f"uni-{rng.integers(100, 999)}.edu")
    group.program = texts(accounts, "education")
    group.signup_ip = np.where(there & (rng.random(accounts) < 0.5), group.ip, group.signup_ip)
    if rng.random() < 0.3:
        employ(rng, group, declared=True, one_card=True, own_mail=False)
    if rng.random() < 0.5:
        office_day(rng, group)
    rows = sittings(rng, group, volumes(rng, accounts, 3, 200), setting)
    write(rng, group, rows, setting)
    common = rng.random(len(rows)) < rng.choice([0.0, rng.uniform(0.05, 0.8)])
    task = numbered(rng, "assignment", rng.integers(0, count(rng, 1, 30), len(rows)))
    rows.columns["prompt"] = np.where(common & (rows.turn == 0), task, rows.columns["prompt"])
    return crowd(rng, group, setting, [rows])


@explanation(
    what="members of one institution, who share its network and its mail domain",
    carries="one autonomous system with one mail domain, shared by two accounts or more",
    bends=("load", "turns", "fungible", "division", "coercion", "handoff", *LIKENESS),
    produces="one place, one timetable, the same tasks, and conversations that somebody else at the "
    "institution continues",
    cannot="cards shared by accounts that the institution does not pay for",
    settled_by="the institution, asked whether these are its members and what they were given to do",
    source="RECIPE4U and StudyChat (arXiv 2503.07928): logs of one university each",
    draw=draw,
)
def one_institution(traits: Traits, members: Labels) -> Labels:
    """One label for each network with one mail domain; -1 for others."""
    return alike(traits, members, "asn", "email_domain")
