"""The class `Table`: one table of the results, as Arrow, pandas, Polars or HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from stillwatch.errors import MissingExtra, Problem
from stillwatch.foreign import visible

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

MAX_SHOWN_ROWS = 20  # rows that a notebook shows: chosen, about one screen
MAX_SHOWN_CHARACTERS = 80  # of one value in a notebook: chosen


class Table:
    """Rows of one table of the results, in a fixed order; immutable.

    `len(table)` is the number of rows and iteration gives each row as a dictionary. Libraries that read the
    Arrow C stream interface accept the table itself (`polars.DataFrame(table)`).

    Example:
        >>> import stillwatch
        >>> table = stillwatch.open_results("results/").campaigns
        >>> len(table), table.columns[:2]
        (1, ('campaign_id', 'kind'))
        >>> [row["campaign_id"] for row in table]
        ['C1']
    """

    def __init__(self, name: str, rows: pa.Table) -> None:
        self.name = name
        self._rows = rows

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order of the contract."""
        return tuple(self._rows.column_names)

    def to_arrow(self) -> pa.Table:
        """The rows as a `pyarrow.Table`; times are UTC, in microseconds."""
        return self._rows

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a `pandas.DataFrame`. Raises `MissingExtra` where pandas is not installed."""
        try:
            import pandas as pd  # noqa: F401  pyarrow needs it
        except ImportError as error:
            raise _missing("pandas") from error
        return self._rows.to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """The rows as a `polars.DataFrame`. Raises `MissingExtra` where Polars is not installed."""
        try:
            import polars as pl
        except ImportError as error:
            raise _missing("polars") from error
        frame = pl.from_arrow(self._rows)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A capsule of the rows for the Arrow C stream interface."""
        return self._rows.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._rows.to_batches():
            yield from batch.to_pylist()

    def __repr__(self) -> str:
        rows = "1 row" if len(self) == 1 else f"{len(self):,} rows"
        return f"<{self.name}: {rows}; {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        """The first `MAX_SHOWN_ROWS` rows as an HTML table; values are escaped, since senders choose some
        of them.
        """
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        lines = "".join(
            f"<tr>{''.join(f'<td>{_shown(value)}</td>' for value in row.values())}</tr>"
            for row in self._rows.slice(0, MAX_SHOWN_ROWS).to_pylist()
        )
        more = len(self) - MAX_SHOWN_ROWS
        note = f"<p>{more:,} more</p>" if more > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>{note}"


def _shown(value: object) -> str:
    """A cell as text for a notebook, cut where it is long."""
    if value is None:
        text = ""
    elif isinstance(value, datetime):
        text = f"{value:%Y-%m-%d %H:%M}"
    elif isinstance(value, float):
        text = f"{value:.4g}"
    elif isinstance(value, list):
        text = ", ".join(map(str, value))
    else:
        text = str(value)
    return html.escape(visible(text, MAX_SHOWN_CHARACTERS))


def _missing(package: str) -> MissingExtra:
    """The error of a package that is not installed."""
    return MissingExtra(
        Problem(
            fact=f"this needs the package `{package}`, which is not installed",
            fix=f"pip install 'stillwatch[{package}]'",
        )
    )
