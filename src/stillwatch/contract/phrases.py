"""Prompt phrases and MinHash bands by account and hour, in sorted arrays.

This summary has the most rows, up to tens of millions; coordinated sampling bounds their number for any size
of log. The arrays are sorted once, so a prefix of the log is evaluated in one pass without a query.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FEWEST_HOLDERS = 3  # accounts that must show a value for it to be kept
HOUR_S = 3600  # seconds
FOREVER = np.iinfo(np.int32).max  # value of `Phrases.end` that cuts nothing off
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """Rows of `Summaries.marks` for values that at least `FEWEST_HOLDERS` accounts show, sorted by value,
    account and hour. Hours are counted from 1970.

    * `names`: all accounts of the log, in an order that does not depend on their names; `began`: the hour of
      each account's first exchange.
    * `kinds`: names of the kinds. `kind`, `codes`: for each value, the position of its kind in `kinds` and
      its digest, in rising order of digests.
    * `starts`: the rows of value v are those from `starts[v]` up to, and without, `starts[v + 1]`.
    * `account`, `hour`, `half`, `exchanges`: for each row, the position of its account in `names`, its hour,
      the half of the data to which the hour belongs, and the number of exchanges in which the account shows
      the value in that hour.
    * `visit`: for each row, the number of its pair of account and hour, from 0 to `visits` - 1; rows of
      different values with the same account and hour have the same number.
    * `end`: the first hour that is left out.
    """

    names: pa.Array
    began: npt.NDArray[np.int32]
    kinds: tuple[str, ...]
    kind: npt.NDArray[np.int8]
    codes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    account: npt.NDArray[np.int32]
    hour: npt.NDArray[np.int32]
    half: npt.NDArray[np.int8]
    exchanges: npt.NDArray[np.int32]
    visit: npt.NDArray[np.int32]
    visits: int
    end: int = FOREVER

    def until(self, moment: datetime) -> Phrases:
        """The phrases before `moment`, which must be a full hour with a time zone; no array is copied."""
        return replace(self, end=int(moment.astimezone(UTC).timestamp()) // HOUR_S)

    @property
    def accounts(self) -> int:
        """Number of accounts with an exchange before `end`."""
        return int((self.began < self.end).sum())

    def kind_of(self, name: str) -> int:
        """The position of the kind `name` in `kinds`; -1 where no value has it."""
        return self.kinds.index(name) if name in self.kinds else -1

    @classmethod
    def of(cls, began: pa.Table, rows: pa.Table) -> Phrases:
        """Build the arrays from two tables.

        `began` has `account_id` and `began` (the hour of the first exchange), with one row an account. `rows`
        has `account` (a row number of `began`), `kind`, `value`, `half`, `hour` and `exchanges`, sorted by
        value, account and hour.
        """
        value = rows.column("value").to_numpy()
        account = rows.column("account").to_numpy().astype(np.int32)
        edge = np.flatnonzero(np.diff(value)) + 1
        starts = (
            np.concatenate([[0], edge, [len(value)]]).astype(np.int64)
            if len(value)
            else np.zeros(1, np.int64)
        )
        new = np.ones(len(value), bool)
        new[1:] = (value[1:] != value[:-1]) | (account[1:] != account[:-1])
        holders = np.add.reduceat(new, starts[:-1], dtype=np.int64) if len(value) else np.zeros(0, np.int64)
        shared = holders >= FEWEST_HOLDERS
        sizes = np.diff(starts)
        keep = np.repeat(shared, sizes)
        kind = rows.column("kind").combine_chunks().dictionary_encode()
        of_row = kind.indices.to_numpy(zero_copy_only=False).astype(np.int8)
        first = starts[:-1][shared]
        account = account[keep]
        hour = rows.column("hour").to_numpy().astype(np.int32)[keep]
        visit, visits = _numbered(account, hour)
        return cls(
            names=pc.cast(began.column("account_id").combine_chunks(), pa.string()),
            began=began.column("began").to_numpy().astype(np.int32),
            kinds=tuple(kind.dictionary.to_pylist()),
            kind=of_row[first],
            codes=value[first].astype(np.int64),
            starts=np.concatenate([[0], np.cumsum(sizes[shared])]).astype(np.int64),
            account=account,
            hour=hour,
            half=rows.column("half").to_numpy().astype(np.int8)[keep],
            exchanges=rows.column("exchanges").to_numpy().astype(np.int32)[keep],
            visit=visit,
            visits=visits,
        )


def _numbered(account: Int32s, hour: Int32s) -> tuple[npt.NDArray[np.int32], int]:
    """For each row the number of its pair of account and hour, from 0, and the number of such pairs."""
    if not len(account):
        return np.zeros(0, np.int32), 0
    low = int(hour.min())
    key = account.astype(np.int64) * (int(hour.max()) - low + 1) + (hour - low)
    known, number = np.unique(key, return_inverse=True)
    return number.astype(np.int32), len(known)
