"""Is the same reported when accounts are renamed, rows come in another order, and another seed is given?

Usage: python scripts/stability.py WORLD [WORLD ...] [--times 10] [--no-replay]

WORLD is a folder with `exchanges` (a folder or `exchanges.parquet`), `accounts.parquet` and
`releases.parquet`, as `stillwatch simulate` writes it. It is scanned as it is, and then so many times with
other names of all accounts, rows shuffled, cut into several files, and another seed. For each scan it prints
the campaigns beside those of the first: accounts, accounts in common, the ratio of q-values, and the hours
between the times of detection. The bar: the same accounts within 1 %, q within a factor of 3, `detected_at`
within two hours.
"""

import argparse
import itertools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.flows.scan import Options, scan

FILES = 3


def main() -> None:
    """Scan every world and print how far each changed scan is from the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("worlds", nargs="+", type=Path, metavar="WORLD")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--no-replay", action="store_true", help="leave out the times of detection")
    args = parser.parse_args()
    for world in args.worlds:
        log = world / "exchanges"
        exchanges = ds.dataset(log if log.exists() else world / "exchanges.parquet").to_table()
        accounts = pq.read_table(world / "accounts.parquet")
        old = sorted(
            {*exchanges.column("account_id").to_pylist(), *accounts.column("account_id").to_pylist()}
        )
        print(world.name)
        first = None
        for seed in range(args.times + 1):
            rng = np.random.default_rng(seed)
            new = dict(
                zip(old, old if seed == 0 else [f"r{n:07d}" for n in rng.permutation(len(old))], strict=True)
            )
            rows, stated = (renamed(table, new, rng, shuffle=seed > 0) for table in (exchanges, accounts))
            back = {b: a for a, b in new.items()}
            found = reported(rows, stated, world / "releases.parquet", seed, back, args)
            if first is None:
                first = found
                print(f"  as it is: {[(len(one['members']), one['q_value']) for one in found]}")
            else:
                print(f"  {seed:3}: {difference(first, found)}", flush=True)


def renamed(table: pa.Table, new: Mapping[str, str], rng: np.random.Generator, *, shuffle: bool) -> pa.Table:
    """The table with other names of accounts; its rows in another order where `shuffle`."""
    names = pa.array([new[one] for one in table.column("account_id").to_pylist()])
    table = table.set_column(table.schema.get_field_index("account_id"), "account_id", names)
    return table.take(pa.array(rng.permutation(table.num_rows))) if shuffle else table


def reported(
    exchanges: pa.Table,
    accounts: pa.Table,
    releases: Path,
    seed: int,
    back: Mapping[str, str],
    args: argparse.Namespace,
) -> list[dict[str, Any]]:
    """The campaigns of a scan of these tables, with `members` under the world's own names."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "log").mkdir()
        cuts = np.linspace(0, exchanges.num_rows, FILES + 1).astype(int).tolist()
        for number, (low, high) in enumerate(itertools.pairwise(cuts)):
            pq.write_table(exchanges.slice(low, high - low), place / "log" / f"{number}.parquet")
        pq.write_table(accounts, place / "accounts.parquet")
        options = Options(
            names={},
            accounts=place / "accounts.parquet",
            releases=releases,
            seed=seed,
            replay=not args.no_replay,
        )
        scan([str(place / "log")], place / "out", options)
        members = pq.read_table(place / "out" / "members.parquet").to_pylist()
        campaigns = pq.read_table(place / "out" / "campaigns.parquet").to_pylist()
    return [
        one | {"members": {back[m["account_id"]] for m in members if m["campaign_id"] == one["campaign_id"]}}
        for one in campaigns
    ]


def difference(first: list[dict[str, Any]], found: list[dict[str, Any]]) -> str:
    """One line about the campaigns `found` beside those of the first scan."""
    if len(first) != len(found):
        return f"{len(found)} campaigns in place of {len(first)}"
    parts = []
    for one in first:
        other = max(found, key=lambda c: len(c["members"] & one["members"]))
        times = one["detected_at"], other["detected_at"]
        apart = "" if None in times else f", {abs((times[0] - times[1]).total_seconds()) / 3600:.0f} h apart"
        common = len(one["members"] & other["members"])
        parts.append(
            f"{common} of {len(one['members'] | other['members'])} accounts, "
            f"q {other['q_value'] / one['q_value']:.2f} times{apart}"
        )
    return "; ".join(parts) or "none"


if __name__ == "__main__":
    main()
