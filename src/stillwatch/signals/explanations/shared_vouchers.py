"""A payment instrument that a third party issues to many people."""

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
    """Strangers who pay with instruments of one issuer: prepaid cards, vouchers or virtual cards under
    one fingerprint.

    Drawn at random: 1 to 8 fingerprints, a share of 0.3 to 1 of accounts with one of them, countries, 3
    to 200 exchanges per account, and the strength of personal style.
    """
    group = people(rng, accounts, setting)
    cards = fresh(rng, count(rng, 1, 8), "card_")
    holds = rng.random(accounts) < rng.uniform(0.3, 1.0)
    group.card = np.where(holds, cards[rng.integers(0, len(cards), accounts)], group.card)
    group.card_country = np.where(holds, str(rng.choice(["US", "GB", "EE", "SG"])), group.card_country)
    rows = write(rng, group, sittings(rng, group, volumes(rng, accounts, 3, 200), setting), setting)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="strangers who pay with instruments of one issuer, such as prepaid cards or vouchers",
    carries="one payment fingerprint, shared by two accounts or more",
    bends=("ownership", "load"),
    produces="one fingerprint in the accounts of unrelated people, and volumes as even as a credit that "
    "everybody uses up",
    cannot="work that takes turns or is divided, exchangeable identities, and one purpose or one place",
    settled_by="the card's issuer number, and whether the fingerprint is that of a prepaid or virtual "
    "product",
    source="payment processors' documentation: virtual cards of one issuer can share a fingerprint",
    draw=draw,
)
def shared_vouchers(traits: Traits, members: Labels) -> Labels:
    """One label for each card that members share; -1 for others."""
    return alike(traits, members, "payment_fingerprint")
