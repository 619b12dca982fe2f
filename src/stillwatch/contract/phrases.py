"""Phrases and bands by account and hour, in arrays: the summary of which there are most rows, and which every
moment asks again.

A log has up to tens of millions of them, a number that coordinated sampling bounds whatever the size of the
log. In arrays that are ordered once, what is asked of a prefix of the log is one pass without a query.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# accounts that show a value, at least, for it to be kept: nothing is said of values that fewer share
FEWEST_HOLDERS = 3
HOUR_S = 3600
FOREVER = np.iinfo(np.int32).max
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """Rows of `Summaries.marks`, of the values that at least `FEWEST_HOLDERS` accounts show, by value,
    account and hour.

    * `names`: all accounts of the log, in order; `began`: the hour of each one's first exchange. Hours are
      counted from 1970.
    * `kinds`, `kind`, `codes`: names of the kinds; the kind and the number of each value, in the order of the
      numbers.
    * `starts`: the rows of value v are those from `starts[v]` to `starts[v + 1]`.
    * `account`, `hour`, `half`, `exchanges`: of each row the place of its account in `names`, its hour, the
      half of the data that the hour belongs to, and in how many exchanges the account shows the value in that
      hour.
    * `visit`: a number for the account and the hour of each row, the same for all values; `visits` of them.
    * `end`: the first hour that is not counted.
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
        """The same before `moment`, a full hour."""
        return replace(self, end=int(moment.astimezone(UTC).timestamp()) // HOUR_S)

    @property
    def accounts(self) -> int:
        """Number of accounts with an exchange before the end."""
        return int((self.began < self.end).sum())

    def kind_of(self, name: str) -> int:
        """The place of a kind in `kinds`, -1 where no value is of it."""
        return self.kinds.index(name) if name in self.kinds else -1

    @classmethod
    def of(cls, began: pa.Table, rows: pa.Table) -> Phrases:
        """From `account_id`, `began`, ordered by account, and the rows of `marks` as `account` (a place in
        the former), `kind`, `value`, `half`, `hour` (from 1970) and `exchanges`, ordered by value, account
        and hour.
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


def _numbered(account: Ints, hour: Ints) -> tuple[npt.NDArray[np.int32], int]:
    """A number from 0 on for each account and hour, and how many there are."""
    if not len(account):
        return np.zeros(0, np.int32), 0
    low = int(hour.min())
    key = account.astype(np.int64) * (int(hour.max()) - low + 1) + (hour - low)
    known, number = np.unique(key, return_inverse=True)
    return number.astype(np.int32), len(known)
