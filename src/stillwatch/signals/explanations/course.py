"""A course with a sheet each week."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import LEAST_SHARE_REPEATED, human, repeats, short_lived, where
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import count, move_in, people, sign_up_between, words
from stillwatch.simulate.population import DAY, texts
from stillwatch.simulate.visits import VisitRows, continue_as, own_life, sittings, through_list, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Students of one course, who ask about each week's sheet until it is due.

    Drawn at random: 1 to 12 tasks per sheet, the day it is due, how late students begin, a share of 0.2
    to 1 who do a sheet, help or solutions asked for in their own words or with the task copied, campus or
    home, a mail domain or free mail, and a share of 0 to 0.7 of other traffic.
    """
    group = people(rng, accounts, setting, one_country=rng.random() < 0.8)
    if rng.random() < 0.5:
        move_in(rng, group, gateways=count(rng, 1, 4), share=rng.uniform(0.1, 0.9))
    if rng.random() < 0.5:
        group.email_domain, group.program = (
            texts(accounts, f"uni-{rng.integers(100, 999)}.edu"),
            texts(accounts, "education"),
        )
    if rng.random() < 0.5:
        sign_up_between(rng, group, setting.start - 5 * DAY, setting.start + DAY)
    tasks, due = count(rng, 1, 12), int(rng.integers(1, 8))
    given = int(rng.integers(1, 7))
    copied = rng.uniform(0.1, 1.0)
    common: list[VisitRows] = []
    for week in range(-(-setting.days // 7)):
        high = min(setting.start + (week * 7 + due) * DAY, setting.end)
        low = max(setting.start, high - given * DAY)
        if high <= low:
            continue
        takes = rng.random(accounts) < rng.uniform(0.2, 1.0)
        counts = np.where(takes, volumes(rng, accounts, 1.0 * tasks, 6.0 * tasks), 0)
        rows = sittings(rng, group, counts, setting, between=(low, high))
        pool = words(rng, "assignment", tasks)
        task = through_list(rng, rows, pool, shuffled=rng.uniform(0, 0.5))
        note = words(rng, "student_note", len(rows))
        opening = np.where(
            rng.random(len(rows)) < copied,
            task + "\n\n" + note,
            "About task: " + note + " " + words(rng, "s_en", len(rows)),
        )
        verbatim = rng.random(len(rows)) < rng.uniform(0.1, 0.8) * copied
        common.append(continue_as(rng, group, rows, np.where(verbatim, task, opening).astype(object)))
    lives = [own_life(rng, group, setting, rows) for rows in common[:2]]
    return crowd(rng, group, setting, [*common, *lives])


@explanation(
    what="students of one course, with a sheet of tasks each week",
    carries=(
        "three tenths or more of the account's exchanges have a text that other members sent too, or the "
        "account was made shortly "
        "before its first exchange, was active for a few days only and keeps a person's hours"
    ),
    bends=("coercion", "turns", "load", "fungible", "division", *LIKENESS),
    produces="the same tasks, joint hours before each due date, alike volumes, sign-ups in one week, and "
    "whatever the common text asks for, reasoning too",
    cannot="shared cards, conversations handed on, each task sent by one account only",
    settled_by="the course's pages and dates, or its teacher",
    source="StudyChat, arXiv 2503.07928; RECIPE4U and ChEDDAR",
    draw=draw,
)
def course(traits: Traits, members: Labels) -> Labels:
    """The label 0 for members whose texts others sent too and for short-lived ones that rest at night, else
    -1.
    """
    newcomers = human(traits, members) & short_lived(traits, members)
    return where((repeats(traits, members) >= LEAST_SHARE_REPEATED) | newcomers)
