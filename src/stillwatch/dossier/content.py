"""The text of a dossier: claims, numbers, method, evidence, counter-evidence, harm, actions and open
questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stillwatch.claims import words
from stillwatch.claims.basis import likeness, tests_against, tests_for
from stillwatch.claims.numbers import Number, TextPart
from stillwatch.claims.statements import Claim, claims, known_from
from stillwatch.dossier.annexes import annexes
from stillwatch.dossier.case import CampaignCase
from stillwatch.dossier.document import Document, Numbers
from stillwatch.dossier.method import method

MOST_EXPLANATIONS, MOST_EVIDENCE = 6, 8  # most rows of the tables of explanations and of evidence
LEAST_PRICE_SHARE = 0.1
"""Share of the list price at which access is reported to be resold; gives the lower end of the value of the
tokens (`docs/methods/dossier.md`).
"""
MILLION = 1e6  # tokens to which a price refers
LEAST_SHOWN = 0.001  # smallest probability that is printed as a number

CountedRow = tuple[str, Sequence[TextPart], Sequence[TextPart]]
"""A row of section 2: name, value, and how it was counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierTerms:
    """What the provider adds: its name, dollars per million tokens read (`price_in`) and written
    (`price_out`) at list price, and sentences on its actions.
    """

    producer: str = "the provider"
    price_in: float = 2.0
    price_out: float = 10.0
    done: tuple[str, ...] = ()


def dossier(case: CampaignCase, terms: DossierTerms, numbers: Numbers) -> Document:
    """The dossier of one campaign as a document; its numbers are collected in `numbers`."""
    document = Document(
        f"Dossier on campaign {case.name}",
        f"{words.moment(case.row['first_seen'])} to {words.moment(case.row['last_seen'])}", numbers,
    )  # fmt: skip
    stated = claims(case.tables, case.name, case.attribution)
    _claimed(document, stated)
    _counted(document, case)
    method(document, case)
    _evidence(document, case, stated)
    _against(document, case)
    _harm(document, case, terms)
    _done(document, terms)
    _open(document, stated)
    annexes(document, case)
    return document


def _claimed(document: Document, stated: Sequence[Claim]) -> None:
    """Section 1: the claims."""
    document.heading("1. What is claimed, and what is not")
    document.text(
        "Five claims are kept apart. Each stands on its own evidence and lends none of its certainty to "
        "another. The word in front of each "
        "names its basis: measured (counted or computed from the provider's logs), inferred (follows from "
        "what was measured, under stated "
        "assumptions), alleged (said by a named source, not checked here), not shown (nothing here speaks "
        "for it).",
        is_small=True,
    )
    document.claims((one.number, one.title, one.basis, one.sentence) for one in stated)


def _counted(document: Document, case: CampaignCase) -> None:
    """Section 2: the numbers."""
    document.heading("2. Numbers, and how they were counted")
    document.table(
        ("number", "value", "how it was counted"),
        [
            ((name,), value, how)
            for name, value, how in (*_sizes(case), *_rates(case), _sufficient_from(case))
        ],
        widths=(20, 25, 55),
    )
    document.text(
        "A small mark such as N1 behind a number names the entry of numbers.json that says from which rows "
        "it is counted. `stillwatch verify`, or the verifier of one file that lies in every package, derives "
        "it again.",
        is_small=True,
    )


def _sizes(case: CampaignCase) -> Iterator[CountedRow]:
    """Rows of accounts, exchanges and the span of time."""
    yield (
        "accounts",
        (case.number("members", "count"),),
        ("members by attribution; each with its probability in annex A",),
    )
    least = case.maybe("members", "least", "score", shown=words.share)
    yield (
        "exchanges",
        (case.number("members", "sum", "exchanges"),),
        (
            "between ",
            case.number("campaigns", "value", "exchanges_low"),
            " and ",
            case.number("campaigns", "value", "exchanges_high"),
            " with 90 % confidence; a member's ordinary exchanges are not counted",
        ),
    )
    if least is not None:
        yield (
            "least probable member",
            (least,),
            ("probability that the account belongs to the campaign",),
        )
    for name, column in (("first exchange", "first_seen"), ("last exchange", "last_seen")):
        yield (
            name,
            (case.number("campaigns", "value", column, shown=words.moment),),
            (f"{name} that is attributed",),
        )


