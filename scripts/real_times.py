"""Make a times file for `simulate --times` from real traces of applications that call a language model.

    python scripts/real_times.py CORPORA OUT.parquet

Reads `timing_servegen/client_windows.parquet` in CORPORA: two weeks of request rates of real clients, in
windows of ten minutes.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FILE = "timing_servegen/client_windows.parquet"


def main() -> None:
    """Write the file and say what is in it."""
    corpora, out = Path(sys.argv[1]), Path(sys.argv[2])
    rows = pq.read_table(corpora / FILE).filter(pc.field("category") == "language")
    rows = rows.filter(pc.field("rate_rps") > 0)
    client = pc.binary_join_element_wise(rows["model"], pc.cast(rows["client_id"], pa.string()), " ")
    table = pa.table({"client": client, "second": rows["t_sec"], "rate": rows["rate_rps"]})
    pq.write_table(table, out, compression="zstd")
    print(f"{len(pc.unique(client))} clients, {table.num_rows:,} windows with requests")


if __name__ == "__main__":
    main()
