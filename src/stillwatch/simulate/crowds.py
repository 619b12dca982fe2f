"""Honest crowds: groups of accounts with their exchanges, as columns and as tables of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.simulate.people import (
    People,
    Setting,
    employ,
    give_program,
    move_in,
    office_day,
    on_servers,
    people,
    setting,
    words,
)
from stillwatch.simulate.population import DAY, MODELS, SECOND, SHAPED, fresh, some, texts
from stillwatch.simulate.prompts import Texts
from stillwatch.simulate.visits import VisitRows, own_life, sittings, ticks, volumes, write
from stillwatch.stats.arrays import Floats, Ints

__all__ = ["Crowd", "Setting", "crowd", "joined", "ordinary", "setting", "tables"]

# Schema of the table that names the group of each account.
GROUPS = pa.schema([pa.field("account_id", pa.string()), pa.field("group", pa.int64())])
_SENT = (0.985, 0.993, 0.997)  # cumulated shares of the first three entries of `_STATUS`
_STATUS = np.array([200, 429, 500, 529])  # status codes of answers
_KINDS_OF_ORDINARY = (
    0.62,
    0.16,
    0.1,
    0.04,
    0.08,
)  # persons, teams, products, batch owners, developers with agents; chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A group of accounts and their exchanges.

    * `accounts`: columns of the contract's `accounts` without `account_id`, one row per account; times in
      microseconds since 1970.
    * `exchanges`: columns of the contract's `exchanges` without identifiers of exchanges, accounts and keys,
      with `account` (position in `accounts`) and `at` (microseconds since 1970) instead, sorted by time.
    """

    accounts: dict[str, npt.NDArray[Any]]
    exchanges: dict[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.accounts["created_at"])


def crowd(rng: np.random.Generator, group: People, setting: Setting, parts: Sequence[VisitRows]) -> Crowd:
    """The crowd of these people with these exchanges.

    Equal conversation numbers in different parts are different conversations. Rows outside the setting are
    left out; an account without any row left sends one exchange of its own. A sign-up after the first
    exchange is moved to a time before it.
    """
    parts = [part.take((part.at >= setting.start) & (part.at < setting.end)) for part in parts]
    sent = np.bincount(
        np.concatenate([p.account for p in parts] + [np.zeros(0, np.int64)]), minlength=len(group)
    )
    parts.append(write(rng, group, sittings(rng, group, (sent == 0).astype(np.int64), setting), setting))
    named = [_conversations(rng, part) for part in parts]
    account = np.concatenate([p.account for p in parts])
    at = np.concatenate([p.at for p in parts])
    turn = np.concatenate([p.turn for p in parts])
    order = np.argsort(at, kind="stable")
    columns = _own_columns(rng, group, account)
    columns["conversation_id"] = np.concatenate(named)
    begin = 0
    for part in parts:
        for name, values in part.columns.items():
            columns[name][begin : begin + len(part)] = values
        begin += len(part)
    _measure(rng, group, columns, account, turn)
    first = np.full(len(group), setting.end, np.int64)
    np.minimum.at(first, account, at)
    accounts: dict[str, npt.NDArray[Any]] = {
        "created_at": np.minimum(group.created, first - 60 * SECOND),
        "email_domain": group.email_domain,
        "email_local_shape": group.email_shape,
        "payment_fingerprint": group.card,
        "payment_country": group.card_country,
        "phone_prefix": group.phone,
        "signup_ip": group.signup_ip,
        "program": group.program,
        "plan": group.plan,
    }
    exchanges: dict[str, npt.NDArray[Any]] = {"account": account[order], "at": at[order]}
    exchanges.update({name: values[order] for name, values in columns.items()})
    return Crowd(accounts=accounts, exchanges=exchanges)


