"""The cards of campaigns on the page, and the summary of the scan."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.claims.numbers import text
from stillwatch.claims.statements import claims as stated
from stillwatch.claims.statements import known_from
from stillwatch.contract.table import TableRow
from stillwatch.report import plots, wording
from stillwatch.report.desk import Desk, desk
from stillwatch.report.leads import leads_found
from stillwatch.report.reading import Overview, ResultTables
from stillwatch.report.trial import FULL_BAR_LOG10, Glance, TrialRow, TrialsView, glance, trial

UNFOLDED_EVIDENCE, EVIDENCE, MEMBERS, PROMPTS, CARDS, NAMED = 8, 200, 20, 50, 60, 4
"""Most items shown: evidence unfolded and in all, members, prompts, campaigns with drawings, campaigns named
in the verdict.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisLine:
    """One rival explanation, and by what factor it fits worse than the best one."""

    name: str
    meaning: str
    fit: str
    bar: str
    statement: str
    is_best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCard:
    """The content of one campaign's card; a part is None where its file was not written."""

    anchor: str
    row: TableRow
    meaning: str
    known_as: str
    labels: Sequence[str]
    days: float
    share_before: float | None
    spark: str | None
    timeline: str | None
    glance: Glance | None
    trial: TrialsView | None
    nearest: TrialRow | None
    capabilities: Sequence[tuple[str, int, float, str]] | None
    claims: Mapping[str, Sequence[tuple[int, str, str]]] | None
    hypotheses: Sequence[HypothesisLine] | None
    rivals: str
    evidence: Sequence[TableRow]
    evidence_more: Sequence[TableRow]
    evidence_uncounted: int
    desk: Desk
    members: Sequence[TableRow]
    members_more: int
    prompts: Sequence[str] | None
    prompts_more: int


def cards(results: ResultTables) -> list[CampaignCard]:
    """One card per campaign, the largest first; those after the first `CARDS` have no drawings."""
    return [
        card(results, row, f"campaign-{number}", is_full=number <= CARDS)
        for number, row in enumerate(results.campaigns, 1)
    ]


def card(results: ResultTables, row: TableRow, anchor: str, *, is_full: bool = True) -> CampaignCard:
    """The card of one campaign, with the id `anchor` on the page; without the large drawings where
    `is_full` is false.
    """
    name = row["campaign_id"]
    hours = results.of("timeline", name)
    timeline = _timeline(hours)
    if hours is not None and known_from(hours.to_pylist()) is None:
        row = {**row, "detected_at": None}  # no look alerted, so `detected_at` is not shown
    detected = row["detected_at"].timestamp() if row["detected_at"] else None
    marks = _marks(hours, results.overview)
    members = results.of("members", name)
    assert members is not None
    top = members.sort_by([("score", "descending"), ("exchanges", "descending"), ("account_id", "ascending")])
    evidence = sorted(results.rows("evidence", name) or (), key=lambda e: -e["log10_likelihood_ratio"])
    tried = trial(results, name, row["accounts"])
    hypotheses = _hypotheses(results.rows("hypotheses", name))
    prompts = _unplaced(results.rows("prompts", name))
    return CampaignCard(
        anchor=anchor,
        row=row,
        meaning=wording.KINDS.get(row["kind"], "A kind that this version of the page does not know."),
        known_as=_known_as(results.rows("names", name)),
        labels=_labels(results.rows("labels", name)),
        days=(row["last_seen"] - row["first_seen"]).total_seconds() / plots.DAY,
        share_before=timeline.share_before(detected) if timeline and detected is not None else None,
        spark=plots.spark(timeline) if timeline else None,
        timeline=plots.draw_timeline(timeline, detected, marks) if timeline and is_full else None,
        glance=glance(results, name),
        trial=tried,
        nearest=tried.named(row["explanation"]) if tried else None,
        capabilities=_capabilities(results.rows("capabilities", name)),
        claims=_claims(results, name),
        hypotheses=hypotheses,
        rivals=_rivals(hypotheses, results.rows("hypotheses", name)),
        evidence=evidence[:UNFOLDED_EVIDENCE],
        evidence_more=evidence[UNFOLDED_EVIDENCE:EVIDENCE],
        evidence_uncounted=max(0, len(evidence) - EVIDENCE),
        desk=desk(results, row, is_full=is_full),
        members=top.slice(0, MEMBERS).to_pylist(),
        members_more=max(0, len(top) - MEMBERS),
        prompts=None if prompts is None else [prompt["prompt"] for prompt in prompts[:PROMPTS]],
        prompts_more=max(0, len(prompts or ()) - PROMPTS),
    )


