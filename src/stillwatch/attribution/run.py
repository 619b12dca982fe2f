"""Attribute every campaign of a results folder, and write the assessments."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

from stillwatch import __version__
from stillwatch.attribution import calendar
from stillwatch.attribution.knowledge import Knowledge, read_knowledge
from stillwatch.attribution.seen import read_seen
from stillwatch.attribution.weigh import (
    PRIORS,
    Assessment,
    Hypothesis,
    ItemGroup,
    assess,
    column,
    contradictions,
)
from stillwatch.attribution.words import likelihood
from stillwatch.engine.files import atomic, sha256
from stillwatch.errors import InputError, Problem, unknown
from stillwatch.results.folder import check_results

FORMAT = "stillwatch-attribution-1"  # name and version of the format of `attribution.json`
NAME = "attribution.json"  # file with hypotheses, their probabilities and the matches
MATRIX = "matrix.csv"  # file with a row for each item and a column for each hypothesis


def attribute(results: Path, actors: Path, out: Path, campaign: str | None = None) -> dict[str, Any]:
    """Weigh the hypotheses for each campaign, or for one, and write `attribution.json` and `matrix.csv`
    into `out`.

    Args:
        results: the results folder.
        actors: file of intelligence on actors.
        out: folder to write into.
        campaign: the one campaign to assess; None for all.

    Returns:
        The content of `attribution.json`.

    Raises:
        StateError: where `results` is not a results folder.
        InputError: for an invalid file of actors, or observations of campaigns that do not exist.
        UsageError: for a campaign that does not exist.
    """
    check_results(results)
    known = read_knowledge(actors)
    every = read_seen(results)
    names = [one.campaign for one in every]
    if campaign is not None:
        if campaign not in names:
            raise unknown("campaign of these results", campaign, names)
        every = [one for one in every if one.campaign == campaign]
    strangers = sorted({one.campaign for one in known.observations} - set(names))
    if strangers:
        raise InputError(
            *(
                Problem(
                    fact=f"`observations` name the campaign `{one[:60]}`, which these results do not have",
                    where=str(actors),
                    expected=", ".join(names) or "a folder with campaigns",
                )
                for one in strangers
            )
        )
    whole = {
        "format": FORMAT,
        "version": __version__,
        "results": {"folder": results.name, "campaigns_sha256": sha256(results / "campaigns.parquet")},
        "actors": {"file": actors.name, "sha256": known.digest, "names": [one.name for one in known.actors]},
        "priors": PRIORS,
        "campaigns": [described(assess(one, known), known) for one in every],
    }
    out.mkdir(parents=True, exist_ok=True)
    with atomic(out / NAME) as path:
        path.write_text(json.dumps(whole, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    with atomic(out / MATRIX) as path:
        path.write_text(_matrix(whole), encoding="utf-8", newline="\n")
    return whole


def described(one: Assessment, known: Knowledge) -> dict[str, Any]:
    """One campaign's assessment as JSON."""
    ranks = {(h.kind, h.actor): rank for h, rank in contradictions(one)}
    return {
        "campaign_id": one.seen.campaign,
        "kind": one.seen.kind,
        "hypotheses": [
            {
                "key": h.key,
                "hypothesis": h.kind,
                "actor": h.actor or None,
                "statement": h.name,
                "prior": h.prior,
                "probability": h.probability,
                "likelihood": _word(h, one),
                "log10_against": h.log10_against,
                "rank_by_contradiction": ranks[h.kind, h.actor],
                "against": list(h.against),
            }
            for h in one.hypotheses
        ],
        "claims": _claims(one),
        "accusation": {
            "organisation": one.named,
            "probability": one.of_actor(one.named),
            "likelihood": one.word,
            "confidence": one.confidence,
        }
        if one.named
        else None,
        "stated": bool(one.named),
        "needed": list(one.needed),
        "items": [_item(group, one) for group in one.groups],
        "items_not_compared": one.unmatched,
        "calendar": _calendar(one, known),
    }


def _word(hypothesis: Hypothesis, one: Assessment) -> str:
    """The word for a hypothesis's likelihood; at most `likely` for an actor that is not named, since a
    stronger word would accuse it.
    """
    if hypothesis.kind == "actor" and hypothesis.actor == one.named:
        return one.word
    word = likelihood(hypothesis.probability)
    return "likely" if hypothesis.kind == "actor" and word in ("very likely", "almost certain") else word


