"""Innocent groups that resemble a campaign.

Every function makes one group of `n` accounts that share something for an innocent reason, active between
`start` and `end` (microseconds since 1970). Keys of shared words come from the generator, so that worlds of
different seeds differ and one seed is reproducible.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stillwatch.simulate.grammar import ROOT
from stillwatch.simulate.people import words
from stillwatch.simulate.population import (
    AGENTS,
    ALWAYS,
    BROWSERS,
    DAY,
    HOUR,
    NIGHTLY,
    OFFICE,
    SHAPED,
    STEADY,
    TOOLSETS,
    Population,
    addresses,
    concatenate,
    fresh,
    hosted,
    persons,
    some,
    texts,
    tls_of,
)

MakeGroup = Callable[[np.random.Generator, int, int, int], Population]


def behind_one_address(rng: np.random.Generator, group: Population, asn: int, gateways: int = 1) -> None:
    """Move the group's main address behind a few gateways of one network, in place."""
    gates = addresses(np.full(gateways, asn, dtype=np.int64), rng.integers(0, 1 << 40, gateways))
    pick = rng.integers(0, gateways, len(group))
    group.ips[:, 0], group.ips[:, 2] = gates[pick], gates[rng.integers(0, gateways, len(group))]
    group.asns[:, 0] = group.asns[:, 2] = asn


def in_one_country(group: Population) -> None:
    """Move all accounts to the country of the first one, in place."""
    group.country[:], group.zone[:] = group.country[0], group.zone[0]
    group.card_country[:] = group.card_country[0]
    group.phone[:] = group.phone[0][:-1] + "0"


def clients(rng: np.random.Generator, group: Population, agent: str | None = None) -> None:
    """Give client libraries instead of browsers, in place: `agent` for all, or a random one each."""
    n = len(group)
    group.agent = texts(n, agent) if agent else AGENTS[rng.integers(BROWSERS, len(AGENTS), n)]
    group.tls = tls_of(group.agent, np.zeros(n, dtype=np.int64) if agent else rng.integers(0, 6, n))


