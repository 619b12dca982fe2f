"""Do members that claim to be strangers pay with the same cards?"""

from __future__ import annotations

from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.signals.sharing import attribute, own_values, sharing_finding


@group_test(
    family="identity",
    rows=attribute("payment_fingerprint"),
    sample_null=own_values,
    measures="cards used by more than one member",
    null="a further member repeats a value with probability at most max(0.05, 3 times what as many other accounts do)",
    innocent=("one company's accounts",),
    evaded_by="one virtual card per account",
    source="Anthropic, February 2026 (shared payment methods)",
    reads=("accounts.payment_fingerprint",),
)
def shared_payment(rows: Columns, member: Mask) -> Finding | None:
    return sharing_finding(
        rows,
        member,
        "{members} members pay with {values} cards: {repeats} repeat another member's card; of as many other accounts {share} do",
    )
