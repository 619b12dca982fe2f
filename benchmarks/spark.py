"""One scan on DuckDB and on a standalone Spark cluster of one master and two workers over loopback.

    pip install 'stillwatch[spark]'
    python benchmarks/spark.py [SCALE]        (default 0.5: scenario stealth-1, 250,000 exchanges)

The cluster is started and stopped here, one core and 3 GiB for each worker. Prints seconds, and whether
campaigns, members and counts are the same.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
import pyspark

from stillwatch.flows.scan import Options, scan
from stillwatch.simulate.worlds import simulate

CLASS = "org.apache.spark.deploy"
EXACT = {"campaigns": ["kind", "accounts", "exchanges"], "members": ["account_id", "exchanges"]}


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A part of the cluster."""
    program = Path(pyspark.__path__[0]) / "bin" / "spark-class"
    environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(folder)}
    log = (folder / "log.txt").open("ab")
    return subprocess.Popen([str(program), *arguments], env=environment, stdout=log, stderr=log)


def listening(port: int) -> bool:
    """Whether somebody answers."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def found(out: Path) -> dict[str, list[dict[str, object]]]:
    """What has to be the same."""
    return {
        name: pq.read_table(out / f"{name}.parquet", columns=columns)
        .sort_by([(c, "ascending") for c in columns])
        .to_pylist()
        for name, columns in EXACT.items()
    }


def main() -> None:
    """Print both."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARKS", None)) as name:
        folder = Path(name)
        rows = simulate("stealth-1", seed=4, out=folder / "world", scale=scale).exchanges
        parts = [start(folder, f"{CLASS}.master.Master", "--host", "127.0.0.1", "--port", "7077")]
        try:
            while not listening(7077):
                time.sleep(0.5)
            parts += [
                start(folder, f"{CLASS}.worker.Worker", "spark://127.0.0.1:7077", "-c", "1", "-m", "3g")
                for _worker in range(2)
            ]
            told = {}
            for engine in ("duckdb", "spark"):
                began = time.monotonic()
                options = Options(
                    names={}, engine=engine, spark_master="spark://127.0.0.1:7077", replay=False
                )
                scan([str(folder / "world")], folder / engine, options)
                told[engine] = found(folder / engine)
                print(f"{engine:<8} {rows:>10,} rows {time.monotonic() - began:>7.1f} s", flush=True)
            print(
                "campaigns, members and counts:",
                "the same" if told["duckdb"] == told["spark"] else "DIFFERENT",
            )
        finally:
            for part in parts:
                part.terminate()


if __name__ == "__main__":
    main()
