"""What is left of an exchange once its text has been read?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.engine.cores import CORES
from stillwatch.sketch.capability import COERCION, classify_array
from stillwatch.sketch.digest import BANDS, VERSION, Digests, digest, name_keys, row_keys
from stillwatch.sketch.form import written

KEPT = (
    "exchange_id", "timestamp", "account_id", "organization_id", "model", "client_ip", "asn", "country", "user_agent",
    "tls_fingerprint", "input_tokens", "output_tokens", "finish_reason", "status",
)  # fmt: skip
SHAPE = ("operation", "temperature", "top_p", "max_tokens", "stream")


def observe(batches: Iterable[pa.Table], key: int, cores: int = CORES) -> Iterator[pa.Table]:
    """Observations of contract rows: who, when, from where, and keys in place of text.

    `key` is 64 bits. Keys are signed 64-bit integers, 0 where there was no text. `exchange_key` is the exchange's own: it is the same for rows
    of one id, account, time and text only.
    """
    for batch in batches:
        if batch.num_rows == 0:
            continue
        rows = batch.combine_chunks()
        # No text is as an empty one to all who read the bytes: said once, so that none of them copies them to say it again.
        prompts = _one(rows, "prompt").fill_null("").cast(pa.large_string())
        marks = digest(prompts, key, cores)
        system = digest(_one(rows, "system_prompt"), key, cores)
        columns = {name: rows.column(name) for name in KEPT}
        accounts = name_keys(_one(rows, "account_id"), key)
        # Senders may choose the id: only a row of the same account, time and text is a copy of another.
        moments = _one(rows, "timestamp").cast(pa.int64()).to_numpy()
        ids = name_keys(_one(rows, "exchange_id"), key)
        columns["exchange_key"] = _signed(row_keys((ids, accounts, moments, marks.text_key), key))
        columns["account_key"] = _signed(accounts)
        columns["conversation_key"] = _signed(name_keys(_one(rows, "conversation_id"), key))
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
        columns["shape_key"] = _signed(shape_keys(rows, key))
        columns["has_tools"] = pc.fill_null(
            pc.greater(pc.list_value_length(rows.column("tool_names")), 0), False
        )
        asked = classify_array(prompts)
        columns["capability"] = pa.array((asked & (COERCION - 1)).astype(np.int8))
        columns["coerces"] = pa.array((asked & COERCION) > 0)
        yield pa.table(columns).replace_schema_metadata({"stillwatch.sketch": str(VERSION)})


def halves(times: pa.Array) -> npt.NDArray[np.int32]:
    """0 or 1: candidates are proposed on one half of the data and tested on the other.

    Hours alternate, and swap every day, so that two days give both halves every hour of the day.
    """
    hours = times.cast(pa.int64()).to_numpy() // 3_600_000_000
    return ((hours + hours // 24) % 2).astype(np.int32)


def shape_keys(rows: pa.Table, key: int) -> npt.NDArray[np.uint64]:
    """One key for the request's parameters and tools, whatever their values' types."""
    parts = [rows.column(name).cast(pa.string()).fill_null("-") for name in SHAPE]
    tools = rows.column("tool_names")
    joined = pc.binary_join(tools.combine_chunks().cast(pa.list_(pa.string())), ",")
    parts.append(pc.fill_null(joined, "-"))
    text = pc.binary_join_element_wise(*parts, "\x1f").combine_chunks()
    encoded = text.dictionary_encode() if isinstance(text, pa.Array) else text.chunk(0).dictionary_encode()
    salt = key.to_bytes(8, "little")
    table = np.array(
        [
            int.from_bytes(hashlib.blake2b(v.encode(), digest_size=8, key=salt).digest(), "little")
            for v in encoded.dictionary.to_pylist()
        ],
        np.uint64,
    )
    return table[encoded.indices.to_numpy()]


def _one(rows: pa.Table, name: str) -> pa.Array:
    column = rows.column(name).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _signed(keys: npt.NDArray[np.uint64]) -> pa.Array:
    return pa.array(np.ascontiguousarray(keys).view(np.int64))


def _lists(marks: Digests) -> pa.Array:
    return pa.ListArray.from_arrays(
        pa.array(marks.phrase_offsets.astype(np.int32)), pa.array(marks.phrases.view(np.int64))
    )
