"""Arrival rates of real clients, given to the world's honest applications."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError, Problem
from stillwatch.simulate.population import DAY, SECOND, Population
from stillwatch.simulate.prompts import mix
from stillwatch.simulate.traffic import TrafficRows
from stillwatch.stats.arrays import Floats

APPLICATIONS = ("product", "batch")  # kinds of honest accounts whose rates are replaced
COLUMNS = ("client", "second", "rate")  # columns of a file of arrival rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Rates of real clients, shape (clients, windows), over whole days; each window is `window_s` seconds
    long.
    """

    rates: Floats
    window_s: int

    def move(
        self, rng: np.random.Generator, rows: TrafficRows, people: Population, index: int, day: int
    ) -> None:
        """Move the exchanges of applications, in place, to times drawn from one real client's rates on that
        day.

        An account always has the same client. Where a client has no calls on that day, the account's times
        stay unchanged; so do times outside the account's life.

        Args:
            rng: random generator.
            rows: exchanges of one day; changed in place.
            people: the accounts.
            index: number of the day in the world.
            day: UTC midnight of the day, microseconds since 1970.
        """
        machine = np.isin(people.role.astype(str), APPLICATIONS)[rows.account]
        windows = DAY // SECOND // self.window_s
        days = self.rates.shape[1] // windows
        client = (mix(rows.account.astype(np.uint64), 977) % np.uint64(len(self.rates))).astype(np.int64)
        today = self.rates[:, (index % days) * windows : (index % days + 1) * windows]
        for one in np.unique(client[machine]):
            mine = np.flatnonzero(machine & (client == one))
            total = today[one].sum()
            if total <= 0:
                continue
            window = rng.choice(windows, size=len(mine), p=today[one] / total)
            moments = (window + rng.random(len(mine))) * self.window_s * SECOND
            at = day + moments.astype(np.int64)
            inside = (at >= people.first[rows.account[mine]]) & (at < people.last[rows.account[mine]])
            rows.at[mine[inside]] = at[inside]


def read_arrivals(path: Path) -> Arrivals:
    """Read Parquet with `client`, `second` (from midnight of the first day, equal windows) and `rate`.

    Raises `InputError` when the file is not of this form, or covers less than a day.
    """
    try:
        table = pq.read_table(path, columns=list(COLUMNS))
    except (pa.ArrowInvalid, KeyError, OSError) as broken:
        raise _wrong(path, str(broken).splitlines()[0][:120]) from broken
    second = table.column("second").to_numpy().astype(np.int64)
    steps = np.unique(second)
    if len(steps) < 2:
        raise _wrong(path, "fewer than two windows")
    window = int(np.diff(steps).min())
    windows = 86400 // window
    days = int(steps.max() // window + 1) // windows
    if days < 1 or 86400 % window:
        raise _wrong(path, f"windows of {window} s up to second {steps.max()}")
    client = table.column("client").combine_chunks().dictionary_encode()
    rates = np.zeros((len(client.dictionary), days * windows))
    place = second // window
    kept = place < days * windows
    rates[client.indices.to_numpy()[kept], place[kept]] = table.column("rate").to_numpy()[kept]
    return Arrivals(rates=rates[rates.sum(axis=1) > 0], window_s=window)


def _wrong(path: Path, found: str) -> InputError:
    """The error of a file of arrival rates."""
    return InputError(
        Problem(
            fact=f"times file `{path.name}` cannot be used",
            where=str(path),
            found=found,
            expected="Parquet with `client`, `second` and `rate`: equal windows that divide a day, for a day "
            "or more",
        )
    )
