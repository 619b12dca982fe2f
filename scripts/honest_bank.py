"""Make the bank of honest groups that a scan compares its campaigns with.

    .venv/bin/python scripts/honest_bank.py [WORLDS] [FIRST_SEED]

Each world holds an ordinary crowd and `GROUPS` honest groups, one for each of so many explanations in turn,
drawn with the explanation's own program. Every group is judged as a scan judges, as it is, with all
explanations known. Its evidence goes to `src/stillwatch/detect/data/honest_bank.parquet`. Rows of earlier
runs with other seeds are kept while they were judged by the same code of signals and judgement.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.detect.judge import bench, judge
from stillwatch.detect.propose import Candidate
from stillwatch.evaluate.world import opened
from stillwatch.signals.registry import all_explanations, all_group_tests
from stillwatch.simulate import crowds

ROOT = Path(__file__).parents[1] / "src" / "stillwatch"
BANK = ROOT / "detect" / "data" / "honest_bank.parquet"
GROUPS, ORDINARY, DAYS = 8, 400, 14
SMALLEST, LARGEST = 15, 200
SCHEMA = pa.schema(
    {"explanation": pa.string(), "accounts": pa.int64(), "log_e": pa.float64(), "seed": pa.int64()}
)


def code() -> str:
    """Digest of the code that the evidence depends on."""
    state = hashlib.sha256()
    for folder in ("signals", "stats", "detect"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            state.update(path.read_bytes())
    return state.hexdigest()[:16]


def world(seed: int) -> list[dict[str, object]]:
    """Rows of the bank from one world."""
    rng = np.random.default_rng(seed)
    known = all_explanations()
    chosen = [known[(seed * GROUPS + place) % len(known)] for place in range(GROUPS)]
    setting = crowds.setting(rng, DAYS)
    sizes = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST), GROUPS)).astype(int).tolist()
    parts = [one.draw(rng, size, setting) for one, size in zip(chosen, sizes, strict=True)]
    exchanges, accounts, groups = crowds.tables([*parts, crowds.ordinary(rng, ORDINARY, setting)], rng)
    group = groups.column("group").to_numpy()
    names = np.asarray(groups.column("account_id").to_pylist(), object)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "world"
        place.mkdir()
        pq.write_table(exchanges, place / "exchanges.parquet")
        pq.write_table(accounts, place / "accounts.parquet")
        releases = pa.table(
            {"model": pa.array([], pa.string()), "released_at": pa.array([], pa.timestamp("us", "UTC"))}
        )
        pq.write_table(releases, place / "releases.parquet")
        with opened(place) as one:
            rows = bench(one.summaries, all_group_tests(), known, lambda e: e.to_pyarrow())
            candidates = [
                Candidate(accounts=frozenset(names[group == g].tolist()), graph="behaviour")
                for g in range(GROUPS)
            ]
            found = {j.accounts: j.log_e for j in judge(candidates, rows)}
    return [
        {"explanation": e.card.name, "accounts": len(c.accounts), "log_e": found[c.accounts], "seed": seed}
        for e, c in zip(chosen, candidates, strict=True)
    ]


def main() -> None:
    """Add worlds to the bank."""
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 210
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    kept: list[dict[str, object]] = []
    if BANK.exists():
        old = pq.read_table(BANK)
        if (old.schema.metadata or {}).get(b"code") == code().encode():
            kept = old.to_pylist()
    done = {row["seed"] for row in kept}
    for seed in range(first, first + worlds):
        if seed in done:
            continue
        kept += world(seed)
        BANK.parent.mkdir(exist_ok=True)
        table = pa.Table.from_pylist(kept, SCHEMA).replace_schema_metadata({"code": code()})
        pq.write_table(table, BANK, compression="zstd")
        highest = max(float(str(row["log_e"])) for row in kept)
        print(f"world {seed}: {len(kept)} groups, highest log10 e {highest / np.log(10):.1f}", flush=True)


if __name__ == "__main__":
    main()
