"""How are logs sketched where the text is, so that only sketches leave?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.errors import InputError, Problem
from stillwatch.flows.gather import gather
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.read import check
from stillwatch.readers.recognise import KEY_ID, SKETCH
from stillwatch.results.folder import whole_or_nothing, write_json
from stillwatch.sketch.cipher import decipher, encipher, key_id, key_of_secret
from stillwatch.sketch.digest import VERSION
from stillwatch.store.store import Store

PUBLIC = 0x5743_4845_5449_4C4C  # the seed of digests before they are enciphered: known to all, so that keys can change
PUBLIC_ID = "public"
SHORTEST = 16
DIGESTS = (
    "exchange_key", "text_key", "prompt_key", "opening_key", "system_key", "shape_key", "conversation_key",
)  # fmt: skip
LISTS = ("phrases", "system_phrases")

Progress = Callable[[int, int], None]


def read_key(path: Path) -> bytes:
    """The cipher's key from a file that holds a secret. Raises `InputError` for one that is too short to be secret."""
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise InputError(
            Problem(fact="the key file cannot be read", where=str(path), found=str(error))
        ) from error
    if len(secret) < SHORTEST:
        raise InputError(
            Problem(
                fact="the key is too short to be secret",
                where=str(path),
                found=f"{len(secret)} bytes",
                expected=f"{SHORTEST} bytes or more",
                fix="head -c 32 /dev/urandom | base64 > key",
            )
        )
    return key_of_secret(secret)


def sketch(
    paths: Sequence[str],
    out: Path,
    key: bytes,
    names: Mapping[str, str],
    log_format: str = "auto",
    progress: Progress = lambda _done, _total: None,
    limits: Limits = LIMITS,
) -> dict[str, Any]:
    """Write sketches of the logs at `paths` into the new folder `out`; returns what was read.

    A sketch has every column of the contract that is no text, digests in place of text, and no text.
    """
    sources = discover(paths, names=names, log_format=log_format, limits=limits)
    sources = check(sources, names, limits)
    with (
        whole_or_nothing(out) as folder,
        tempfile.TemporaryDirectory(prefix=".stillwatch-", dir=out.parent) as scratch,
        Store(Path(scratch) / "store", version=VERSION, key_id=PUBLIC_ID) as store,
    ):
        gather(sources, names, store, PUBLIC, progress, limits=limits)
        for number, part in enumerate(store.parts):
            target = folder / f"sketch-{number:05}.parquet"
            _convert(store.path(part), target, key, lambda v: encipher(v, key))
        quarantine = pa.concat_tables([contract.QUARANTINE.empty(), *store.quarantined()])
        pq.write_table(quarantine, folder / "quarantine.parquet", compression="zstd")
        told = {
            "rows": store.rows,
            "quarantined": contract.quarantined_rows(quarantine),
            "unread": [
                {"path": str(file), "reason": p[0].fact} for file, p in sorted(sources.unread.items())
            ],
            "key_id": key_id(key),
            "sketch_version": VERSION,
            "inputs": [{"path": str(file), "rows": store.rows_of(file)} for file in sources.exchanges],
        }
        write_json(folder, "sketch.json", told)
    return told


def rekey(folder: Path, out: Path, old: bytes, new: bytes) -> dict[str, Any]:
    """The sketches in `folder` under another key, in the new folder `out`; neither text nor logs are needed.

    Raises `InputError` where a sketch was not made with the key `old`.
    """
    parts = sorted(folder.glob("sketch-*.parquet"))
    if not parts:
        raise InputError(
            Problem(fact="the folder holds no sketches", where=str(folder), expected="sketch-*.parquet")
        )
    rows = 0
    with whole_or_nothing(out) as target:
        for part in parts:
            told = (pq.read_schema(part).metadata or {}).get(KEY_ID, b"").decode()
            if told != key_id(old):
                raise InputError(
                    Problem(
                        fact="a sketch was made with another key",
                        where=str(part),
                        found=told,
                        expected=key_id(old),
                    )
                )
            rows += _convert(part, target / part.name, new, lambda v: encipher(decipher(v, old), new))
        told_of = {
            "rows": rows,
            "key_id": key_id(new),
            "sketch_version": VERSION,
            "rekeyed_from": key_id(old),
        }
        write_json(target, "sketch.json", told_of)
    return told_of


def _convert(source: Path, target: Path, key: bytes, change: Callable[[Any], Any]) -> int:
    """One part with all of its digests changed, row group by row group."""
    rows = 0
    with pq.ParquetFile(source) as file:
        schema = file.schema_arrow.with_metadata(
            {SKETCH: str(VERSION).encode(), KEY_ID: key_id(key).encode()}
        )
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                for place, name in enumerate(table.column_names):
                    if name in DIGESTS or name.startswith("band_"):
                        table = table.set_column(place, name, _signed(table.column(name), change))
                    elif name in LISTS:
                        several = table.column(name).combine_chunks()
                        chunk = several.chunk(0) if isinstance(several, pa.ChunkedArray) else several
                        inner = _signed(chunk.flatten(), change)
                        lengths = np.diff(chunk.offsets.to_numpy())
                        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
                        table = table.set_column(
                            place, name, pa.ListArray.from_arrays(pa.array(offsets), inner)
                        )
                writer.write_table(table.cast(schema))
                rows += table.num_rows
    return rows


def _signed(column: Any, change: Callable[[Any], Any]) -> pa.Array:  # noqa: ANN401  an array or a chunked one
    values = np.asarray(column.to_numpy(), np.int64).view(np.uint64)
    return pa.array(change(values).view(np.int64))
