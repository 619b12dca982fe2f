"""Reactions of an operator whose accounts are suspended.

A reaction changes what a campaign sends from the day of the action on, and nothing of honest accounts.
Rules:

1. The action suspends a share of the campaign's accounts at one time. A suspended account sends nothing more,
   cover traffic included.
2. The work of suspended accounts continues as the kind of reaction says, at the times at which it would have
   been sent.
3. Successors are drawn from the plan like the first accounts, so that they have cards and addresses of their
   own; templates stay the same, and so do clients where `keeps_client`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from stillwatch.contract.actions import ACTIONS
from stillwatch.contract.reactions import ReactionKind
from stillwatch.simulate import population as p
from stillwatch.simulate.campaigns import CampaignPlan, PlantedCampaign, members_of
from stillwatch.simulate.population import DAY, HOUR, Population
from stillwatch.simulate.traffic import TrafficRows
from stillwatch.stats.arrays import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """An action and the operator's reaction.

    * `kind`: `retry` (the remaining accounts take over the work), `slow` (they take over none and send the
      share `slowed` of their own, which rises to all after `recovers_days`), `replace` (new accounts take
      over after `delay_hours`), `leave` (the campaign ends).
    * `day` of the action, counted from the world's first. `caught`: share of the accounts that are suspended.
    * `replaced`: successors per suspended account. `keeps_client`: whether successors use the old clients.
    """

    kind: ReactionKind
    day: float
    caught: float = 1.0
    delay_hours: float = 20.0
    replaced: float = 0.6
    slowed: float = 0.3
    recovers_days: float = 4.0
    keeps_client: bool = True


class Reacting(PlantedCampaign):
    """A campaign whose operator reacts to an action.

    It has random draws of its own, so that the rest of the world is unchanged.
    """

    def __init__(
        self,
        plan: CampaignPlan,
        rng: np.random.Generator,
        start: int,
        end: int,
        release: int,
        *,
        reaction: Reaction,
        own: np.random.Generator,
    ) -> None:
        super().__init__(plan, rng, start, end, release)
        self.reaction, self.own = reaction, own
        self.acted_at = start + int(reaction.day * DAY)
        first = self.members
        self.worked = copied(first)
        self.caught = own.random(len(first)) < reaction.caught
        first.last[self.caught] = np.minimum(first.last[self.caught], self.acted_at)
        self.successors = 0
        if reaction.kind == "replace" and self.acted_at < end and self.caught.any():
            self._replace(plan, first, end)
        if reaction.kind == "leave":
            first.last[:] = np.minimum(first.last, self.acted_at)

    def _replace(self, plan: CampaignPlan, first: Population, end: int) -> None:
        """Add new accounts in place of the suspended ones."""
        number = max(1, round(self.reaction.replaced * int(self.caught.sum())))
        fresh = replace(plan, accounts=number, banned_on=0.0, replaced_every=0.0, first_day=0.0)
        begin = self.acted_at + int(self.reaction.delay_hours * HOUR)
        more = members_of(fresh, self.own, min(begin, end - 1), end)
        more.first = begin + (self.own.random(number) * 12 * HOUR).astype(np.int64)
        more.created = more.first - (self.own.random(number) * 6 * HOUR + HOUR / 6).astype(np.int64)
        more.rate = self.own.choice(first.rate, number)
        if self.reaction.keeps_client:
            like = self.own.integers(0, len(first), number)
            more.agent, more.tls = first.agent[like], first.tls[like]
        self.members = p.concatenate([first, more])
        self.successors = number

    def day(self, rng: np.random.Generator, index: int, day: int) -> TrafficRows:
        """The campaign's exchanges on one day, after the reaction; arguments as for `PlantedCampaign.day`."""
        everyone, self.members = self.members, self.worked
        rows = super().day(rng, index, day)
        self.members = everyone
        after = rows.at >= self.acted_at
        dead = after & self.caught[rows.account]
        if self.reaction.kind == "leave":
            return rows.take(~after)
        if self.reaction.kind == "slow":
            since = (rows.at - self.acted_at) / DAY / max(self.reaction.recovers_days, 1e-9)
            share = np.clip(self.reaction.slowed + (1 - self.reaction.slowed) * since, 0, 1)
            return rows.take(~dead & (~after | (self.own.random(len(rows)) < share)))
        taken = self._taken_up(rows, dead)
        rows.account = np.where(dead & (taken >= 0), taken, rows.account)
        return rows.take(~dead | (taken >= 0))

    def _taken_up(self, rows: TrafficRows, dead: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ints:
        """For each row the account that sends it in place of a suspended one; -1 for other rows and where
        no account does.
        """
        taken = np.full(len(rows), -1, dtype=np.int64)
        where = np.flatnonzero(dead)
        if self.reaction.kind == "replace":
            pool = np.arange(len(self.caught), len(self.members))
        else:
            pool = np.flatnonzero(~self.caught)
        if not len(pool) or not len(where):
            return taken
        chosen = pool[self.own.integers(0, len(pool), len(where))]
        alive = (self.members.first[chosen] <= rows.at[where]) & (self.members.last[chosen] > rows.at[where])
        taken[where] = np.where(alive, chosen, -1)
        return taken


def copied(people: Population) -> Population:
    """A copy with columns of its own."""
    return Population(**{f.name: getattr(people, f.name).copy() for f in fields(Population)})


def actions(people: Population, campaigns: list[PlantedCampaign], bases: Ints) -> pa.Table:
    """The suspensions of all campaigns, in the form of the contract's `ACTIONS`.

    `bases` is the position of each campaign's first account in `people`.
    """
    account: list[str] = []
    at: list[int] = []
    name: list[str] = []
    for campaign, base in zip(campaigns, bases.tolist(), strict=False):
        if isinstance(campaign, Reacting):
            caught = np.flatnonzero(campaign.caught)
            account += people.account_id[base + caught].tolist()
            at += [campaign.acted_at] * len(caught)
            name += [campaign.plan.name] * len(caught)
    return ACTIONS.conform(
        pa.table(
            {
                "account_id": pa.array(account, pa.string()),
                "at": pa.array(at, pa.int64()),
                "action": pa.array(["suspend"] * len(account), pa.string()),
                "campaign_id": pa.array(name, pa.string()),
            }
        )
    )
