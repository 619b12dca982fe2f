"""The five claims about a campaign, each made only from rows that support it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stillwatch.claims import words
from stillwatch.claims.basis import CLEAR_LOG10, basis_of_control, likeness, tests_against, tests_for
from stillwatch.claims.numbers import Number, Sentence, Tables, number
from stillwatch.contract.results import Basis
from stillwatch.package.alone import kind_of

HARVESTS = ("harvest", "mixed")  # kinds of campaigns whose answers are collected to train a model
# Why claim 3 is not shown, by kind of campaign.
KINDS = {
    "fleet": "what is asked and when looks like one firm's work, not like a harvest",
    "relay": "what is asked and how looks like real end users; harvesting is not shown",
}
# Why claim 3 is not shown where the kind is undetermined.
UNDECIDED = "what is asked does not tell harvesting from relaying end users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One of the five claims: number, title, basis, sentence, and the tables with its rows."""

    number: int
    title: str
    basis: Basis
    sentence: Sentence
    carried_by: tuple[str, ...]


def of_campaign(tables: Tables, name: str) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of each table that are about this campaign."""
    return {
        table: [row for row in rows if name in (row.get("campaign_id"), row.get("group_id"))]
        for table, rows in tables.items()
    }


def claims(tables: Tables, name: str, attributed: Mapping[str, Any] | None = None) -> list[Claim]:
    """The five claims about a campaign.

    `attributed` is its part of `attribution.json`; without it claims 4 and 5 are `not shown`.
    """
    mine = of_campaign(tables, name)
    return [
        _happened(tables, mine, name),
        _control(tables, mine, name),
        _purpose(tables, mine, name),
        *_actor(attributed),
    ]


def _claim(number_: int, basis: Basis, sentence: Sentence, *carried_by: str) -> Claim:
    """Claim number `number_`; `carried_by` are the tables that it rests on."""
    return Claim(
        number=number_, title=words.TITLES[number_], basis=basis, sentence=sentence, carried_by=carried_by
    )


def _happened(tables: Tables, mine: Tables, name: str) -> Claim:
    """Claim 1: the exchanges happened."""
    exchanges = number(tables, "members", "sum", "exchanges", campaign_id=name)
    accounts = number(tables, "members", "count", campaign_id=name)
    if exchanges is None or accounts is None or not exchanges.value or not mine["members"]:
        return _claim(
            1, "not shown", ("no exchange of the logs that were read is attributed to it",), "members"
        )
    many = "exchange" if exchanges.value == 1 else "exchanges"
    who = "account" if accounts.value == 1 else "accounts"
    return _claim(
        1,
        "measured",
        (exchanges, f" {many} of ", accounts, f" {who} are in the logs that were read"),
        "members",
    )


def _control(tables: Tables, mine: Tables, name: str) -> Claim:
    """Claim 2: the accounts share control."""
    evidence = list(mine.get("evidence", ()))
    basis, for_one = basis_of_control(evidence), tests_for(evidence)
    doubt: Sentence = ()
    against = tests_against(evidence)
    if against:
        doubt = (
            "; ",
            _pieces(tables, name, against, against=True),
            " test speaks against it" if len(against) == 1 else " tests speak against it",
        )
    if basis == "measured":
        is_one = len(for_one) == 1
        parts: list[str | Number] = [
            _pieces(tables, name, for_one),
            (
                f" {'test' if is_one else 'tests'} of control {'speaks' if is_one else 'speak'} for one "
                f"party behind these accounts: "
                f"{words.listed([words.signal(row['kind']) for row in for_one[:3]])}; the strongest is an "
                f"e-value of "
            ),
            _evidence(tables, name, for_one[0]["kind"]) or "unknown size",
        ]
        return _claim(2, basis, (*parts, *_beyond(tables, name), *doubt), "evidence", "explanations")
    if basis == "inferred":
        alike = likeness(evidence)
        sentence: Sentence = (
            "no test of control speaks for it; ",
            _pieces(tables, name, alike),
            (
                f" {'piece of evidence shows' if len(alike) == 1 else 'pieces of evidence show'} that these "
                f"accounts are alike, which one party would "
                "explain, and so may a common cause"
            ),
        )
        return _claim(2, basis, (*sentence, *_beyond(tables, name), *doubt), "evidence", "explanations")
    return _claim(
        2, basis, ("nothing that was measured speaks for one party behind these accounts", *doubt), "evidence"
    )


def _pieces(
    tables: Tables, name: str, rows: Iterable[Mapping[str, Any]], *, against: bool = False
) -> Number | str:
    """The number of these rows of evidence, all clearly for or all clearly against."""
    some = list(rows)
    kinds = sorted({row["kind"] for row in some})
    found = number(
        tables, "evidence", "count", campaign_id=name, kind=kinds,
        at_most={"log10_likelihood_ratio": -CLEAR_LOG10} if against else None,
        at_least=None if against else {"log10_likelihood_ratio": CLEAR_LOG10},
    )  # fmt: skip
    return words.count(len(some)) if found is None else found


def _evidence(tables: Tables, name: str, kind: str) -> Number | None:
    """The log10 e-value of a group test of the campaign; None where it has none."""
    return number(
        tables, "evidence", "most", "log10_likelihood_ratio", shown=words.tenfold, campaign_id=name, kind=kind
    )


def _beyond(tables: Tables, name: str) -> Sentence:
    """A clause on the evidence that the nearest innocent explanation leaves; empty where none was tried."""
    least = number(tables, "explanations", "least", "log10_e", shown=words.tenfold, group_id=name)
    if least is None:
        return ()
    if least.value <= 0:
        return ("; an innocent explanation that was tried accounts for all of it",)
    return ("; beyond the nearest innocent explanation that was tried, evidence of ", least, " remains")


def _purpose(tables: Tables, mine: Tables, name: str) -> Claim:
    """Claim 3: the answers are collected to train a model."""
    log10 = {row["hypothesis"]: row["log10_likelihood"] for row in mine.get("hypotheses", ())}
    kind = kind_of(log10)
    if kind not in HARVESTS:
        return _claim(3, "not shown", (KINDS.get(kind or "", UNDECIDED),), "hypotheses")
    best = "H1" if log10["H1"] >= log10["H3"] else "H3"
    lead = log10[best] - log10["H2"]
    factor: str | Number = words.tenfold(lead)
    if log10[best] == 0:
        factor = (
            number(
                tables,
                "hypotheses",
                "value",
                "log10_likelihood",
                shown=lambda v: words.tenfold(-v),
                campaign_id=name,
                hypothesis="H2",
            )
            or factor
        )
    return _claim(
        3,
        "inferred",
        ("what is asked and how favours harvesting over relaying end users by a factor of ", factor),
        "hypotheses",
    )


def _actor(attributed: Mapping[str, Any] | None) -> list[Claim]:
    """Claims 4 and 5, from an attribution; without one they are not shown."""
    claim_of = {row["claim"]: row for row in (attributed or {}).get("claims", ())}
    four = _claim(
        4,
        "not shown",
        ("logs do not show that a model was trained on the answers; that takes a test on the model",),
    )
    five = _claim(5, "not shown", ("logs do not show which organisation directed it",))
    if claim_of.get(4, {}).get("basis") == "alleged":
        four = _claim(4, "alleged", (str(claim_of[4]["statement"]),), "attribution")
    accused = (attributed or {}).get("accusation")
    if accused and claim_of.get(5, {}).get("basis") == "inferred":
        sentence = (
            f"{accused['organisation']} directed it: {accused['likelihood']}, with "
            f"{accused['confidence']} confidence"
        )
        five = _claim(5, "inferred", (sentence,), "attribution")
    elif attributed is not None:
        five = _claim(
            5,
            "not shown",
            ("no organisation is named: the evidence that this takes is missing",),
            "attribution",
        )
    return [four, five]


def known_from(timeline: Iterable[Mapping[str, Any]]) -> Any:  # noqa: ANN401  a time as the table has it
    """The first hour at whose look the evidence reached the alert's bar; None where it never did."""
    alerts = [
        row["hour"]
        for row in timeline
        if row["log10_e"] is not None
        and row["log10_alert"] is not None
        and row["log10_e"] >= row["log10_alert"]
    ]
    return min(alerts, default=None)
