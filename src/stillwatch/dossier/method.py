"""The method on one page: fixed text with the numbers of one scan."""

from __future__ import annotations

from stillwatch.claims.numbers import number
from stillwatch.dossier.case import CampaignCase
from stillwatch.dossier.document import Document


def method(document: Document, case: CampaignCase) -> None:
    """Add the section on the method and its limits to the document."""
    document.heading("3. Method", is_new_page=True)
    candidates = number(case.tables, "overview", "value", "candidates")
    inputs = number(case.tables, "overview", "value", "inputs")
    document.text("What is read. ", *METHOD["read"], basis="measured")
    document.text("How groups are formed. ", *METHOD["formed"], basis="measured")
    tested = () if candidates is None else (candidates, " candidate groups were tested. ")
    document.text("How groups are tested. ", *tested, *METHOD["tested"], basis="measured")
    document.text("Innocent explanations. ", *METHOD["innocent"], basis="measured")
    document.text("How often this is wrong. ", *METHOD["wrong"], basis="measured")
    document.text("Which accounts and exchanges belong. ", *METHOD["members"], basis="inferred")
    document.text("What it is for. ", *METHOD["purpose"], basis="inferred")
    document.text("Who directed it. ", *METHOD["actor"], basis="inferred")
    document.box("What this method cannot see", [(one,) for one in BLIND], side="note", otherwise="")
    document.text(
        f"Program: Stillwatch {case.version}, open source, Apache-2.0. Results: SHA-256 {case.digest}. "
        "Files that were read: ",
        inputs or "unknown",
        "; their digests are in the package. The same inputs, version and seed give the same results.",
        is_small=True,
    )


# Description of the method by section: parts of text and references.
METHOD = {
    "read": (
        (
            "Text of requests is reduced to keyed digests, lengths and classes when it is read. No text "
            "enters "
            "the analysis, and none enters this "
            "document. Of accounts, what the provider knows of sign-up and payment is read, as far as the "
            "log "
            "has it."
        ),
    ),
    "formed": (
        (
            "Accounts that share rare values (cards, addresses, programs, templates) are grouped; a value "
            "that "
            "many accounts show weighs nothing "
            "(Fellegi and Sunter 1969, with term frequencies). Groups are proposed on one half of the hours "
            "and "
            "tested on the other, so that "
            "none is tested on what suggested it."
        ),
    ),
    "tested": (
        (
            "Each test states a null hypothesis, that the members are independent of each other, and gives "
            "an "
            "e-value: where the null holds, it "
            "exceeds x in at most one of x groups (Vovk and Wang 2021). Tests of control see what one party "
            "does "
            "with accounts. Tests of likeness see "
            "how alike accounts are, which a common cause makes too. E-values stay valid however the tests "
            "depend on each other."
        ),
    ),
    "innocent": (
        (
            "Every innocent explanation of a published list is tried: a course, a contest, a popular "
            "program, "
            "an employer, a promotion and others. "
            "Accounts that carry its mark count as one account in what it can produce, and only what remains "
            "counts. A group is reported only where "
            "enough remains against each of them."
        ),
    ),
    "wrong": (
        (
            "Reports are made at a false-discovery rate (e-BH; Wang and Ramdas 2022): of all campaigns that "
            "such scans report, no larger share is "
            "expected to be false. Two further rates stand in section 2: how often honest groups of the "
            "nearest "
            "explanation, and groups drawn at "
            "random from this log, reach the same evidence."
        ),
    ),
    "members": (
        (
            "Likelihood ratios of what each exchange shows, kind by kind, the campaign's so far against all "
            "other accounts; every member has a "
            "probability. A member's ordinary exchanges are not counted. The interval of the count holds the "
            "true number with 90 % confidence."
        ),
    ),
    "purpose": (
        (
            "Five hypotheses are compared by what is asked and how: direct harvest, reseller, reseller whose "
            "logs become training data, honest fleet, "
            "other fraud. Their densities are a judgement and are published with the program."
        ),
    ),
    "actor": (
        (
            "Logs do not show who directed a campaign. What is said of actors enters with its source and "
            "grade, "
            "against rivals: another actor, one that "
            "nobody listed, a vendor, a reseller, a false flag, nobody. An organisation is named only where "
            "two "
            "independent sources carry it and one "
            "of them cannot be imitated."
        ),
    ),
}
# What the method cannot see.
BLIND = (
    "A campaign whose accounts share nothing that the log holds, or that is small, may be missed.",
    (
        "An innocent cause that nobody thought of was not tried; evaluations with a cause left out say how "
        "often "
        "such a group is reported."
    ),
    "Logs show requests and answers. They do not show what was done with the answers.",
)
