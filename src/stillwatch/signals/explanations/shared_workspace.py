"""A team that continues each other's conversations."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either, owners
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, move_in, office_day, people
from stillwatch.simulate.population import fresh
from stillwatch.simulate.visits import sittings, volumes, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Teams of 3 to 30 colleagues in one workspace, in which a conversation that one begins is continued
    by others.

    Drawn at random: the size of a team, a share of 0.05 to 0.6 of later turns that another member sends,
    at the desk or with night shifts, a declared organization or not, one office address, and 5 to 250
    exchanges per account.
    """
    group = people(rng, accounts, setting, one_country=True)
    move_in(rng, group, gateways=count(rng, 1, 2), share=rng.uniform(0.6, 1.0))
    if rng.random() < 0.7:
        office_day(rng, group)
    team = np.repeat(np.arange(accounts), rng.integers(3, count(rng, 3, 30) + 1, accounts))[:accounts]
    if rng.random() < 0.6:
        group.organization = fresh(rng, accounts, "org_")[team]
    first, sizes = np.searchsorted(team, team), np.bincount(team, minlength=accounts)
    group.follow = np.clip(group.follow + rng.uniform(0.0, 0.4), 0.0, 0.97)
    rows = write(rng, group, sittings(rng, group, volumes(rng, accounts, 5, 250), setting), setting)
    passes = (rng.random(len(rows)) < rng.uniform(0.05, 0.6)) & (rows.turn > 0)
    other = first[rows.account] + rng.integers(0, 1 << 30, len(rows)) % sizes[team[rows.account]]
    rows.account = np.where(passes, other, rows.account)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="a team that continues each other's conversations in a common workspace",
    carries="two or more accounts of one declared owner, or else one address range shared by two accounts or "
    "more",
    bends=("handoff", "division"),
    produces="conversations that several accounts carry on",
    cannot="conversations handed on between accounts of different places and owners",
    settled_by="the workspace's list of members",
    source="shared projects of team plans; the contract's `organization_id`",
    draw=draw,
)
def shared_workspace(traits: Traits, members: Labels) -> Labels:
    """One label for each declared owner, or address range, that members share; -1 for others."""
    return either(owners(traits, members), alike(traits, members, "client_prefix"))
