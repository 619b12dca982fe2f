"""How do files become observations on disk, each text read once?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.contract.results import QUARANTINE
from stillwatch.errors import InputError, Problem
from stillwatch.readers.discover import Sources
from stillwatch.readers.read import read
from stillwatch.readers.recognise import KEY_ID, SKETCH
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.observe import observe

PART_ROWS = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketched:
    """What was read: rows per file, rows that could not be read, and where the observations lie.

    `aside` has, per file, fields of a vendor's records that its format does not know, with how many records had them.
    """

    observations: Path
    rows: dict[str, int]
    quarantine: pa.Table
    aside: Mapping[str, Mapping[str, int]]


def check_sketches(sources: Sources) -> None:
    """Refuse sketches of two keys, of another version, or beside text: they cannot be compared. Raises `InputError`."""
    told = {}
    for file in sources.exchanges:
        if sources.formats[file].sketch:
            metadata = pq.read_schema(file).metadata
            told[file] = (metadata[SKETCH].decode(), metadata.get(KEY_ID, b"").decode())
    if not told:
        return
    file, (version, _key) = next(iter(told.items()))
    if version != str(VERSION):
        fact, found = (
            "the sketch is of another version",
            f"version {version}, this program makes version {VERSION}",
        )
        raise InputError(
            Problem(
                fact=fact, where=str(file), found=found, fix="stillwatch sketch LOGS --key-file KEY --out NEW"
            )
        )
    if len(set(told.values())) > 1:
        keys = ", ".join(sorted({key for _version, key in told.values()}))
        fact = "the sketches were made with several keys"
        fix = "stillwatch sketch OLD --rekey OLD_KEY --key-file NEW_KEY --out NEW"
        raise InputError(Problem(fact=fact, found=keys, fix=fix))
    if len(told) < len(sources.exchanges):
        other = next(file for file in sources.exchanges if file not in told)
        raise InputError(
            Problem(
                fact="sketches and logs cannot be compared",
                where=str(other),
                fix="stillwatch sketch LOGS --key-file KEY --out NEW",
            )
        )


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
    if any(sources.formats[file].sketch for file in sources.exchanges):
        return _sketches(sources, folder)
    rows: dict[str, int] = {str(file): 0 for file in sources.exchanges}
    sizes = {file: file.stat().st_size for file in sources.exchanges}
    total = sum(sizes.values())
    lost: list[pa.Table] = []
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
        for table in observe(contract_rows(), key):
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
        aside=aside,
    )


def _sketches(sources: Sources, folder: Path) -> Sketched:
    """Sketches made elsewhere are observations already."""
    for number, file in enumerate(sources.exchanges):
        (folder / f"part-{number:05}.parquet").symlink_to(file.resolve())
    return Sketched(
        observations=folder,
        rows={str(file): pq.read_metadata(file).num_rows for file in sources.exchanges},
        quarantine=QUARANTINE.empty(),
        aside={},
    )
