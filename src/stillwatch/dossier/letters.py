"""Drafts of letters about a campaign. Every number in them is a reference to the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stillwatch.claims import words
from stillwatch.claims.numbers import TextPart
from stillwatch.claims.statements import Claim, claims
from stillwatch.dossier.case import CampaignCase
from stillwatch.dossier.content import DossierTerms
from stillwatch.dossier.document import Document, Numbers

# Those to whom a letter can be drafted, with their description.
READERS: Mapping[str, str] = {
    "legislator": "a member of the legislature",
    "regulator": "the regulator",
    "accused": "the party concerned",
    "peer": "another provider",
}
# First paragraph of the letter, by reader.
OPENING = {
    "legislator": "You asked what can be shown of the use of our service to copy a model's abilities. This "
    "letter says what we measured, what we infer, and what we cannot show.",
    "regulator": "We report a group of accounts on our service. This letter says what was measured, what is "
    "inferred and what is not shown, so that you can decide what to ask for.",
    "accused": "We write before we state anything in public. We observed the accounts described here, and "
    "ask for your account of them. We do not say that you directed them unless claim 5 below says so.",
    "peer": "We share what we found so that you can compare it with your own logs. Each of us decides alone "
    "what to do; this letter asks for no joint action.",
}
# Last paragraph of the letter, by reader.
CLOSING = {
    "legislator": "We ask that no one be named on the strength of claims 1 to 3 alone. The package lets your "
    "staff, or anyone you appoint, derive each number again without us.",
    "regulator": "The package can be verified offline, without us and without our program. On your order we "
    "can produce a package of level open, which holds the exchanges.",
    "accused": "If there is an innocent cause that we did not try, tell us and we will try it and publish "
    "the outcome. Until then we ask you to keep what you hold on these accounts.",
    "peer": "The indicators in annex B of the dossier expire. If you find the same values among your honest "
    "customers, tell us, so that we withdraw them.",
}


def letter(to: str, case: CampaignCase, terms: DossierTerms, numbers: Numbers) -> Document:
    """The draft of a letter to one of `READERS`."""
    document = Document(
        f"Draft of a letter to {READERS[to]}",
        "To be read and signed by counsel; nothing here is sent by this program",
        numbers,
    )
    document.lines(
        [
            f"From: {terms.producer}",
            f"To: {READERS[to]}",
            "Date: to be filled in",
            "Annexes: the dossier; the package, with its root",
        ]
    )
    document.text(OPENING[to])
    stated = claims(case.tables, case.name, case.attribution)
    document.claims((one.number, one.title, one.basis, one.sentence) for one in _for(to, stated))
    document.text(
        "The number of exchanges lies between ",
        case.number("campaigns", "value", "exchanges_low"),
        " and ",
        case.number("campaigns", "value", "exchanges_high"),
        " with 90 % confidence, from ",
        case.number("campaigns", "value", "first_seen", shown=words.moment),
        " to ",
        case.number("campaigns", "value", "last_seen", shown=words.moment),
        ". Groups like this are reported falsely at a rate of at most ",
        case.number("campaigns", "value", "q_value", shown=words.share),
        " among those reported, if the stated assumptions hold.",
    )
    document.text(
        "What speaks against this reading, and the innocent explanations that we tried, stand in section 5 "
        "of the dossier. We ask you to read them first.",
    )
    document.text(CLOSING[to])
    document.text(
        "A mark such as N1 behind a number names the entry of numbers.json in the package that says how it "
        "is counted.",
        is_small=True,
    )
    return document


def _for(to: str, stated: Sequence[Claim]) -> list[Claim]:
    """The claims for a reader; peers do not receive claim 5."""
    if to != "peer":
        return list(stated)
    hidden: tuple[TextPart, ...] = ("not shared between providers",)
    return [
        Claim(number=one.number, title=one.title, basis="not shown", sentence=hidden, carried_by=())
        if one.number == 5
        else one
        for one in stated
    ]
