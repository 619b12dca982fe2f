"""How often does the probe convict honest groups, and how many refusals does it need for a campaign?

Usage: python scripts/probe_rates.py OUT.json [--groups 1000] [--only NAME ...] [--crowds 40] [--power 100]
[--plot FILE.svg]

Honest groups: crowds of every explanation under coins of their own, with senders that retry,
give up or come back. `--crowds` crowds are drawn of each explanation, and so many coins for each that there
are `--groups` groups. Campaigns: 200 accounts of `stealth-3` at 26 requests a day. The outcome is written
after every explanation, and a second run goes on; at the end the rates are printed as a table in Markdown.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.trials import TRIALS
from stillwatch.flows.probe import slots_of
from stillwatch.probe.compare import GroupTraffic
from stillwatch.probe.judge import ProbeResult, judge
from stillwatch.signals.registry import Explanation, all_explanations
from stillwatch.simulate.crowds import setting, tables
from stillwatch.simulate.refusals import HONEST, QUEUE, SAME_ACCOUNT, Habit, refuse
from stillwatch.simulate.worlds import simulate
from stillwatch.stats.intervals import of_share

SECOND = 1_000_000
HOLD_S, WITHIN_S = 2700, 900
COUNTS = (10, 20, 30, 40, 50, 75, 100, 150, 200)
CAMPAIGNS = {
    "hands on within seconds": QUEUE,
    "hands on within ten minutes": Habit(again=1.0, elsewhere=0.95, delay_s=300, least_s=30),
    "hands on half": Habit(again=0.9, elsewhere=0.55, delay_s=5),
    "hands on a quarter": Habit(again=0.9, elsewhere=0.28, delay_s=5),
    "retries on the same account": SAME_ACCOUNT,
}


def without_text(exchanges: pa.Table) -> pa.Table:
    """The requests with a number in place of each text, equal for texts that `flows.probe.gathered` does not
    distinguish: the judgement compares nothing else of them, and is many times faster.
    """
    table = EXCHANGES.conform(exchanges)
    for name in ("prompt", "system_prompt"):
        place = table.schema.get_field_index(name)
        texts = [
            None if text is None else " ".join(text.casefold().split()) for text in table[name].to_pylist()
        ]
        numbers = pc.cast(pa.array(texts, pa.string()).dictionary_encode().indices, pa.string())
        table = table.set_column(place, EXCHANGES.arrow.field(name), numbers)
    none = pa.nulls(table.num_rows, pa.string())
    return table.set_column(table.schema.get_field_index("response"), EXCHANGES.arrow.field("response"), none)


def organizations(exchanges: pa.Table, members: Sequence[str]) -> np.ndarray:
    """The number of each member's organization, -1 for none."""
    of = dict(zip(exchanges["account_id"].to_pylist(), exchanges["organization_id"].to_pylist(), strict=True))
    numbers = {name: number for number, name in enumerate(sorted(set(of.values()) - {None}))}
    return np.array([numbers.get(of.get(name), -1) for name in members], np.int64)


def traffic(log: pa.Table, members: Sequence[str], owners: np.ndarray) -> GroupTraffic:
    """The requests of a log `without_text`, as `flows.probe.gathered` gives them, without digests."""
    prompt, system = (
        pc.cast(log[name], pa.int64()).fill_null(-1).to_numpy() for name in ("prompt", "system_prompt")
    )
    account = pc.index_in(log["account_id"], value_set=pa.array(members, pa.string())).to_numpy()
    at = log["timestamp"].cast(pa.int64()).to_numpy()
    order = np.lexsort((account, at))
    return GroupTraffic(
        at=at[order],
        account=account.astype(np.int64)[order],
        work=np.where(prompt < 0, -1, prompt * (system.max() + 2) + system + 1)[order],
        status=log["status"].fill_null(-1).to_numpy().astype(np.int64)[order],
        organization=owners,
    )


