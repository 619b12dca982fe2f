"""Does a watch keep up, survive being killed, and stay within its memory?

python benchmarks/watch.py replay [SPEED] [EVERY]      a demo world arrives SPEED times as fast as it happened
(1000, 6h) python benchmarks/watch.py kill [CYCLES]               kill -9 at random moments and restart (50)
python benchmarks/watch.py grow [ROWS]                 resident memory while ROWS arrive (10000000)
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.simulate.worlds import simulate

COLUMNS = (
    "exchange_id, strftime(timestamp at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') as timestamp, account_id, "
    "organization_id, "
    "conversation_id, model, operation, client_ip, user_agent, tls_fingerprint, system_prompt, prompt, "
    "tool_names, temperature, "
    "top_p, max_tokens, stream, input_tokens, output_tokens, status"
)


def written(world: Path, out: Path) -> None:
    """A world's exchanges as JSON Lines in the order of time, a file a day."""
    out.mkdir(parents=True)
    for day in sorted((world / "exchanges").iterdir()):
        duckdb.sql(
            f"copy (select {COLUMNS} from read_parquet('{day}/*.parquet', hive_partitioning=false) order by "
            f"timestamp) "
            f"to '{out / (day.name.removeprefix('date=') + '.jsonl')}' (format json)"
        )


def lines(log: Path) -> Iterator[tuple[datetime, str]]:
    """Lines of a log with their time."""
    for file in sorted(log.iterdir()):
        with file.open() as some:
            for line in some:
                yield datetime.fromisoformat(json.loads(line)["timestamp"]), line


def beside(world: Path) -> list[str]:
    """Options that name what a log does not hold."""
    return ["--accounts", str(world / "accounts.parquet"), "--releases", str(world / "releases.parquet")]


def watching(log: Path, state: Path, world: Path, *more: str) -> subprocess.Popen[str]:
    """A watch as a user would start it."""
    command = [sys.executable, "-m", "stillwatch", "watch", str(log), "--state", str(state)]
    return subprocess.Popen([*command, *beside(world), *more], stdout=subprocess.DEVNULL, text=True)


def ledger(state: Path) -> dict:
    """What counts of a watch's state so far."""
    path = state / "ledger.json"
    return json.loads(path.read_text()) if path.exists() else {"rows": 0, "judged": 0, "quarantined": 0}


def members(results: Path) -> dict[str, set[str]]:
    """Accounts by campaign."""
    told: dict[str, set[str]] = {}
    for row in pq.read_table(results / "members.parquet", columns=["campaign_id", "account_id"]).to_pylist():
        told.setdefault(row["campaign_id"], set()).add(row["account_id"])
    return told


def scanned(log: Path, world: Path, out: Path) -> None:
    """The same log, scanned at once."""
    command = [sys.executable, "-m", "stillwatch", "scan", str(log), "--out", str(out), "--quiet"]
    subprocess.run([*command, *beside(world)], check=True, stdout=subprocess.DEVNULL)


def replay(folder: Path, speed: float = 1000.0, every: str = "6h") -> None:
    """Each campaign of a demo world: when a scan of the whole log says that it could have been known, and
    when it was told of.
    """
    world, log = folder / "world", folder / "log"
    simulate("demo", seed=4, out=world)
    written(world, log)
    batch = folder / "batch"
    scanned(log, world, batch)
    arriving, state = folder / "arriving", folder / "state"
    arriving.mkdir()
    process = watching(arriving, state, world, "--every", every, "--poll", "0.2")
    began, first, last = time.monotonic(), None, None
    with (arriving / "log.jsonl").open("w") as file:
        for at, line in lines(log):
            first = first or at
            ahead = (at - first).total_seconds() / speed - (time.monotonic() - began)
            if ahead > 0.05:
                file.flush()
                time.sleep(ahead)
            file.write(line)
            last = at
    ended = time.monotonic()
    print(
        f"{(last - first).days} days in {ended - began:,.0f} s; the watch is {ledger(state)['judged']} "
        f"judgements on"
    )
    for _wait in range(600):
        if datetime.fromisoformat(ledger(state).get("latest") or first.isoformat()) >= last:
            break
        time.sleep(1)
    process.terminate()
    process.wait()
    events = [json.loads(line) for line in (state / "events.jsonl").read_text().splitlines()]
    whole = {row["campaign_id"]: row for row in pq.read_table(batch / "campaigns.parquet").to_pylist()}
    kept = members(state / "results")
    for name, accounts in members(batch).items():
        mine = {
            e["campaign"]
            for e in events
            if len(kept.get(e.get("reported_as"), set()) & accounts) * 2 > len(accounts)
        }
        told = [e for e in events if e["campaign"] in mine and e["type"] in ("new", "returned")]
        due = whole[name]["detected_at"]
        if not told:
            print(f"{name}: batch detected_at {due}; not told of")
            continue
        late = datetime.fromisoformat(told[0]["at"]) - due
        print(
            f"{name}: batch detected_at {due:%m-%d %H:%M}, told of at the log's {told[0]['at'][5:16]}: "
            f"{late} after ({late / _span(every):.2f} cadences)"
        )


