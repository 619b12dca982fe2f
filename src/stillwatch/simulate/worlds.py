"""The scenarios that can be simulated, and their writing.

A world is written day by day, so memory is bounded by its busiest day.
"""

from __future__ import annotations

import difflib
import shutil
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from stillwatch.contract.releases import RELEASES
from stillwatch.errors import Problem, UsageError
from stillwatch.progress import CountProgress
from stillwatch.simulate import population as p
from stillwatch.simulate.arrivals import Arrivals, read_arrivals
from stillwatch.simulate.campaigns import CampaignPlan, PlantedCampaign
from stillwatch.simulate.lookalikes import honest_crowd
from stillwatch.simulate.population import DAY, HOUR, Population
from stillwatch.simulate.prompts import read_prompts
from stillwatch.simulate.reaction import Reacting, Reaction, actions
from stillwatch.simulate.tables import Writer, accounts_table
from stillwatch.simulate.traffic import Counter, TrafficRows, concatenate, ordinary
from stillwatch.stats.arrays import Ints

FieldValue = int | float | str | bool
# Types of a changed value, by the type of its field.
TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A world at scale 1: honest accounts and exchanges, and planted campaigns, over some days."""

    description: str
    days: int
    accounts: int
    exchanges: int
    begins: str = "2026-04-01"
    pasted: float = 0.0  # share of honest openings with a document of about a thousand characters below
    plans: tuple[CampaignPlan, ...] = ()

    def scaled(self, scale: float, rate: float = 1.0) -> Scenario:
        """The same world with accounts multiplied by `scale` and exchanges by `scale` and `rate`; days stay
        the same.
        """
        plans = tuple(
            replace(
                plan,
                accounts=max(8, round(plan.accounts * scale)),
                exchanges=max(40, round(plan.exchanges * scale * rate)),
                cards=max(1, round(plan.cards * scale)) if plan.cards else 0,
            )
            for plan in self.plans
        )
        return replace(
            self,
            accounts=max(60, round(self.accounts * scale)),
            exchanges=max(500, round(self.exchanges * scale * rate)),
            plans=plans,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What was written: totals, and for every campaign its kind, accounts and exchanges."""

    scenario: str
    exchanges: int
    accounts: int
    campaigns: dict[str, tuple[str, int, int]]


EXCHANGES_IN_ONE_PROCESS = 1_000_000  # least exchanges of a world whose days are written by several processes

# A harvest that does little to hide.
_OPEN = CampaignPlan(
    name="harvest-1",
    kind="harvest",
    accounts=400,
    exchanges=62_000,
    capabilities=("reasoning", "agentic", "grading"),
    cards=12,
    network="range",
    client="shared",
    disposable=True,
    sign_up_burst=True,
    templates=2,
)
# A harvest that hides what its accounts share.
_HIDDEN = CampaignPlan(
    name="harvest-2",
    kind="harvest",
    accounts=300,
    exchanges=42_000,
    capabilities=("reasoning", "data"),
    templates=3,
    paraphrased=1.0,
    cover=0.25,
    client="few",
    first_day=2.0,
    pauses=3,
    shape=6,
)
# A relay of real users' requests.
_RELAY = CampaignPlan(
    name="relay-1",
    kind="relay",
    accounts=150,
    exchanges=30_000,
    network="hosting",
    client="shared",
    relayed=1.0,
    shape=8,
    disposable=True,
    templates=1,
    first_day=1.5,
    pauses=3,
    pivots=False,
)
# A harvest whose accounts share as little as possible.
_BARE = replace(
    _HIDDEN,
    name="harvest-1",
    accounts=400,
    exchanges=90_000,
    client="own",
    templates=0,
    cover=0.5,
    hours="human",
    shape=-1,
    pauses=1,
    uneven=0.3,
    capabilities=("reasoning", "agentic", "data"),
)

