"""Sketches: logs with digests in place of text, for analysis outside the place where the text is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.enrich.networks import Networks
from stillwatch.errors import InputError, Problem
from stillwatch.flows.ingest import beside, ingest, too_little
from stillwatch.progress import CountProgress
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import Excerpt
from stillwatch.readers.read import check
from stillwatch.readers.recognise import KEY_ID, RELEASE, SKETCH
from stillwatch.results.folder import whole_or_nothing, write_json
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.keys import Key, of_secret
from stillwatch.sketch.observe import enciphered


def read_key(path: Path) -> Key:
    """The key of the secret in a file. Raises `InputError` where the file cannot be read or the secret is too
    short.
    """
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise InputError(
            Problem(fact="the key file cannot be read", where=str(path), found=str(error))
        ) from error
    return of_secret(secret, str(path))


def sketch(
    paths: Sequence[str],
    out: Path,
    key: Key,
    names: Mapping[str, str],
    log_format: str = "auto",
    progress: CountProgress = lambda _done, _total: None,
    limits: Limits = LIMITS,
    excerpt: Excerpt | None = None,
    networks: Networks | None = None,
) -> dict[str, Any]:
    """Write sketches of the logs at `paths` to the folder `out`; returns counts, as in `sketch.json`.
    `excerpt` says where the lines of the one file stand in their log; None: files are whole logs. `networks`
    fills in missing network numbers of addresses.

    A sketch has the same columns as the observations of `scan`: those of the contract without text, and
    digests in place of text. Digests are enciphered with `key` before they are written. An interrupted call
    is resumed by the next one. Raises `InputError` where no row can be read.
    """
    sources = discover(paths, names=names, log_format=log_format, limits=limits)
    sources = replace(check(sources, names, limits), excerpt=excerpt)
    with whole_or_nothing(out) as folder, beside(out, key.name, sources) as store:
        ingest(sources, names, store, key, progress, networks=networks, limits=limits)
        short = too_little(sources, store, limits)
        for number, part in enumerate(store.parts):
            _write(store.path(part), folder / f"sketch-{number:05}.parquet", key)
        quarantine = pa.concat_tables([contract.QUARANTINE.empty(), *store.quarantined()])
        pq.write_table(quarantine, folder / "quarantine.parquet", compression="zstd")
        report = {
            "rows": store.rows,
            "quarantined": contract.quarantined_rows(quarantine),
            "unread": [
                {"path": str(file), "reason": p[0].fact} for file, p in sorted(sources.unread.items())
            ],
            "short": [asdict(problem) for problem in short],
            "key_id": key.name,
            "release": key.release,
            "sketch_version": VERSION,
            "inputs": [{"path": str(file), "rows": store.rows_of(file)} for file in sources.exchanges],
        }
        write_json(folder, "sketch.json", report)
    return report


def rekey(folder: Path, out: Path, old: Key, new: Key) -> dict[str, Any]:
    """Write the sketches in `folder` to the folder `out` with digests under the key `new`; returns counts.

    Neither text nor logs are needed. The release of `old` is read from each sketch. Raises `InputError`
    where there is no sketch, or one was not made with the secret of `old`.
    """
    parts = sorted(folder.glob("sketch-*.parquet"))
    if not parts:
        raise InputError(
            Problem(fact="the folder holds no sketches", where=str(folder), expected="sketch-*.parquet")
        )
    rows, before = 0, set()
    with whole_or_nothing(out) as target:
        for part in parts:
            metadata = pq.read_schema(part).metadata or {}
            made_with, was = (
                metadata.get(KEY_ID, b"").decode(),
                old.for_release(metadata.get(RELEASE, b"").decode()),
            )
            if made_with != was.name:
                raise InputError(
                    Problem(
                        fact="a sketch was made with another key",
                        where=str(part),
                        found=made_with,
                        expected=was.name,
                    )
                )
            before.add(made_with)
            rows += _write(part, target / part.name, new, was)
        described = {
            "rows": rows,
            "key_id": new.name,
            "release": new.release,
            "sketch_version": VERSION,
            "rekeyed_from": ", ".join(sorted(before)),
        }
        write_json(target, "sketch.json", described)
    return described


def _write(source: Path, target: Path, key: Key, old: Key | None = None) -> int:
    """Write one part as a sketch under `key`, a row group at a time; returns its rows. Its digests are under
    `old`, or under `key` already where `old` is None.
    """
    rows = 0
    with pq.ParquetFile(source) as file:
        schema = file.schema_arrow.with_metadata(
            {SKETCH: str(VERSION).encode(), KEY_ID: key.name.encode(), RELEASE: key.release.encode()}
        )
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                if old is not None:
                    table = enciphered(table, key, old)
                writer.write_table(table.cast(schema))
                rows += table.num_rows
    return rows
