"""A public benchmark that several laboratories run."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import LEAST_SHARE_REPEATED, repeats, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, give_program, on_servers, people
from stillwatch.simulate.population import DAY, SECOND
from stillwatch.simulate.visits import instruct, moments, numbered, own_life


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Laboratories that run the same public benchmark, each on its own days and with its own key.

    Drawn at random: 50 to 1,500 questions of which a run takes all or a random part, 1 to 4 runs per
    account, seconds between requests, the harness's own client or several, temperature 0 or not, a common
    template, and a share of 0 to 0.4 of other traffic.
    """
    group = people(rng, accounts, setting, sdk=1.0)
    on_servers(rng, group, share=rng.uniform(0.3, 1.0))
    if rng.random() < 0.7:
        give_program(rng, group, agent=f"eval-harness/0.{rng.integers(3, 9)}.{rng.integers(0, 5)}")
    questions = count(rng, 50, 1500)
    runs = rng.integers(1, count(rng, 1, 4) + 1, accounts)
    part = np.maximum(2, (questions * rng.uniform(0.1, 1.0) * np.ones(accounts)).astype(np.int64))
    part = np.minimum(part, max(2, 30_000 // max(1, int(runs.sum()))))
    whose = np.repeat(np.arange(accounts), runs)
    begins = setting.start + (rng.random(len(whose)) * 0.9 * setting.days * DAY).astype(np.int64)
    account = np.repeat(whose, part[whose])
    place = np.concatenate([np.arange(size) for size in part[whose]])
    gap = rng.uniform(0.5, 20.0)
    at = np.repeat(begins, part[whose]) + ((place + rng.random(len(place))) * gap * SECOND).astype(np.int64)
    rows = moments(account, at)
    in_order = rng.random() < 0.6
    question = place if in_order else rng.integers(0, questions, len(place))
    items = numbered(rng, str(rng.choice(["eval_item", "math", "item_code"])), question)
    template = "Answer the following question. Think step by step, then give the answer."
    instruct(rng, rows, items, template=template, as_system=rng.random() < 0.3)
    if rng.random() < 0.6:
        rows.columns["temperature"] = np.zeros(len(rows))
    return crowd(
        rng, group, setting, [rows, own_life(rng, group, setting, rows, share=rng.uniform(0.0, 0.4))]
    )


@explanation(
    what="laboratories that run the same public benchmark",
    carries="three tenths or more of the account's exchanges have a text that other members sent too",
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="the same questions under one template, equal volumes, fast requests at all hours, and whatever "
    "the common text asks for, reasoning too",
    cannot="shared cards, conversations handed on, each question sent by one account only",
    settled_by="the benchmark's files, in which the questions stand",
    source="lm-evaluation-harness and HELM, whose questions and templates are public",
    draw=draw,
)
def evaluation_suite(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members whose texts others sent too, else -1."""
    return where(repeats(traits, members) >= LEAST_SHARE_REPEATED)