# The scenarios by name.
SCENARIOS: dict[str, Scenario] = {
    "demo": Scenario(
        description="three campaigns of different kinds among every look-alike, 300,000 exchanges",
        days=14,
        accounts=2650,
        exchanges=155_000,
        plans=(_OPEN, _HIDDEN, _RELAY),
    ),
    "null": Scenario(
        description="honest traffic and every look-alike, no campaign",
        days=14,
        accounts=5000,
        exchanges=500_000,
    ),
    "stealth-1": Scenario(
        description="open coordination: shared cards, one address range, few templates",
        days=14,
        accounts=5000,
        exchanges=380_000,
        plans=(replace(_OPEN, accounts=500, exchanges=120_000, cards=15, templates=3),),
    ),
    "stealth-2": Scenario(
        description="own cards and residential addresses, paraphrased templates, a quarter of cover traffic",
        days=14,
        accounts=5000,
        exchanges=370_000,
        plans=(replace(_HIDDEN, name="harvest-1", accounts=400, exchanges=100_000),),
    ),
    "stealth-3": Scenario(
        description="nothing shared in infrastructure, no template twice, human hours, half cover traffic",
        days=14,
        accounts=5000,
        exchanges=320_000,
        plans=(_BARE,),
    ),
    "stealth-4": Scenario(
        description="stealth-3 with uneven volumes and accounts replaced every two weeks",
        days=28,
        accounts=5000,
        exchanges=320_000,
        plans=(replace(_BARE, uneven=1.1, replaced_every=13.5),),
    ),
    "seed": Scenario(
        description="25,000 accounts and 28.8 million exchanges, 22 April to 5 June 2026, in a larger crowd",
        days=49,
        accounts=100_000,
        exchanges=60_000_000,
        begins="2026-04-20",
        pasted=0.25,
        plans=(
            replace(
                _HIDDEN,
                name="harvest-1",
                accounts=25_000,
                exchanges=28_800_000,
                first_day=2.0,
                last_day=47.0,
                templates=40,
                capabilities=("agentic", "reasoning", "data"),
                disposable=True,
                cards=900,
                banned_on=24.0,
                injected=True,
                cover=0.1,
            ),
        ),
    ),
    "relay": Scenario(
        description="a reseller's pool that relays real end users, with hand-offs and nobody harvesting",
        days=14,
        accounts=5000,
        exchanges=400_000,
        plans=(replace(_RELAY, accounts=250, exchanges=90_000, keeps_conversation=False),),
    ),
    "mixed": Scenario(
        description="one pool that relays end users and serves a harvest as well",
        days=14,
        accounts=5000,
        exchanges=390_000,
        plans=(
            replace(
                _RELAY,
                name="mixed-1",
                kind="mixed",
                accounts=300,
                exchanges=110_000,
                relayed=0.5,
                templates=4,
                capabilities=("reasoning", "agentic", "rewriting"),
                paraphrased=0.3,
                banned_on=6.0,
            ),
        ),
    ),
    "attack-prompts": Scenario(
        description="60 accounts that send the published extraction prompts in other words, four a day each",
        days=14,
        accounts=5000,
        exchanges=450_000,
        plans=(
            CampaignPlan(
                name="harvest-1",
                kind="harvest",
                accounts=60,
                exchanges=3120,
                capabilities=("attack",),
                client="own",
                hours="human",
                shape=-1,
                templates=0,
                cover=0.3,
                pauses=0,
                pivots=False,
            ),
        ),
    ),
}


def find_scenario(name: str) -> Scenario:
    """The scenario of this name; raises `UsageError`, which names the nearest one."""
    if name in SCENARIOS:
        return SCENARIOS[name]
    near = difflib.get_close_matches(name, SCENARIOS, n=1)
    raise UsageError(
        Problem(
            fact=f"no scenario is called `{name}`",
            found=f"`{name}`",
            expected=", ".join(f"`{known}`" for known in SCENARIOS),
            fix=f"stillwatch simulate --scenario {near[0] if near else 'demo'}",
        )
    )


def change(scenario: Scenario, changes: Mapping[str, FieldValue]) -> Scenario:
    """The scenario with some fields replaced; raises `UsageError` for an unknown field or a value of
    another type.

    A name that begins with `campaign.` is a field of every plan.
    """
    for name, value in changes.items():
        inner = name.startswith("campaign.")
        field = name.removeprefix("campaign.")
        kind = CampaignPlan if inner else Scenario
        known = {f.name: str(f.type) for f in fields(kind) if f.type in TYPES or "Literal" in str(f.type)}
        if field not in known or not _fits(value, known[field]):
            raise UsageError(
                Problem(
                    fact=f"`{name}` cannot be changed to that",
                    found=repr(value),
                    expected=", ".join(f"{'campaign.' * inner}{n} ({t})" for n, t in known.items()),
                )
            )
        if inner:
            plans = tuple(replace(plan, **{field: value}) for plan in scenario.plans)  # type: ignore[arg-type]
            scenario = replace(scenario, plans=plans)
        else:
            scenario = replace(scenario, **{field: value})  # type: ignore[arg-type]
    return scenario


def _fits(value: FieldValue, kind: str) -> bool:
    """Whether a value has a field's declared type, or is one of its allowed words."""
    if kind in TYPES:
        return isinstance(value, TYPES[kind])
    return isinstance(value, str) and repr(value) in kind.replace('"', "'")


