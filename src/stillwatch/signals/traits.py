"""Measures of each account from which the marks of innocent explanations are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import ibis
import ibis.expr.types as ir
import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from stillwatch.contract.phrases import FEWEST_HOLDERS as SHARED_BY
from stillwatch.contract.phrases import Phrases
from stillwatch.contract.summaries import MINUTES, Summaries
from stillwatch.stats.arrays import Bools, Floats, Ints

RunOnSummaries = Callable[[Callable[[Summaries], ir.Table]], pa.Table]

PHRASE = "prompt_template"  # kind whose main phrase an account is compared by
# Indicator kinds of which `Traits` has the account's most frequent value.
MAIN_KINDS = (
    PHRASE, "system_prompt", "user_agent", "tls_fingerprint", "client_prefix", "asn", "request_shape",
)  # fmt: skip
# Indicator kinds over the account table of which `Traits` has the account's value.
ATTRIBUTE_KINDS = ("payment_fingerprint", "email_domain", "signup_address", "signup_burst")
NEARLY = 0.9  # share of the exchanges of an account's largest day from which a day counts as full
LABELLED = attrgetter("labelled")  # the table `Summaries.labelled`, as the engine evaluates it
MOST_TEXTS = 2_000_000  # pairs of account and text that are kept
FEWEST_EXCHANGES = 6  # exchanges below which `Traits.quiet` is NaN


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Measures of accounts; every array but `text_account` and `text` has one entry per account.

    * `exchanges`, `days`: counts of exchanges and of UTC days with an exchange.
    * `first`, `last`: first and last hour with an exchange, in hours since 1970; `created` likewise, NaN
      where unknown.
    * `quiet`: exchanges in the quietest eight consecutive hours of the day, summed over days; NaN below
      `FEWEST_EXCHANGES`.
    * `hourly`: concentration of exchanges over the hours of the day, from 0 (even) to 1 (one hour).
    * `minute`: concentration of exchanges within the hour, or within the quarter hour if that is larger, from
      0 (even) to 1 (one minute).
    * `brisk`: share of exchanges that follow another within five minutes on the same UTC day; `follow`: share
      of exchanges that continue a conversation.
    * `full_days`: share of days with at least `NEARLY` times the exchanges of the account's largest day.
    * `value[kind]`: code of the account's most frequent value, for each kind of `MAIN_KINDS` and
      `ATTRIBUTE_KINDS`; -1 for none. Equal codes of a kind are equal values. `share[kind]`: share of the
      account's exchanges that show that value (1 for account attributes).
    * `owner`: code of the declared owner; accounts without one have codes of their own.
    * `text_account`, `text`: pairs of an account (a position in the other arrays) and a text that it sent,
      for texts that several accounts sent.
    * `labelled[explanation]`: code of the value that the account shows and people labelled as that
      explanation's mark; -1 for none.
    """

    exchanges: Floats
    days: Floats
    first: Floats
    last: Floats
    created: Floats
    quiet: Floats
    hourly: Floats
    minute: Floats
    brisk: Floats
    follow: Floats
    full_days: Floats
    owner: Ints
    text_account: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    text: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    value: Mapping[str, Ints] = field(default_factory=dict)
    share: Mapping[str, Floats] = field(default_factory=dict)
    labelled: Mapping[str, Ints] = field(default_factory=dict)


def traits(ask: RunOnSummaries, summaries: Summaries, names: Sequence[str], owner: Ints) -> Traits:
    """Traits of the accounts `names`, in that order.

    `ask` evaluates a function of these `summaries` to an Arrow table, as `ask(f)` for `f(summaries)`; `owner`
    has the code of each account's declared owner.
    """
    known = pa.array(names, pa.string())
    n = len(names)

    def places(table: pa.Table) -> Ints:
        """Position in `names` of each row's account; -1 for none."""
        at = pc.index_in(table.column("account_id"), known).combine_chunks().fill_null(-1)
        return np.asarray(at.to_numpy(zero_copy_only=False), np.int64)

    def columns(table: pa.Table, default: float = 0.0) -> dict[str, Floats]:
        """The columns of a table with one row an account, in the order of `names`."""
        at = places(table)
        out = {}
        for name in table.column_names:
            if name != "account_id":
                values = np.asarray(table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False))
                out[name] = np.full(n, default)
                out[name][at[at >= 0]] = values[at >= 0]
        return out

    sums, days = columns(ask(_sums)), columns(ask(_days))
    exchanges = np.maximum(sums["exchanges"], 0.0)
    hours = np.stack([sums[f"h{h}"] for h in range(24)], axis=1)
    shown = ask(_shown)
    value, share = _main(shown, places(shown), n, exchanges)
    value[PHRASE], share[PHRASE] = _main_phrase(summaries.phrases, names, exchanges)
    stated = ask(_stated)
    for kind, (codes, sure) in _attributes(stated, places(stated), n).items():
        value[kind], share[kind] = codes, sure
    marked = None if summaries.labelled is None else ask(LABELLED)
    texts = ask(_texts)
    who = places(texts)
    what = np.asarray(texts.column("item").to_numpy(), np.int64)
    return Traits(
        exchanges=exchanges,
        days=days["days"],
        first=sums["first"],
        last=sums["last"],
        created=columns(ask(_created), np.nan)["created"],
        quiet=_quiet(hours, exchanges),
        hourly=_concentration(
            (hours * np.cos(np.arange(24) * np.pi / 12)).sum(axis=1),
            (hours * np.sin(np.arange(24) * np.pi / 12)).sum(axis=1),
            exchanges,
        ),
        minute=np.max(
            [_concentration(sums[f"minute_cos_{t}"], sums[f"minute_sin_{t}"], exchanges) for t in MINUTES],
            axis=0,
        ),
        brisk=sums["short_gaps"] / np.maximum(exchanges, 1.0),
        follow=sums["followups"] / np.maximum(exchanges, 1.0),
        full_days=days["full"] / np.maximum(days["days"], 1.0),
        owner=owner,
        text_account=who[who >= 0],
        text=what[who >= 0],
        value=value,
        share=share,
        labelled={} if marked is None else _labelled(marked, places(marked), n),
    )


