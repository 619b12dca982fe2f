"""The flow `effect`: the change of a group's request rate after actions, from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import __version__
from stillwatch.contract.actions import ACTIONS
from stillwatch.errors import InputError, Problem
from stillwatch.flows.probe import FAULTS_SHOWN
from stillwatch.flows.reading import Reading, accounts_of, rows_of
from stillwatch.foreign import visible
from stillwatch.readers.read import read_small
from stillwatch.successors.effect import Effect, effect


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectScope:
    """Which requests are counted, and in which bins.

    `group` is a results folder, with a campaign or lead named `campaign`, or a table of accounts; None for
    the accounts of the actions alone. `bin_s` is the length of a bin in seconds and `most_bins` the largest
    number of bins.
    """

    group: Path | None = None
    campaign: str = ""
    bin_s: float = 86_400.0
    most_bins: int = 28


def measured(actions: Path, logs: Sequence[str], scope: EffectScope, reading: Reading) -> dict[str, Any]:
    """The effect of the actions in a table on the requests in `logs`, as a dictionary (`as_values`).

    Raises `InputError` where no action can be read or the log is too short.
    """
    table, lost = read_small(actions, ACTIONS)
    notes = [
        f"{visible(str(actions), 200)}: {row['rows']:,} row(s) not used: {row['reason']}"
        for row in lost.to_pylist()[:FAULTS_SHOWN]
    ]
    if scope.campaign and pc.any(pc.is_valid(table["campaign_id"])).as_py():
        own = table.filter(pc.equal(table["campaign_id"], scope.campaign))
        table = own if own.num_rows else table
    if not table.num_rows:
        raise InputError(
            Problem(
                fact="no action can be read", where=str(actions), expected="columns `account_id` and `at`"
            )
        )
    acted = set(table["account_id"].to_pylist())
    members = sorted(acted | set(accounts_of(scope.group, scope.campaign) if scope.group else ()))
    moments = table["at"].cast(pa.int64()).to_numpy()
    at, account, span, faults = _requests(logs, members, reading)
    found = effect(
        at,
        account,
        np.array([name in acted for name in members]),
        (int(moments.min()), int(moments.max())),
        span,
        bin_s=scope.bin_s,
        most_bins=scope.most_bins,
    )
    if scope.group is None:
        notes.append(
            "only accounts that were acted on are known; --group names the others that may have taken up the "
            "work"
        )
    if found.last - found.first > scope.bin_s * 1e6:
        notes.append(f"actions lie {(found.last - found.first) / 3.6e9:.0f} h apart; that time is left out")
    return as_values(found, [*notes, *faults])


def as_values(found: Effect, warnings: list[str]) -> dict[str, Any]:
    """The effect as a dictionary for JSON; `fall` is the relative decrease of the rate, with its interval."""
    return {
        "version": __version__,
        "statement": found.statement,
        "fall": {"share": 1 - found.whole.ratio, "low": 1 - found.whole.high, "high": 1 - found.whole.low},
        "taken_up": None
        if found.taken is None
        else {**asdict(found.taken), "accounts": found.takers, "new": found.newcomers},
        "whole": asdict(found.whole),
        "acted_on": None if found.acted is None else asdict(found.acted),
        "accounts": {"acted_on": found.accounts_acted_on, "group": found.accounts},
        "bins": {"before": found.bins_before, "after": found.bins_after, "seconds": found.bin_s},
        "warnings": warnings,
    }


def _requests(
    logs: Sequence[str], members: Sequence[str], reading: Reading
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], tuple[int, int], list[str]]:
    """Times (microseconds since 1970) and account numbers of the group's requests, first and last time of
    the log, and messages on rows that were not read.
    """
    notes: list[str] = []
    wanted = pa.array(members, pa.string())
    times, accounts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    low, high = np.iinfo(np.int64).max, 0
    for rows in rows_of(logs, reading, notes):
        if not rows.num_rows:
            continue
        at = rows["timestamp"].cast(pa.int64())
        low, high = min(low, pc.min(at).as_py()), max(high, pc.max(at).as_py())
        place = pc.index_in(rows["account_id"], value_set=wanted)
        keep = pc.is_valid(place)
        times.append(at.filter(keep).to_numpy())
        accounts.append(place.filter(keep).to_numpy().astype(np.int64))
    return np.concatenate(times), np.concatenate(accounts), (int(low), int(high)), notes