def _conversations(rng: np.random.Generator, rows: VisitRows) -> Texts:
    """Names of the conversations of all rows; null for rows without one."""
    distinct, code = np.unique(rows.conversation, return_inverse=True)
    names = fresh(rng, len(distinct), "c", 15)
    names[distinct < 0] = None
    return names[code] if len(rows) else texts(0, None)


def _own_columns(rng: np.random.Generator, group: People, account: Ints) -> dict[str, npt.NDArray[Any]]:
    """The columns that depend only on the account."""
    away = rng.random(len(account)) < group.roaming[account]
    shape = group.shape[account]
    model = np.array(MODELS, dtype=object)[group.model[account]]
    return {
        "organization_id": group.organization[account],
        "model": model,
        "operation": texts(len(account), "chat"),
        "client_ip": np.where(away, group.other_ip[account], group.ip[account]),
        "asn": np.where(away, group.other_asn[account], group.asn[account]),
        "country": group.country[account],
        "user_agent": group.agent[account],
        "tls_fingerprint": group.tls[account],
        "system_prompt": group.system[account],
        "prompt": texts(len(account), ""),
        "response": texts(len(account), None),
        "tool_names": texts(len(account), None),
        "temperature": np.array([s[0] for s in SHAPED])[shape],
        "top_p": np.array([s[1] for s in SHAPED])[shape],
        "max_tokens": np.array([s[2] for s in SHAPED], dtype=np.float64)[shape],
        "stream": group.stream[account],
        "output_tokens": np.full(len(account), np.nan),
    }


def _measure(
    rng: np.random.Generator, group: People, columns: dict[str, npt.NDArray[Any]], account: Ints, turn: Ints
) -> None:
    """Fill in, in place, the columns that depend on the words: tokens, status, finish reason and latency."""
    n = len(account)
    size = np.array([len(text) for text in columns["prompt"].tolist()], dtype=np.int64)
    before = np.array([len(s) if s else 0 for s in columns["system_prompt"].tolist()], dtype=np.int64)
    columns["input_tokens"] = (size + before) // 4 + 8 + turn * rng.integers(80, 400, n)
    drawn = np.exp(np.minimum(group.answer[account] + 0.9 * rng.standard_normal(n), 8.5)) + 1
    limit = columns["max_tokens"]
    limit[limit < 0] = np.nan
    answered = np.where(np.isnan(columns["output_tokens"]), drawn, columns["output_tokens"])
    capped = answered > np.nan_to_num(limit, nan=np.inf)
    answered = np.where(capped, limit, answered)
    status = _STATUS[np.searchsorted(_SENT, rng.random(n))]
    good = status == 200
    columns["output_tokens"] = np.where(good, answered, 0).astype(np.int64)
    reason = np.where(capped, "length", "stop").astype(object)
    reason[~good] = None
    columns["finish_reason"] = reason
    columns["latency_ms"] = np.round(300 + columns["output_tokens"] * rng.lognormal(2.6, 0.25, n), 1)
    columns["status"] = status


def joined(crowds: Sequence[Crowd]) -> Crowd:
    """One crowd of all accounts and exchanges, sorted by time; needs at least one crowd."""
    begins = np.cumsum([0, *[len(c) for c in crowds]])
    exchanges = {
        name: np.concatenate([c.exchanges[name] for c in crowds])
        for name in crowds[0].exchanges
        if name != "account"
    }
    exchanges["account"] = np.concatenate(
        [c.exchanges["account"] + begin for c, begin in zip(crowds, begins, strict=False)]
    )
    order = np.argsort(exchanges["at"], kind="stable")
    return Crowd(
        accounts={name: np.concatenate([c.accounts[name] for c in crowds]) for name in crowds[0].accounts},
        exchanges={name: values[order] for name, values in exchanges.items()},
    )