def _rates(case: CampaignCase) -> Iterator[CountedRow]:
    """Rows of the false-discovery rate, and of how often honest and random groups reach the evidence."""
    reported = (
        "false-discovery rate at which it is reported, among all groups that were tested (e-BH; Wang and "
        "Ramdas 2022)"
    )
    honest = (
        "upper 95 % bound: how often honest groups of the nearest explanation reach this evidence, from the "
        "shipped bank"
    )
    at_random = "upper 95 % bound: the same for groups drawn at random from this log"
    yield (
        "rate of false reports",
        (case.number("campaigns", "value", "q_value", shown=words.share),),
        (reported,),
    )
    for column, name, how in (
        ("fpr_empirical", "rate on honest groups", honest),
        ("fpr_synthetic", "rate on random groups", at_random),
    ):
        one = case.maybe("campaigns", "value", column, shown=words.share)
        if one is not None:
            yield name, (one,), (how,)


def _sufficient_from(case: CampaignCase) -> CountedRow:
    """The row of the first look at which the evidence sufficed."""
    seen = case.maybe("campaigns", "value", "detected_at", shown=words.moment)
    if seen is not None and known_from(case.mine.get("timeline", ())) is not None:
        how = "first look, in time order, at which an alert would have been called"
        return "evidence sufficed from", (seen,), (how,)
    how = "no look, in time order, alerted; the whole log was needed"
    return "evidence sufficed from", ("at no look",), (how,)


def _evidence(document: Document, case: CampaignCase, stated: Sequence[Claim]) -> None:
    """Section 4: the evidence for each claim."""
    document.heading("4. Evidence by claim", is_new_page=True)
    evidence = list(case.mine.get("evidence", ()))
    for one in stated:
        document.text(
            f"Claim {one.number}, {one.title[:1].lower()}{one.title[1:]}: ",
            *one.sentence,
            ".",
            basis=one.basis,
        )
        if one.number == 2:
            pieces = (*tests_for(evidence), *likeness(evidence))[:MOST_EVIDENCE]
            document.table(
                ("what was seen", "members", "weight"),
                [
                    (
                        (_seen(piece["kind"]),),
                        (case.number("evidence", "most", "accounts", kind=piece["kind"]),),
                        (
                            case.number(
                                "evidence",
                                "most",
                                "log10_likelihood_ratio",
                                kind=piece["kind"],
                                shown=words.tenfold,
                            ),
                        ),
                    )
                    for piece in _once(pieces)
                ],
                widths=(66, 14, 20),
                right=(1, 2),
            )
    document.text(
        "The weight is how much likelier the observation is if one party controls the accounts than if they "
        "are independent. Pieces overlap: they "
        "are not to be multiplied.",
        is_small=True,
    )
    if case.attribution is not None:
        _hypotheses(document, case.attribution)


def _seen(kind: str) -> str:
    """What a piece of evidence is about, as words."""
    from stillwatch.claims.basis import CONTROL_TESTS, LIKENESS_TESTS

    if kind in CONTROL_TESTS:
        return f"{words.signal(kind)} (control)"
    return (
        f"{words.signal(kind)} (likeness)"
        if kind in LIKENESS_TESTS
        else f"members share a value: {words.named(kind)}"
    )


def _once(pieces: Sequence[Any]) -> Iterator[Any]:
    """Yield the first row of each kind; rows are sorted, the strongest first."""
    kinds = set()
    for one in pieces:
        if one["kind"] not in kinds:
            kinds.add(one["kind"])
            yield one


