"""Planted campaigns: accounts under one party's control, and how the work is divided among them.

A plan says what the accounts share and how work is divided. Rules:

1. A harvest takes its items from one queue: no item is used twice.
2. Cover traffic is ordinary traffic of the same accounts and belongs to no campaign.
3. A relay creates no content: it forwards conversations of many end users, moving them between accounts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stillwatch.simulate import population as p
from stillwatch.simulate.grammar import LANGUAGES, ROOT
from stillwatch.simulate.population import DAY, HOUR, Population
from stillwatch.simulate.prompts import Texts, below, mix
from stillwatch.simulate.traffic import (
    EDIT,
    FOLLOW_UP,
    HARVEST,
    OPENING,
    TRANSCRIPT,
    Counter,
    TrafficRows,
    awake,
    concatenate,
    moment,
    sit_down,
    within_group,
)
from stillwatch.stats.arrays import Floats, Ints, Uints

PlanKind = Literal["harvest", "relay", "mixed"]

# Capability: rule for what is asked, and rules for the items.
CAPABILITIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "reasoning": ("want_reasoning", ("item_math", "item_code", "item_data")),
    "agentic": ("want_agentic", ("item_agentic", "item_code")),
    "grading": ("want_grade", ("item_grade",)),
    "rewriting": ("want_rewrite", ("item_rewrite",)),
    "data": ("want_data", ("item_data",)),
    "attack": ("", ("attack",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """One campaign: its size, what its accounts share, and how it divides and disguises the work."""

    name: str
    kind: PlanKind
    accounts: int
    exchanges: int
    capabilities: tuple[str, ...] = ("reasoning",)
    first_day: float = 1.0
    last_day: float = 99.0
    cards: int = 0  # shared cards; 0 gives each account its own
    network: Literal["range", "hosting", "residential"] = "residential"
    client: Literal["shared", "few", "own"] = "few"
    disposable: bool = False
    sign_up_burst: bool = False
    templates: int = 1  # number of templates per capability; 0 uses no template twice
    paraphrased: float = 0.0  # share of exchanges that paraphrase their template
    injected: bool = False
    cover: float = 0.0  # share of an account's traffic that is ordinary
    uneven: float = 0.0  # sigma of the logarithm of volumes; 0 with `rotation` is a scheduler
    hours: Literal["rotation", "human"] = "rotation"
    shape: int = 2  # request shape for all; -1 leaves each account its own
    replaced_every: float = 0.0  # days until an account is replaced; 0 never
    banned_on: float = 0.0  # day on which one part of the accounts stops and the other starts; 0 never
    pauses: int = 2
    pivots: bool = True
    relayed: float = 0.0  # share of exchanges that are end users'; 1 for a relay
    keeps_conversation: bool = True  # the end user's conversation id is forwarded


class PlantedCampaign:
    """A plan in a span of time, with its accounts and its queue of items; call `day` in the order of days."""

    def __init__(
        self, plan: CampaignPlan, rng: np.random.Generator, start: int, end: int, release: int
    ) -> None:
        self.plan = plan
        self.release = release
        self.start = start + int(min(plan.first_day, (end - start) / DAY / 4) * DAY)
        self.end = min(end, start + int(plan.last_day * DAY))
        self.members = members_of(plan, rng, self.start, self.end)
        self.weights: Floats = rng.lognormal(0.0, plan.uneven, plan.accounts)
        self.queue = Counter(int(rng.integers(1, 1 << 40)))
        self.bases: Uints = rng.integers(0, 1 << 62, (len(plan.capabilities), max(1, plan.templates))).astype(
            np.uint64
        )
        self.silences = _silences(plan, rng, self.start, self.end)
        days = np.arange(start, end, DAY)
        open_for = np.clip(np.minimum(days + DAY, self.end) - np.maximum(days, self.start), 0, DAY)
        share = open_for * rng.uniform(0.85, 1.15, len(days))
        self.quota: Ints = rng.multinomial(plan.exchanges, share / share.sum()).astype(np.int64)
        self.turns = 0

    def day(self, rng: np.random.Generator, index: int, day: int) -> TrafficRows:
        """The campaign's exchanges on one day.

        `index` is the number of the day in the world; `day` its UTC midnight in microseconds since 1970.
        """
        quota = int(self.quota[index])
        relayed = int(rng.binomial(quota, self.plan.relayed)) if self.plan.relayed else 0
        parts = [self._harvest(rng, quota - relayed, day), self._relay(rng, relayed, day)]
        rows = concatenate(parts)
        if self.plan.pivots:
            moved = np.clip((rows.at - self.release) / DAY, 0, 1) * 0.55
            rows.model = np.where(rng.random(len(rows)) < moved, p.NEW_MODEL, rows.model)
        return rows

    def _open_span(self, day: int) -> tuple[int, int]:
        """The part of a day in which the campaign runs: start and end."""
        return max(day, self.start), min(day + DAY, self.end)

    def _harvest(self, rng: np.random.Generator, n: int, day: int) -> TrafficRows:
        """About `n` exchanges of a harvest on one day."""
        if self.plan.hours == "human":
            account, at = self._by_hand(rng, n, day)
        else:
            low, high = self._open_span(day)
            at = np.sort(low + (rng.random(n * 3 // 2 + 8) * max(1, high - low)).astype(np.int64))
            at = at[awake(at, self.silences)]
            at = np.sort(rng.choice(at, size=min(n, len(at)), replace=False))
            account = self._rotate(rng, at)
        order = np.argsort(at, kind="stable")
        return self._with_words(rng, account[order], at[order])

    def _by_hand(self, rng: np.random.Generator, n: int, day: int) -> tuple[Ints, Ints]:
        """Account and time of exchanges, each account at its own hours, in sessions of its own."""
        members = self.members
        alive = np.clip(np.minimum(members.last, day + DAY) - np.maximum(members.first, day), 0, DAY) / DAY
        weekend = members.weekend if (day // DAY + 3) % 7 >= 5 else 1.0
        weight = self.weights * alive * weekend * (rng.random(len(members)) < members.activity)
        if n == 0 or weight.sum() <= 0:
            empty = np.zeros(0, dtype=np.int64)
            return empty, empty
        counts = rng.multinomial(n, weight / weight.sum()).astype(np.int64)
        account, at, _, _ = sit_down(rng, members, counts, day)
        at = np.clip(at, members.first[account], members.last[account] - 1)
        keep = awake(at, self.silences)
        return account[keep], at[keep]

    def _rotate(self, rng: np.random.Generator, at: Ints) -> Ints:
        """For each (sorted) time an account of those in use, taken in turn; at random by volume for uneven
        plans.
        """
        members = self.members
        account = np.zeros(len(at), dtype=np.int64)
        if not len(at):
            return account
        edges = np.unique(np.r_[at[0], members.first, members.last, at[-1] + 1])
        edges = edges[(edges >= at[0]) & (edges <= at[-1] + 1)]
        for low, high in itertools.pairwise(edges):
            begin, stop = np.searchsorted(at, [low, high])
            if stop == begin:
                continue
            alive = np.flatnonzero((members.first <= low) & (members.last > low))
            if not len(alive):
                alive = np.arange(len(members))
            if self.plan.uneven:
                weight = self.weights[alive] / self.weights[alive].sum()
                account[begin:stop] = rng.choice(alive, size=stop - begin, p=weight)
                continue
            turns = (
                self.turns
                + np.arange(stop - begin)
                + rng.normal(0, 0.05 * len(alive), stop - begin).astype(np.int64)
            )
            account[begin:stop] = alive[turns % len(alive)]
            self.turns += int(stop - begin)
        return account

    def _with_words(self, rng: np.random.Generator, account: Ints, at: Ints) -> TrafficRows:
        """Exchanges of these accounts at these times, with what they ask."""
        plan, n = self.plan, len(account)
        key = self.queue.keys(n)
        capability = rng.integers(0, len(plan.capabilities), n)
        base = below(mix(key, 31), self.bases.shape[1])
        want_key = self.bases[capability, base]
        free = (rng.random(n) < plan.paraphrased) | (plan.templates == 0)
        want_key = np.where(free, mix(key, 32), want_key)
        want, root, place = (
            np.full(n, -1, dtype=np.int64),
            np.zeros(n, dtype=np.int64),
            np.zeros(n, dtype=np.int64),
        )
        for index, name in enumerate(plan.capabilities):
            template, items = CAPABILITIES[name]
            rows = capability == index
            want[rows] = ROOT[template] if template else -1
            root[rows] = np.array([ROOT[item] for item in items])[below(key[rows], len(items), 33)]
        place = np.where(below(want_key, 3, 34) == 0, 1, 0) if not plan.injected else np.full(n, 2)
        return TrafficRows(
            account=account,
            at=at,
            turn=np.zeros(n, dtype=np.int64),
            conversation=mix(key, 35) if plan.hours == "human" else np.zeros(n, dtype=np.uint64),
            words=np.full(n, HARVEST),
            root=root,
            key=key,
            opening=key,
            want=want,
            want_key=want_key,
            place=place.astype(np.int64),
            model=np.full(n, 1, dtype=np.int64),
            shape=np.full(n, plan.shape) if plan.shape >= 0 else account % 7,
            tools=np.where(want == ROOT["want_agentic"], 0, -1),
            campaign=np.zeros(n, dtype=np.int64),
        )

    def _relay(self, rng: np.random.Generator, n: int, day: int) -> TrafficRows:
        """End users' conversations; each stays on one account for an hour and then moves to the next."""
        low, high = self._open_span(day)
        conversations = int(n / 5.2) + 2 if n else 0
        zone = np.where(rng.random(conversations) < 0.75, 8.0, rng.integers(-6, 4, conversations))
        start = day + moment(rng, np.full(conversations, p.EVENING), zone, np.zeros(conversations))
        turns = rng.geometric(0.15, conversations)
        conversation = np.repeat(np.arange(conversations), turns)
        turn = within_group(conversation)
        gap = rng.exponential(100, len(turn)) * p.SECOND
        gap = gap + np.where(rng.random(len(turn)) < 0.07, rng.uniform(0.7, 4, len(turn)) * HOUR, 0)
        gap[turn == 0] = 0
        walked = np.cumsum(gap)
        since = walked - np.repeat(walked[np.flatnonzero(turn == 0)], turns) if len(turn) else walked
        at = (start[conversation] + since).astype(np.int64)
        span = (since // HOUR).astype(np.int64)
        segment = conversation * 64 + np.minimum(span, 63)
        keep = (at < high) & (at >= low) & awake(at, self.silences)
        keep &= np.cumsum(keep) <= n
        unique, begins, inverse = np.unique(segment[keep], return_index=True, return_inverse=True)
        order = np.argsort(at[keep][begins], kind="stable")
        chosen = np.empty(len(unique), dtype=np.int64)
        chosen[order] = self._rotate(rng, at[keep][begins][order])
        account = chosen[inverse]
        opening_all = self.queue.keys(conversations)
        popular = rng.random(conversations) < 0.15
        root_all = np.where(
            rng.random(conversations) < 0.45, LANGUAGES.index("zh"), rng.integers(0, 8, conversations)
        )
        opening_all = np.where(popular, mix(below(opening_all, 900).astype(np.uint64), 36), opening_all)
        conversation, turn, span = conversation[keep], turn[keep], span[keep]
        handed = np.r_[False, segment[keep][1:] != segment[keep][:-1]] & (turn > 0)
        flat = below(mix(conversation.astype(np.uint64), day // DAY % 1000), 5) == 0
        u = rng.random(len(turn))
        words = np.where(turn == 0, OPENING, np.where(u < 0.12, EDIT, np.where(flat, TRANSCRIPT, FOLLOW_UP)))
        words[handed & (u < 0.6)] = TRANSCRIPT
        key = self.queue.keys(len(turn))
        opening = opening_all[conversation]
        name = mix(opening ^ mix(conversation.astype(np.uint64), day // DAY), 37)
        if not self.plan.keeps_conversation:
            name = mix(name ^ account.astype(np.uint64), 38)
        m = len(turn)
        return TrafficRows(
            account=account,
            at=at[keep],
            conversation=name,
            turn=turn,
            words=words,
            root=root_all[conversation],
            key=np.where(turn == 0, opening, key),
            opening=opening,
            want=np.full(m, -1, dtype=np.int64),
            want_key=np.zeros(m, dtype=np.uint64),
            place=np.zeros(m, dtype=np.int64),
            model=np.full(m, 1),
            shape=np.full(m, max(0, self.plan.shape)),
            tools=np.full(m, -1, dtype=np.int64),
            campaign=np.zeros(m, dtype=np.int64),
        )


def _silences(plan: CampaignPlan, rng: np.random.Generator, start: int, end: int) -> list[tuple[int, int]]:
    """Outages of all accounts as (start, end): a few of 0.7 to 2.5 hours, and breaks of six minutes after
    errors.
    """
    begins = start + (rng.random(plan.pauses) * (end - start)).astype(np.int64)
    long = [
        (int(a), int(a + b * HOUR)) for a, b in zip(begins, rng.uniform(0.7, 2.5, plan.pauses), strict=True)
    ]
    begins = start + (rng.random(plan.pauses * 4) * (end - start)).astype(np.int64)
    return long + [(int(a), int(a) + 6 * 60 * p.SECOND) for a in begins]


def members_of(plan: CampaignPlan, rng: np.random.Generator, start: int, end: int) -> Population:
    """The campaign's accounts: ordinary persons, except for what the plan makes them share."""
    n = plan.accounts
    members = p.persons(rng, n, start, end)
    members.role = p.texts(n, plan.name)
    members.last[:] = end
    members.first[:] = start
    days = max(1.0, (end - start) / DAY)
    if plan.replaced_every:
        generations = max(1, round(days / plan.replaced_every))
        generation = np.arange(n) % generations
        jitter = (rng.random(n) * 0.6 * DAY).astype(np.int64)
        members.first = (
            start + (generation * (end - start) // generations) + np.where(generation > 0, jitter, 0)
        )
        members.last = np.minimum(end, start + ((generation + 1) * (end - start) // generations) + jitter)
    if plan.banned_on and start + plan.banned_on * DAY < end:
        ban = start + int(plan.banned_on * DAY)
        second = rng.random(n) < 0.4
        members.first[second] = ban + (rng.uniform(1, 6, int(second.sum())) * HOUR).astype(np.int64)
        members.last[~second] = ban + (rng.random(int((~second).sum())) * 0.5 * HOUR).astype(np.int64)
    before = rng.exponential(0.15 if plan.sign_up_burst else 40, n) * DAY + HOUR
    members.created = (members.first if plan.replaced_every else members.first.min()) - before.astype(
        np.int64
    )
    volume = plan.exchanges / n / days
    members.rate = np.full(n, volume * plan.cover / (1 - plan.cover))
    members.spread = np.full(n, 0.3 + plan.uneven / 2)
    members.rate = members.rate * rng.lognormal(0, plan.uneven, n) / np.exp(plan.uneven**2 / 2)
    members.activity = rng.uniform(0.8, 1, n)
    if plan.hours == "human":
        members.weekend = rng.uniform(0.4, 1, n)
    _share(plan, rng, members)
    return members


def _share(plan: CampaignPlan, rng: np.random.Generator, members: Population) -> None:
    """Set the attributes that the accounts share under the plan, in place."""
    n = len(members)
    if plan.cards:
        members.card = p.fresh(rng, plan.cards, "card_")[rng.integers(0, plan.cards, n)]
    elif plan.relayed < 1:
        members.card = p.fresh(rng, n, "card_")
    if plan.network == "range":
        asn = 14_500 + int(rng.integers(0, 300))
        gates = p.addresses(np.full(1, asn), rng.integers(0, 1 << 40, 1))
        head = str(gates[0]).rsplit(".", 1)[0]
        tail = rng.integers(1, 255, (n, 3))
        members.ips = np.array([[f"{head}.{b}" for b in row] for row in tail.tolist()], dtype=object)
        members.asns[:] = asn
    elif plan.network == "hosting":
        asns: Ints = 14_600 + rng.integers(0, 4, n)
        ips: Texts = p.addresses(asns, rng.integers(0, 2000, n))
        for slot in range(3):
            members.ips[:, slot], members.asns[:, slot] = ips, asns
    members.signup_ip = members.ips[:, 0].copy()
    if plan.client != "own":
        agents = p.AGENTS[
            p.BROWSERS + rng.permutation(len(p.AGENTS) - p.BROWSERS)[: 1 if plan.client == "shared" else 4]
        ]
        members.agent = agents[rng.integers(0, len(agents), n)]
        members.tls = p.tls_of(members.agent, np.zeros(n, dtype=np.int64))
    if plan.disposable:
        domains = p.fresh(rng, 6, "mail-", 4) + np.array([".top", ".xyz", ".click"] * 2, dtype=object)
        members.email_domain = domains[rng.integers(0, 6, n)]
        members.email_shape = p.texts(n, "aaaaaaa999")
    members.organization_id = p.texts(n, None)
