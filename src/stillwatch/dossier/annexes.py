"""Annexes: members by pseudonym, indicators, techniques."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.claims import words
from stillwatch.claims.numbers import TextPart
from stillwatch.dossier.case import CampaignCase
from stillwatch.dossier.document import Document
from stillwatch.export.atlas import VERSION as ATLAS

KINDS = {
    "email_domain": "domain-name",
    "client_prefix": "ipv4-addr / ipv6-addr range",
    "signup_address": "ipv4-addr / ipv6-addr",
    "tls_fingerprint": "tls client fingerprint",
    "user_agent": "user-agent",
}
"""Names of kinds of indicator in joint advisories of CISA and its partners, which follow STIX."""


def annexes(document: Document, case: CampaignCase) -> None:
    """Add the annexes to the document."""
    document.heading("Annex A. Members", is_new_page=True)
    shown = sorted(case.shown.members, key=lambda one: one.pseudonym)
    scores = case.number("members", "sorted", "score", shown=lambda values: f"{len(values)} probabilities")
    exchanges = case.number("members", "sorted", "exchanges", shown=lambda values: f"{len(values)} counts")
    document.text(
        "Accounts are named by keyed pseudonyms; who holds the results can name them. The ",
        scores,
        " and the ",
        exchanges,
        " of exchanges in the results, in descending order, are entries of their own; p is the probability "
        "of membership.",
        is_small=True,
    )
    document.table(
        ("account", "p", "account", "p", "account", "p"),
        _columns([(one.pseudonym, _probability(one.probability)) for one in shown]),
        widths=(24, 9, 24, 9, 24, 9),
        right=(1, 3, 5),
        is_dense=True,
    )
    document.heading("Annex B. Indicators")
    document.text(
        f"In the form of joint advisories; TLP:AMBER+STRICT unless the provider marks it otherwise. Values "
        f"that honest accounts show too are withheld ({case.withheld} here). "
        f"They expire on {case.shown.expires:%Y-%m-%d}.",
        is_small=True,
    )
    document.table(
        ("type", "indicator", "members", "other accounts", "confidence"),
        [
            (
                (KINDS.get(one.kind, words.named(one.kind)),),
                (one.value,),
                (str(one.members),),
                (str(one.others),),
                (f"{one.confidence} of 100",),
            )
            for one in case.shown.shared
        ],
        widths=(24, 36, 12, 14, 14),
        right=(2, 3, 4),
    )
    if not case.shown.shared:
        document.text(
            "No value may be named: each is shown by honest accounts as well, or could be.", basis="not shown"
        )
    document.heading("Annex C. Techniques")
    document.text(
        f"MITRE ATLAS, content version {ATLAS}. A technique is named for what claims 1 to 3 show.",
        is_small=True,
    )
    document.table(
        ("technique", "name", "tactic"),
        [
            (
                (one.technique,),
                (f"{one.parent_name}: {one.name}" if one.parent_name else one.name,),
                (one.tactic_name,),
            )
            for one in case.shown.techniques
        ],
        widths=(22, 50, 28),
    )


def _probability(value: float) -> str:
    """A probability as text, with three digits."""
    return "> 0.999" if value > 0.9995 else f"{value:.3f}"


def _columns(rows: Sequence[tuple[str, str]], columns: int = 3) -> list[Sequence[Sequence[TextPart]]]:
    """Pairs laid out in columns, to be read downwards."""
    height = -(-len(rows) // columns)
    return [
        [
            (text,)
            for column in range(columns)
            for text in (rows[column * height + line] if column * height + line < len(rows) else ("", ""))
        ]
        for line in range(height)
    ]