def _claims(one: Assessment) -> list[dict[str, Any]]:
    """The five claims about a campaign for `attribution.json`."""
    seen = one.seen
    harvest = seen.kind in ("harvest", "mixed")
    trained = next(
        (
            g.chosen
            for g in one.groups
            if g.actor == one.best and g.chosen.family == "training" and g.log10["own"] > 0
        ),
        None,
    )
    rows = [
        (
            1,
            "measured",
            f"{seen.exchanges} exchanges of {seen.accounts} accounts are in the logs that were read",
        ),
        (
            2,
            seen.control_basis,
            {
                "measured": "tests of control speak for one party behind these accounts",
                "inferred": "these accounts are alike; no test of control speaks for one party",
                "not shown": "nothing that was measured speaks for one party behind these accounts",
            }[seen.control_basis],
        ),
        (
            3,
            "inferred" if harvest else "not shown",
            "what is asked and how favours harvesting"
            if harvest
            else f"the campaign is of the kind {seen.kind}: harvesting is not shown",
        ),
        (
            4,
            "alleged" if trained else "not shown",
            f"{trained.item.source} ({trained.item.grade}): {trained.statement}"
            if trained
            else "no test on a model supports that it was trained on the answers",
        ),
        (
            5,
            "inferred" if one.named else "not shown",
            f"{one.named} directed it: {one.word}, {one.confidence} confidence"
            if one.named
            else "no organisation is named: the evidence that this takes is missing",
        ),
    ]
    return [
        {
            "claim": number,
            "basis": basis,
            "stated": basis != "not shown",
            "statement": statement,
            "needed": list(one.needed) if number == 5 else [],
        }
        for number, basis, statement in rows
    ]


def _item(group: ItemGroup, one: Assessment) -> dict[str, Any]:
    """One group of items for `attribution.json`, with the item that counts."""
    chosen = group.chosen
    return {
        "actor": group.actor,
        "group": group.name,
        "kind": chosen.item.kind,
        "outcome": chosen.outcome,
        "source": chosen.item.source,
        "grade": chosen.item.grade,
        "belief": chosen.belief.probability,
        "log10_likelihood_ratio": group.log10["own"],
        "log10_by_hypothesis": {h.key: group.log10[column(h.kind, h.actor, group)] for h in one.hypotheses},
        "is_hard": chosen.is_hard,
        "is_shared": chosen.is_shared,
        "statement": chosen.statement,
        "shares_one_ratio_with": [
            {
                "kind": one.item.kind,
                "source": one.item.source,
                "grade": one.item.grade,
                "statement": one.statement,
            }
            for one in group.sharing
        ],
    }


def _calendar(one: Assessment, known: Knowledge) -> dict[str, Any]:
    """The inferred calendar of a campaign for `attribution.json`."""
    inferred = one.calendar
    described: dict[str, Any] = {
        "acts": inferred.acts, "is_inferred": inferred.zone is not None, "reason": inferred.reason or None,
        "log10_people_against_program": inferred.log10_people,
    }  # fmt: skip
    if inferred.zone is not None:
        best, low, high = inferred.zone
        described |= {
            "hours_from_utc": best,
            "hours_from_utc_low": low,
            "hours_from_utc_high": high,
            "interval": calendar.MASS,
            "week": inferred.week,
            "week_probability": inferred.week_probability,
            "holidays": [],
        }
        for actor in known.actors:
            days: list[date] = [
                d
                for item in actor.items
                if item.kind == "working_calendar"
                for d in item.options.get("holidays", ())
            ]
            quiet = inferred.holiday(days)
            if quiet is not None:
                described["holidays"].append(
                    {
                        "actor": actor.name,
                        "within": quiet[0],
                        "without_an_act": quiet[1],
                        "share_low": quiet[2],
                        "share_high": quiet[3],
                    }
                )
    return described


def _matrix(whole: dict[str, Any]) -> str:
    """The matrix of competing hypotheses as CSV: a row per group of items, a column per hypothesis, log10
    ratios as cells.
    """
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    for one in whole["campaigns"]:
        order = sorted(one["hypotheses"], key=lambda h: h["rank_by_contradiction"])
        writer.writerow(["campaign", "item", "grade", *(_safe(h["statement"]) for h in order)])
        for item in one["items"]:
            writer.writerow([
                one["campaign_id"], _safe(f"{item['actor']}: {item['statement']}"), item["grade"],
                *(f"{item['log10_by_hypothesis'][h['key']]:.2f}" for h in order),
            ])  # fmt: skip
        writer.writerow(
            [one["campaign_id"], "speaks against (log10)", "", *(f"{h['log10_against']:.2f}" for h in order)]
        )
        writer.writerow([one["campaign_id"], "probability", "", *(f"{h['probability']:.4f}" for h in order)])
    return made.getvalue()


def _safe(text: str) -> str:
    """A cell that a spreadsheet does not read as a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text