def simulate(
    scenario: str,
    *,
    seed: int,
    out: Path,
    scale: float = 1.0,
    rate: float = 1.0,
    prompts: Path | None = None,
    times: Path | None = None,
    changes: Mapping[str, FieldValue] | None = None,
    reaction: Reaction | None = None,
    progress: CountProgress | None = None,
) -> World:
    """Write a world's contract tables and its truth into `out`, replacing those of an earlier run.

    One seed gives byte-identical tables.

    Args:
        scenario: name of the scenario.
        seed: seed of all draws, 0 or more.
        out: folder to write into.
        scale: factor for accounts and exchanges.
        rate: further factor for exchanges.
        prompts: file of real text in place of the grammar's.
        times: file of real arrival rates for honest applications.
        changes: fields of the `Scenario`, or of every `CampaignPlan` with the prefix `campaign.`, replaced
            after scaling.
        reaction: suspension of accounts of every campaign, and its operator's reaction; also writes
            `actions.parquet`.
        progress: called with days done and days in all.

    Raises:
        UsageError: for an unknown scenario, scale, seed, change or day of the action.
        InputError: for an unusable file of prompts or times.
    """
    plan = find_scenario(scenario)
    for name, factor in (("scale", scale), ("rate", rate)):
        if not (0 < factor <= 100):
            raise UsageError(
                Problem(fact=f"`{name}` is out of range", found=str(factor), expected="above 0, at most 100")
            )
    if seed < 0:
        raise UsageError(Problem(fact="`seed` is negative", found=str(seed), expected="0 or more"))
    changed = change(plan.scaled(scale, rate), changes or {})
    if reaction is not None and not changed.plans:
        raise UsageError(
            Problem(fact="a world without a campaign has no operator that could react", found=f"`{scenario}`")
        )
    if reaction is not None and not 0 < reaction.day < changed.days:
        raise UsageError(
            Problem(
                fact="the day of the action is not within the world",
                found=f"{reaction.day:g}",
                expected=f"above 0, below {changed.days}",
            )
        )
    real = read_prompts(prompts) if prompts else None
    arrivals = read_arrivals(times) if times else None
    out.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=out))
    try:
        size = changed.exchanges + sum(c.exchanges for c in changed.plans)
        writer = Writer(
            partial, seed=seed, real=real, many=size >= EXCHANGES_IN_ONE_PROCESS, pasted=changed.pasted
        )
        try:
            world = _write(scenario, changed, seed, writer, arrivals, reaction, progress)
        except BaseException:
            writer.stop()
            raise
        _move_into(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return world


def _move_into(partial: Path, out: Path) -> None:
    """Move the finished tables into `out`, in place of those of an earlier world."""
    for name in ("exchanges", "accounts.parquet", "releases.parquet", "truth.parquet", "actions.parquet"):
        target = out / name
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)  # of an earlier world, which may have had a file that this one has not
        if (partial / name).exists():
            (partial / name).replace(target)


def _calibrate(honest: Population, exchanges: int, start: int, end: int) -> None:
    """Scale ordinary rates, in place, so that the honest crowd sends about `exchanges` in all."""
    days = np.clip(honest.last - np.maximum(honest.first, start), 0, end - start) / DAY
    expected = honest.rate * days * (5 + 2 * honest.weekend) / 7
    free = np.isin(
        honest.role.astype(str), ["person", "team", "product", "agent", "batch", "campus", "vpn", "tool"]
    )
    fixed = float(expected[~free].sum())
    if fixed > 0.3 * exchanges:
        honest.rate[~free] *= 0.3 * exchanges / fixed
        fixed = 0.3 * exchanges
    machine = np.isin(honest.role.astype(str), ["product", "batch"])
    want = exchanges * 1.08 - fixed  # outages, late starts and early ends take some away
    heavy, light = float(expected[machine].sum()), float(expected[free & ~machine].sum())
    share = 0.45
    honest.rate[machine] *= share * want / max(heavy, 1.0)
    honest.rate[free & ~machine] *= (1 - share) * want / max(light, 1.0)
    honest.rate = np.minimum(honest.rate, 0.02 * exchanges / ((end - start) / DAY))


