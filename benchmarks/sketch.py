"""What a sketch of a prompt costs, beside a plain MinHash of the best kept library and beside one hash of the
text.

    pip install rensa
    python benchmarks/sketch.py [ROWS]        (default 200000)

One core each, the same prompts in memory. Ours gives digests of text, template and opening, four min-hash
bands and the winnowed phrases; Rensa's R-MinHash gives 12 permutations of word trigrams, the same number that
our bands use, from words that are split in Python, as its interface asks.
"""

import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.simulate.worlds import simulate
from stillwatch.sketch.digest import BANDS, ROWS, digest


def prompts(rows: int) -> pa.Array:
    """Prompts of the scenario `stealth-2`."""
    with tempfile.TemporaryDirectory() as folder:
        simulate("stealth-2", seed=1, out=Path(folder), scale=1.2 * rows / 445_000)
        table = pq.read_table(Path(folder) / "exchanges", columns=["prompt"], partitioning=None)
    return table.column("prompt").slice(0, rows).combine_chunks()


def best(function) -> float:
    """Seconds of the fastest of three."""
    times = []
    for _try in range(3):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Print a row per way."""
    texts = prompts(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
    size = sum(len(text) for text in texts.to_pylist() if text)
    digest(texts.slice(0, 10), 1, 1)
    table = pa.table({"prompt": texts})
    connection = duckdb.connect(config={"threads": 1})
    connection.register("texts", table)
    ways = {
        "sketch (this program)": lambda: digest(texts, 1, 1),
        "DuckDB: sum(hash(prompt))": lambda: connection.execute(
            "select sum(hash(prompt)::hugeint) from texts"
        ).fetchall(),
    }
    try:
        from rensa import RMinHash
    except ImportError:
        print("rensa is not installed: pip install rensa")
    else:

        def rensa() -> None:
            for text in texts.to_pylist():
                words = (text or "").split()
                mark = RMinHash(num_perm=BANDS * ROWS, seed=1)
                mark.update([" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))])
                mark.digest()

        ways["Rensa R-MinHash, 12 permutations"] = rensa
    ours = None
    print(f"{'way':<36} {'us/prompt':>10} {'MB/s':>8} {'against ours':>13}")
    for name, way in ways.items():
        seconds = best(way)
        ours = ours or seconds
        print(
            f"{name:<36} {1e6 * seconds / len(texts):>10.2f} {size / seconds / 1e6:>8.0f} "
            f"{seconds / ours:>13.2f}"
        )


if __name__ == "__main__":
    main()
