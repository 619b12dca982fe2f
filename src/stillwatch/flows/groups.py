"""Leads, and the tables that campaigns and leads share: `explanations` and `glance`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _

from stillwatch.contract import results as contract
from stillwatch.detect import glance, leads
from stillwatch.detect.attribute import style
from stillwatch.detect.excess import excess
from stillwatch.detect.fold import FEWEST_WORDS
from stillwatch.detect.judge import Bench, Judged, Outcomes, Trial, judge
from stillwatch.detect.leads import Lead
from stillwatch.engine.connect import Engine
from stillwatch.flows.profiles import write_profiles
from stillwatch.results.folder import write_table
from stillwatch.signals import marks
from stillwatch.signals.registry import CONTROL
from stillwatch.stats.evalues import LN10


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedGroup:
    """A campaign or lead: its name and its judgement."""

    name: str
    judged: Judged


def find_leads(
    engine: Engine,
    exchanges: ir.Table,
    judged: Sequence[Judged],
    bench: Bench | None,
    campaigns: Sequence[Judged],
    fdr: float,
    outcomes: Outcomes,
) -> list[Lead]:
    """Groups that would be reported without the innocent explanations, in descending order of the requests
    at stake; empty where `bench` is None.

    Results of all tests on the groups that could be leads are added to `outcomes`.
    """
    if bench is None:
        return []
    taken = frozenset(owner for one in campaigns for owner in one.owners)
    worth = leads.worth_describing(judged, fdr, taken)
    described = judge([one.candidate for one in worth], bench, described=True, outcomes=outcomes)
    striking = leads.striking(described, len(judged), fdr)
    if not striking:
        return []
    styled = exchanges.group_by("account_id", value=style(exchanges)).agg(exchanges=_.count())
    mix = engine.keep("styled_leads", styled).order_by(["account_id", "value"]).to_pyarrow()
    texts = _texts(engine, exchanges, striking)

    def stake(one: Judged) -> float:
        """Requests at stake in a group, by which groups are ordered."""
        return _stake(one, bench, mix, texts[id(one)])

    return leads.ranked(striking, stake)


def _texts(engine: Engine, exchanges: ir.Table, groups: Sequence[Judged]) -> dict[int, tuple[int, int]]:
    """For each group, by `id`: exchanges with at least `FEWEST_WORDS` words, and distinct texts of these."""
    rows = [(number, account) for number, one in enumerate(groups) for account in sorted(one.accounts)]
    table = pa.table(
        {
            "group": pa.array([number for number, _account in rows], pa.int64()),
            "account_id": pa.array([account for _number, account in rows], pa.string()),
        }
    )
    members = engine.load("lead_accounts", table)
    worded = exchanges.filter(_.words >= FEWEST_WORDS).select("account_id", "text_key")
    counted = (
        worded.join(members, "account_id").group_by("group").agg(n=_.count(), texts=_.text_key.nunique())
    )
    found = {row["group"]: (row["n"], row["texts"]) for row in counted.to_pyarrow().to_pylist()}
    return {id(one): found.get(number, (0, 0)) for number, one in enumerate(groups)}


def _stake(one: Judged, bench: Bench, mix: pa.Table, texts: tuple[int, int]) -> float:
    """Estimated number of requests of a possible harvest.

    Requests in excess of ordinary use, times the squared share of distinct texts, times the mean share of
    requests that are no follow-up, times the mean share outside an account's most frequent prompt template.
    """
    places = bench.places(one.accounts)
    traits = bench.traits
    number, distinct = texts
    novelty = distinct / number if number else 1.0
    broad = 1.0 - float(np.mean(traits.share["prompt_template"][places]))
    opened = 1.0 - float(np.mean(traits.follow[places]))
    beyond = float(traits.exchanges[places].sum()) * excess(mix, one.accounts).unusual
    return beyond * novelty**2 * opened * broad


def trial_rows(group: JudgedGroup) -> list[dict[str, Any]]:
    """Rows of the table `explanations` for a group, the explanation that fits best first."""
    size = len(group.judged.owners)
    return [
        {
            "group_id": group.name,
            "explanation": trial.explanation.card.name,
            "marked": trial.marked,
            "log10_e": trial.log_e / LN10,
            "statement": _tried(trial, size),
        }
        for trial in sorted(group.judged.trials, key=lambda t: (t.log_e, -t.excess))
    ]


def _tried(trial: Trial, size: int) -> str:
    """The result of one explanation for a group of `size` owners, as a sentence."""
    card = trial.explanation.card
    families = [family for family in CONTROL if family in trial.explanation.bends]
    bent = ", ".join(families) if families else "no evidence of control"
    if trial.marked == 0:
        return f"{card.what}: no account carries its mark, so it explains nothing here"
    return (
        f"{card.what}: {trial.marked} of {size} accounts carry its mark ({card.carries}); in what it can "
        f"produce ({bent}) the group "
        f"counts as {trial.effective} {'account' if trial.effective == 1 else 'accounts'}"
    )


def glance_rows(group: JudgedGroup, bench: Bench) -> list[dict[str, Any]]:
    """Rows of the table `glance` for a group."""
    return [
        {"group_id": group.name, "trait": s.trait, "speaks": s.speaks, "statement": _sentence(s.statement)}
        for s in glance.glance(group.judged, bench)
    ]


def _sentence(statement: str) -> str:
    """The statement with a capital first letter and a full stop."""
    return f"{statement[:1].upper()}{statement[1:]}."


def nights(one: Judged, bench: Bench) -> float:
    """Share of a group's accounts with a nightly pause as people have it, 0 to 1."""
    return float(marks.human(bench.traits, bench.places(one.accounts)).mean())


