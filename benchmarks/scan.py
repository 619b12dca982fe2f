"""Time and memory of `scan` against rows, beside DuckDB reading the same columns and hashing every prompt once.

    python benchmarks/scan.py [ROWS...]        (default 100000 500000 2000000)

Each scan runs in a process of its own on all cores. The last column is the time against the first row's, divided by the rows
against the first row's: 1 means that time grows as rows do.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

FULL = 445_000  # exchanges of stealth-2 at scale 1


def limit(world: Path) -> float:
    """Seconds for DuckDB to read the text columns of the exchanges and hash the prompts."""
    files = str(world / "exchanges" / "**" / "*.parquet")
    began = time.monotonic()
    duckdb.connect().execute(
        "select sum(hash(prompt)::hugeint), count(distinct account_id) from read_parquet(?)", [files]
    ).fetchall()
    return time.monotonic() - began


def scanned(world: Path, out: Path) -> tuple[float, float]:
    """Seconds and peak GiB of one scan."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "stillwatch", "scan", str(world), "--out", str(out), "--quiet", "--json"], stdout=subprocess.DEVNULL)  # fmt: skip
    _pid, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"scan ended with {status}")
    return time.monotonic() - began, usage.ru_maxrss / 2**20


def main() -> None:
    """Print one row per size."""
    sizes = [int(a) for a in sys.argv[1:]] or [100_000, 500_000, 2_000_000]
    print(f"{'rows':>10} {'seconds':>8} {'rows/s':>8} {'GiB':>5} {'DuckDB s':>9} {'ratio':>7} {'growth':>7}")
    first: tuple[int, float] | None = None
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            world = Path(folder) / "world"
            command = ["simulate", "--scenario", "stealth-2", "--seed", "5", "--scale", str(size / FULL)]
            subprocess.run([sys.executable, "-m", "stillwatch", *command, "--out", str(world), "--quiet"], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
            rows = sum(pq.read_metadata(f).num_rows for f in (world / "exchanges").rglob("*.parquet"))
            best = min(limit(world) for _ in range(2))
            seconds, memory = scanned(world, Path(folder) / "results")
        first = first or (rows, seconds)
        growth = (seconds / first[1]) / (rows / first[0])
        print(
            f"{rows:>10,} {seconds:>8.1f} {rows / seconds:>8,.0f} {memory:>5.2f} {best:>9.2f} {seconds / best:>7.0f} {growth:>7.2f}"
        )


if __name__ == "__main__":
    main()