def _hypotheses(document: Document, attribution: Any) -> None:  # noqa: ANN401
    """The table of hypotheses about who directed the campaign."""
    document.text(
        "Who directed it: hypotheses compared, the one against which least speaks first.", basis="inferred"
    )
    rows = sorted(attribution["hypotheses"], key=lambda one: one["rank_by_contradiction"])[:8]
    named = (attribution["accusation"] or {}).get("organisation")
    numbered = {
        name: n
        for n, name in enumerate(
            sorted({one["actor"] for one in attribution["hypotheses"] if one["actor"]}), 1
        )
    }

    def said(one: Any) -> str:  # noqa: ANN401
        """The hypothesis; an actor that is not named by claim 5 stands under a number."""
        if one["actor"] and one["actor"] != named:
            return one["statement"].replace(one["actor"], f"listed actor {numbered[one['actor']]}")
        return str(one["statement"])

    document.table(
        ("hypothesis", "probability", "contradicted by"),
        [
            (
                (said(one),),
                (f"{one['probability']:.3f}" if one["probability"] >= LEAST_SHOWN else f"< {LEAST_SHOWN}",),
                (
                    f"a factor of {words.tenfold(one['log10_against'])}"
                    if one["log10_against"]
                    else "nothing",
                ),
            )
            for one in rows
        ],
        widths=(58, 15, 27),
        right=(1, 2),
    )
    if not named and numbered:
        document.text("Actors of whom claim 5 is not stated are numbered and not named.", is_small=True)
    for need in attribution["needed"][:4]:
        document.text(
            f"Missing before an organisation may be named: {need}.", basis="not shown", is_small=True
        )


def _against(document: Document, case: CampaignCase) -> None:
    """Section 5: what is against the claims, and the innocent explanations."""
    document.heading("5. What speaks against, and innocent explanations that were tried")
    evidence = list(case.mine.get("evidence", ()))
    items: list[Sequence[TextPart]] = [
        (
            f"The test of whether {words.signal(row['kind'])} speaks against: an e-value of ",
            case.number("evidence", "least", "log10_likelihood_ratio", kind=row["kind"], shown=words.tenfold),
            ".",
        )
        for row in tests_against(evidence)
    ]
    items += [
        (f"{_upper(words.trait(row['trait'], 'against'))}.",)
        for row in case.mine.get("glance", ())
        if row["speaks"] == "against"
    ]
    if case.row.get("fpr_empirical"):
        items.append(
            (
                "Honest groups of the nearest explanation reach this evidence in up to ",
                case.number("campaigns", "value", "fpr_empirical", shown=words.share),
                " of cases (upper 95 % bound).",
            )
        )
    document.box(
        "Speaks against",
        items,
        side="against",
        otherwise="No test and no first fact that was computed speaks against one control.",
    )
    for_one = [
        (
            f"{_upper(words.signal(row['kind']))}: an e-value of ",
            case.number("evidence", "most", "log10_likelihood_ratio", kind=row["kind"], shown=words.tenfold),
            ".",
        )
        for row in tests_for(evidence)[:6]
    ]
    document.box("Speaks for one control", for_one, side="for", otherwise="No test of control speaks for it.")
    _explanations(document, case)


def _explanations(document: Document, case: CampaignCase) -> None:
    """The innocent explanations that were tried, the nearest in a table."""
    tried = sorted(case.mine.get("explanations", ()), key=lambda row: (row["log10_e"], row["explanation"]))
    number_tried = case.maybe("explanations", "count")
    if number_tried is not None and tried:
        document.text(
            number_tried,
            " innocent explanations were tried; the nearest are below. Remaining evidence is "
            "what the explanation cannot produce. A "
            "cause that nobody thought of was not tried.",
            basis="measured",
        )
        document.table(
            ("innocent explanation", "accounts with its mark", "remains against it"),
            [
                (
                    (words.named(row["explanation"]),),
                    (case.number("explanations", "value", "marked", explanation=row["explanation"]),),
                    (
                        case.number(
                            "explanations",
                            "value",
                            "log10_e",
                            explanation=row["explanation"],
                            shown=words.tenfold,
                        ),
                    ),
                )
                for row in tried[:MOST_EXPLANATIONS]
            ],
            widths=(50, 25, 25),
            right=(1, 2),
        )


