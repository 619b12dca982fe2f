"""The tables of found campaigns in a results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from stillwatch.contract import results as contract
from stillwatch.contract.summaries import CAPABILITIES, SIGHTING, Summaries
from stillwatch.detect import weigh
from stillwatch.detect.attribute import Attribution
from stillwatch.detect.bank import empirical_rate
from stillwatch.detect.explain import Explained, claims, content, explain, sought
from stillwatch.detect.fold import FEWEST_WORDS
from stillwatch.detect.judge import Judged
from stillwatch.detect.replay import Look
from stillwatch.engine.connect import Engine, Keep, temporary
from stillwatch.enrich.describe import describe, network_class
from stillwatch.enrich.networks import Networks
from stillwatch.flows.texts import text_rows
from stillwatch.results.folder import write_table
from stillwatch.signals.registry import all_indicators
from stillwatch.stats.evalues import LN10

SHOWN_VALUES = 4  # most shared values of one kind that are listed: chosen
FEWEST_HOLDERS = 3  # smallest number of members with a value for it to count as shared: chosen
TOKENS = ("input_tokens", "output_tokens")  # columns of exchanges that are summed by capability
ATTRIBUTED_BY = ("exchange_id", "account_id", "timestamp")  # columns that identify an exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRecord:
    """Everything that is written about a campaign.

    `counts` are exchanges by capability, in the order of `CAPABILITIES`; `tokens` are input and output tokens
    by capability (None where unknown). `synthetic` is the false-positive rate measured on randomly drawn
    groups, None where it was not measured.
    """

    name: str
    judged: Judged
    attribution: Attribution
    first: Any
    last: Any
    counts: tuple[int, ...]
    tokens: Mapping[int, tuple[int | None, int | None]]
    explained: Explained
    looks: tuple[Look, ...]
    evidence: tuple[dict[str, Any], ...]
    links: tuple[dict[str, Any], ...]
    synthetic: float | None

    @property
    def accounts(self) -> int:
        """Number of members."""
        return int(self.attribution.members.num_rows)

    @property
    def exchanges(self) -> int:
        """Number of attributed exchanges."""
        return sum(self.counts)


def describe_campaign(
    number: int,
    engine: Engine,
    summaries: Summaries,
    one: Judged,
    attribution: Attribution,
    looks: Sequence[Look],
    everyone: int,
    usual: float | None,
    networks: Networks,
    nights: float | None,
    synthetic: float | None,
) -> CampaignRecord:
    """The record of campaign `number`: its span, exchanges by capability, evidence and shared values.

    `everyone` is the number of accounts in the log, `usual` the share of follow-ups of other accounts (None:
    unknown), `nights` the share of members with a nightly pause as people have it (None: unknown), and
    `synthetic` the false-positive rate measured on randomly drawn groups (None: not measured).
    """
    span = (
        attribution.exchanges.agg(first=_.timestamp.min(), last=_.timestamp.max()).to_pyarrow().to_pylist()[0]
    )
    by_capability = attribution.exchanges.group_by("capability").agg(
        n=_.count(), read=_.input_tokens.sum().cast("int64"), written=_.output_tokens.sum().cast("int64")
    )
    classes = by_capability.to_pyarrow().to_pylist()
    by_class = {int(row["capability"]): int(row["n"]) for row in classes}
    with temporary(engine) as keep:
        members = keep("members", attribution.members.select(["account_id"]))
        links, shared = _shared(keep, summaries, members, attribution.members.num_rows, everyone, networks)
    return CampaignRecord(
        name=f"C{number}",
        judged=one,
        attribution=attribution,
        first=utc(span["first"]),
        last=utc(span["last"]),
        counts=tuple(by_class.get(c, 0) for c in range(len(CAPABILITIES))),
        tokens={int(row["capability"]): (row["read"], row["written"]) for row in classes},
        explained=explain(
            one,
            content(
                attribution.unusual, attribution.follow_up, usual, _novelty(attribution.exchanges), nights
            ),
        ),
        synthetic=synthetic,
        looks=tuple(looks),
        evidence=(*_tested(one), *shared),
        links=tuple(links),
    )


def _novelty(exchanges: ir.Table) -> float | None:
    """Distinct texts divided by exchanges, of exchanges with at least `FEWEST_WORDS` words; None where there
    are none.
    """
    row = (
        exchanges.filter(_.words >= FEWEST_WORDS)
        .agg(n=_.count(), texts=_.text_key.nunique())
        .to_pyarrow()
        .to_pylist()[0]
    )
    return row["texts"] / row["n"] if row["n"] else None


def _tested(one: Judged) -> list[dict[str, Any]]:
    """Rows of evidence from the group tests, in descending order of evidence."""
    return [
        {
            "kind": name,
            "value": finding.value,
            "accounts": finding.accounts,
            "exchanges": finding.exchanges,
            "log10_likelihood_ratio": finding.log_e / LN10,
            "statement": finding.statement,
            "basis": "measured",
        }
        for name, finding in sorted(one.findings.items(), key=lambda item: -item[1].log_e)
    ]


def _shared(
    keep: Keep,
    summaries: Summaries,
    members: ir.Table,
    size: int,
    everyone: int,
    networks: Networks,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Edges between accounts and values to draw, and the evidence of each value that is much more frequent
    among members than among other accounts.
    """
    unshown = [unit.card.name for unit in all_indicators() if unit.proposes_only]
    shown = summaries.marks.filter(_.kind.notin(unshown))
    several = shown.semi_join(members, "account_id").group_by("value").agg(inside=_.account_id.nunique())
    marks = shown.semi_join(several.filter(_.inside >= FEWEST_HOLDERS), "value")
    marks = keep(
        "marks",
        marks.group_by(list(SIGHTING[:-1]))
        .agg(exchanges=_.exchanges.sum())
        .mutate(value=_.value.cast("string")),
    )
    every = summaries.sightings.filter(_.kind.notin(unshown)).union(marks.select(*SIGHTING))
    mine = every.semi_join(members, "account_id")
    common = mine.group_by(["kind", "value"]).agg(inside=_.account_id.nunique(), exchanges=_.exchanges.sum())
    common = keep("common", common.filter(_.inside >= FEWEST_HOLDERS))
    holders = weigh.prevalence(every.semi_join(common, ["kind", "value"]))
    values = common.join(holders, ["kind", "value"]).filter(_.holders < weigh.AGREEMENT * everyone)
    weighted = values.mutate(
        weight=((_.inside / size) / ((_.holders - _.inside + 0.5) / (everyone - size + 1.0))).log10()
    )
    rank = ibis.row_number().over(
        ibis.window(group_by="kind", order_by=[ibis.desc(weighted.weight * weighted.inside), weighted.value])
    )
    top = weighted.mutate(rank=rank).filter((_.rank < SHOWN_VALUES) & (_.weight > 0.5)).drop("rank")
    top = keep("top", top)
    drawn = (
        mine.select("account_id", "kind", "value")
        .distinct()
        .join(top.select("kind", "value", "weight"), ["kind", "value"])
    )
    statements = [
        {
            "kind": row["kind"],
            "value": row["value"],
            "accounts": row["inside"],
            "exchanges": row["exchanges"],
            "log10_likelihood_ratio": row["weight"],
            "statement": f"{row['inside']} of {size} members share one {row['kind'].replace('_', ' ')}; "
            f"{row['holders'] - row['inside']} of {everyone - size} other accounts show "
            f"it{_known(row, networks)}",
            "basis": "measured",
            "others": row["holders"] - row["inside"],
            "network_class": network_class(row["kind"], str(row["value"]), networks) or None,
        }
        for row in top.order_by([ibis.desc("weight"), "kind", "value"]).to_pyarrow().to_pylist()
    ]
    order = ["kind", "value", "account_id"]
    return drawn.order_by(order).to_pyarrow().to_pylist(), statements


