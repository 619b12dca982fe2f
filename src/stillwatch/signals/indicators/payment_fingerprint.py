"""Which accounts pay with one card?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="the processor's fingerprint of the card or wallet",
    innocent=("one company's staging and production; a family",),
    evaded_by="one virtual card per account",
    source="Anthropic, February 2026 (shared payment methods)",
    reads=("accounts.payment_fingerprint",),
)
def payment_fingerprint(accounts: ir.Table) -> ir.Value:
    """The fingerprint of the account's card; null where it has none."""
    return accounts.payment_fingerprint
