"""How many honest newcomers are taken for successors of a campaign, and how many successors are known?

Usage: python scripts/contact_rates.py OUT.json [--accounts 700]

Campaigns of `stealth-1` and `stealth-2` are suspended on the sixth day and replaced; what they shared before
is learned, with sketches (templates count) and without (as from results alone), and new accounts are looked
at for three exchanges. Honest newcomers are those of these worlds and
`--accounts` of every explanation. The outcome is written after every explanation, and a second run goes on.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.signals.registry import all_explanations
from stillwatch.simulate.crowds import setting, tables
from stillwatch.simulate.reaction import Reaction
from stillwatch.simulate.worlds import simulate
from stillwatch.sketch.keys import of_secret
from stillwatch.sketch.observe import observe
from stillwatch.successors.contact import MOST_EXCHANGES, FirstContact, Signature, learn, sightings

KEY = of_secret(b"of measurements alone, no secret", "scripts")
CHANGES = {
    "accounts": 3000,
    "exchanges": 30_000,
    "days": 10,
    "campaign.accounts": 100,
    "campaign.exchanges": 6000,
}
SKETCH = ["phrases", "system_phrases", "shape_key"]


def newcomers(rows: pa.Table, accounts: pa.Table) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """First exchanges of each account, with what is stated of it and its sketch."""
    stated = {row["account_id"]: row for row in accounts.to_pylist()}
    rows = EXCHANGES.conform(rows).sort_by("timestamp")
    seen: dict[str, int] = {}
    kept = []
    for place, account in enumerate(rows["account_id"].to_pylist()):
        seen[account] = seen.get(account, 0) + 1
        if seen[account] <= MOST_EXCHANGES:
            kept.append(place)
    some = rows.take(pa.array(kept))
    sketches = pa.concat_tables(list(observe([some], KEY))).select(SKETCH).to_pylist()
    for row, sketch in zip(some.to_pylist(), sketches, strict=True):
        yield stated[row["account_id"]] | row, sketch


Learned = dict[str, list[Signature]]
WITH, WITHOUT = "with sketches", "without sketches"


def known(
    signatures: list[Signature], seen: Iterable[tuple[dict[str, Any], Mapping[str, Any]]], how: str
) -> set[str]:
    """Accounts that match a signature within their first exchanges."""
    contact = FirstContact(signatures)
    return {
        request["account_id"]
        for request, sketch in seen
        if contact.see(request, sketch if how == WITH else None)
    }


def acted(scenario: str, folder: Path) -> tuple[Learned, dict[str, Any]]:
    """What a campaign shared before its suspension, and how many successors and honest newcomers of the
    world were known, with sketches and without.
    """
    simulate(
        scenario,
        seed=5,
        out=folder,
        changes=CHANGES,
        reaction=Reaction(kind="replace", day=6.0, delay_hours=6),
    )
    truth = pq.read_table(folder / "truth.parquet")
    planted = set(truth.filter(pc.is_valid(truth["campaign_id"]))["account_id"].to_pylist())
    actions = pq.read_table(folder / "actions.parquet")
    rows = EXCHANGES.conform(ds.dataset(folder / "exchanges", partitioning="hive").to_table()).sort_by(
        "timestamp"
    )
    is_before = pc.less(rows["timestamp"], actions["at"][0])
    before, after = rows.filter(is_before), rows.filter(pc.invert(is_before))
    accounts = pq.read_table(folder / "accounts.parquet")
    there = accounts.filter(pc.is_in(accounts["account_id"], pc.unique(before["account_id"])))
    suspended = dict.fromkeys(actions["account_id"].to_pylist(), scenario)
    observed = pa.concat_tables(list(observe([before], KEY)))
    learned = {
        how: learn(sightings(before, there, observed if how == WITH else None), suspended)
        for how in (WITH, WITHOUT)
    }
    fresh = after.filter(pc.invert(pc.is_in(after["account_id"], pc.unique(before["account_id"]))))
    new = set(fresh["account_id"].to_pylist())
    told: dict[str, Any] = {"successors": len(new & planted), "honest": len(new - planted)}
    seen = list(newcomers(fresh, accounts))
    for how, signatures in learned.items():
        found = known(signatures, seen, how)
        told[how] = {"known": len(found & planted), "false": len(found - planted)}
    return learned, told


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--accounts", type=int, default=700)
    given = parser.parse_args()
    told: dict[str, Any] = {"worlds": {}, "crowds": {}}
    every: Learned = {WITH: [], WITHOUT: []}
    for scenario in ("stealth-1", "stealth-2"):
        with tempfile.TemporaryDirectory() as folder:
            learned, told["worlds"][scenario] = acted(scenario, Path(folder))
        print(scenario, told["worlds"][scenario], flush=True)
        for how, signatures in learned.items():
            every[how] += signatures
    if given.out.exists():
        told["crowds"] = json.loads(given.out.read_text())["crowds"]
    for one in all_explanations():
        if one.card.name in told["crowds"]:
            continue
        rng = np.random.default_rng([6, *one.card.name.encode()])
        rows, accounts, _ = tables([one.draw(rng, given.accounts, setting(rng, 1, None))], rng)
        seen = list(newcomers(rows, accounts))
        told["crowds"][one.card.name] = {
            "accounts": accounts.num_rows,
            **{how: len(known(signatures, seen, how)) for how, signatures in every.items()},
        }
        given.out.write_text(json.dumps(told, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
