"""What is lost by clustering in shards instead of as a whole?

    python benchmarks/shards.py [SCENARIO...]        (default stealth-1 stealth-2 seed)

For each planted campaign the best Jaccard overlap between its accounts and any candidate, with Leiden on all
links and in 2, 4 and 8 shards, and the number of candidates; proposals only, no test.
"""

import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from stillwatch.detect.cluster import communities
from stillwatch.detect.propose import propose
from stillwatch.detect.shards import sharded
from stillwatch.detect.weigh import links
from stillwatch.evaluate.world import opened
from stillwatch.simulate.worlds import simulate

SCALE = {"seed": 0.02}
SHARDS = (2, 4, 8)


def planted(world: Path) -> dict[str, set[str]]:
    """Campaign → accounts."""
    truth = pq.read_table(world / "truth.parquet").to_pylist()
    found: dict[str, set[str]] = {}
    for row in truth:
        if row["campaign_id"]:
            found.setdefault(row["campaign_id"], set()).add(row["account_id"])
    return found


def main() -> None:
    """Print a row per campaign."""
    print(
        f"{'scenario':<12} {'campaign':<14} {'accounts':>8} {'whole':>7} "
        + " ".join(f"{n} shards".rjust(9) for n in SHARDS)
    )
    for scenario in sys.argv[1:] or ["stealth-1", "stealth-2", "seed"]:
        with tempfile.TemporaryDirectory() as folder:
            world = Path(folder) / "world"
            simulate(scenario, seed=1, out=world, scale=SCALE.get(scenario, 1.0))
            with opened(world) as one:
                edges = links(one.summaries, lambda expression: expression.to_pyarrow())
            ways = [communities, *(sharded(n, Path(folder), map) for n in SHARDS)]
            candidates = [propose(edges, cluster=way) for way in ways]
            for name, members in planted(world).items():
                best = [
                    max((len(c.accounts & members) / len(c.accounts | members) for c in found), default=0.0)
                    for found in candidates
                ]
                print(
                    f"{scenario:<12} {name:<14} {len(members):>8} {best[0]:>7.2f} "
                    + " ".join(f"{share:>9.2f}" for share in best[1:]),
                    flush=True,
                )


if __name__ == "__main__":
    main()