def teams(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Colleagues: companies of 2 to 30 with one office address, one card and one mail domain each."""
    group = persons(rng, n, start, end)
    sizes = np.minimum(2 + rng.geometric(0.15, n), 30)
    company = np.searchsorted(np.cumsum(sizes), np.arange(n), side="right")
    companies = int(company.max()) + 1 if n else 0
    gates, asns = hosted(rng, companies)
    asns = asns + 6000
    at_office = rng.random(n) < 0.8
    group.ips[at_office, 0], group.asns[at_office, 0] = gates[company][at_office], asns[company][at_office]
    group.organization_id = fresh(rng, companies, "org_")[company]
    group.card = fresh(rng, companies, "card_")[company]
    group.email_domain = fresh(rng, companies, "firm-", 5)[company] + ".com"
    group.email_shape = np.array(["a.aaaaaa", "aaaaa.aaaaaa", "aaaaa"], dtype=object)[company % 3]
    group.signup_ip = gates[company]
    first = np.searchsorted(company, company)
    group.country, group.zone, group.card_country = (
        group.country[first],
        group.zone[first],
        group.card_country[first],
    )
    group.profile[:], group.weekend[:] = OFFICE, 0.1
    group.plan, group.role = texts(n, "team"), texts(n, "team")
    return group


def products(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Software that calls the model for its own users: own template, heavy volume, day and night."""
    group = persons(rng, n, start, end)
    group.ips[:, 0], group.asns[:, 0] = hosted(rng, n)
    group.ips[:, 1], group.ips[:, 2] = group.ips[:, 0], group.ips[:, 0]
    group.asns[:, 1] = group.asns[:, 2] = group.asns[:, 0]
    clients(rng, group)
    group.profile[:], group.weekend, group.activity[:] = STEADY, rng.uniform(0.5, 1, n), 0.99
    group.rate = np.minimum(20 * (1 + rng.pareto(0.9, n)), 4000)
    group.spread, group.session[:], group.follow[:] = rng.uniform(0.1, 0.6, n), 1.2, 0.0
    group.root[:], group.popular = ROOT["product_item"], rng.beta(1, 8, n)
    template = words(rng, "product_template", n)
    as_system = rng.random(n) < 0.5
    group.system = some(as_system, template)
    group.template = np.where(as_system, "", template).astype(object)
    group.place = rng.choice(3, size=n, p=[0.75, 0.2, 0.05])
    group.shape = rng.integers(1, len(SHAPED), n)
    group.stream = rng.random(n) < 0.4
    group.tools = np.where(rng.random(n) < 0.2, rng.integers(2, len(TOOLSETS), n), -1)
    group.email_domain = fresh(rng, n, "app-", 6) + ".io"
    group.organization_id = fresh(rng, n, "org_")
    group.plan, group.role = texts(n, "api"), texts(n, "product")
    return group


def agents(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Developers with coding agents: many quick turns in a conversation, tools offered."""
    group = persons(rng, n, start, end)
    group.agent = np.array(
        ["coding-agent/1.9.2", "coding-agent/2.0.1", "open-coder/0.44", "pair-cli/3.2.0"], dtype=object
    )[np.minimum(rng.geometric(0.45, n) - 1, 3)]
    group.tls = tls_of(group.agent, np.zeros(n, dtype=np.int64))
    group.tools = np.array([0, 1, 8, 0])[rng.integers(0, 4, n)]
    group.root[:], group.profile[:], group.weekend = ROOT["agent_task"], OFFICE, rng.uniform(0.1, 0.7, n)
    group.rate, group.session, group.follow = (
        rng.lognormal(3.2, 0.9, n),
        rng.uniform(8, 40, n),
        rng.uniform(0.85, 0.97, n),
    )
    group.gap, group.popular = rng.uniform(6, 40, n), rng.beta(1, 20, n)
    group.system = words(rng, "agent_task", 4)[rng.integers(0, 4, n)]
    group.system = np.where(
        rng.random(n) < 0.8, "You are a coding agent. Use the tools to finish the user's task.", group.system
    )
    group.shape[:], group.plan, group.role = 8, texts(n, "api"), texts(n, "agent")
    return group


def batches(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Jobs over documents at a fixed hour of the night: one template, every item once."""
    group = products(rng, n, start, end)
    group.profile[:], group.cron, group.activity = NIGHTLY, rng.uniform(0, 24, n), rng.uniform(0.2, 0.9, n)
    group.rate, group.popular[:], group.session[:] = np.minimum(60 * (1 + rng.pareto(1.1, n)), 5000), 0.0, 40
    group.gap, group.role = rng.uniform(1, 6, n), texts(n, "batch")
    return group


def campus(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Hundreds of students and staff behind two addresses of a university."""
    group = persons(rng, n, start, end)
    in_one_country(group)
    behind_one_address(rng, group, 20_000 + int(rng.integers(0, 500)), gateways=2)
    group.roaming = rng.uniform(0.1, 0.6, n)
    group.email_domain, group.program = texts(n, f"uni-{rng.integers(100, 999)}.edu"), texts(n, "education")
    group.email_shape, group.role = texts(n, "aaa9999"), texts(n, "campus")
    return group


def course(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """A class with one assignment, all in the same few days, from the campus address."""
    group = campus(rng, n, start, end)
    begins = start + int(rng.integers(1, max(2, (end - start) // DAY - 6))) * DAY
    group.first = np.maximum(group.first, begins)
    group.last[:] = min(end, begins + 6 * DAY)
    group.created = np.minimum(group.created, group.first)
    group.root[:], group.template, group.place = (
        ROOT["student_note"],
        texts(n, words(rng, "assignment")[0]),
        rng.integers(0, 2, n),
    )
    group.rate, group.popular[:], group.follow, group.role = (
        rng.lognormal(1.2, 0.6, n),
        0.0,
        rng.beta(3, 2, n),
        texts(n, "class"),
    )
    return group


def tool_users(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Unrelated people who use one popular open-source tool: same words, client and fingerprint."""
    group = persons(rng, n, start, end)
    clients(rng, group, f"open-tool/{rng.integers(1, 9)}.{rng.integers(0, 20)}")
    group.system = texts(n, "You are a helpful editor inside a terminal. Follow the instruction exactly.")
    group.template = texts(
        n, words(rng, "product_template")[0] + " Output only the changed text, no commentary."
    )
    group.root[:], group.shape[:], group.tools[:] = (
        ROOT["tool_item"],
        int(rng.integers(1, len(SHAPED))),
        int(rng.integers(0, 2)),
    )
    group.rate, group.popular[:], group.follow, group.role = (
        rng.lognormal(2.0, 1.1, n),
        0.02,
        rng.beta(2, 3, n),
        texts(n, "tool"),
    )
    return group


def evaluations(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Labs that run the same public benchmark over three keys each: questions repeat across labs."""
    group = products(rng, n, start, end)
    lab = np.arange(n) // 3
    for column in (group.card, group.email_domain, group.organization_id):
        column[:] = column[lab * 3]
    clients(rng, group, "eval-harness/0.5.1")
    group.system, group.template = (
        texts(n, None),
        texts(n, "Answer the following question. Think step by step, then give the answer."),
    )
    group.root[:], group.pool[:], group.shared_key[:] = ROOT["eval_item"], 1200, int(rng.integers(1, 1 << 40))
    group.profile[:], group.rate, group.activity[:], group.session[:] = (
        ALWAYS,
        rng.uniform(100, 350, n),
        0.3,
        60,
    )
    group.gap[:], group.shape[:], group.role = 4.0, 4, texts(n, "evaluation")
    return group


def siblings(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Staging, production and a few more accounts of one company: one card, one template."""
    group = products(rng, n, start, end)
    for column in (
        group.card,
        group.email_domain,
        group.organization_id,
        group.agent,
        group.tls,
        group.template,
        group.system,
        group.shape,
        group.signup_ip,
        group.place,
    ):
        column[:] = column[0]
    group.asns[:] = group.asns[0]
    group.rate = np.array([400.0, 40.0, 15.0, 120.0, 8.0])[np.arange(n) % 5]
    group.pool = np.where(np.arange(n) % 5 == 1, 150, 0)
    group.shared_key[:], group.role = int(rng.integers(1, 1 << 40)), texts(n, "siblings")
    return group


def labellers(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """One office that labels data: one tool, one template, one card, no item twice, human hours."""
    group = persons(rng, n, start, end)
    in_one_country(group)
    behind_one_address(rng, group, 21_000 + int(rng.integers(0, 500)))
    clients(rng, group, f"label-studio-client/{rng.integers(1, 9)}.{rng.integers(0, 9)}")
    group.roaming[:], group.profile[:], group.weekend[:], group.activity[:] = 0.0, OFFICE, 0.02, 0.92
    group.rate, group.spread, group.session = (
        rng.lognormal(3.3, 0.25, n),
        rng.uniform(0.1, 0.3, n),
        rng.uniform(10, 30, n),
    )
    group.follow[:], group.popular[:], group.root[:] = 0.0, 0.0, ROOT["label_item"]
    group.template, group.card = (
        texts(n, words(rng, "product_template")[0]),
        texts(n, str(fresh(rng, 1, "card_")[0])),
    )
    group.email_domain, group.organization_id = (
        texts(n, f"labels-{rng.integers(10, 99)}.com"),
        texts(n, str(fresh(rng, 1, "org_")[0])),
    )
    group.shape[:], group.plan, group.role = 3, texts(n, "team"), texts(n, "labelling")
    group.first, group.last = np.full(n, start), np.full(n, end)
    group.created = start - (rng.random(n) * 30 * DAY).astype(np.int64)
    return group


def declared_fleet(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """A declared reseller's service accounts that share one customer's batch evenly."""
    group = siblings(rng, n, start, end)
    group.program, group.pool[:], group.rate = texts(n, "reseller"), 0, rng.uniform(25, 32, n)
    group.profile[:], group.spread[:], group.popular[:], group.role = ALWAYS, 0.05, 0.0, texts(n, "fleet")
    return group


def release_crowd(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """People who try a model on the day of its release; the world sets that day."""
    group = persons(rng, n, start, end)
    group.root = np.where(rng.random(n) < 0.7, ROOT["release_item"], group.root)
    group.popular, group.rate, group.activity[:] = rng.beta(3, 3, n), rng.lognormal(2.2, 0.7, n), 0.9
    group.role = texts(n, "release")
    return group


def hackathon(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """A sign-up burst on one evening, one venue's address, a weekend of work, the same starter kit."""
    group = persons(rng, n, start, end)
    in_one_country(group)
    behind_one_address(rng, group, 22_000 + int(rng.integers(0, 500)), gateways=3)
    begins = start + int(rng.integers(1, max(2, (end - start) // DAY - 3))) * DAY + 17 * HOUR
    group.created = begins + (rng.exponential(0.7 * HOUR, n)).astype(np.int64)
    group.first, group.last[:] = group.created.copy(), min(end, begins + int(2.2 * DAY))
    group.signup_ip, group.card = group.ips[:, 0].copy(), texts(n, None)
    group.rate, group.activity[:], group.weekend[:], group.root[:] = (
        rng.lognormal(3.4, 0.6, n),
        1.0,
        1.3,
        ROOT["hack_item"],
    )
    group.program, group.role = texts(n, "startup"), texts(n, "hackathon")
    return group


def vpn_users(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """Unrelated people who use the exits of one commercial VPN."""
    group = persons(rng, n, start, end)
    behind_one_address(rng, group, 15_001, gateways=12)
    group.signup_ip, group.role = group.ips[:, 0].copy(), texts(n, "vpn")
    return group


# The honest groups that resemble campaigns.
LOOKALIKES: dict[
    str, tuple[MakeGroup, int, int]
] = {  # name: group, accounts among 3,000 honest ones, least accounts
    "campus": (campus, 260, 20),
    "class": (course, 90, 12),
    "tool": (tool_users, 240, 20),
    "second tool": (tool_users, 60, 8),
    "evaluation": (evaluations, 12, 6),
    "siblings": (siblings, 5, 3),
    "other siblings": (siblings, 3, 2),
    "labelling": (labellers, 50, 10),
    "fleet": (declared_fleet, 24, 6),
    "release": (release_crowd, 120, 10),
    "hackathon": (hackathon, 80, 10),
    "vpn": (vpn_users, 120, 10),
}


def honest_crowd(rng: np.random.Generator, accounts: int, start: int, end: int) -> Population:
    """All honest accounts: look-alikes in proportion, then ordinary kinds; times in microseconds since
    1970.
    """
    special = [
        make(rng, max(least, round(size * accounts / 3000)), start, end)
        for make, size, least in LOOKALIKES.values()
    ]
    rest = max(10, accounts - sum(len(group) for group in special))
    shares = ((teams, 0.14), (products, 0.07), (agents, 0.06), (batches, 0.015))
    working = [make(rng, max(2, round(rest * share)), start, end) for make, share in shares]
    people = max(1, rest - sum(len(group) for group in working))
    return concatenate([persons(rng, people, start, end), *working, *special])
