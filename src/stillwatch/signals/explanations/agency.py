"""An agency that runs its clients' accounts."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, give_program, move_in, office_day, people, words
from stillwatch.simulate.population import fresh
from stillwatch.simulate.visits import continue_as, instruct, sittings, volumes, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Client accounts that one agency works with: their own cards and mail domains, the agency's address,
    client and hours.

    Drawn at random: one to three gateways, a share of 0.6 to 1 of traffic from there, a job that is
    divided over accounts or not, retainers of even or uneven size, a share of 0 to 0.05 of later turns
    sent from another client's account, and 10 to 300 exchanges per account.
    """
    group = people(rng, accounts, setting, one_country=True)
    move_in(rng, group, gateways=count(rng, 1, 3))
    group.roaming = np.full(accounts, rng.uniform(0.0, 0.4))
    give_program(rng, group)
    office_day(rng, group)
    group.email_domain = (fresh(rng, accounts, "client-", 6) + ".com").astype(object)
    group.activity = np.clip(group.activity, rng.uniform(0.1, 0.9), 1.0)
    rows = sittings(rng, group, volumes(rng, accounts, 10, 300, sigma=rng.uniform(0.02, 1.0)), setting)
    if rng.random() < 0.5:
        continue_as(rng, group, rows, words(rng, "product_item", len(rows)))
        instruct(rng, rows, rows.columns["prompt"], as_system=True)
    else:
        write(rng, group, rows, setting)
    passes = (rng.random(len(rows)) < rng.uniform(0.0, 0.05)) & (rows.turn > 0)
    rows.account = np.where(passes, rng.integers(0, accounts, len(rows)), rows.account)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="clients' accounts that one agency works with",
    carries="one address range with one User-Agent, shared by two accounts or more",
    bends=("load", "turns", "fungible", "division", "handoff", *LIKENESS),
    produces="one address, one client, office hours, and work that the agency's staff divide, take in turns "
    "and hand on",
    cannot="cards shared by the clients, coerced reasoning",
    settled_by="the agency, and the clients' own cards and mail domains",
    source="agency and partner programmes of advertising and model services",
    draw=draw,
)
def agency(traits: Traits, members: Labels) -> Labels:
    """One label for each address range with one user agent; -1 for members with their own."""
    return alike(traits, members, "client_prefix", "user_agent")
