"""A client that adds text to its users' prompts."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike
from stillwatch.signals.registry import Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import give_program, people, words
from stillwatch.simulate.population import DAY
from stillwatch.simulate.visits import sittings, volumes, write


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Users of one client version that appends an instruction to write out the reasoning, which the user
    does not see.

    Drawn at random: a share of 0.02 to 0.9 of requests with the addition, its wording, the day on which
    the version appears, and 5 to 300 exchanges per account.
    """
    group = people(rng, accounts, setting)
    give_program(rng, group)
    rows = write(rng, group, sittings(rng, group, volumes(rng, accounts, 5, 300), setting), setting)
    since = setting.start + int(rng.uniform(0.0, 0.6) * setting.days) * DAY
    added = (rng.random(len(rows)) < rng.uniform(0.02, 0.9)) & (rows.at >= since)
    addition = str(words(rng, "want_reasoning")[0])
    said = rows.columns["prompt"]
    rows.columns["prompt"] = np.where(added, said + "\n\n" + addition, said).astype(object)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="users of one client, which adds instructions to their prompts",
    carries="one User-Agent shared by two accounts or more",
    bends=("coercion",),
    produces="the same request for written-out reasoning, or the same refusal of it, in the prompts of "
    "unrelated accounts",
    cannot="shared cards, a pool divided without repeats, even volumes, work in turns or handed on",
    settled_by="the client's code or changelog, and whether users of the same version outside the group show "
    "it too",
    source="anthropics/claude-code issue 88364",
    draw=draw,
)
def injecting_client(traits: Traits, members: Labels) -> Labels:
    """One label for each user agent that members share; -1 for others."""
    return alike(traits, members, "user_agent")
