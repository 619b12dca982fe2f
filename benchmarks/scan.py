"""Time and memory of `scan` against rows, beside DuckDB reading the same columns and hashing every prompt
once.

    python benchmarks/scan.py [--days] [--case] [--blind] [ROWS... | WORLD]        (default 300000 3000000;
    the whole case is 30000000)

The worlds are the scenario `seed` with fewer accounts, or with `--case` with all of its 25,000 campaign
accounts and fewer exchanges each; or WORLD is a folder that `simulate` wrote. A scan runs in a process of its
own on all cores. `ratio` is its time against DuckDB's, the practical limit, which reads the columns that a
scan reads and hashes each once; `text` against DuckDB reading and hashing prompts and system prompts alone.
`growth` is the time per row against the first row's. With `--days` the last day is then added to a store of
the days before it, beside a scan of them all. With `--blind` the text is sketched and deleted, and the
sketches are scanned.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from stillwatch.contract.observations import SHAPE, of_role
from stillwatch.engine.connect import open_engine
from stillwatch.flows.ingest import ingest, key_of
from stillwatch.flows.summarise import add_up
from stillwatch.readers.discover import discover
from stillwatch.sketch.digest import VERSION
from stillwatch.store.store import Store

FULL = 89_000_000  # exchanges of `seed` at rate 1


def limit(world: Path, columns: Sequence[str]) -> float:
    """Seconds for DuckDB to read these columns of the exchanges and hash each once: the better of two
    tries.
    """
    files = str(world / "exchanges" / "**" / "*.parquet")
    hashed = ", ".join(f"sum(hash({column})::hugeint)" for column in columns)
    tries = []
    for _try in range(2):
        began = time.monotonic()
        duckdb.connect().execute(f"select {hashed} from read_parquet(?)", [files]).fetchall()
        tries.append(time.monotonic() - began)
    return min(tries)


def scanned(paths: list[Path], out: Path, *more: str) -> tuple[float, float]:
    """Seconds and peak GiB of one scan."""
    command = [
        sys.executable,
        "-m",
        "stillwatch",
        "scan",
        *map(str, paths),
        "--out",
        str(out),
        "--quiet",
        "--json",
        *more,
    ]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"scan ended with {status}")
    return time.monotonic() - began, usage.ru_maxrss / 2**20


def added(paths: list[Path], store: Path) -> float:
    """Seconds to read and add up what a store does not have yet, without judging."""
    sources = discover([str(path) for path in paths])
    key, name = key_of(sources, store)
    began = time.monotonic()
    with (
        Store(store, version=VERSION, key_id=name) as kept,
        open_engine(memory=MEMORY, scratch=kept.scratch()) as engine,
    ):
        ingest(sources, {}, kept, key, engine=engine)
        add_up(engine, kept)
    return time.monotonic() - began


def day_by_day(world: Path, folder: Path, whole: float) -> None:
    """What a new day costs, against a scan of everything."""
    days = sorted((world / "exchanges").iterdir())
    companions = [
        "--accounts",
        str(world / "accounts.parquet"),
        "--releases",
        str(world / "releases.parquet"),
    ]
    everything = added(days, folder / "all")
    added(days[:-2], folder / "store")
    one = added(days[-2:-1], folder / "store")
    seconds, _memory = scanned(
        days[-1:], folder / "results", *companions, "--store", str(folder / "store"), "--memory", MEMORY
    )
    print(
        f"  {len(days)} days read and added up: {everything:.1f} s; one more day: {one:.1f} s, "
        f"1/{everything / one:.0f} of it and "
        f"1/{whole / one:.0f} of the scan; with all judged anew: {seconds:.1f} s, 1/{whole / seconds:.1f} of "
        f"the scan"
    )


def blind(world: Path, folder: Path, *, ours: bool) -> tuple[float, float]:
    """Seconds and peak GiB of a scan of sketches; the text is gone before it begins, where it is `ours`."""
    (folder / "key").write_bytes(b"only for a benchmark, of 32 bytes")
    began = time.monotonic()
    command = ["sketch", world / "exchanges", "--out", folder / "sketches", "--key-file", folder / "key"]
    subprocess.run(
        [sys.executable, "-m", "stillwatch", *map(str, command), "--quiet"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    made = time.monotonic() - began
    if ours:
        shutil.rmtree(world / "exchanges")
    size = sum(f.stat().st_size for f in (folder / "sketches").iterdir())
    print(f"  sketched in {made:.1f} s: {size / 1e9:.2f} GB without text", flush=True)
    companions = [f"--{name}={world / name}.parquet" for name in ("accounts", "releases")]
    seconds, memory = scanned([folder / "sketches"], folder / "results", *companions, "--memory", MEMORY)
    found = pq.read_table(folder / "results" / "campaigns.parquet").select(["accounts", "exchanges"])
    print(f"  found: {found.to_pylist()}", flush=True)
    return seconds, memory


MEMORY = "4GB"
TEXT = ("prompt", "system_prompt")
COLUMNS = (*of_role("copied"), "conversation_id", *TEXT, *SHAPE, "tool_names")


def main() -> None:
    """Print one row per size."""
    asked = [a for a in sys.argv[1:] if not a.startswith("--")] or ["300000", "3000000"]
    print(
        f"{'rows':>11} {'text GB':>8} {'seconds':>8} {'rows/s':>8} {'GiB':>5} {'DuckDB s':>9} {'ratio':>7} "
        f"{'text s':>7} {'text':>6} {'growth':>7}"
    )
    first = 0.0
    for size in asked:
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARKS", None)) as folder:
            world = Path(folder) / "world" if size.isdigit() else Path(size)
            if size.isdigit():
                factor = ["--rate" if "--case" in sys.argv else "--scale", str(int(size) / FULL)]
                command = [
                    "simulate",
                    "--scenario",
                    "seed",
                    "--seed",
                    "1",
                    *factor,
                    "--out",
                    str(world),
                    "--quiet",
                ]
                subprocess.run(
                    [sys.executable, "-m", "stillwatch", *command], check=True, stdout=subprocess.DEVNULL
                )
            files = list((world / "exchanges").rglob("*.parquet"))
            rows = sum(pq.read_metadata(f).num_rows for f in files)
            text = (
                duckdb.connect()
                .execute("select sum(strlen(prompt)) from read_parquet(?)", [[str(f) for f in files]])
                .fetchall()[0][0]
            )
            best, alone = limit(world, COLUMNS), limit(world, TEXT)
            if "--blind" in sys.argv:
                seconds, memory = blind(world, Path(folder), ours=size.isdigit())
            else:
                seconds, memory = scanned([world], Path(folder) / "results", "--memory", MEMORY)
            first = first or seconds / rows
            print(
                f"{rows:>11,} {text / 1e9:>8.2f} {seconds:>8.1f} {rows / seconds:>8,.0f} {memory:>5.2f} "
                f"{best:>9.2f} {seconds / best:>7.0f}"
                f" {alone:>7.2f} {seconds / alone:>6.0f} {seconds / rows / first:>7.2f}",
                flush=True,
            )
            if "--days" in sys.argv:
                day_by_day(world, Path(folder), seconds)
            if size.isdigit():
                shutil.rmtree(world)


if __name__ == "__main__":
    main()
