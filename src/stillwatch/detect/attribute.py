"""Which accounts belong to a campaign, and which of their exchanges?

A campaign's accounts carry ordinary traffic too, so exchanges are attributed one by one, by the log-likelihood
ratio of what they show (naive Bayes over kinds; Fellegi and Sunter 1969). Only values that at least
`FEWEST_HOLDERS` accounts of the campaign show count in favour: an account's own address says nothing of the
campaign. An account belongs when its share of campaign-like exchanges is what members have and others have not
(beta-binomial on both sides, fitted by moments).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis import _

from stillwatch.signals.registry import Indicator
from stillwatch.stats.membership import log_beta_binomial, moments

FEWEST_HOLDERS = 3
MOST, LEAST = 6.0, -4.0
PHRASES = "prompt_template"
IGNORED = ("prompt_near_duplicate", "client_address")
ROUNDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Members with their probability, and a table of attributed exchanges (`exchange_id`, `account_id`, `timestamp`)."""

    members: pa.Table
    exchanges: ir.Table
    total: int


Keep = Callable[[str, ir.Table], ir.Table]


def _values(exchanges: ir.Table, unit: Indicator, likely: ir.Table) -> ir.Table:
    """Exchange × value of one kind, with whether the exchange is thought to be the campaign's."""
    value = unit.value(exchanges)
    rows = exchanges.select("exchange_id", "account_id", value=value)
    if value.type().is_array():
        rows = rows.mutate(value=_.value.unnest())
    rows = rows.filter(_.value.notnull())
    return rows.left_join(likely, "exchange_id").select(
        "exchange_id", "account_id", "value", inside=_.likely.fill_null(False)
    )


def _ratios(values: ir.Table, inside: int, total: int) -> ir.Table:
    """Value → log-likelihood ratio of the campaign against everything else."""
    counted = values.group_by("value").agg(
        within=_.inside.sum(),
        all=_.count(),
        holders=_.account_id.nunique(where=_.inside),
    )
    raw = ((_.within + 0.5) / (inside + 1.0)).ln() - ((_.all - _.within + 0.5) / (total - inside + 1.0)).ln()
    rows = counted.mutate(raw=raw)
    return rows.select(
        "value",
        ratio=ibis.cases(
            ((rows.raw > 0) & (rows.holders < FEWEST_HOLDERS), 0.0), else_=rows.raw.clip(LEAST, MOST)
        ),
    )


def exchange_scores(
    exchanges: ir.Table, units: tuple[Indicator, ...], likely: ir.Table, inside: int, total: int, keep: Keep
) -> ir.Table:
    """Exchange → summed log-likelihood ratio over kinds; of phrases, the best counts, and having none counts too."""
    scored = exchanges.select("exchange_id", "account_id")
    names = []
    for unit in units:
        name = unit.card.name
        if unit.card.table != "observations" or name in IGNORED:
            continue
        values = _values(exchanges, unit, likely)
        ratios = keep(f"ratio_{name}", _ratios(values, inside, total))
        if name == PHRASES:
            hits = values.join(ratios.filter(_.ratio > 1.0), "value")
            best = keep("best", hits.group_by("exchange_id").agg(found=_.ratio.max(), inside=_.inside.any()))
            seen = best.agg(within=_.inside.sum(), all=_.count()).to_pyarrow().to_pylist()[0]
            within, every = int(seen["within"] or 0), int(seen["all"] or 0)
            none = np.log((inside - within + 0.5) / (inside + 1.0)) - np.log(
                (total - inside - (every - within) + 0.5) / (total - inside + 1.0)
            )
            part = best.select("exchange_id", **{name: _.found})
            default = float(np.clip(none, LEAST, MOST))
        else:
            part = values.join(ratios, "value").select("exchange_id", **{name: _.ratio})
            default = 0.0
        scored = scored.left_join(part, "exchange_id").drop("exchange_id_right")
        scored = scored.mutate(**{name: _[name].fill_null(default)})
        names.append(name)
    total_score = sum((scored[name] for name in names), ibis.literal(0.0))
    return scored.select("exchange_id", "account_id", score=total_score)


def attribute(seeds: ir.Table, exchanges: ir.Table, units: tuple[Indicator, ...], keep: Keep) -> Attribution:
    """Members and exchanges of the campaign that grew from `seeds` (`account_id` rows)."""
    total = int(exchanges.count().to_pyarrow().as_py())
    marked = exchanges.select("exchange_id", "account_id").semi_join(seeds, "account_id")
    likely = keep("likely", marked.select("exchange_id", likely=ibis.literal(True)))
    names = set(seeds.to_pyarrow().column("account_id").to_pylist())
    members: pa.Table | None = None
    for _round in range(ROUNDS):
        inside = int(likely.count().to_pyarrow().as_py())
        scores = keep("scores", exchange_scores(exchanges, units, likely, inside, total, keep))
        prior = float(np.log((inside + 1.0) / (total - inside + 1.0)))
        per_account = scores.group_by("account_id").agg(hits=(_.score + prior > 0).sum(), exchanges=_.count())
        table = per_account.to_pyarrow()
        members = _members(table, names)
        names = set(members.column("account_id").to_pylist())
        member_rows = ibis.memtable(members.select(["account_id"]))
        attributed = scores.filter(_.score + prior > 0).semi_join(member_rows, "account_id")
        likely = keep("likely", attributed.select("exchange_id", likely=ibis.literal(True)))
        if not names:
            break
    assert members is not None
    rows = exchanges.select("exchange_id", "account_id", "timestamp").semi_join(likely, "exchange_id")
    return Attribution(members=members, exchanges=rows, total=total)


def _members(table: pa.Table, seeds: set[str]) -> pa.Table:
    names = table.column("account_id").to_pylist()
    hits = table.column("hits").to_numpy().astype(float)
    counts = table.column("exchanges").to_numpy().astype(float)
    seeded = np.array([name in seeds for name in names], bool)
    score = membership(hits, counts, seeded)
    chosen = np.flatnonzero((score >= 0.5) & (hits >= 1))
    return pa.table(
        {
            "account_id": pa.array([names[i] for i in chosen], pa.string()),
            "score": pa.array(score[chosen]),
            "exchanges": pa.array(hits[chosen].astype(np.int64)),
        }
    )


def membership(
    hits: npt.NDArray[np.float64], counts: npt.NDArray[np.float64], seeded: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Probability of membership from campaign-like exchanges among all, given who was proposed.

    Two beta-binomials, fitted by moments to the proposed accounts and to the others; prior odds are the share of
    proposed accounts, and being proposed itself counts as `PROPOSED` in log odds.
    """
    inside, outside = moments(hits[seeded], counts[seeded]), moments(hits[~seeded], counts[~seeded])
    ratio = log_beta_binomial(hits, counts, *inside) - log_beta_binomial(hits, counts, *outside)
    prior = np.log((seeded.sum() + 1.0) / ((~seeded).sum() + 1.0))
    odds = ratio + prior + np.where(seeded, PROPOSED, 0.0)
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -50, 50))))


PROPOSED = 3.0
