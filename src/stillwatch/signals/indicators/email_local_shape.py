"""Which accounts have local parts of one shape?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="local part with letters as a and digits as 9",
    innocent=("first.last at one company",),
    evaded_by="names drawn from real people",
    source="pollinations.ai's published abuse detection, account-linkage-lib.ts (one local part at several "
    "domains)",
    reads=("accounts.email_local_shape",),
)
def email_local_shape(accounts: ir.Table) -> ir.Value:
    """The shape of the local part of the mail address; null where it is unknown."""
    return accounts.email_local_shape