def _labelled(table: pa.Table, who: Ints, n: int) -> dict[str, Ints]:
    """`Traits.labelled` from rows of `Summaries.labelled`; of an account's values, the last one counts. `who`
    is the position of each row's account, -1 for none.
    """
    values = table.column("value").to_pylist()
    number = {value: place for place, value in enumerate(sorted(set(values)))}
    rows = zip(
        table.column("explanation").to_pylist(),
        (number[value] for value in values),
        who.tolist(),
        strict=True,
    )
    out: dict[str, Ints] = {}
    for explanation, code, account in sorted(rows):
        if account >= 0:
            out.setdefault(explanation, np.full(n, -1, np.int64))[account] = code
    return out


def _sums(summaries: Summaries) -> ir.Table:
    """Account: exchanges, first and last hour (from 1970), exchanges by hour of the day, and other sums."""
    of_day = _.hour.hour()
    counted = {f"h{h}": (of_day == h).ifelse(_.exchanges, 0).sum() for h in range(24)}
    names = ["short_gaps", "followups", *(f"minute_{part}_{t}" for t in MINUTES for part in ("cos", "sin"))]
    return summaries.activity.group_by("account_id").agg(
        exchanges=_.exchanges.sum(),
        first=_.hour.min().epoch_seconds() // 3600,
        last=_.hour.max().epoch_seconds() // 3600,
        **counted,
        **{name: _[name].sum() for name in names},
    )


def _days(summaries: Summaries) -> ir.Table:
    """Account: number of days with an exchange, and of full ones (`NEARLY`)."""
    days = summaries.activity.group_by(["account_id", _.hour.truncate("D").name("day")]).agg(
        n=_.exchanges.sum()
    )
    most = days.group_by("account_id").agg(most=_.n.max())
    both = days.inner_join(most, "account_id")
    return both.group_by("account_id").agg(days=_.count(), full=(_.n >= NEARLY * _.most).sum())


