"""A scan beside what a user would write instead: one SQL statement that makes features of every account, with
an isolation forest over them, and with connected components over shared values.

    python benchmarks/alternative.py [SCENARIO[:SCALE]... | WORLD...]

SCENARIO is one of `stillwatch simulate` (default: `DEFAULT`), WORLD a folder that it wrote. Everything runs
from the Parquet files to the list of accounts, on all cores, in one run. `of DuckDB` is the time against
DuckDB reading the columns that a scan reads and hashing each once, `found` how many of the campaigns'
accounts that are reported, and `honest` the number of other accounts that are. The forest reports what
scikit-learn's default threshold calls anomalous; components have at least `FEWEST` accounts, over cards and
over client and sign-up addresses of at most `MOST` accounts.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
from scan import COLUMNS, limit, scanned
from scipy import sparse
from sklearn.ensemble import IsolationForest

FEWEST, MOST = 10, 15  # accounts of a component that is reported, and of an address that links accounts
DEFAULT = ("demo:1", "stealth-2:0.6", "null:0.6")
FEATURES = """
with gaps as (
    select *, epoch(timestamp) - lag(epoch(timestamp)) over (
        partition by account_id order by timestamp
    ) as gap
    from read_parquet(?)
)
select account_id, ln(count(*)) as volume, count(distinct date_trunc('hour', timestamp)) as hours,
    avg((hour(timestamp) < 6)::int) as nights, avg(ln(1 + greatest(gap, 0))) as gap,
    coalesce(stddev(ln(1 + greatest(gap, 0))), 0) as gap_spread, avg(ln(1 + strlen(prompt))) as length,
    coalesce(stddev(ln(1 + strlen(prompt))), 0) as length_spread, avg(ln(1 + output_tokens)) as answer,
    count(distinct client_ip) as addresses, count(distinct user_agent) as clients,
    count(distinct model) as models, count(distinct prompt) / count(*) as distinct_prompts
from gaps group by account_id order by account_id
"""
SHARED = """
with shown as (
    select distinct account_id, 'client ' || client_ip as value, ? as most from read_parquet(?)
    union all select account_id, 'card ' || payment_fingerprint, 1000000000 from read_parquet(?)
    union all select account_id, 'sign-up ' || signup_ip, ? from read_parquet(?)
)
select account_id, value from shown where value is not null
qualify count(*) over (partition by value) between 2 and most order by all
"""


def logs(world: Path) -> str:
    """The pattern of the world's log files."""
    return str(world / "exchanges" / "**" / "*.parquet")


def forest(world: Path) -> set[str]:
    """The accounts that an isolation forest over per-account features calls anomalous."""
    rows = duckdb.connect().sql(FEATURES, params=[logs(world)]).to_arrow_table()
    columns = [np.asarray(rows.column(name).to_numpy(), float) for name in rows.column_names[1:]]
    table = np.nan_to_num(np.stack(columns, axis=1))
    anomalous = IsolationForest(random_state=0, n_jobs=-1).fit_predict(table) < 0
    return set(np.asarray(rows.column("account_id").to_pylist())[anomalous].tolist())


def components(world: Path) -> set[str]:
    """The accounts of the connected components over shared cards and addresses."""
    accounts = str(world / "accounts.parquet")
    asked = [MOST, logs(world), accounts, MOST, accounts]
    rows = duckdb.connect().sql(SHARED, params=asked).to_arrow_table()
    if not rows.num_rows:
        return set()
    account, value = (rows.column(name).combine_chunks().dictionary_encode() for name in rows.column_names)
    n, m = len(account.dictionary), len(value.dictionary)
    places = (account.indices.to_numpy(), n + value.indices.to_numpy())
    graph = sparse.coo_matrix((np.ones(rows.num_rows), places), shape=(n + m, n + m))
    label = sparse.csgraph.connected_components(graph, directed=False)[1][:n]
    large = np.bincount(label)[label] >= FEWEST
    return set(np.asarray(account.dictionary.to_pylist())[large].tolist())


def stillwatch(world: Path) -> set[str]:
    """The members of the campaigns that a scan of the world reports."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        scanned([world], results)
        return set(pq.read_table(results / "members.parquet").column("account_id").to_pylist())


METHODS: dict[str, Callable[[Path], set[str]]] = {
    "stillwatch scan": stillwatch,
    "SQL and isolation forest": forest,
    "SQL and connected components": components,
}


def measured(name: str, world: Path) -> None:
    """Print one row for each method on this world."""
    truth = pq.read_table(world / "truth.parquet", columns=["account_id", "campaign_id"])
    planted = {
        account
        for account, campaign in set(zip(*(column.to_pylist() for column in truth.columns), strict=True))
        if campaign is not None
    }
    rows, best, base = truth.num_rows, limit(world, COLUMNS), 0.0
    for method, accounts in METHODS.items():
        began = time.monotonic()
        found = accounts(world)
        seconds = time.monotonic() - began
        base = base or seconds
        share = f"{len(found & planted)} of {len(planted)}" if planted else "-"
        print(
            f"{name:16} {rows:>9,} {method:30} {seconds:>8.1f}"
            f" {base / seconds:>9.1f} {seconds / best:>10.1f} "
            f"{share:>14} {len(found - planted):>8,}",
            flush=True,
        )


def main() -> None:
    """Make the worlds that were asked for, and measure all methods on each."""
    print(
        f"{'world':16} {'rows':>9} {'method':30} {'seconds':>8} {'scan / it':>9} {'of DuckDB':>10} "
        f"{'found':>14} {'honest':>8}"
    )
    for asked in sys.argv[1:] or DEFAULT:
        if Path(asked).is_dir():
            measured(Path(asked).name, Path(asked))
            continue
        scenario, _colon, scale = asked.partition(":")
        with tempfile.TemporaryDirectory() as folder:
            world = Path(folder) / "world"
            command = ["simulate", "--scenario", scenario, "--scale", scale or "1", "--seed", "1", "--quiet"]
            subprocess.run(
                [sys.executable, "-m", "stillwatch", *command, "--out", str(world)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            measured(asked, world)


if __name__ == "__main__":
    main()
