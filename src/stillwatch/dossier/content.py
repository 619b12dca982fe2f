"""The text of a dossier: what is claimed and what is not, numbers, method, evidence, what speaks against, harm, what was done, what is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stillwatch.claims import words
from stillwatch.claims.basis import likeness, tests_against, tests_for
from stillwatch.claims.numbers import Number, Part
from stillwatch.claims.statements import Claim, claims, known_from
from stillwatch.dossier.case import Case
from stillwatch.dossier.document import Document, Numbers
from stillwatch.export.atlas import VERSION as ATLAS

MOST_EXPLANATIONS, MOST_EVIDENCE = 6, 8
LEAST_PRICE_SHARE = 0.1
"""Part of the list price that resellers of access are reported to ask; the lower end of the value of what was taken (`docs/methods/dossier.md`)."""
MILLION = 1e6
LEAST_SHOWN = 0.001
KINDS = {
    "email_domain": "domain-name", "client_prefix": "ipv4-addr / ipv6-addr range", "signup_address": "ipv4-addr / ipv6-addr",
    "tls_fingerprint": "tls client fingerprint", "user_agent": "user-agent",
}  # fmt: skip
"""Names of kinds of indicator in joint advisories of CISA and its partners, which follow STIX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the provider adds: its name, dollars for a million tokens read and written at list price, what it did."""

    producer: str = "the provider"
    price_in: float = 2.0
    price_out: float = 10.0
    done: tuple[str, ...] = ()


def dossier(case: Case, terms: Terms, numbers: Numbers) -> Document:
    """The dossier of one campaign: four pages, then annexes."""
    document = Document(
        f"Dossier on campaign {case.name}",
        f"{words.moment(case.row['first_seen'])} to {words.moment(case.row['last_seen'])}", numbers,
    )  # fmt: skip
    stated = claims(case.tables, case.name, case.attribution)
    _claimed(document, case, stated)
    _counted(document, case)
    _method(document, case)
    _evidence(document, case, stated)
    _against(document, case)
    _harm(document, case, terms)
    _done(document, terms)
    _open(document, case, stated)
    _annexes(document, case)
    return document


def _claimed(document: Document, case: Case, stated: Sequence[Claim]) -> None:
    document.heading("1. What is claimed, and what is not")
    document.text(
        "Five claims are kept apart. Each stands on its own evidence and lends none of its certainty to another. The word in front of each "
        "names its basis: measured (counted or computed from the provider's logs), inferred (follows from what was measured, under stated "
        "assumptions), alleged (said by a named source, not checked here), not shown (nothing here speaks for it).", is_small=True,
    )  # fmt: skip
    document.claims((one.number, one.title, one.basis, one.sentence) for one in stated)


def _counted(document: Document, case: Case) -> None:
    document.heading("2. Numbers, and how they were counted")
    rows: list[Sequence[Sequence[Part]]] = []

    def row(what: str, value: Sequence[Part], how: Sequence[Part]) -> None:
        rows.append(((what,), value, how))

    row("accounts", (case.number("members", "count"),), ("members by attribution; each with its probability in annex A",))
    least = case.maybe("members", "least", "score", shown=words.share)
    row(
        "exchanges",
        (case.number("members", "sum", "exchanges"),),
        ("between ", case.number("campaigns", "value", "exchanges_low"), " and ", case.number("campaigns", "value", "exchanges_high"),
         " with 90 % confidence; a member's ordinary exchanges are not counted"),
    )  # fmt: skip
    if least is not None:
        row("least probable member", (least,), ("probability that the account belongs to the campaign",))
    row("first exchange", (case.number("campaigns", "value", "first_seen", shown=words.moment),), ("first exchange that is attributed",))
    row("last exchange", (case.number("campaigns", "value", "last_seen", shown=words.moment),), ("last exchange that is attributed",))
    row(
        "rate of false reports", (case.number("campaigns", "value", "q_value", shown=words.share),),
        ("false-discovery rate at which it is reported, among all groups that were tested (e-BH; Wang and Ramdas 2022)",),
    )  # fmt: skip
    for column, how in (
        ("fpr_empirical", "upper 95 % bound: how often honest groups of the nearest explanation reach this evidence, from the shipped bank"),
        ("fpr_synthetic", "upper 95 % bound: the same for groups drawn at random from this log"),
    ):
        one = case.maybe("campaigns", "value", column, shown=words.share)
        if one is not None:
            row("rate on honest groups", (one,), (how,))
    seen = case.maybe("campaigns", "value", "detected_at", shown=words.moment)
    if seen is not None and known_from(case.mine.get("timeline", ())) is not None:
        row("evidence sufficed from", (seen,), ("first look, in time order, at which an alert would have been called",))
    else:
        row("evidence sufficed from", ("at no look",), ("no look, in time order, alerted; the whole log was needed",))
    document.table(("number", "value", "how it was counted"), rows, widths=(20, 25, 55))
    document.text(
        "A small mark such as N1 behind a number names the entry of numbers.json that says from which rows it is counted. "
        "`stillwatch verify`, or the verifier of one file that lies in every package, derives it again.", is_small=True,
    )  # fmt: skip


def _method(document: Document, case: Case) -> None:
    document.heading("3. Method", is_new_page=True)
    candidates = case.overview.get("candidates")
    document.text("What is read. ", *METHOD["read"], basis="measured")
    document.text("How groups are formed. ", *METHOD["formed"], basis="measured")
    if isinstance(candidates, int):
        document.text(f"How groups are tested. {words.count(candidates)} candidate groups were tested. ", *METHOD["tested"], basis="measured")
    else:
        document.text("How groups are tested. ", *METHOD["tested"], basis="measured")
    document.text("Innocent explanations. ", *METHOD["innocent"], basis="measured")
    document.text("How often this is wrong. ", *METHOD["wrong"], basis="measured")
    document.text("Which accounts and exchanges belong. ", *METHOD["members"], basis="inferred")
    document.text("What it is for. ", *METHOD["purpose"], basis="inferred")
    document.text("Who directed it. ", *METHOD["actor"], basis="inferred")
    document.box("What this method cannot see", [(one,) for one in BLIND], side="note", otherwise="")
    document.text(
        f"Program: Stillwatch {case.version}, open source, Apache-2.0. Results: SHA-256 {case.digest}. Inputs: {len(case.inputs)} files, whose digests "
        "are in the package. The same inputs, version and seed give the same results.", is_small=True,
    )  # fmt: skip


METHOD = {
    "read": (
        "Text of requests is reduced to keyed digests, lengths and classes when it is read. No text enters the analysis, and none enters this "
        "document. Of accounts, what the provider knows of sign-up and payment is read, as far as the log has it.",
    ),
    "formed": (
        "Accounts that share rare values (cards, addresses, programs, templates) are grouped; a value that many accounts show weighs nothing "
        "(Fellegi and Sunter 1969, with term frequencies). Groups are proposed on one half of the hours and tested on the other, so that "
        "none is tested on what suggested it.",
    ),
    "tested": (
        "Each test states a null hypothesis, that the members are independent of each other, and gives an e-value: where the null holds, it "
        "exceeds x in at most one of x groups (Vovk and Wang 2021). Tests of control see what one party does with accounts. Tests of likeness see "
        "how alike accounts are, which a common cause makes too. E-values stay valid however the tests depend on each other.",
    ),
    "innocent": (
        "Every innocent explanation of a published list is tried: a course, a contest, a popular program, an employer, a promotion and others. "
        "Accounts that carry its mark count as one account in what it can produce, and only what remains counts. A group is reported only where "
        "enough remains against each of them.",
    ),
    "wrong": (
        "Reports are made at a false-discovery rate (e-BH; Wang and Ramdas 2022): of all campaigns that such scans report, no larger share is "
        "expected to be false. Two further rates stand in section 2: how often honest groups of the nearest explanation, and groups drawn at "
        "random from this log, reach the same evidence.",
    ),
    "members": (
        "Likelihood ratios of what each exchange shows, kind by kind, the campaign's so far against all other accounts; every member has a "
        "probability. A member's ordinary exchanges are not counted. The interval of the count holds the true number with 90 % confidence.",
    ),
    "purpose": (
        "Five hypotheses are compared by what is asked and how: direct harvest, reseller, reseller whose logs become training data, honest fleet, "
        "other fraud. Their densities are a judgement and are published with the program.",
    ),
    "actor": (
        "Logs do not show who directed a campaign. What is said of actors enters with its source and grade, against rivals: another actor, one that "
        "nobody listed, a vendor, a reseller, a false flag, nobody. An organisation is named only where two independent sources carry it and one "
        "of them cannot be imitated.",
    ),
}  # fmt: skip
BLIND = (
    "A campaign whose accounts share nothing that the log holds, or that is small, may be missed.",
    "An innocent cause that nobody thought of was not tried; evaluations with a cause left out say how often such a group is reported.",
    "Logs show requests and answers. They do not show what was done with the answers.",
)


def _evidence(document: Document, case: Case, stated: Sequence[Claim]) -> None:
    document.heading("4. Evidence by claim", is_new_page=True)
    evidence = list(case.mine.get("evidence", ()))
    for one in stated:
        document.text(f"Claim {one.number}, {one.title[:1].lower()}{one.title[1:]}: ", *one.sentence, ".", basis=one.basis)
        if one.number == 2:  # noqa: PLR2004  claims are numbered
            pieces = (*tests_for(evidence), *likeness(evidence))[:MOST_EVIDENCE]
            document.table(
                ("what was seen", "members", "weight"),
                [
                    (
                        (_seen(piece["kind"]),),
                        (case.number("evidence", "most", "accounts", kind=piece["kind"]),),
                        (case.number("evidence", "most", "log10_likelihood_ratio", kind=piece["kind"], shown=words.tenfold),),
                    )
                    for piece in _once(pieces)
                ],
                widths=(66, 14, 20), right=(1, 2),
            )  # fmt: skip
    document.text(
        "The weight is how much likelier the observation is if one party controls the accounts than if they are independent. Pieces overlap: they "
        "are not to be multiplied.", is_small=True,
    )  # fmt: skip
    if case.attribution is not None:
        _hypotheses(document, case.attribution)


def _seen(kind: str) -> str:
    from stillwatch.claims.basis import CONTROL_TESTS, LIKENESS_TESTS

    if kind in CONTROL_TESTS:
        return f"{words.signal(kind)} (control)"
    return f"{words.signal(kind)} (likeness)" if kind in LIKENESS_TESTS else f"members share a value: {words.named(kind)}"


def _once(pieces: Sequence[Any]) -> Iterator[Any]:
    """The strongest row of each kind."""
    kinds = set()
    for one in pieces:
        if one["kind"] not in kinds:
            kinds.add(one["kind"])
            yield one


def _hypotheses(document: Document, told: Any) -> None:  # noqa: ANN401
    document.text("Who directed it: hypotheses compared, the one against which least speaks first.", basis="inferred")
    rows = sorted(told["hypotheses"], key=lambda one: one["rank_by_contradiction"])[:8]
    named = (told["accusation"] or {}).get("organisation")
    numbered = {name: n for n, name in enumerate(sorted({one["actor"] for one in told["hypotheses"] if one["actor"]}), 1)}

    def said(one: Any) -> str:  # noqa: ANN401
        """The hypothesis; an actor that is not named by claim 5 stands under a number."""
        if one["actor"] and one["actor"] != named:
            return one["statement"].replace(one["actor"], f"listed actor {numbered[one['actor']]}")
        return str(one["statement"])

    document.table(
        ("hypothesis", "probability", "fits worse than the best by"),
        [
            ((said(one),), (f"{one['probability']:.3f}" if one["probability"] >= LEAST_SHOWN else f"< {LEAST_SHOWN}",),
             (f"a factor of {words.tenfold(one['log10_against'])}" if one["log10_against"] else "nothing",))
            for one in rows
        ],
        widths=(58, 15, 27), right=(1, 2),
    )  # fmt: skip
    if not named and numbered:
        document.text("Actors of whom claim 5 is not stated are numbered and not named.", is_small=True)
    for need in told["needed"][:4]:
        document.text(f"Missing before an organisation may be named: {need}.", basis="not shown", is_small=True)


def _against(document: Document, case: Case) -> None:
    document.heading("5. What speaks against, and innocent explanations that were tried")
    evidence = list(case.mine.get("evidence", ()))
    items: list[Sequence[Part]] = [
        (f"The test of whether {words.signal(row['kind'])} speaks against: an e-value of ",
         case.number("evidence", "least", "log10_likelihood_ratio", kind=row["kind"], shown=words.tenfold), ".")
        for row in tests_against(evidence)
    ]  # fmt: skip
    items += [
        (f"{_upper(words.trait(row['trait'], 'against'))}.",) for row in case.mine.get("glance", ()) if row["speaks"] == "against"
    ]
    if case.row.get("fpr_empirical"):
        items.append(
            ("Honest groups of the nearest explanation reach this evidence in up to ",
             case.number("campaigns", "value", "fpr_empirical", shown=words.share), " of cases (upper 95 % bound).")
        )  # fmt: skip
    document.box("Speaks against", items, side="against", otherwise="No test and no first fact that was computed speaks against one control.")
    for_one = [
        (f"{_upper(words.signal(row['kind']))}: an e-value of ",
         case.number("evidence", "most", "log10_likelihood_ratio", kind=row["kind"], shown=words.tenfold), ".")
        for row in tests_for(evidence)[:6]
    ]  # fmt: skip
    document.box("Speaks for one control", for_one, side="for", otherwise="No test of control speaks for it.")
    tried = sorted(case.mine.get("explanations", ()), key=lambda row: (row["log10_e"], row["explanation"]))
    number_tried = case.maybe("explanations", "count")
    if number_tried is not None and tried:
        document.text(
            number_tried, " innocent explanations were tried; the nearest are below. Remaining evidence is what the explanation cannot produce. A "
            "cause that nobody thought of was not tried.", basis="measured",
        )  # fmt: skip
        document.table(
            ("innocent explanation", "accounts with its mark", "remains against it"),
            [
                (
                    (words.named(row["explanation"]),),
                    (case.number("explanations", "value", "marked", explanation=row["explanation"]),),
                    (case.number("explanations", "value", "log10_e", explanation=row["explanation"], shown=words.tenfold),),
                )
                for row in tried[:MOST_EXPLANATIONS]
            ],
            widths=(50, 25, 25), right=(1, 2),
        )  # fmt: skip


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _harm(document: Document, case: Case, terms: Terms) -> None:
    document.heading("6. Harm")
    rows = []
    for row in sorted(case.mine.get("capabilities", ()), key=lambda one: (-one["exchanges"], one["capability"])):
        of = {"capability": row["capability"]}
        tokens = [case.maybe("capabilities", "value", column, **of) for column in ("input_tokens", "output_tokens")]
        rows.append((
            (words.capability(row["capability"]),), (case.number("capabilities", "value", "exchanges", **of),),
            *((one,) if one is not None else ("not in the log",) for one in tokens),
        ))  # fmt: skip
    document.table(("capability", "exchanges", "tokens read", "tokens written"), rows, widths=(34, 22, 22, 22), right=(1, 2, 3))
    document.text(
        "Exchanges by capability are counted; the class of each is inferred from words and shape of the request and may be wrong for single requests.",
        basis="measured", is_small=True,
    )  # fmt: skip
    value = _value(case, terms)
    if value is not None:
        low, high = value
        document.text(
            "The tokens would have cost between ", low, " and ", high, f". Assumed: ${terms.price_in:g} for a million tokens read and "
            f"${terms.price_out:g} for a million written; the lower figure is a tenth of that, which resellers of access are reported to ask. This is neither the "
            "provider's loss nor what a model trained on the answers is worth, which is not shown.", basis="inferred",
        )  # fmt: skip
    else:
        document.text("The log does not say how many tokens were used, so no cost is stated.", basis="not shown")


def _value(case: Case, terms: Terms) -> tuple[Number, Number] | None:
    """Cost of all tokens, at a tenth of the list price and at the list price; None where the log does not say how many there were."""
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
        ends.append(Number(value=total, shown=_dollars(total), how={"take": "total", "of": [dict(one.how) for one in known]}))
    return ends[0], ends[1]


def _dollars(value: float) -> str:
    if value >= MILLION:
        return f"${value / MILLION:.2g} million"
    return f"${words.count(value)}" if value >= 10 else f"${value:.2g}"  # noqa: PLR2004  below ten dollars cents are shown


def _done(document: Document, terms: Terms) -> None:
    document.heading("7. What was done")
    if terms.done:
        for one in terms.done:
            document.text(f"{terms.producer}: {one}", basis="alleged")
    else:
        document.text(
            "The results record no action. What the provider did (notices, limits, suspensions, appeals that were heard) is for the provider to state, "
            "with dates.", basis="not shown",
        )  # fmt: skip


def _open(document: Document, case: Case, stated: Sequence[Claim]) -> None:
    document.heading("8. Open questions")
    items: list[Sequence[Part]] = [
        (f"Claim {one.number} ({one.title.lower()}) is not shown: {OPEN[one.number]}.",) for one in stated if one.basis == "not shown"
    ]
    if any(one.number == 2 and one.basis == "inferred" for one in stated):  # noqa: PLR2004
        items.append(("Control is inferred from likeness alone: a probe, or payment records, would settle it.",))
    if any(one.number == 3 and one.basis == "inferred" for one in stated):  # noqa: PLR2004
        items.append(("Whether a reseller stands between the accounts and whoever uses the answers is not known.",))
    items.append(("Accounts that belong and were not found are missing here; only the upper bound of the exchanges allows for them.",))
    document.bullets(items)


OPEN = {
    1: "logs with the attributed exchanges would be needed",
    2: "evidence of control, such as one card for several accounts or a probe that all accounts answer alike, would be needed",
    3: "what is asked would have to be told from what a reseller's customers or a fleet ask",
    4: "a test on the model with marks or canaries that these accounts were served would be needed",
    5: "records that link control to an organisation, from two independent sources, would be needed",
}


def _annexes(document: Document, case: Case) -> None:
    document.heading("Annex A. Members", is_new_page=True)
    shown = sorted(case.shown.members, key=lambda one: one.pseudonym)
    scores = case.number("members", "sorted", "score", shown=lambda values: f"{len(values)} probabilities")
    exchanges = case.number("members", "sorted", "exchanges", shown=lambda values: f"{len(values)} counts")
    document.text(
        "Accounts are named by keyed pseudonyms; who holds the results can name them. The ", scores, " and the ", exchanges,
        " of exchanges in the results, in descending order, are entries of their own; p is the probability of membership.", is_small=True,
    )  # fmt: skip
    document.table(
        ("account", "p", "account", "p", "account", "p"), _columns([(one.pseudonym, _probability(one.probability)) for one in shown]),
        widths=(24, 9, 24, 9, 24, 9), right=(1, 3, 5), is_dense=True,
    )  # fmt: skip
    document.heading("Annex B. Indicators")
    document.text(
        f"In the form of joint advisories; TLP:AMBER+STRICT unless the provider marks it otherwise. Values that honest accounts show too are withheld ({case.withheld} here). "
        f"They expire on {case.shown.expires:%Y-%m-%d}.", is_small=True,
    )  # fmt: skip
    document.table(
        ("type", "indicator", "members", "other accounts", "confidence"),
        [
            ((KINDS.get(one.kind, words.named(one.kind)),), (one.value,), (str(one.members),), (str(one.others),), (f"{one.confidence} of 100",))
            for one in case.shown.shared
        ],
        widths=(24, 36, 12, 14, 14), right=(2, 3, 4),
    )  # fmt: skip
    if not case.shown.shared:
        document.text("No value may be named: each is shown by honest accounts as well, or could be.", basis="not shown")
    document.heading("Annex C. Techniques")
    document.text(f"MITRE ATLAS, content version {ATLAS}. A technique is named for what claims 1 to 3 show.", is_small=True)
    document.table(
        ("technique", "name", "tactic"),
        [
            ((one.technique,), (f"{one.parent_name}: {one.name}" if one.parent_name else one.name,), (one.tactic_name,))
            for one in case.shown.techniques
        ],
        widths=(22, 50, 28),
    )


def _probability(value: float) -> str:
    return "> 0.999" if value > 0.9995 else f"{value:.3f}"  # noqa: PLR2004  it would be rounded to 1


def _columns(rows: Sequence[tuple[str, str]], columns: int = 3) -> list[Sequence[Sequence[Part]]]:
    """Pairs laid out in columns, read downwards."""
    height = -(-len(rows) // columns)
    return [
        [(text,) for column in range(columns) for text in (rows[column * height + line] if column * height + line < len(rows) else ("", ""))]
        for line in range(height)
    ]