def tables(
    crowds: Sequence[Crowd], rng: np.random.Generator, prefix: str = ""
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The contract's `exchanges` and `accounts` of all crowds, and `groups`: `account_id` and `group`, the
    position of its crowd.

    Identifiers of accounts and exchanges are random and start with `prefix`. Exchanges are sorted by time;
    accounts are in random order.
    """
    whole = joined(crowds)
    group = np.repeat(np.arange(len(crowds)), [len(c) for c in crowds])
    names = _distinct(rng, len(whole), f"{prefix}acct_")
    rows = whole.exchanges
    account = rows["account"]
    columns: dict[str, pa.Array] = {
        "exchange_id": pa.array(_distinct(rng, len(account), f"{prefix}x"), pa.string()),
        "timestamp": pa.array(rows["at"], pa.int64()).cast(EXCHANGES.column("timestamp").type),
        "account_id": pa.array(names, pa.string()).take(pa.array(account)),
        "api_key_id": pa.array([f"key_{name[-12:]}" for name in names.tolist()], pa.string()).take(
            pa.array(account)
        ),
    }
    for name, values in rows.items():
        if name not in ("account", "at"):
            columns[name] = pa.array(values, EXCHANGES.column(name).type, from_pandas=True)
    stated: dict[str, pa.Array] = {"account_id": pa.array(names, pa.string())}
    for name, values in whole.accounts.items():
        kind = ACCOUNTS.column(name).type
        stated[name] = (
            pa.array(values, pa.int64()).cast(kind) if name == "created_at" else pa.array(values, kind)
        )
    mixed = pa.array(rng.permutation(len(names)))
    return (
        EXCHANGES.conform(pa.table(columns)),
        ACCOUNTS.conform(pa.table(stated)).take(mixed),
        pa.table([pa.array(names, pa.string()), pa.array(group, pa.int64())], schema=GROUPS).take(mixed),
    )


def _distinct(rng: np.random.Generator, n: int, prefix: str) -> Texts:
    """`n` identifiers, all different: a random number with the row's own number in its last digits."""
    raw = rng.integers(0, 1 << 40, n).tolist()
    return np.array([f"{prefix}{value:010x}{row:07x}" for row, value in enumerate(raw)], dtype=object)


def ordinary(rng: np.random.Generator, n: int, setting: Setting) -> Crowd:
    """An ordinary crowd of `n` accounts: persons, teams, products, batch owners and developers with
    coding agents.
    """
    kinds = (_persons, _teams, _products, _batches, _developers)
    sizes = rng.multinomial(n, _KINDS_OF_ORDINARY)
    return joined([make(rng, int(size), setting) for make, size in zip(kinds, sizes, strict=True)])


def _persons(rng: np.random.Generator, n: int, setting: Setting) -> Crowd:
    """Single people, who use the service for themselves."""
    group = people(rng, n, setting, one_country=False)
    counts = volumes(rng, n, 0.8 * setting.days, 2.5 * setting.days, sigma=1.2)
    return crowd(rng, group, setting, [write(rng, group, sittings(rng, group, counts, setting), setting)])


def _teams(rng: np.random.Generator, n: int, setting: Setting) -> Crowd:
    """Small companies, each with one address and one way of use."""
    made: list[Crowd] = []
    while n > sum(len(c) for c in made):
        size = min(2 + int(rng.geometric(0.15)), 30, n - sum(len(c) for c in made))
        group = people(rng, size, setting, one_country=True)
        move_in(rng, group, share=rng.uniform(0.5, 1.0))
        employ(rng, group, declared=True, one_card=True, own_mail=True)
        office_day(rng, group)
        counts = volumes(rng, size, 2.0 * setting.days, 10.0 * setting.days)
        made.append(
            crowd(rng, group, setting, [write(rng, group, sittings(rng, group, counts, setting), setting)])
        )
    return joined(made) if made else _persons(rng, 0, setting)


def _products(rng: np.random.Generator, n: int, setting: Setting) -> Crowd:
    """Software with users of its own: one template each, Poisson traffic day and night, heavy-tailed
    volumes.
    """
    group = people(rng, n, setting, sdk=1.0)
    on_servers(rng, group)
    _as_companies(rng, group)
    mean = np.minimum(5.0 * (1 + rng.pareto(0.9, n)), 250.0)
    account = np.repeat(np.arange(n), rng.poisson(mean * setting.days))
    day = rng.integers(0, setting.days, len(account))
    hour = _day_and_night(rng, account, group)
    at = setting.start + day * DAY + (hour / 24 * DAY).astype(np.int64)
    zero = np.zeros(len(at), np.int64)
    rows = VisitRows(account=account, at=at, conversation=zero - 1, turn=zero, run=zero, place=zero)
    return crowd(rng, group, setting, [_by_template(rng, group, rows)])


def _day_and_night(rng: np.random.Generator, account: Ints, group: People) -> Floats:
    """UTC hours of traffic with the density 1 + a cos(2 pi (h - peak) / 24), with a depth a per account, by
    inversion on a grid of quarter hours.
    """
    depth = rng.uniform(0.1, 0.9, len(group))
    grid = np.arange(96) / 4
    local = grid[None, :] + group.zone[:, None] - rng.uniform(12, 18, len(group))[:, None]
    reach = np.cumsum(1 + depth[:, None] * np.cos(local * np.pi / 12), axis=1)
    drawn = rng.random(len(account)) * reach[account, -1] if len(account) else np.zeros(0)
    quarter = np.minimum((reach[account] <= drawn[:, None]).sum(axis=1), 95)
    return np.asarray(grid[quarter] + rng.random(len(account)) / 4)


def _batches(rng: np.random.Generator, n: int, setting: Setting) -> Crowd:
    """Companies with jobs that run once a day."""
    group = people(rng, n, setting, sdk=1.0)
    on_servers(rng, group)
    _as_companies(rng, group)
    night = rng.uniform(0, 86400, (n, 1))
    requests = np.minimum(20 * (1 + rng.pareto(1.1, n)), 600).astype(np.int64)
    rows = ticks(
        rng,
        setting,
        night,
        requests=requests,
        gap_s=rng.uniform(1, 8),
        jitter_s=900,
        kept=rng.uniform(0.3, 1),
    )
    return crowd(rng, group, setting, [_by_template(rng, group, rows)])


def _developers(rng: np.random.Generator, n: int, setting: Setting) -> Crowd:
    """People with a coding agent."""
    group = people(rng, n, setting)
    give_program(rng, group, agent=f"coding-agent/{rng.integers(1, 4)}.{rng.integers(0, 9)}")
    group.sitting, group.follow, group.gap = (
        rng.uniform(8, 40, n),
        rng.uniform(0.85, 0.97, n),
        rng.uniform(6, 40, n),
    )
    rows = sittings(rng, group, volumes(rng, n, 5.0 * setting.days, 25.0 * setting.days, sigma=0.9), setting)
    said = words(rng, "agent_step", len(rows))
    opens = rows.turn == 0
    said[opens] = words(rng, "agent_task", int(opens.sum()))
    rows.columns["prompt"] = said
    return crowd(rng, group, setting, [rows, own_life(rng, group, setting, rows, share=0.1)])


def _as_companies(rng: np.random.Generator, group: People) -> None:
    """Make each account a company: an organisation and a mail domain of its own."""
    n = len(group)
    group.organization, group.email_domain = fresh(rng, n, "org_"), fresh(rng, n, "app-", 6) + ".io"
    group.plan = texts(n, "api")


def _by_template(rng: np.random.Generator, group: People, rows: VisitRows) -> VisitRows:
    """Put each account's items below its own template, or use the template as the system prompt, in place."""
    template = words(rng, "product_template", len(group))
    as_system = rng.random(len(group)) < 0.5
    group.system = some(as_system, template)
    item = words(rng, "product_item", len(rows))
    rows.columns["prompt"] = np.where(
        as_system[rows.account], item, template[rows.account] + "\n\n" + item
    ).astype(object)
    return rows
