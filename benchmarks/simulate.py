"""The simulator's speed, beside DuckDB writing the same bytes.

    python benchmarks/simulate.py [ROWS]        (default 3000000)

`ratio` is rows a second of the simulator against those of DuckDB, which copies the finished tables to the
same layout.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

FULL = 89_000_000


def main() -> None:
    """Print the two speeds and their ratio."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000_000
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARKS", None)) as folder:
        world = Path(folder) / "world"
        command = [
            "simulate",
            "--scenario",
            "seed",
            "--rate",
            str(rows / FULL),
            "--out",
            str(world),
            "--quiet",
        ]
        began = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", "stillwatch", *command], stdout=subprocess.DEVNULL)
        _pid, status, usage = os.wait4(process.pid, 0)
        ours = time.monotonic() - began
        if status:
            raise SystemExit(status)
        written = sum(pq.read_metadata(f).num_rows for f in (world / "exchanges").rglob("*.parquet"))
        began = time.monotonic()
        duckdb.connect().execute(
            f"copy (select * from read_parquet('{world}/exchanges/**/*.parquet', hive_partitioning=true)) to "
            f"'{folder}/copy' "
            "(format parquet, compression zstd, partition_by (date))"
        )
        theirs = time.monotonic() - began
    print(
        f"{written:,} rows: simulator {ours:.1f} s ({written / ours:,.0f}/s, {usage.ru_maxrss / 2**20:.2f} "
        f"GiB in its largest process), "
        f"DuckDB {theirs:.1f} s ({written / theirs:,.0f}/s), ratio {theirs / ours:.2f}"
    )


if __name__ == "__main__":
    main()
