"""How much does a suspension gain against each reaction, and for how long, with and without first contact?

Usage: python scripts/reaction_gain.py OUT.json [--seeds 5]

A campaign of `stealth-1` is suspended on the seventh day of 16. Counted are its exchanges of the eight days
after, as a share of what it sent in the six days before, and the day on which its rate is back at 80 %. With
first contact, an account that is known after three exchanges sends no more.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.contract.reactions import REACTIONS
from stillwatch.simulate.reaction import Reaction
from stillwatch.simulate.worlds import simulate
from stillwatch.successors.contact import MOST_EXCHANGES

DAY = 86_400_000_000
CHANGES = {
    "accounts": 300,
    "exchanges": 3000,
    "days": 16,
    "campaign.accounts": 100,
    "campaign.exchanges": 9000,
}
CAUGHT = (0.5, 0.8, 1.0)
AFTER_DAYS, BEFORE_DAYS, BACK = 8, 6, 0.8


def one(kind: Any, caught: float, seed: int) -> dict[str, float]:
    """Kept shares of the rate and the day of return, of one world."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        simulate(
            "stealth-1",
            seed=seed,
            out=out,
            changes=CHANGES,
            reaction=Reaction(kind=kind, day=7.0, caught=caught),
        )
        truth = pq.read_table(out / "truth.parquet")
        ids = truth.filter(pc.is_valid(truth["campaign_id"]))["exchange_id"]
        rows = ds.dataset(out / "exchanges", partitioning="hive").to_table(
            columns=["exchange_id", "timestamp", "account_id"]
        )
        rows = rows.filter(pc.is_in(rows["exchange_id"], ids)).sort_by("timestamp")
        acted = pq.read_table(out / "actions.parquet")["at"].cast(pa.int64()).to_numpy().min()
    at, names = rows["timestamp"].cast(pa.int64()).to_numpy(), rows["account_id"].to_pylist()
    before = float(((at < acted) & (at >= acted - BEFORE_DAYS * DAY)).sum()) / BEFORE_DAYS
    old = {name for name, moment in zip(names, at.tolist(), strict=True) if moment < acted}
    seen: Counter[str] = Counter()
    days, stopped = np.zeros(AFTER_DAYS), 0.0
    for name, moment in zip(names, at.tolist(), strict=True):
        if moment < acted or moment >= acted + AFTER_DAYS * DAY:
            continue
        days[int((moment - acted) // DAY)] += 1
        seen[name] += 1
        stopped += name in old or seen[name] <= MOST_EXCHANGES
    back = next((float(day) for day, rate in enumerate(days) if rate >= BACK * before), np.nan)
    return {
        "kept": float(days.mean() / before),
        "with_first_contact": stopped / AFTER_DAYS / before,
        "back_on_day": back,
    }


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    told = {}
    for kind in REACTIONS:
        for caught in CAUGHT:
            each = [one(kind, caught, seed) for seed in range(1, given.seeds + 1)]
            told[f"{kind} {caught:g}"] = {
                name: [
                    float(np.min([e[name] for e in each])),
                    float(np.mean([e[name] for e in each])),
                    float(np.max([e[name] for e in each])),
                ]
                for name in each[0]
            }
            given.out.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
