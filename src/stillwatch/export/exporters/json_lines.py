"""Every table of the results as JSON Lines."""

from __future__ import annotations

from pathlib import Path

import orjson

from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms
from stillwatch.results.folder import TABLES, read_table


@exporter(title="JSON Lines, one file a table; times are ISO 8601 in UTC")
def json_lines(results: Path, out: Path, terms: Terms) -> None:  # noqa: ARG001  none apply
    """Write `TABLE.jsonl` for each table of the results."""
    for schema in TABLES:
        if not (results / f"{schema.name}.parquet").exists():
            continue
        with (out / f"{schema.name}.jsonl").open("wb") as file:
            for batch in read_table(results, schema).to_batches():
                for row in batch.to_pylist():
                    file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))