def coins(
    rng: np.random.Generator,
    members: Sequence[str],
    span: tuple[int, int],
    moments: int,
    slots: int,
    refused: int,
) -> pa.Table:
    """Trials at random moments."""
    rows = []
    part = (span[1] - span[0]) // moments
    for number in range(moments):
        at = span[0] + number * part + int(rng.random() * max(1, part - (HOLD_S + WITHIN_S) * SECOND))
        drawn = rng.permutation(len(members))[:slots].tolist()
        rows += [(f"m{number}", at, members[one], place < refused) for place, one in enumerate(drawn)]
    trial, at, account, failed = zip(*rows, strict=True)
    return TRIALS.conform(
        pa.table({"trial": trial, "at": pa.array(at, pa.int64()), "account_id": account, "failed": failed})
    )


def judged(
    rng: np.random.Generator,
    exchanges: pa.Table,
    members: Sequence[str],
    span: tuple[int, int],
    habit: Habit,
    owners: np.ndarray,
    *,
    moments: int = 90,
    slots: int = 20,
    refused: int = 4,
) -> ProbeResult:
    """One group, whose requests are `without_text`, under one coin."""
    trials = coins(rng, members, span, moments, slots, refused)
    log = refuse(rng, exchanges, trials, habit, hold_s=HOLD_S)
    return judge(slots_of(trials, members), traffic(log, members, owners), within_s=WITHIN_S, hold_s=HOLD_S)


