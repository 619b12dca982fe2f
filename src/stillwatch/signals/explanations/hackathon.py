"""A hackathon, with accounts made for one weekend."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import one_coupon, short_lived, signed_up_together, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import (
    around,
    count,
    give_program,
    move_in,
    people,
    sign_up_between,
    window,
    words,
)
from stillwatch.simulate.population import HOUR, some, texts
from stillwatch.simulate.visits import continue_as, openings, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Participants of one hackathon: new accounts, a venue or homes, a starter kit, one weekend of work.

    Drawn at random: 8 to 60 hours, a share of 0 to 1 at the venue, sign-ups within half an hour or
    several days, coupons or their own cards, a starter kit's template or none, and 10 to 300 exchanges
    with a spread from none to large.
    """
    group = people(rng, accounts, setting)
    span = window(rng, setting, 8.0, 60.0)
    there = move_in(rng, group, gateways=count(rng, 1, 5), share=rng.choice([0.0, rng.uniform(0.2, 1.0)]))
    sign_up_between(rng, group, span[0] - int(np.exp(rng.uniform(-1, 4)) * HOUR), span[0])
    group.signup_ip = np.where(there & (rng.random() < 0.7), group.ip, group.signup_ip)
    if rng.random() < 0.6:
        group.card, group.card_country, group.program = (
            texts(accounts, None),
            texts(accounts, None),
            texts(accounts, "startup"),
        )
    if rng.random() < 0.6:
        give_program(rng, group, own=rng.random() < 0.5)
    group.night, group.gap = np.full(accounts, rng.uniform(0.0, 0.3)), around(rng, accounts, 15.0, 120.0)
    rows = sittings(rng, group, volumes(rng, accounts, 10, 300), setting, between=span)
    kit = rng.random(len(rows)) < rng.uniform(0.0, 0.8)
    items = words(rng, "hack_item", len(rows))
    continue_as(rng, group, rows, np.where(kit, items, openings(rng, group, rows.account, setting)))
    if rng.random() < 0.5:
        template = str(words(rng, "product_template")[0])
        rows.columns["system_prompt"] = some(kit, texts(len(rows), template))
    return crowd(rng, group, setting, [rows])


@explanation(
    what="participants of one hackathon, with accounts made for it",
    carries=(
        "the account signed up within 36 hours of most others of the group, or shortly before its first "
        "exchange and was active for "
        "a few days only, and has no payment instrument or the most frequent one of the group"
    ),
    bends=("ownership", "load", "fungible", "division", *LIKENESS),
    produces="sign-ups in a burst, one place, one weekend, one kind of work, and cards or coupons of the "
    "organiser",
    cannot="work that takes turns over accounts, coerced reasoning, conversations handed on",
    settled_by="the event's page, its dates and the organiser's list of participants",
    source="a simulated hackathon of 150 accounts with alike volumes, which an earlier version reported as a "
    "harvest by load_balance",
    draw=draw,
)
def hackathon(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members with one coupon that signed up together or were short-lived, else -1."""
    came = signed_up_together(traits, members) | short_lived(traits, members)
    return where(came & one_coupon(traits, members))
