"""One employer, who owns the accounts or pays for them."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either, human, largest, owners
from stillwatch.signals.registry import FAMILIES, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, employ, give_program, move_in, office_day, people, words
from stillwatch.simulate.visits import instruct, own_life, sittings, volumes, write

CARDS = 2  # cards with which one company pays, at most; the same number as in decision 3


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Colleagues of one company: an office address, a card, often a mail domain and a declared
    organization.

    Drawn at random: whether the organization is declared, whether there is a mail domain, a share of 0.5
    to 1 in the office, one template or their own words, whether tasks are divided, 10 to 400 exchanges
    per account, the spread of volumes, and a share of 0 to 0.4 of other traffic.
    """
    group = people(rng, accounts, setting, one_country=True)
    move_in(rng, group, gateways=count(rng, 1, 3), share=rng.uniform(0.5, 1.0))
    employ(rng, group, declared=rng.random() < 0.6, one_card=True, own_mail=rng.random() < 0.8)
    office_day(rng, group)
    if rng.random() < 0.5:
        give_program(rng, group)
    rows = sittings(rng, group, volumes(rng, accounts, 10, 400), setting)
    if rng.random() < 0.5:
        group.follow[:] *= rng.uniform(0.0, 0.3)
        rows.turn[:] = 0
        instruct(rng, rows, words(rng, "label_item", len(rows)))
    else:
        write(rng, group, rows, setting)
    return crowd(
        rng, group, setting, [rows, own_life(rng, group, setting, rows, share=rng.uniform(0.0, 0.4))]
    )


@explanation(
    what="employees of one company, which pays for their accounts and tells them what to do",
    carries=(
        "two or more accounts of one declared owner, or one of the two most frequent pairs of a card and an "
        "address range, used in "
        "a person's hours"
    ),
    bends=FAMILIES,
    produces="every kind of evidence of control, since the company does control the accounts",
    cannot="accounts without a common owner that are linked to the rest",
    settled_by="the company's own statement of which accounts are its employees'",
    source="the contract's `organization_id`; teams of paid model services",
    draw=draw,
)
def one_employer(traits: Traits, members: Labels) -> Labels:
    """One label for each declared owner, or for a card with one address range; -1 for others."""
    undeclared = largest(alike(traits, members, "payment_fingerprint", "client_prefix"), CARDS)
    return either(owners(traits, members), np.where(human(traits, members), undeclared, -1))