def honest(one: Explanation, groups: int, crowds: int) -> dict[str, int]:
    """Groups of one explanation: how many were convicted, exactly and at level 0.01 of the p-value, and
    how many could be judged.
    """
    out = {
        "groups": 0,
        "convicted": 0,
        "p_below_alpha": 0,
        "pair_p_below_alpha": 0,
        "comparisons": 0,
        "coin": 0,
    }
    each = -(-groups // crowds)
    for number in range(crowds):
        rng = np.random.default_rng([number, *one.card.name.encode()])
        where = setting(rng, 5, None)
        exchanges, accounts, _ = tables([one.draw(rng, int(rng.integers(20, 80)), where)], rng)
        exchanges = without_text(exchanges)
        members = sorted(accounts["account_id"].to_pylist())
        owners = organizations(exchanges, members)
        for coin in range(each):
            habit = list(HONEST.values())[coin % len(HONEST)]
            result = judged(rng, exchanges, members, (where.start, where.end), habit, owners)
            out["groups"] += 1
            out["convicted"] += result.verdict == "one_hand"
            out["p_below_alpha"] += result.p_value <= result.alpha
            out["pair_p_below_alpha"] += result.basis == "coin" and result.pair_p_value <= result.alpha
            out["comparisons"] += result.comparisons
            out["coin"] += result.basis == "coin"
    return out


def campaign(folder: Path) -> tuple[pa.Table, list[str]]:
    """The requests of a campaign of 200 accounts, and its members."""
    changes = {"days": 7, "campaign.accounts": 200, "campaign.exchanges": 200 * 26 * 6}
    simulate("stealth-3", seed=3, out=folder, scale=0.02, changes=changes)
    truth = pq.read_table(folder / "truth.parquet")
    members = sorted(set(truth.filter(pc.is_valid(truth["campaign_id"]))["account_id"].to_pylist()))
    rows = ds.dataset(folder / "exchanges", partitioning="hive").to_table()
    return EXCHANGES.conform(
        rows.filter(pc.is_in(rows["account_id"], pa.array(members))).sort_by("timestamp")
    ), members


def power(exchanges: pa.Table, members: Sequence[str], runs: int) -> dict[str, dict[str, float]]:
    """Kind of campaign -> refusals that met a request -> share of runs with a verdict, at most so many
    refusals.
    """
    at = exchanges["timestamp"].cast(pa.int64()).to_numpy()
    span = (int(at.min()), int(at.max()))
    exchanges, owners = without_text(exchanges), organizations(exchanges, members)
    out = {}
    for name, habit in CAMPAIGNS.items():
        settled = []
        for run in range(runs):
            rng = np.random.default_rng([run, 7])
            result = judged(rng, exchanges, members, span, habit, owners, moments=100, slots=20, refused=3)
            met = result.harm.met / max(result.harm.refusals, 1)
            settled.append(result.settled_after * met if result.settled_after is not None else np.inf)
        out[name] = {str(count): float(np.mean(np.array(settled) <= count)) for count in COUNTS}
    return out


COLOURS = ("#1b6ca8", "#2a9d5c", "#c9772b", "#8d5aa8", "#777777")


def plot(power: dict[str, dict[str, float]]) -> str:
    """Power against refusals, as a drawing."""
    left, top, width, height = 60, 20, 420, 240
    most = max(COUNTS)

    def x(count: float) -> float:
        return left + width * count / most

    def y(share: float) -> float:
        return top + height * (1 - share)

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 220} {top + height + 50}" '
            f'font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{left + width + 220}" height="{top + height + 50}" fill="white"/>',
        *(
            f'<text x="{left - 8}" y="{y(s) + 4:.0f}" text-anchor="end">{100 * s:.0f} %</text>'
            f'<line x1="{left}" x2="{left + width}" y1="{y(s):.0f}" y2="{y(s):.0f}" stroke="#dddddd"/>'
            for s in (0, 0.25, 0.5, 0.75, 0.95)
        ),
        *(
            f'<text x="{x(c):.0f}" y="{top + height + 18}" text-anchor="middle">{c}</text>'
            for c in (0, 50, 100, 150, 200)
        ),
        f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle">refused requests</text>',
    ]
    for colour, (place, (name, shares)) in zip(COLOURS, enumerate(sorted(power.items())), strict=False):
        points = " ".join(f"{x(count):.1f},{y(shares[str(count)]):.1f}" for count in COUNTS)
        parts.append(
            f'<polyline points="{x(0):.1f},{y(0):.1f} {points}" fill="none" stroke="{colour}" '
            f'stroke-width="2"/>'
        )
        at = top + 14 + 22 * place
        parts.append(
            f'<line x1="{left + width + 12}" x2="{left + width + 32}" y1="{at}" y2="{at}" stroke="{colour}" '
            f'stroke-width="2"/>'
        )
        parts.append(f'<text x="{left + width + 38}" y="{at + 4}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def table(honest: dict[str, dict[str, int]]) -> str:
    """The rates of honest groups as a table in Markdown, as on the page of the method; `at most` is the upper
    end of the exact 95 % interval of the convicted share.
    """
    total = {name: sum(one[name] for one in honest.values()) for name in next(iter(honest.values()), {})}
    rows = [
        "| explanation | groups | by the coin | convicted | at most | p <= 0.01 | p <= 0.01, none moves |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in [*sorted(honest.items()), (f"all {len(honest)}", total)]:
        share = of_share(one["convicted"], one["groups"])
        assert share is not None
        cells = [f"{one[key]:,}" for key in ("groups", "coin", "convicted")]
        cells += [f"{100 * share.high:.2g} %"]
        cells += [f"{one[key]:,}" for key in ("p_below_alpha", "pair_p_below_alpha")]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--crowds", type=int, default=40)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--power", type=int, default=100)
    parser.add_argument("--plot", type=Path, help="write the power as a drawing (SVG) here")
    given = parser.parse_args()
    told = json.loads(given.out.read_text()) if given.out.exists() else {"honest": {}, "power": {}}

    def keep() -> None:
        given.out.write_text(json.dumps(told, indent=1, sort_keys=True))

    if given.power and not told["power"]:
        with tempfile.TemporaryDirectory() as folder:
            exchanges, members = campaign(Path(folder))
        told["power"] = power(exchanges, members, given.power)
        keep()
    if given.plot and told["power"]:
        given.plot.write_text(plot(told["power"]), encoding="utf-8")
    for one in all_explanations():
        if one.card.name not in told["honest"] and (not given.only or one.card.name in given.only):
            told["honest"][one.card.name] = honest(one, given.groups, given.crowds)
            keep()
    print(table(told["honest"]))


if __name__ == "__main__":
    main()
