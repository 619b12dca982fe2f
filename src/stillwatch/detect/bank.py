"""Rates at which honest groups reach a campaign's evidence, from the simulated groups that are shipped."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from stillwatch.stats.arrays import Floats
from stillwatch.stats.intervals import of_share

BANK, LEFT_OUT = "honest_bank.parquet", "leave_one_out.json"  # files in `detect/data`


@cache
def _evidence() -> dict[str, Floats]:
    """Explanation: natural-log e-values of its honest groups; empty where no bank is shipped."""
    path = Path(str(files("stillwatch.detect") / "data" / BANK))
    if not path.exists():
        return {}
    table = pq.read_table(path, columns=["explanation", "log_e"])
    names = np.asarray(table.column("explanation").to_pylist(), object)
    log_e = np.asarray(table.column("log_e").to_numpy(), float)
    return {str(name): log_e[names == name] for name in np.unique(names)}


def leave_one_out() -> dict[str, float] | None:
    """Share of honest groups that the evaluation reported when their explanation was removed.

    Keys are `share`, `high` (upper end of its interval) and `worlds` (number of simulated logs); None where
    no measurement is shipped.
    """
    path = Path(str(files("stillwatch.detect") / "data" / LEFT_OUT))
    if not path.exists():
        return None
    rates = json.loads(path.read_text(encoding="utf-8"))
    return {name: rates[name] for name in ("share", "high", "worlds")}


def empirical_rate(explanation: str, log_e: float) -> float | None:
    """Upper end of the 95 % interval (Clopper and Pearson 1934) of the share of an explanation's honest
    groups whose evidence is at least `log_e` (natural log).

    None where the bank has no group of the explanation. `scripts/honest_bank.py` makes the bank.
    """
    known = _evidence().get(explanation)
    if known is None or len(known) == 0:
        return None
    bound = of_share(int((known >= log_e).sum()), len(known))
    return None if bound is None else bound.high
