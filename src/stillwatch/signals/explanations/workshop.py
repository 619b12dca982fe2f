"""A workshop of one afternoon."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import human, one_coupon, short_lived, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, move_in, people, sign_up_between, window, words
from stillwatch.simulate.population import HOUR, texts
from stillwatch.simulate.visits import continue_as, openings, sittings, through_list, volumes

AFTERNOON_H = 12  # hours between first and last activity of a workshop's participant, at most; chosen


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Participants of one workshop: new accounts, one room or a video call, the same exercises in the
    same order.

    Drawn at random: 1 to 6 hours, 3 to 30 exercises, a share of 0.3 to 1 in the room, coupons or their
    own cards, exercises word for word or with changes, 5 to 80 exchanges with a small spread.
    """
    group = people(rng, accounts, setting)
    span = window(rng, setting, 1.0, 6.0)
    move_in(rng, group, gateways=count(rng, 1, 2), share=rng.choice([0.0, rng.uniform(0.3, 1.0)]))
    sign_up_between(
        rng,
        group,
        span[0] - int(rng.uniform(0.2, 48.0) * HOUR),
        span[0] + HOUR // 4,
        at_place=rng.random() < 0.7,
    )
    if rng.random() < 0.6:
        group.card, group.card_country = texts(accounts, None), texts(accounts, None)
    rows = sittings(
        rng, group, volumes(rng, accounts, 5, 80, sigma=rng.uniform(0.05, 0.6)), setting, between=span
    )
    pool = openings(rng, group, np.zeros(count(rng, 3, 30), np.int64), setting)
    exercise = through_list(rng, rows, pool)
    changed = np.flatnonzero(rng.random(len(rows)) < rng.uniform(0.0, 0.9))
    exercise[changed] = exercise[changed] + " " + words(rng, "s_en", len(changed))
    continue_as(rng, group, rows, exercise)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="participants of one workshop, with accounts made for it",
    carries=(
        "the account was made shortly before its first exchange, was active within twelve hours only, keeps "
        "a person's hours, and "
        "has no payment instrument or the most frequent one of the group"
    ),
    bends=("ownership", "load", "fungible", "division", *LIKENESS),
    produces="sign-ups in a burst, one place, one afternoon, the same exercises, and cards or coupons of the "
    "organiser",
    cannot="work that takes turns over accounts, coerced reasoning, conversations handed on",
    settled_by="the organiser, with the exercises and the list of participants",
    source="vendors' own workshop material with trial credits",
    draw=draw,
)
def workshop(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members with one coupon that were active for one afternoon only, else -1."""
    afternoon = traits.last[members] - traits.first[members] <= AFTERNOON_H
    return where(
        human(traits, members) & one_coupon(traits, members) & short_lived(traits, members) & afternoon
    )
