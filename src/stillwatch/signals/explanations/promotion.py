"""A promotion that brought many new accounts."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, one_coupon, where
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, on_one_network, people
from stillwatch.simulate.population import DAY, HOUR
from stillwatch.simulate.visits import sittings, volumes, write

NEW_H = 14 * 24  # largest number of hours between a new account's sign-up and first exchange; chosen


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People who came for free credits: sign-ups in a burst, unequal use, most of it until the credits
    are spent.

    Drawn at random: a burst of 1 to 96 hours, its day in or before the setting, 2 to 200 exchanges with a
    credit that ends them or not, a share of 0 to 0.5 of old accounts, a carrier in common in some
    promotions, and topics of their own.
    """
    group = people(rng, accounts, setting)
    if rng.random() < 0.3:
        on_one_network(rng, group)
    begins = setting.start + int(rng.uniform(-3.0, 0.7 * setting.days) * DAY)
    length = int(np.exp(rng.uniform(0.0, np.log(96.0))) * HOUR)
    joins = begins + np.minimum(rng.exponential(0.3, accounts), 1.0) * length
    old = rng.random(accounts) < rng.uniform(0.0, 0.5)
    group.created = np.where(old, group.created, joins.astype(np.int64))
    counts = volumes(rng, accounts, 2, 200)
    if rng.random() < 0.5:
        counts = np.minimum(counts, count(rng, 10, 100))
    low = max(setting.start, begins)
    high = min(setting.end, low + int(rng.uniform(2.0, 20.0) * DAY))
    rows = write(rng, group, sittings(rng, group, counts, setting, between=(low, high)), setting)
    late = rows.at < group.created[rows.account]
    rows.at = np.where(
        late, np.minimum(group.created[rows.account] + (rows.at - low) % (6 * HOUR), setting.end - 1), rows.at
    )
    return crowd(rng, group, setting, [rows])


@explanation(
    what="people who signed up for one promotion with free credits",
    carries=(
        "the account was made within fourteen days before its first exchange, keeps a person's hours, and "
        "has no payment "
        "instrument or the most frequent one of the group"
    ),
    bends=("ownership", "load", "place"),
    produces="sign-ups in a burst, payment instruments of the promotion, and volumes as even as the credit "
    "makes them",
    cannot="one purpose, work that takes turns over accounts, coerced reasoning, conversations handed on",
    settled_by="the promotion's dates and terms, and other sign-ups of those days",
    source="the operator's own campaigns; Stripe Radar on multi-account sign-ups",
    draw=draw,
)
def promotion(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members with one coupon, nights and an early begin, else -1."""
    waited = traits.first[members] - traits.created[members]
    return where(human(traits, members) & one_coupon(traits, members) & ~(waited > NEW_H))