def _created(summaries: Summaries) -> ir.Table:
    """Account: hour of its creation, from 1970, for accounts of which it is known."""
    known = summaries.accounts.filter(_.created_at.notnull())
    return known.group_by("account_id").agg(created=(_.created_at.min().epoch_seconds() // 3600))


def _shown(summaries: Summaries) -> ir.Table:
    """Account × kind of `MAIN_KINDS`: the account's most frequent value, and its number of exchanges."""
    seen = summaries.seen.filter(_.kind.isin(MAIN_KINDS))
    counted = seen.group_by(["account_id", "kind", "value"]).agg(exchanges=_.exchanges.sum())
    order = ibis.window(group_by=["account_id", "kind"], order_by=[ibis.desc("exchanges"), "value"])
    return counted.mutate(place=ibis.row_number().over(order)).filter(_.place == 0).drop("place")


def _stated(summaries: Summaries) -> ir.Table:
    """Account × kind of `ATTRIBUTE_KINDS`: its value, the first in order of several."""
    stated = summaries.attributes.filter(_.kind.isin(ATTRIBUTE_KINDS))
    return stated.group_by(["account_id", "kind"]).agg(value=_.value.min())


def _texts(summaries: Summaries) -> ir.Table:
    """Pairs of account and text, for texts of several accounts; at most `MOST_TEXTS`."""
    pairs = summaries.items.select("account_id", "item").distinct()
    several = pairs.group_by("item").agg(holders=_.count()).filter(_.holders > 1)
    return pairs.semi_join(several, "item").order_by(["item", "account_id"]).limit(MOST_TEXTS)


def _main(table: pa.Table, who: Ints, n: int, exchanges: Floats) -> tuple[dict[str, Ints], dict[str, Floats]]:
    """For each kind, codes of the accounts' most frequent values (-1 for none) and their share of the
    exchanges. `who` is the position of each row's account, -1 for none.
    """
    value = {kind: np.full(n, -1, np.int64) for kind in MAIN_KINDS}
    share = {kind: np.zeros(n) for kind in MAIN_KINDS}
    of_kind = _of_kind(table)
    codes = np.asarray(
        table.column("value").combine_chunks().dictionary_encode().indices.to_numpy(), np.int64
    )
    counts = np.asarray(table.column("exchanges").to_numpy(), float)
    for kind in MAIN_KINDS:
        mine = of_kind(kind) & (who >= 0)
        value[kind][who[mine]] = codes[mine]
        share[kind][who[mine]] = counts[mine] / np.maximum(exchanges[who[mine]], 1.0)
    return value, share


def _main_phrase(phrases: Phrases, names: Sequence[str], exchanges: Floats) -> tuple[Ints, Floats]:
    """For each account of `names`, the code of its most frequent phrase among those that at least `SHARED_BY`
    accounts show (-1 for none), and the share of its exchanges with that phrase.
    """
    most, often = _most_shown(
        phrases.starts,
        phrases.account,
        phrases.hour,
        phrases.exchanges,
        phrases.kind,
        phrases.kind_of(PHRASE),
        phrases.end,
        SHARED_BY,
        len(phrases.names),
    )
    at = pc.index_in(pa.array(names, pa.string()), phrases.names).fill_null(-1).to_numpy(zero_copy_only=False)
    known = at >= 0
    value, share = np.full(len(names), -1, np.int64), np.zeros(len(names))
    value[known], share[known] = most[at[known]], often[at[known]]
    codes = np.unique(value[value >= 0])
    value[value >= 0] = np.searchsorted(codes, value[value >= 0])
    return value, share / np.maximum(exchanges, 1.0)


@numba.njit(cache=True, nogil=True)
def _most_shown(starts, account, hour, exchanges, kind, wanted, end, fewest, accounts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """For each account, its most frequent value of the kind `wanted` before the hour `end` (the first of
    equally frequent ones, -1 for none), and the number of exchanges with it. Values that fewer than `fewest`
    accounts show are left out. Arrays are those of `Phrases`.
    """
    best, often = np.full(accounts, -1, np.int64), np.zeros(accounts, np.int64)
    sums = np.zeros(accounts, np.int64)
    shown = np.empty(accounts, np.int64)
    for v in range(len(starts) - 1):
        if kind[v] != wanted:
            continue
        k = 0
        for row in range(starts[v], starts[v + 1]):
            if hour[row] < end:
                if sums[account[row]] == 0:
                    shown[k] = account[row]
                    k += 1
                sums[account[row]] += exchanges[row]
        for who in shown[:k]:
            if k >= fewest and sums[who] > often[who]:
                best[who], often[who] = v, sums[who]
            sums[who] = 0
    return best, often


def _of_kind(table: pa.Table) -> Callable[[str], Bools]:
    """A function that gives the mask of the rows of one kind."""
    kinds = table.column("kind").combine_chunks().dictionary_encode()
    names, codes = kinds.dictionary.to_pylist(), kinds.indices.to_numpy(zero_copy_only=False)
    return lambda kind: codes == (names.index(kind) if kind in names else -1)


def _attributes(table: pa.Table, who: Ints, n: int) -> dict[str, tuple[Ints, Floats]]:
    """For each kind of `ATTRIBUTE_KINDS`, codes of the accounts' values (-1 for none), and 1 where there
    is one. `who` is the position of each row's account, -1 for none.
    """
    of_kind = _of_kind(table)
    encoded = table.column("value").combine_chunks().dictionary_encode()
    codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)
    out = {}
    for kind in ATTRIBUTE_KINDS:
        value, mine = np.full(n, -1, np.int64), of_kind(kind) & (who >= 0)
        value[who[mine]] = codes[mine]
        out[kind] = value, (value >= 0).astype(float)
    return out


def _quiet(hours: Floats, exchanges: Floats) -> Floats:
    """Exchanges in the quietest eight consecutive hours of the day; NaN below `FEWEST_EXCHANGES`.

    `hours` is accounts × 24 counts by hour of the day.
    """
    around = np.concatenate([hours, hours[:, :7]], axis=1)
    sums = np.cumsum(np.concatenate([np.zeros((len(hours), 1)), around], axis=1), axis=1)
    return np.where(exchanges >= FEWEST_EXCHANGES, (sums[:, 8:] - sums[:, :-8]).min(axis=1), np.nan)


def _concentration(cos: Floats, sin: Floats, n: Floats) -> Floats:
    """Mean resultant length R of n angles, corrected for bias: sqrt((n R^2 - 1) / (n - 1)) (Mardia and Jupp
    2000, section 4.8), clipped to [0, 1]. `cos` and `sin` are sums over the angles.
    """
    length = (cos**2 + sin**2) / np.maximum(n, 1.0)
    return np.sqrt(np.clip((length - 1.0) / np.maximum(n - 1.0, 1.0), 0.0, 1.0))
