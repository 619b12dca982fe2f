"""Observations: columns of exchanges without text, with keyed digests in place of text. No unkeyed digest of
text leaves this module.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.observations import SHAPE, of_role
from stillwatch.engine.cores import CORES
from stillwatch.sketch.capability import COERCION, classify_array
from stillwatch.sketch.cipher import decipher, encipher, encipher_lists
from stillwatch.sketch.digest import BANDS, PUBLIC, VERSION, Digests, digest, name_keys, row_keys
from stillwatch.sketch.form import written
from stillwatch.sketch.keys import Key
from stillwatch.sketch.visible import visible
from stillwatch.stats.arrays import Uints

COPIED = of_role("copied")  # columns that are copied from the exchange
LISTS = of_role("digests")  # columns with lists of digests
DIGESTS = of_role("digest")
"""Columns of observations: copied, enciphered digests in lists, and enciphered digests."""
# Public key of digests of names: of accounts, whose names are stored as well, and before enciphering.
NAMES = b"stillwatch names"


def observe(batches: Iterable[pa.Table], key: Key, cores: int = CORES) -> Iterator[pa.Table]:
    """Observations of tables with the contract's columns: the columns `COPIED`, and digests in place of text,
    each column of digests under a separate key.

    Digests are signed 64-bit integers, 0 where there is no text. `account_key` does not depend on the key,
    since the account's name is stored as well. `exchange_key` is equal for rows with equal id, account, time
    and text only.
    """
    for batch in batches:
        if batch.num_rows == 0:
            continue
        rows = batch.combine_chunks()
        # Null is replaced by empty text once, so that the functions below need no copy for it.
        prompts = visible(_one(rows, "prompt").fill_null("").cast(pa.large_string()))
        marks = digest(prompts, PUBLIC, cores)
        system = digest(visible(_one(rows, "system_prompt")), PUBLIC, cores)
        columns = {name: rows.column(name) for name in COPIED}
        columns["exchange_key"] = pa.nulls(len(rows), pa.int64())  # computed in `enciphered`
        columns["account_key"] = _signed(name_keys(_one(rows, "account_id"), NAMES))
        columns["conversation_key"] = _signed(name_keys(_one(rows, "conversation_id"), NAMES))
        columns["half"] = pa.array(halves(_one(rows, "timestamp")))
        columns["text_key"] = _signed(marks.text_key)
        columns["prompt_key"] = _signed(marks.prompt_key)
        columns["opening_key"] = _signed(marks.opening_key)
        for band in range(BANDS):
            columns[f"band_{band}"] = _signed(marks.bands[:, band])
        columns["system_key"] = _signed(system.prompt_key)
        columns["system_phrases"] = _lists(system)
        columns["phrases"] = _lists(marks)
        columns["written"] = written(prompts)
        columns["words"] = pa.array(marks.words)
        columns["shape_key"] = _signed(shape_keys(rows))
        columns["has_tools"] = pc.fill_null(
            pc.greater(pc.list_value_length(rows.column("tool_names")), 0), False
        )
        classes = classify_array(prompts)
        columns["capability"] = pa.array((classes & (COERCION - 1)).astype(np.int8))
        columns["coerces"] = pa.array((classes & COERCION) > 0)
        kept = enciphered(pa.table(columns), key)
        yield kept.replace_schema_metadata({"stillwatch.sketch": str(VERSION)})


def enciphered(table: pa.Table, key: Key, old: Key | None = None) -> pa.Table:
    """Observations with each column of digests enciphered under its own key of `key`.

    The digests of `table` are unkeyed (public seed), or enciphered with `old` where it is given.
    """
    text: Uints | None = None
    for place, name in enumerate(table.column_names):
        if name not in (*DIGESTS, *LISTS):
            continue
        column = _one(table, name)
        values = column.flatten() if name in LISTS else column
        digests = np.asarray(values.to_numpy(), np.int64).view(np.uint64)
        if old is not None:
            digests = decipher(digests, old.of(name))
        if name == "text_key":
            text = digests
        if name in LISTS:
            offsets = column.offsets.to_numpy()
            offsets = (offsets - offsets[0]).astype(np.int64)
            kept = encipher_lists(digests, offsets, key.of(name))
            changed = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), _signed(kept))
        else:
            changed = _signed(encipher(digests, key.of(name)))
        table = table.set_column(place, name, changed)
    assert text is not None
    place = table.column_names.index("exchange_key")
    return table.set_column(place, "exchange_key", _exchange_keys(table, text, key))


def _exchange_keys(table: pa.Table, text: Uints, key: Key) -> pa.Array:
    """Keyed digest of id, account, time and public text digest of each row.

    Senders choose ids; with the key they can neither imitate another account's exchange nor choose which
    exchanges a sample contains.
    """
    ids, accounts = (name_keys(_one(table, name), NAMES) for name in ("exchange_id", "account_id"))
    moments = np.asarray(_one(table, "timestamp").cast(pa.int64()).to_numpy(), np.int64)
    return _signed(row_keys((ids, accounts, moments, text), key.of("exchange_key")))


def sealed(quarantine: pa.Table, key: Key | None) -> pa.Table:
    """Quarantined rows with `raw_sha256` replaced by its HMAC-SHA256 under `key`, so that a guess at a row
    cannot be checked without the key; null where `key` is None.
    """
    digests = quarantine.column("raw_sha256").to_pylist()
    secret = b"" if key is None else key.of("quarantine")
    kept = [
        hmac.digest(secret, one.encode(), "sha256").hex() if one is not None and key is not None else None
        for one in digests
    ]
    place = quarantine.column_names.index("raw_sha256")
    return quarantine.set_column(place, quarantine.schema.field("raw_sha256"), pa.array(kept, pa.string()))


def halves(times: pa.Array) -> npt.NDArray[np.int32]:
    """The half (0 or 1) of each time. Candidates are proposed on one half of the data, tested on the other.

    Hours alternate between the halves, and the order is swapped every day, so that both halves have every
    hour of the day.
    """
    hours = times.cast(pa.int64()).to_numpy() // 3_600_000_000
    return ((hours + hours // 24) % 2).astype(np.int32)


def shape_keys(rows: pa.Table) -> Uints:
    """Unkeyed digest of each request's parameters (`SHAPE`) and tool names; never 0."""
    parts = [rows.column(name).cast(pa.string()).fill_null("-") for name in SHAPE]
    tools = rows.column("tool_names")
    joined = pc.binary_join(tools.combine_chunks().cast(pa.list_(pa.string())), ",")
    parts.append(pc.fill_null(joined, "-"))
    text = pc.binary_join_element_wise(*parts, "\x1f").combine_chunks()
    encoded = text.dictionary_encode() if isinstance(text, pa.Array) else text.chunk(0).dictionary_encode()
    table = np.array(
        [
            int.from_bytes(hashlib.blake2b(v.encode(), digest_size=8).digest(), "little")
            for v in encoded.dictionary.to_pylist()
        ],
        np.uint64,
    )
    return np.maximum(table, 1)[encoded.indices.to_numpy()]


def _one(rows: pa.Table, name: str) -> pa.Array:
    """A column as one array."""
    column = rows.column(name).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _signed(keys: Uints) -> pa.Array:
    """Digests as signed numbers."""
    return pa.array(np.ascontiguousarray(keys).view(np.int64))


def _lists(marks: Digests) -> pa.Array:
    """The phrases of each row, as lists of signed numbers."""
    return pa.ListArray.from_arrays(
        pa.array(marks.phrase_offsets.astype(np.int32)), pa.array(marks.phrases.view(np.int64))
    )