def write_groups(
    folder: Path, campaigns: Mapping[str, Judged], found: Sequence[Lead], bench: Bench | None
) -> None:
    """Write `leads`, `lead_members`, `explanations`, `glance`, `profiles` and `common` to a results folder.

    `campaigns` are judgements by name, `found` the leads in order of rank.
    """
    named = [JudgedGroup(name=name, judged=one) for name, one in campaigns.items()]
    of_leads = [JudgedGroup(name=f"L{rank}", judged=lead.judged) for rank, lead in enumerate(found, 1)]
    rows: dict[str, list[dict[str, Any]]] = {
        "leads": [_lead(group, rank, bench) for rank, group in enumerate(of_leads, 1)],
        "lead_members": [
            {"lead_id": group.name, "account_id": account}
            for group in of_leads
            for account in sorted(group.judged.accounts)
        ],
        "explanations": [row for group in (*named, *of_leads) for row in trial_rows(group)],
        "glance": [
            row for group in (*named, *of_leads) if bench is not None for row in glance_rows(group, bench)
        ],
    }
    for schema in (contract.LEADS, contract.LEAD_MEMBERS, contract.EXPLANATIONS, contract.GLANCE):
        write_table(folder, schema, pa.Table.from_pylist(rows[schema.name], schema.arrow))
    write_profiles(folder, {group.name: group.judged for group in (*named, *of_leads)}, bench)


def _lead(group: JudgedGroup, rank: int, bench: Bench | None) -> dict[str, Any]:
    """The row of `leads` for a group."""
    one, near = group.judged, group.judged.nearest
    exchanges = 0 if bench is None else int(bench.traits.exchanges[bench.places(one.accounts)].sum())
    strongest = max(one.findings.values(), key=lambda f: f.log_e, default=None)
    return {
        "lead_id": group.name,
        "accounts": len(one.accounts),
        "exchanges": exchanges,
        "rank": rank,
        "explanation": near.explanation.card.name if near else "common_interest",
        "log10_e": one.log_e / LN10,
        "settled_by": near.explanation.card.settled_by
        if near
        else "what the accounts have in common, asked of a few of their owners",
        "statement": strongest.statement if strongest else "",
    }