def _known_as(rows: Sequence[TableRow] | None) -> str:
    """The name that a campaign keeps over scans, and since when; "" without one."""
    return f"{rows[0]['name']}, known since {wording.day(rows[0]['known_since'])}" if rows else ""


def _labels(rows: Sequence[TableRow] | None) -> list[str]:
    """Sentences on the labels of the campaign, of its shared values, and on the number of labelled
    members.
    """
    labels = [
        row["statement"][:1].upper() + row["statement"][1:] for row in rows or () if row["account_id"] is None
    ]
    counted = Counter(row["verdict"] for row in rows or () if row["account_id"] is not None)
    return labels + [
        f"{wording.counted(number, 'member')} labelled {verdict} by {'its' if number == 1 else 'their'} own "
        f"name"
        for verdict, number in sorted(counted.items())
    ]


def _unplaced(rows: Sequence[TableRow] | None) -> Sequence[TableRow] | None:
    """Prompts that belong to no row of `texts`, as an older version wrote them; None without any."""
    return [row for row in rows or () if row["rank"] is None] or None


def verdict(results: ResultTables, every: Sequence[CampaignCard]) -> tuple[str, str]:
    """Two sentences: what the scan found, and what this means."""
    overview = results.overview or Overview()
    rate = (
        f"a false-discovery rate of {wording.percent(overview.fdr)}"
        if overview.fdr
        else "the rate set for the scan"
    )
    judged = f"Of {wording.counted(overview.candidates, 'candidate group')}, " if overview.candidates else ""
    some, what_they_are = _leads(leads_found(results) or 0)
    if not every and not overview.candidates and overview.shareable == ():
        return (
            "Nothing could be judged: no column that accounts could share.",
            (
                "Every exchange shows the same values, or none, in all columns by which accounts can be "
                "compared. Whether a "
                "campaign is in this log is not known; the signals below say which columns they need."
            ),
        )
    if not every:
        tried = " and from every innocent explanation tried" if "explanations" in results.tables else ""
        return (
            f"No campaign is reported.{some}",
            (
                f"{judged}{'none' if judged else 'No candidate group'} could be told from independent "
                f"accounts{tried} at {rate}. This does not show that no campaign is there: one that shares "
                f"nothing, or is small, may stay below what this log can tell.{what_they_are}"
            ),
        )
    parts = [
        f"{one.row['campaign_id']} ({one.row['kind']}, {wording.counted(one.row['accounts'], 'account')}, "
        f"{wording.counted(one.row['exchanges'], 'exchange')})"
        for one in every[:NAMED]
    ]
    if len(every) > NAMED:
        parts.append(f"{wording.count(len(every) - NAMED)} more")
    is_one = len(every) == 1
    found = f"{wording.counted(len(every), 'campaign')} {'is' if is_one else 'are'} reported at {rate}"
    meaning = (
        f"{judged}{'this one' if is_one else 'these'} held. At this rate, of all campaigns that such scans "
        f"report, no more than {wording.percent(overview.fdr)} are expected to be false."
        if overview.fdr
        else f"{judged}{'this one' if is_one else 'these'} held."
    )
    return f"{found}: {wording.listed(parts)}.{some}", f"{meaning}{what_they_are}"


def _leads(number: int) -> tuple[str, str]:
    """A sentence with the number of leads, and one that explains a lead; both "" without leads."""
    if not number:
        return "", ""
    is_one = number == 1
    return (
        f" {wording.counted(number, 'group')} {'is a lead' if is_one else 'are leads'}.",
        " A lead is a group that cannot be told from an innocent explanation; it is not an accusation.",
    )


def overview_or_unknown(results: ResultTables) -> dict[str, Any]:
    """The overview's fields for the template, None where unknown."""
    overview = results.overview or Overview()
    return {field.name: getattr(overview, field.name) for field in fields(overview)}


