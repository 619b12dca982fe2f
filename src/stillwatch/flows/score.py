"""The flow `score`: comparison of results with the true campaigns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis import _

from stillwatch.contract import results as contract
from stillwatch.contract.truth import TRUTH
from stillwatch.engine.connect import Engine, open_engine
from stillwatch.errors import InputError, Problem
from stillwatch.readers.discover import Sources, discover
from stillwatch.readers.read import check, read
from stillwatch.results.folder import MANIFEST, read_table

TRUE_SHARE = 0.5  # least share of planted accounts in a reported campaign that does not count as false


def score(results: Path, truth: Path, logs: Path | None = None, memory: str = "1500MB") -> dict[str, Any]:
    """Precision and recall of accounts and exchanges, false campaigns, and a row for each planted campaign.

    A row has the accounts and exchanges found and the share of exchanges before `detected_at`. Times for
    that share are read from `logs`, or else from the inputs in the manifest, or from logs beside `truth`; it
    is None where there are no logs or `detected_at` is null. Ratios are None where their denominator is 0.
    Raises `InputError` where `truth` is no truth table, and `StateError` where `results` cannot be read.
    """
    campaigns = read_table(results, contract.CAMPAIGNS)
    members = read_table(results, contract.MEMBERS)
    _check_truth(truth)
    with open_engine(memory=memory) as engine:
        known = engine.keep("truth", engine.read_parts([truth]).select(*TRUTH.names))
        claimed = engine.keep("claimed", engine.read_parts([results / "exchanges.parquet"]))
        planted = known.filter(_.campaign_id.notnull())
        found = engine.load("members", members.select(["campaign_id", "account_id"]))
        accounts = _accounts(known, found)
        exchanges = _exchanges(known, claimed)
        matched = _match(planted, found)
        times = _times(engine, results, truth, logs, planted)
        sizes = planted.group_by("campaign_id").agg(accounts=_.account_id.nunique(), exchanges=_.count())
        rows = []
        for row in sizes.order_by("campaign_id").to_pyarrow().to_pylist():
            name = row["campaign_id"]
            mine = [c for c, (t, _share) in matched.items() if t == name]
            rows.append(row | _campaign(name, mine, planted, found, claimed, campaigns, times))
    false = sorted(c for c, (_t, share) in matched.items() if share < TRUE_SHARE)
    return {
        "accounts": accounts,
        "exchanges": exchanges,
        "reported_campaigns": campaigns.num_rows,
        "false_campaigns": len(false),
        "campaigns": rows,
        "reported": [
            {"campaign_id": c, "planted": t, "share_of_accounts": share}
            for c, (t, share) in sorted(matched.items())
        ],
    }


def _check_truth(truth: Path) -> None:
    """Raise `InputError` where the file cannot be read or lacks a column of the truth table."""
    try:
        names = pq.read_schema(truth).names
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            Problem(
                fact="the truth cannot be read",
                where=str(truth),
                found=type(error).__name__,
                expected="a Parquet file",
            )
        ) from error
    absent = [name for name in TRUTH.names if name not in names]
    if absent:
        raise InputError(
            Problem(
                fact="the truth lacks a column",
                where=str(truth),
                found=", ".join(names),
                expected=", ".join(absent),
            )
        )


def _ratio(part: float, whole: float) -> float | None:
    """Part of a whole; None where the whole is 0."""
    return part / whole if whole else None


def _accounts(known: ir.Table, found: ir.Table) -> dict[str, Any]:
    """Precision and recall of accounts, and honest accounts reported in 100,000."""
    each = known.group_by("account_id").agg(planted=_.campaign_id.notnull().any())
    flagged = found.select("account_id").distinct().mutate(flagged=True)
    both = each.left_join(flagged, "account_id").mutate(flagged=_.flagged.fill_null(False))
    n = _sums(
        both.agg(
            hit=(_.planted & _.flagged).sum(),
            planted=_.planted.sum(),
            flagged=_.flagged.sum(),
            honest=(~_.planted).sum(),
            wrong=(~_.planted & _.flagged).sum(),
        )
    )
    return {
        **_found(n),
        "honest_flagged_per_100000": 1e5 * n["wrong"] / n["honest"] if n["honest"] else None,
    }


def _of_claimed(claimed: ir.Table) -> list[str]:
    """Columns that identify an exchange in the results and in the truth.

    Senders choose ids, so exchanges of one account may share one; such exchanges are counted as a group.
    """
    if "account_id" in claimed.columns and not claimed.account_id.isnull().any().to_pyarrow().as_py():
        return ["exchange_id", "account_id"]
    return ["exchange_id"]


def _exchanges(known: ir.Table, claimed: ir.Table) -> dict[str, Any]:
    """Precision and recall of exchanges."""
    by = _of_claimed(claimed)
    each = known.group_by(by).agg(planted=_.campaign_id.notnull().sum(), rows=_.count())
    both = each.left_join(claimed.group_by(by).agg(claimed=_.count()), by)
    # Where results have no accounts, a claimed id stands for all its rows.
    most = _.claimed.fill_null(0) if len(by) > 1 else ibis.ifelse(_.claimed.notnull(), _.rows, 0)
    both = both.mutate(most=most)
    return _found(
        _sums(
            both.agg(
                hit=ibis.least(_.planted, _.most).sum(),
                planted=_.planted.sum(),
                flagged=ibis.least(_.rows, _.most).sum(),
            )
        )
    )


def _sums(row: ir.Table) -> dict[str, int]:
    """The sums in a table of one row; null counts as 0."""
    return {name: int(value or 0) for name, value in row.to_pyarrow().to_pylist()[0].items()}


def _found(n: Mapping[str, int]) -> dict[str, Any]:
    """Numbers of planted and flagged units, with precision and recall (None where undefined)."""
    return {
        "planted": n["planted"],
        "flagged": n["flagged"],
        "precision": _ratio(n["hit"], n["flagged"]),
        "recall": _ratio(n["hit"], n["planted"]),
    }


def _match(planted: ir.Table, found: ir.Table) -> dict[str, tuple[str | None, float]]:
    """For each reported campaign: the planted one to which most of its accounts belong (None for none), and
    the share of its accounts that belong to any planted one.
    """
    owner = planted.group_by(["account_id", "campaign_id"]).agg(n=_.count()).rename(planted="campaign_id")
    rows = (
        found.left_join(owner, "account_id")
        .select("campaign_id", "account_id", "planted")
        .to_pyarrow()
        .to_pylist()
    )
    votes: dict[str, Counter[str]] = {}
    true: dict[str, set[str]] = {}
    everyone: dict[str, set[str]] = {}
    for row in rows:
        everyone.setdefault(row["campaign_id"], set()).add(row["account_id"])
        if row["planted"] is not None:
            votes.setdefault(row["campaign_id"], Counter())[row["planted"]] += 1
            true.setdefault(row["campaign_id"], set()).add(row["account_id"])
    return {
        name: (
            votes[name].most_common(1)[0][0] if name in votes else None,
            len(true.get(name, ())) / len(accounts),
        )
        for name, accounts in everyone.items()
    }


def _campaign(
    name: str,
    mine: list[str],
    planted: ir.Table,
    found: ir.Table,
    claimed: ir.Table,
    campaigns: pa.Table,
    times: ir.Table | None,
) -> dict[str, Any]:
    """Reported campaigns, accounts and exchanges found, and detection of the planted campaign `name`."""
    this = planted.filter(_.campaign_id == name)
    accounts = found.filter(_.campaign_id.isin(mine or [""])).select("account_id").distinct()
    by = _of_claimed(claimed)
    exchanges = claimed.filter(_.campaign_id.isin(mine or [""])).group_by(by).agg(claimed=_.count())
    hit_accounts = (
        this.select("account_id").distinct().semi_join(accounts, "account_id").count().to_pyarrow().as_py()
    )
    hits = this.group_by(by).agg(rows=_.count()).join(exchanges, by)
    most = ibis.least(hits.rows, hits.claimed) if len(by) > 1 else hits.rows
    hit_exchanges = most.sum().to_pyarrow().as_py() or 0
    reported = [r for r in campaigns.to_pylist() if r["campaign_id"] in mine]
    detected = min((r["detected_at"] for r in reported if r["detected_at"] is not None), default=None)
    before = None
    if detected is not None and times is not None:
        made = times.filter(_.campaign_id == name)
        row = (
            made.agg(n=_.count(), before=(_.timestamp < ibis.literal(detected)).sum())
            .to_pyarrow()
            .to_pylist()[0]
        )
        before = _ratio(int(row["before"] or 0), int(row["n"]))
    return {
        "reported_as": mine,
        "kinds": sorted({r["kind"] for r in reported}),
        "accounts_found": int(hit_accounts),
        "exchanges_found": int(hit_exchanges),
        "detected_at": detected.isoformat() if detected else None,
        "share_before_detection": before,
    }


def _times(
    engine: Engine, results: Path, truth: Path, logs: Path | None, planted: ir.Table
) -> ir.Table | None:
    """`campaign_id` and `timestamp` of planted exchanges, from the logs; None where there are none."""
    found = _logs(results, truth, logs)
    if found is None:
        return None
    sources, names = found
    by = ["exchange_id", "account_id"]
    wanted = planted.group_by(by).agg(campaign_id=_.campaign_id.min(), rows=_.count()).to_pyarrow()
    planted_ids = engine.load("planted_ids", wanted)
    parts = [batch.rows.select([*by, "timestamp"]) for batch in read(sources, names)]
    if not parts:
        return None
    stamped = engine.load("stamped", pa.concat_tables(parts))
    several = stamped.join(planted_ids.filter(_.rows > 1), by).select("campaign_id", "timestamp").distinct()
    first = stamped.group_by(by).agg(timestamp=_.timestamp.min())
    one = planted_ids.filter(_.rows == 1).join(first, by).select("campaign_id", "timestamp")
    return engine.keep("times", ibis.union(one, several))


def _logs(results: Path, truth: Path, logs: Path | None) -> tuple[Sources, dict[str, str]] | None:
    """The logs with their column names: `logs`, the inputs in the manifest, or logs beside the truth."""
    names: dict[str, str] = {}
    manifest = results / MANIFEST
    if manifest.exists():
        recorded = json.loads(manifest.read_text())
        names = recorded.get("parameters", {}).get("map", {})
        if logs is None:
            skip = {recorded["parameters"].get(k) for k in ("accounts", "releases")}
            given = [
                p
                for p in recorded.get("inputs", {})
                if p not in skip and not Path(p).name.startswith(("accounts.", "releases."))
            ]
            if given and all(Path(p).exists() for p in given):
                return discover(given), names
    try:
        sources = check(discover([str(logs or truth.parent)]), names)
    except InputError:
        if logs is not None:
            raise
        return None
    return sources, names
