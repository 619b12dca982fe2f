"""A third party that pays for people who use the service in their own places."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.explanations.common_interest import draw as of_one_interest
from stillwatch.signals.explanations.course import draw as of_a_course
from stillwatch.signals.explanations.own_topics import draw as of_own_topics
from stillwatch.signals.explanations.quota import draw as of_a_quota
from stillwatch.signals.explanations.scheduled_app import draw as of_an_app
from stillwatch.signals.marks import alike
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting
from stillwatch.simulate.people import count
from stillwatch.simulate.population import fresh

# Members that mostly use one address, at most, where it is a home, a class room or a branch library: chosen.
LARGEST_PLACE = 8
# Explanations whose people a sponsor may supply.
SUPPLIED = (of_an_app, of_a_course, of_one_interest, of_own_topics, of_a_quota)


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Users of an app, students of a course, or people with a common interest, own topics or a quota, whose
    accounts a charity, a seller of courses or a school pays for.

    Drawn at random: the cause, as its own explanation draws it, 2 to 12 payment instruments, and a share of
    0.6 to 1 of accounts with one of them.
    """
    drawn = SUPPLIED[int(rng.integers(len(SUPPLIED)))](rng, accounts, setting)
    cards = fresh(rng, count(rng, 2, 12), "card_")
    paid = rng.random(accounts) < rng.uniform(0.6, 1.0)
    given = {
        "payment_fingerprint": cards[rng.integers(0, len(cards), accounts)],
        "payment_country": np.full(accounts, str(rng.choice(["US", "GB", "DE", "SG"])), object),
    }
    drawn.accounts.update(
        {name: np.where(paid, values, drawn.accounts[name]) for name, values in given.items()}
    )
    return drawn


@explanation(
    what="people whose accounts a third party pays for, such as a charity, a school or a seller of courses",
    carries="one payment fingerprint, shared by two accounts or more, and no address that more than eight "
    "members mostly use",
    bends=("ownership",),
    accompanies=True,
    produces="few payment instruments for many people in their own places, whatever else these people have "
    "in common: the sponsor's app, its course or its timetable",
    cannot="by itself, any evidence but that of payments; many accounts at one address are not covered",
    settled_by="the payer, who can say what the programme is and name its participants",
    source="simulated charities that pay for the users of their own app, which an earlier version reported: "
    "each explanation of an app left the payments, and each explanation of payments left the app",
    draw=draw,
)
def sponsor(traits: Traits, members: Labels) -> Labels:
    """The label of each member's payment instrument; -1 without a shared one, and at a crowded place."""
    place = alike(traits, members, "client_prefix")
    holders = np.bincount(place[place >= 0], minlength=1)
    is_crowded = (place >= 0) & (holders[place] > LARGEST_PLACE)
    return np.where(is_crowded, -1, alike(traits, members, "payment_fingerprint"))
