"""A code-review action that runs on each pull request of unrelated projects."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import around, give_program, office_day, on_servers, people, words
from stillwatch.simulate.visits import instruct, own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Projects that run one review action: a request for each pull request and each push to it.

    Drawn at random: 0.2 to 6 pull requests per day and project at its own hours, 1 to 8 requests each, one
    template, hosts of one or several data centres, the spread of volumes, and a share of 0 to 0.3 of
    other traffic.
    """
    group = people(rng, accounts, setting, sdk=1.0)
    give_program(rng, group)
    on_servers(rng, group, share=rng.uniform(0.5, 1.0))
    if rng.random() < 0.5:
        office_day(rng, group)
    counts = volumes(rng, accounts, 0.2 * setting.days + 1, 6.0 * setting.days + 1)
    group.sitting = around(rng, accounts, 1.0, 8.0)
    rows = sittings(rng, group, counts, setting)
    rows.turn[:] = 0
    rows.conversation[:] = -1
    diff = words(rng, "code", len(rows))
    task = words(rng, "agent_task", len(rows))
    items = ("Pull request: " + task + "\n```diff\n" + diff + "\n```").astype(object)
    instruct(rng, rows, items, as_system=rng.random() < 0.5)
    return crowd(
        rng, group, setting, [rows, own_life(rng, group, setting, rows, share=rng.uniform(0.0, 0.3))]
    )


@explanation(
    what="projects that run one code-review program on their pull requests",
    carries="one User-Agent shared by two accounts or more, or else one prompt template",
    bends=("fungible", "division", *LIKENESS),
    produces="one client, one template, items that are all different, and hosts in the same data centres",
    cannot="shared cards, coerced reasoning, conversations handed on",
    settled_by="the program's public repository, and the projects that name it in their workflow files",
    source="review actions of the GitHub Marketplace that take the project's own API key",
    draw=draw,
)
def review_bots(traits: Traits, members: Labels) -> Labels:
    """One label for each user agent, or template, that members share; -1 for others."""
    return either(alike(traits, members, "user_agent"), alike(traits, members, "prompt_template"))
