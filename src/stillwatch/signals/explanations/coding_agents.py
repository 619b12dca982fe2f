"""One coding agent that developers use with their own keys."""

from __future__ import annotations

import numpy as np

from stillwatch.signals.marks import alike, either
from stillwatch.signals.registry import LIKENESS, Labels, explanation
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting, crowd
from stillwatch.simulate.people import around, count, give_program, name_of_program, office_day, people, words
from stillwatch.simulate.population import TOOLSETS, texts
from stillwatch.simulate.visits import own_life, sittings, volumes


def draw(rng: np.random.Generator, accounts: int, setting: Setting) -> Crowd:
    """Developers with one coding agent: long conversations of quick turns, tools offered, working hours.

    Drawn at random: one to five versions, 20 to 800 exchanges per account, sittings of 10 to 80 turns,
    seconds between turns, repositories of their own, the agent's system prompt, agents that run on past
    the working day in 0 to 0.3 of sittings, and a share of 0 to 0.5 of other traffic.
    """
    group = people(rng, accounts, setting)
    name = name_of_program(rng)
    give_program(rng, group, agent=name)
    version = np.minimum(rng.geometric(0.5, accounts) - 1, count(rng, 1, 5) - 1)
    group.agent = np.array([f"{name}.{v}" for v in range(5)], dtype=object)[version]
    if rng.random() < 0.6:
        office_day(rng, group)
    group.sitting, group.gap = around(rng, accounts, 10.0, 80.0), around(rng, accounts, 4.0, 60.0)
    group.follow, group.night = (
        np.clip(around(rng, accounts, 0.8, 0.95), 0.0, 0.98),
        np.full(accounts, rng.uniform(0, 0.3)),
    )
    group.system = texts(accounts, "You are a coding agent. Use the tools to finish the user's task.")
    rows = sittings(rng, group, volumes(rng, accounts, 20, 800), setting)
    said = words(rng, "agent_step", len(rows))
    opens = rows.turn == 0
    said[opens] = words(rng, "agent_task", int(opens.sum()))
    rows.columns["prompt"] = said
    tools = TOOLSETS[int(rng.choice([0, 1, 8]))]
    rows.columns["tool_names"] = np.array([*([list(tools)] * len(rows)), None], dtype=object)[:-1]
    return crowd(
        rng, group, setting, [rows, own_life(rng, group, setting, rows, share=rng.uniform(0.0, 0.5))]
    )


@explanation(
    what="developers who use one coding agent, each with an own key",
    carries="one User-Agent or else one system prompt, shared by two accounts or more",
    bends=("fungible", "division", *LIKENESS),
    produces="one client, one system prompt, the same tools, quick requests for hours, and work that is "
    "never repeated",
    cannot="shared cards, coerced reasoning, conversations handed on, work that takes turns over accounts",
    settled_by="the agent's public release, and whether each account keeps to repositories of its own",
    source="claude-code, aider and cline, which send their own User-Agent and system prompt; the simulator's "
    "developers",
    draw=draw,
)
def coding_agents(traits: Traits, members: Labels) -> Labels:
    """One label for each user agent, or system prompt, that members share; -1 for others."""
    return either(alike(traits, members, "user_agent"), alike(traits, members, "system_prompt"))