def _timeline(table: pa.Table | None) -> plots.Timeline | None:
    """The timeline of a campaign for its plot; None where it was not written."""
    if table is None or not len(table):
        return None
    table = table.sort_by("hour")
    return plots.Timeline(
        hours=table["hour"].to_numpy().astype("datetime64[s]").astype(np.int64),
        exchanges=table["exchanges"].to_numpy().astype(np.int64),
        log10_e=table["log10_e"].cast(pa.float64()).to_numpy().astype(np.float64),
    )


def _marks(table: pa.Table | None, overview: Overview | None) -> list[plots.PlotMark]:
    """The levels of the two bars to draw: at the look at which the evidence first reached the bar, else at
    the last look.
    """
    if table is None:
        return []
    rate = wording.percent(overview.fdr) if overview is not None and overview.fdr else "the scan's rate"
    words = {
        "log10_alert": "an alert, looking every hour",
        "log10_confirm": f"confirmed at {rate}, whenever one stops",
    }
    marks = []
    looked = table.sort_by("hour").filter(pc.is_valid(table.sort_by("hour")["log10_e"])).to_pylist()
    for name, said in words.items():
        some = [row for row in looked if row[name] is not None]
        level = next((row[name] for row in some if row["log10_e"] >= row[name]), None)
        if some:
            level = some[-1][name] if level is None else level
            class_ = "threshold" if name == "log10_alert" else "threshold together"
            marks.append(plots.PlotMark(level, f"{said}: {wording.odds(level)}", class_))
    return marks


def _capabilities(rows: Sequence[TableRow] | None) -> list[tuple[str, int, float, str]] | None:
    """Capability, exchanges, share of all and bar; None where the table was not written."""
    if rows is None:
        return None
    total = sum(row["exchanges"] for row in rows) or 1
    most = max((row["exchanges"] for row in rows), default=1) or 1
    return [
        (row["capability"], row["exchanges"], row["exchanges"] / total, plots.bar(row["exchanges"] / most))
        for row in sorted(rows, key=lambda row: (-row["exchanges"], row["capability"]))
    ]


def _claims(results: ResultTables, name: str) -> dict[str, list[tuple[int, str, str]]] | None:
    """The claims by basis, each as number, title and sentence; None where the folder has no claims."""
    if "claims" not in results.tables:
        return None
    tables = {
        one: results.rows(one, name) or [] for one in ("members", "evidence", "hypotheses", "explanations")
    }
    apart: dict[str, list[tuple[int, str, str]]] = {"measured": [], "inferred": [], "not shown": []}
    for one in stated(tables, name):
        apart.setdefault(one.basis, []).append((one.number, one.title, text(one.sentence)))
    return apart


def _hypotheses(rows: Sequence[TableRow] | None) -> list[HypothesisLine] | None:
    """The hypotheses about a campaign's kind, the likeliest first; None where the table was not written."""
    if rows is None:
        return None
    lines = []
    for row in sorted(rows, key=lambda row: (-row["log10_likelihood"], row["hypothesis"])):
        behind = -row["log10_likelihood"]
        is_best = behind <= 0
        if is_best:
            fit = "fits best"
        elif behind < math.log10(1.05):
            fit = "fits as well"
        else:
            fit = f"{wording.power(behind)} times worse"
        lines.append(
            HypothesisLine(
                name=row["hypothesis"],
                meaning=wording.HYPOTHESES.get(row["hypothesis"], "not known to this version of the page"),
                fit=fit,
                bar=(
                    plots.bar(behind / FULL_BAR_LOG10, "bar against", cut=behind > FULL_BAR_LOG10)
                    if not is_best
                    else ""
                ),
                statement=row["statement"],
                is_best=is_best,
            )
        )
    return lines


def _rivals(lines: Sequence[HypothesisLine] | None, rows: Sequence[TableRow] | None) -> str:
    """A sentence on the hypotheses within a factor of ten of the best; "" where there are fewer than two."""
    near = sorted(row["hypothesis"] for row in rows or () if row["log10_likelihood"] > -1)
    if not lines or len(near) < 2:
        return ""
    return f"{wording.listed(near)} lie within 10 to 1 of each other: this evidence does not separate them."