def _upper(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _harm(document: Document, case: CampaignCase, terms: DossierTerms) -> None:
    """Section 6: exchanges and tokens by capability, with their price."""
    document.heading("6. Harm")
    rows = []
    for row in sorted(
        case.mine.get("capabilities", ()), key=lambda one: (-one["exchanges"], one["capability"])
    ):
        of = {"capability": row["capability"]}
        tokens = [
            case.maybe("capabilities", "value", column, **of) for column in ("input_tokens", "output_tokens")
        ]
        rows.append(
            (
                (words.capability(row["capability"]),),
                (case.number("capabilities", "value", "exchanges", **of),),
                *((one,) if one is not None else ("not in the log",) for one in tokens),
            )
        )
    document.table(
        ("capability", "exchanges", "tokens read", "tokens written"),
        rows,
        widths=(34, 22, 22, 22),
        right=(1, 2, 3),
    )
    document.text(
        "Exchanges by capability are counted; the class of each is inferred from words and shape of the "
        "request and may be wrong for single requests.",
        basis="measured",
        is_small=True,
    )
    value = _value(case, terms)
    if value is not None:
        low, high = value
        document.text(
            "The tokens would have cost between ",
            low,
            " and ",
            high,
            f". Assumed: ${terms.price_in:g} for "
            f"a million tokens read and "
            f"${terms.price_out:g} for a million written; the lower figure is a tenth of that, which "
            f"resellers of access are reported to ask. This is neither the "
            "provider's loss nor what a model trained on the answers is worth, which is not shown.",
            basis="inferred",
        )
    else:
        document.text(
            "The log does not say how many tokens were used, so no cost is stated.", basis="not shown"
        )


def _value(case: CampaignCase, terms: DossierTerms) -> tuple[Number, Number] | None:
    """Cost of all tokens at a tenth of the list price and at the list price; None where the log has no
    token counts.
    """
    ends: list[Number] = []
    for share in (LEAST_PRICE_SHARE, 1.0):
        parts = [
            case.maybe("capabilities", "sum", column, times=price * share / MILLION)
            for column, price in (("input_tokens", terms.price_in), ("output_tokens", terms.price_out))
        ]
        known = [one for one in parts if one is not None]
        if len(known) < len(parts):
            return None
        total = sum(one.value for one in known)
        ends.append(
            Number(
                value=total,
                shown=_dollars(total),
                how={"take": "total", "of": [dict(one.how) for one in known]},
            )
        )
    return ends[0], ends[1]


def _dollars(value: float) -> str:
    """An amount in US dollars as text, with two digits where it is small or in millions."""
    if value >= MILLION:
        return f"${value / MILLION:.2g} million"
    return f"${words.count(value)}" if value >= 10 else f"${value:.2g}"


def _done(document: Document, terms: DossierTerms) -> None:
    """Section 7: what the provider did."""
    document.heading("7. What was done")
    if terms.done:
        for one in terms.done:
            document.text(f"{terms.producer}: {one}", basis="alleged")
    else:
        document.text(
            "The results record no action. What the provider did (notices, limits, suspensions, appeals that "
            "were heard) is for the provider to state, "
            "with dates.",
            basis="not shown",
        )


def _open(document: Document, stated: Sequence[Claim]) -> None:
    """Section 8: open questions."""
    document.heading("8. Open questions")
    items: list[Sequence[TextPart]] = [
        (f"Claim {one.number} ({one.title.lower()}) is not shown: {OPEN[one.number]}.",)
        for one in stated
        if one.basis == "not shown"
    ]
    if any(one.number == 2 and one.basis == "inferred" for one in stated):
        items.append(
            ("Control is inferred from likeness alone: a probe, or payment records, would settle it.",)
        )
    if any(one.number == 3 and one.basis == "inferred" for one in stated):
        items.append(
            ("Whether a reseller stands between the accounts and whoever uses the answers is not known.",)
        )
    items.append(
        (
            (
                "Accounts that belong and were not found are missing here; only the upper bound of the "
                "exchanges "
                "allows for them."
            ),
        )
    )
    document.bullets(items)


# What would be needed to show a claim, by its number.
OPEN = {
    1: "logs with the attributed exchanges would be needed",
    2: "evidence of control, such as one card for several accounts or a probe that all accounts answer "
    "alike, would be needed",
    3: "what is asked would have to be told from what a reseller's customers or a fleet ask",
    4: "a test on the model with marks or canaries that these accounts were served would be needed",
    5: "records that link control to an organisation, from two independent sources, would be needed",
}
