"""Behaviour of accounts whose requests are refused at random.

From a log and a table of trials it makes the log as it would have been: refused requests with status 429
and no answer, and what their senders did next. No other request changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.trials import TRIALS

SECOND = 1_000_000  # microseconds
# Columns that a repeated request takes from the account that sends it.
OF_THE_ACCOUNT = (
    "account_id",
    "organization_id",
    "api_key_id",
    "client_ip",
    "asn",
    "country",
    "user_agent",
    "tls_fingerprint",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What follows a refusal.

    * `again`: share of refused requests that are sent again. `elsewhere`: share of those that are sent from
      another account.
    * `least_s` and `delay_s`: least delay in seconds, and mean of the exponential delay beyond it.
    * `kept`: accounts to which work may move: None for all of the group, else a partner for each account (a
      user with two keys).
    """

    again: float = 0.9
    elsewhere: float = 0.0
    delay_s: float = 4.0
    least_s: float = 0.5
    kept: Mapping[str, str] | None = None


SAME_ACCOUNT = Habit()  # the refused account sends its request again
GIVES_UP = Habit(again=0.0)  # the refused request is not sent again
# The refused account sends its request again after a break.
COMES_BACK = Habit(again=0.7, delay_s=900.0, least_s=60.0)
# Habits of honest accounts after a refusal.
HONEST = {"retries": SAME_ACCOUNT, "gives up": GIVES_UP, "comes back": COMES_BACK}
QUEUE = Habit(again=1.0, elsewhere=0.95, delay_s=3.0)
"""A scheduler that returns a refused item to its queue and gives it to the next account."""


def refuse(
    rng: np.random.Generator, exchanges: pa.Table, trials: pa.Table, habit: Habit, hold_s: float = 900.0
) -> pa.Table:
    """The log under these trials, sorted by time.

    Each refused account's first request at or after the trial's time, within `hold_s` seconds, is refused.
    Work that moves goes to an account of the log, drawn uniformly from those not refused in the same trial.

    Args:
        rng: random generator.
        exchanges: table of the contract.
        trials: table of the contract.
        habit: what follows a refusal.
        hold_s: seconds within which the request must come.
    """
    at = exchanges["timestamp"].cast(pa.int64()).to_numpy()
    people = np.sort(np.asarray(exchanges["account_id"].unique().to_pylist(), dtype=str))
    code = pc.index_in(exchanges["account_id"], value_set=pa.array(people.tolist(), pa.string())).to_numpy()
    order = np.lexsort((at, code))
    begins = np.searchsorted(code[order], np.arange(len(people) + 1))
    place = {name: number for number, name in enumerate(people.tolist())}
    hit: dict[int, set[str]] = {}
    table = trials.select(TRIALS.names).filter(trials["failed"])
    together: dict[str, set[str]] = {}
    for trial, account in zip(table["trial"].to_pylist(), table["account_id"].to_pylist(), strict=True):
        together.setdefault(trial, set()).add(account)
    for trial, moment, account in zip(
        table["trial"].to_pylist(),
        table["at"].cast(pa.int64()).to_pylist(),
        table["account_id"].to_pylist(),
        strict=True,
    ):
        if (number := place.get(account)) is None:
            continue
        low, high = begins[number], begins[number + 1]
        mine = order[low:high]
        first = int(np.searchsorted(at[mine], moment))
        if first < len(mine) and at[mine[first]] < moment + hold_s * SECOND:
            hit[int(mine[first])] = together[trial]
    if not hit:
        return exchanges
    rows = np.array(sorted(hit), dtype=np.int64)
    sent = _sent_again(
        rng, exchanges, rows, [hit[row] for row in rows.tolist()], people, order[begins[:-1]], habit
    )
    return _with_status(exchanges, rows, sent)


def _sent_again(
    rng: np.random.Generator, exchanges: pa.Table, rows: np.ndarray[Any, Any], busy: list[set[str]],
    people: np.ndarray[Any, Any], firsts: np.ndarray[Any, Any], habit: Habit,
) -> list[dict[str, Any]]:  # fmt: skip
    """The requests that follow refusals, as rows."""
    out = []
    refused = exchanges.take(pa.array(rows)).to_pylist()
    likeness = dict(zip(people.tolist(), firsts.tolist(), strict=True))
    everybody = people.tolist()
    for number, (row, taken) in enumerate(zip(refused, busy, strict=True)):
        if rng.random() >= habit.again:
            continue
        delay = habit.least_s + rng.exponential(habit.delay_s)
        moment = pa.scalar(row["timestamp"], EXCHANGES.column("timestamp").type).cast(pa.int64()).as_py()
        new = {
            **row,
            "exchange_id": f"{row['exchange_id']}-again-{number}",
            "timestamp": moment + int(delay * SECOND),
        }
        if rng.random() < habit.elsewhere:
            target = _target(rng, row["account_id"], everybody, taken, habit)
            if target is not None:
                like = exchanges.slice(likeness[target], 1).select(
                    [name for name in OF_THE_ACCOUNT if name in exchanges.column_names]
                )
                new.update(like.to_pylist()[0])
        out.append(new)
    return out


def _target(
    rng: np.random.Generator, account: str, everybody: list[str], busy: set[str], habit: Habit
) -> str | None:
    """The account that sends the request again; None where none is free."""
    if habit.kept is not None:
        return habit.kept.get(account)
    for _ in range(50):
        one = everybody[int(rng.integers(len(everybody)))]
        if one != account and one not in busy:
            return one
    return None


def _with_status(exchanges: pa.Table, rows: np.ndarray[Any, Any], sent: list[dict[str, Any]]) -> pa.Table:
    """The exchanges, with the refused ones marked by their status and without an answer."""
    refused = np.zeros(exchanges.num_rows, dtype=np.bool_)
    refused[rows] = True
    mask = pa.array(refused)
    table = EXCHANGES.conform(exchanges)
    for name, value in (("status", 429), ("output_tokens", 0), ("finish_reason", None), ("response", None)):
        kind = EXCHANGES.column(name).type
        column = table[name]
        if name == "status":
            column = pc.fill_null(column, 200)
        new = pc.if_else(mask, pa.scalar(value, kind), column)
        table = table.set_column(table.schema.get_field_index(name), EXCHANGES.arrow.field(name), new)
    if sent:
        columns = {
            name: pa.array([row.get(name) for row in sent], pa.int64()).cast(EXCHANGES.column(name).type)
            if name == "timestamp"
            else pa.array([row.get(name) for row in sent], EXCHANGES.column(name).type)
            for name in EXCHANGES.names
        }
        table = pa.concat_tables([table, pa.table(columns, schema=EXCHANGES.arrow)])
    return table.sort_by([("timestamp", "ascending"), ("exchange_id", "ascending")])