def _span(text: str) -> timedelta:
    return timedelta(hours=float(text[:-1])) if text.endswith("h") else timedelta(days=float(text[:-1]))


def kill(folder: Path, cycles: int = 50) -> None:
    """Totals and results after many kills, against the log and a scan of it at once."""
    world, log = folder / "world", folder / "log"
    simulate("stealth-1", seed=2, out=world, scale=0.3)
    written(world, log)
    arriving, state = folder / "arriving", folder / "state"
    arriving.mkdir()
    whole = "".join(line for _at, line in lines(log)).encode()
    rng, killed = random.Random(7), 0
    with (arriving / "log.jsonl").open("wb") as file:
        for cycle in range(cycles):
            file.write(whole[len(whole) * cycle // cycles : len(whole) * (cycle + 1) // cycles])
            file.flush()
            process = watching(arriving, state, world, "--every", "1d", "--poll", "0.1")
            time.sleep(rng.uniform(1.5, 9.0))
            killed += process.poll() is None
            process.kill()
            process.wait()
    watching(arriving, state, world, "--once").wait()
    rows = whole.count(b"\n")
    told = ledger(state)
    ids = [json.loads(line)["id"] for line in (state / "events.jsonl").read_text().splitlines()]
    print(
        f"{killed} times killed; {told['rows']:,} rows of {rows:,}, {told['quarantined']} set aside, "
        f"{told['judged']} judgements"
    )
    print(f"{len(ids)} events, {len(ids) - len(set(ids))} of them twice")
    scanned(log, world, folder / "batch")
    same = sorted(map(sorted, members(state / "results").values())) == sorted(
        map(sorted, members(folder / "batch").values())
    )
    counts = [
        sorted(pq.read_table(place / "campaigns.parquet", columns=["exchanges"])["exchanges"].to_pylist())
        for place in (state / "results", folder / "batch")
    ]
    print(f"members as in a scan at once: {same}; exchanges {counts[0]} against {counts[1]}")


def grow(folder: Path, rows: int = 10_000_000) -> None:
    """Resident memory by rows taken."""
    world, log, state = folder / "world", folder / "log", folder / "state"
    simulate("seed", seed=3, out=world, scale=0.05, rate=0.35 * rows / 31_000_000 / 0.05)
    written(world, log)
    total = ds.dataset(world / "exchanges").count_rows()
    process = watching(log, state, world, "--every", "15d", "--once")
    began, step = time.monotonic(), 0
    print(f"{total:,} rows, {sum(f.stat().st_size for f in log.iterdir()) / 1e9:.1f} GB")
    while process.poll() is None:
        time.sleep(0.5)
        told = ledger(state)
        if told["rows"] >= step * total // 20:
            step = told["rows"] * 20 // total + 1
            resident = next(
                (
                    int(line.split()[1])
                    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
                    if line.startswith("VmRSS")
                ),
                0,
            )
            print(
                f"{told['rows']:>12,} rows  {told['judged']:>2} judgements  {resident / 2**20:5.2f} GiB  "
                f"{time.monotonic() - began:6.0f} s",
                flush=True,
            )
    print(f"{ledger(state)['rows']:,} of {total:,} rows taken")


def main() -> None:
    """Run what was asked for."""
    what, *more = sys.argv[1:] or ["replay"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if what == "replay":
            replay(folder, *(float(more[0]) if more else 1000.0, more[1] if len(more) > 1 else "6h"))
        elif what == "kill":
            kill(folder, int(more[0]) if more else 50)
        elif what == "grow":
            grow(folder, int(more[0]) if more else 10_000_000)
        else:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
