"""How do files become observations on disk, each text read once?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.contract.results import QUARANTINE
from stillwatch.readers.discover import Sources
from stillwatch.readers.read import read
from stillwatch.sketch.observe import Wording, observe

PART_ROWS = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketched:
    """What was read: rows per file, rows that could not be read, and where the observations lie.

    `aside` has, per file, fields of a vendor's records that its format does not know, with how many records had them.
    """

    observations: Path
    rows: dict[str, int]
    quarantine: pa.Table
    wording: Wording
    aside: Mapping[str, Mapping[str, int]]


def sketch_files(  # noqa: C901  one pass over the files, told in one place
    sources: Sources,
    names: Mapping[str, str],
    work: Path,
    key: int,
    progress: Callable[[int, int], None] | None = None,
) -> Sketched:
    """Read every file once and write its observations as Parquet parts under `work`.

    `progress` is told bytes of input files done and in all.
    """
    folder = work / "observations"
    folder.mkdir(parents=True)
    rows: dict[str, int] = {str(file): 0 for file in sources.exchanges}
    sizes = {file: file.stat().st_size for file in sources.exchanges}
    total = sum(sizes.values())
    lost: list[pa.Table] = []
    wording = Wording()
    finished: set[Path] = set()
    aside: dict[str, Mapping[str, int]] = {}

    def contract_rows() -> Iterator[pa.Table]:
        for batch in read(sources, names):
            for file in sources.exchanges:
                if file == batch.file:
                    break
                finished.add(file)
            if progress is not None:
                progress(sum(sizes[file] for file in finished), total)
            rows[str(batch.file)] += batch.rows.num_rows
            if batch.aside:
                aside[str(batch.file)] = batch.aside
            if batch.quarantine.num_rows:
                lost.append(batch.quarantine)
            yield batch.rows

    writer: pq.ParquetWriter | None = None
    written = part = 0
    try:
        for table in observe(contract_rows(), key, wording):
            if writer is None:
                writer = pq.ParquetWriter(folder / f"part-{part:05}.parquet", table.schema, compression="lz4")
            writer.write_table(table)
            written += table.num_rows
            if written >= PART_ROWS:
                writer.close()
                writer, written, part = None, 0, part + 1
    finally:
        if writer is not None:
            writer.close()
    if progress is not None:
        progress(total, total)
    return Sketched(
        observations=folder,
        rows=rows,
        quarantine=pa.concat_tables(lost) if lost else QUARANTINE.empty(),
        wording=wording,
        aside=aside,
    )
