"""Coverage-guided fuzzing of the readers with atheris (`pip install atheris`), for a stated time.

    python scripts/fuzz_coverage.py [SECONDS] [SEED]        (default 600)

Bytes that atheris makes, begun from every fixture of `tests/readers`, are read as a log of any format and
kind of file (JSON Lines, JSON, CSV, text, Parquet, protobuf). A log is read, quarantined or refused; anything
else, and anything longer than a second a kilobyte, is a finding.
"""

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["stillwatch.readers"]):
    from stillwatch.readers.discover import discover
    from stillwatch.readers.read import check, read
    from stillwatch.readers.registry import all_formats

    FORMATS = ("auto", *(form.name for form in all_formats()))

from stillwatch.errors import StillwatchError

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_readers import fixtures

ENDINGS = (".jsonl", ".json", ".csv", ".log", ".jsonl.gz", ".parquet", ".binpb")


def read_log(data: bytes) -> None:
    """The first two bytes say which kind of file and which format; the rest is the file."""
    if len(data) < 3:
        return
    ending, form = ENDINGS[data[0] % len(ENDINGS)], FORMATS[data[1] % len(FORMATS)]
    path = Path(FOLDER) / f"log{ending}"
    path.write_bytes(data[2:])
    try:
        sources = discover([str(path)], log_format=form)
        check(sources, {})
        for batch in read(sources, {}):
            for row in batch.quarantine.to_pylist():
                assert row["reason"], row
    except StillwatchError:
        pass
    finally:
        path.unlink(missing_ok=True)


def seeds(folder: Path) -> None:
    """Every fixture as a beginning."""
    import orjson

    for number, (form, records) in enumerate(fixtures().values()):
        lines = b"".join(orjson.dumps(record) + b"\n" for record in records)
        for kind in (0, 1):
            (folder / f"{number}-{kind}").write_bytes(bytes([kind, FORMATS.index(form)]) + lines)


if __name__ == "__main__":
    seconds = sys.argv[1] if len(sys.argv) > 1 else "600"
    seed = sys.argv[2] if len(sys.argv) > 2 else "1"
    with tempfile.TemporaryDirectory() as FOLDER:
        corpus = Path(FOLDER) / "corpus"
        corpus.mkdir()
        seeds(corpus)
        found = Path(os.environ.get("FINDINGS", "."))
        options = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            "-timeout=5",
            "-rss_limit_mb=6000",
            "-max_len=8192",
            f"-artifact_prefix={found}/",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], read_log)
        atheris.Fuzz()
