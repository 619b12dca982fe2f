"""An automation that many people copied from one template."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import clocked, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, give_program, move_in, people, words
from stillwatch.simulate.visits import instruct, own_life, ticks, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """People who copied one workflow from a template gallery or a tutorial and left its schedule as it
    was.

    Drawn at random: the template's hours and minute, a share of 0.1 to 0.9 of people who changed the
    time, 1 to 30 items per run, the template's prompt word for word or with changes, a hosted platform or
    their own hosts, and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting)
    give_program(
        rng,
        group,
        agent=str(rng.choice(["n8n/1.91.3", "make-http/4.2", "zap-runner/2026.3", "node-cron/3.0.3"])),
    )
    if rng.random() < 0.5:
        move_in(rng, group, gateways=count(rng, 2, 30), asn=14_000 + int(rng.integers(1, 13)))
    each = count(rng, 1, 6)
    base = np.sort(rng.integers(0, 96, each)) * 900.0
    moved = (rng.random((accounts, 1)) < rng.uniform(0.1, 0.9)) * rng.integers(0, 288, (accounts, 1)) * 300.0
    local = rng.random() < 0.5
    times = (base[None, :] + moved - (group.zone[:, None] * 3600 if local else 0.0)) % 86400
    rows = ticks(
        rng,
        setting,
        times,
        requests=volumes(rng, accounts, 1, 30 / each),
        gap_s=rng.uniform(1, 10),
        jitter_s=rng.uniform(0, 60),
        kept=rng.uniform(0.7, 1.0),
    )
    template = words(rng, "product_template", 2)
    changed = rng.random(accounts) < rng.uniform(0.0, 0.5)
    items = words(rng, "product_item", len(rows))
    instruct(rng, rows, items, template=str(template[0]))
    own = (template[1] + " " + words(rng, "s_en", accounts) + "\n\n")[rows.account] + items
    rows.columns["prompt"] = np.where(changed[rows.account], own, rows.columns["prompt"]).astype(object)
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows)])


@explanation(
    what="people who copied one automation from a template gallery or a tutorial",
    carries="the account's moments keep one minute of the hour or quarter, or one time of the day",
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="one schedule, one template and even volumes in unrelated accounts, and whatever the common "
    "text asks for, reasoning too",
    cannot="shared cards, conversations handed on",
    settled_by="the published template, with its prompt and its schedule",
    source="the template galleries of n8n, Make and Zapier, whose schedule triggers start at full hours by "
    "default",
    draw=draw,
)
def copied_automation(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members that send by the clock, else -1."""
    return where(clocked(traits, members))