def _honest(rng: np.random.Generator, plan: Scenario, start: int, end: int, release: int) -> Population:
    """The honest accounts of a world; some take up the new model after its release. Times are microseconds
    since 1970.
    """
    honest = honest_crowd(rng, plan.accounts, start, end)
    _calibrate(honest, plan.exchanges, start, end)
    adopters = rng.random(len(honest)) < 0.6
    honest.adopts[adopters] = release + (rng.exponential(3 * DAY, int(adopters.sum()))).astype(np.int64)
    crowd = honest.role == "release"
    honest.adopts[crowd], honest.last[crowd] = release, np.minimum(end, release + 2 * DAY)
    honest.first[crowd] = release + (rng.exponential(5 * HOUR, int(crowd.sum()))).astype(np.int64)
    honest.created[crowd] = np.minimum(honest.created[crowd], honest.first[crowd] - HOUR // 4)
    return honest


def _day(
    rng: np.random.Generator,
    honest: TrafficRows,
    campaigns: Sequence[PlantedCampaign],
    bases: Ints,
    outages: Sequence[tuple[int, int, int]],
    index: int,
    day: int,
) -> TrafficRows:
    """The exchanges of honest accounts and of all campaigns on day `index`, which begins at `day`, in time
    order and without those that an outage (from, to, model) stopped. `bases` are the numbers of the
    campaigns' first accounts.
    """
    parts = [honest]
    for number, campaign in enumerate(campaigns):
        rows = campaign.day(rng, index, day)
        rows.account = rows.account + bases[number]
        rows.campaign[:] = number
        parts.append(rows)
    rows = concatenate(parts)
    down = np.zeros(len(rows), dtype=np.bool_)
    for low, high, model in outages:
        down |= (rows.at >= low) & (rows.at < high) & (rows.model == model)
    return rows.take(np.flatnonzero(~down)[np.argsort(rows.at[~down], kind="stable")])


def _write(
    name: str,
    plan: Scenario,
    seed: int,
    writer: Writer,
    arrivals: Arrivals | None,
    reaction: Reaction | None,
    progress: CountProgress | None,
) -> World:
    """Draw a world and write its tables with `writer`; arguments as of `simulate`."""
    root = np.random.SeedSequence([seed, zlib.crc32(name.encode())])
    streams = root.spawn(2 + plan.days)
    rng = np.random.default_rng(streams[0])
    start = int(datetime.fromisoformat(plan.begins).replace(tzinfo=UTC).timestamp()) * p.SECOND
    end = start + plan.days * DAY
    release = start + int(plan.days * 0.55) * DAY + 17 * HOUR
    honest = _honest(rng, plan, start, end, release)
    campaigns = [
        PlantedCampaign(c, rng, start, end, release)
        if reaction is None
        else Reacting(
            c,
            rng,
            start,
            end,
            release,
            reaction=reaction,
            own=np.random.default_rng([seed, number, *b"reaction"]),
        )
        for number, c in enumerate(plan.plans)
    ]
    people = p.concatenate([honest, *[c.members for c in campaigns]])
    people.account_id = p.fresh(rng, len(people), "acct_", 14)
    bases = np.cumsum([len(honest), *[len(c.members) for c in campaigns]])
    outages = [
        (int(a), int(a + b), int(m))
        for a, b, m in zip(
            start + rng.random(3) * (end - start), rng.uniform(0.5, 1.5, 3) * HOUR, (0, 1, 2), strict=True
        )
    ]
    salt = int(rng.integers(1, 1 << 30))
    counter = Counter(salt + 7)
    writer.begin(people, [c.plan.name for c in campaigns])
    counts = np.zeros(len(campaigns), dtype=np.int64)
    for index in range(plan.days):
        rng = np.random.default_rng(streams[2 + index])
        day = start + index * DAY
        rows = ordinary(rng, people, day, counter, salt)
        if arrivals is not None:
            arrivals.move(rng, rows, people, index, day)
        rows = _day(rng, rows, campaigns, bases, outages, index, day)
        counts += np.bincount(rows.campaign[rows.campaign >= 0], minlength=len(campaigns))
        writer.day(rng, rows, day)
        if progress:
            progress(index + 1, plan.days)
    rng = writer.close()
    writer.table("accounts.parquet", accounts_table(people, rng))
    writer.table("releases.parquet", _releases(start, release))
    if reaction is not None:
        writer.table("actions.parquet", actions(people, campaigns, bases))
    return World(
        scenario=name,
        exchanges=writer.exchanges,
        accounts=len(people),
        campaigns={
            c.plan.name: (c.plan.kind, len(c.members), int(n)) for c, n in zip(campaigns, counts, strict=True)
        },
    )


def _releases(start: int, release: int) -> pa.Table:
    """The table of releases of the models."""
    moments = [start - 210 * DAY, start - 120 * DAY, start - 60 * DAY, release]
    return pa.table({"model": list(p.MODELS), "released_at": pa.array(moments, pa.int64())}).cast(
        RELEASES.arrow
    )