def _known(row: Mapping[str, Any], networks: Networks) -> str:
    """What is known of a shared value, in brackets; "" where nothing is."""
    description = describe(row["kind"], str(row["value"]), networks)
    return f" ({description})" if description else ""


def write_tables(folder: Path, found: Sequence[CampaignRecord], engine: Engine) -> None:
    """Write the tables of all campaigns to a results folder; tables without rows are written too."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "campaigns",
            "members",
            "evidence",
            "timeline",
            "links",
            "hypotheses",
            "claims",
            "capabilities",
            "texts",
        )
    }
    attributed = []
    for one in found:
        key = {"campaign_id": one.name}
        rows["campaigns"].append(key | _campaign(one))
        rows["members"] += [key | row for row in one.attribution.members.to_pylist()]
        rows["evidence"] += [key | row for row in one.evidence]
        rows["timeline"] += [key | row for row in _timeline(one)]
        rows["links"] += [key | row for row in one.links]
        rows["hypotheses"] += [
            key | {"hypothesis": h, "log10_likelihood": v, "statement": one.explained.reasons[h]}
            for h, v in one.explained.log10.items()
        ]
        rows["claims"] += [
            key | {"claim": n, "basis": basis, "statement": statement}
            for n, basis, statement in claims(one.judged, one.explained, one.accounts, one.exchanges)
        ]
        rows["capabilities"] += [
            key
            | {"capability": CAPABILITIES[c], "exchanges": n}
            | dict(zip(TOKENS, one.tokens[c], strict=True))
            for c, n in enumerate(one.counts)
            if n
        ]
        rows["texts"] += [key | row for row in text_rows(one.attribution.exchanges)]
        attributed.append(
            one.attribution.exchanges.select(*ATTRIBUTED_BY, campaign_id=ibis.literal(one.name))
        )
    for schema in (
        contract.CAMPAIGNS, contract.MEMBERS, contract.EVIDENCE, contract.TIMELINE, contract.LINKS,
        contract.HYPOTHESES, contract.CLAIMS, contract.SOUGHT, contract.TEXTS,
    ):  # fmt: skip
        write_table(folder, schema, pa.Table.from_pylist(rows[schema.name], schema.arrow))
    if attributed:
        ordered = (
            ibis.union(*attributed)
            .select("campaign_id", *ATTRIBUTED_BY)
            .order_by(["campaign_id", *ATTRIBUTED_BY])
        )
        engine.write(ordered, folder / "exchanges.parquet")
    else:
        write_table(folder, contract.ATTRIBUTED, contract.ATTRIBUTED.empty())


def _campaign(one: CampaignRecord) -> dict[str, Any]:
    """The row of `campaigns`, without `campaign_id`."""
    nearest = one.judged.nearest.explanation.card.name if one.judged.nearest else ""
    return {
        "kind": one.explained.kind,
        "first_seen": one.first,
        "last_seen": one.last,
        "detected_at": _detected(one),
        "accounts": one.accounts,
        "exchanges": one.exchanges,
        "exchanges_low": min(one.attribution.low, one.exchanges),
        "exchanges_high": max(one.attribution.high, one.exchanges),
        "q_value": one.judged.q_value,
        "fpr_empirical": empirical_rate(nearest, one.judged.log_e),
        "fpr_synthetic": one.synthetic,
        "explanation": nearest,
        "capabilities": sought(one.counts),
    }


def _detected(one: CampaignRecord) -> datetime | None:
    """Time of the first alert in the replay, at most that of the last exchange; None without an alert."""
    moment = next((look.moment for look in one.looks if look.alerts), None)
    return None if moment is None else min(moment, one.last)


def _timeline(one: CampaignRecord) -> list[dict[str, Any]]:
    """Attributed exchanges by hour, with the evidence at the end of each hour for which the replay has a
    look.
    """
    hourly = one.attribution.exchanges.group_by(hour=_.timestamp.truncate("h")).agg(exchanges=_.count())
    counts = {utc(row["hour"]): row["exchanges"] for row in hourly.to_pyarrow().to_pylist()}
    known = {
        look.moment - timedelta(hours=1): {
            "log10_e": look.log_e / LN10,
            "log10_alert": look.alert / LN10,
            "log10_confirm": look.confirm / LN10,
        }
        for look in one.looks
    }
    return [
        {"hour": hour, "exchanges": counts.get(hour, 0)} | known.get(hour, {})
        for hour in sorted(set(counts) | set(known))
    ]


def utc(moment: datetime) -> datetime:
    """`moment` with the time zone UTC where it has none, since some engines drop the zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
