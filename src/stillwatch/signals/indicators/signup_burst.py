"""Which accounts signed up within the same ten minutes?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="ten-minute block of the sign-up",
    innocent=("a class, a hackathon, a launch",),
    evaded_by="sign-ups spread over weeks",
    source="pollinations.ai's published abuse detection, ARCHITECTURE.md (15 registrations in five minutes)",
    reads=("accounts.created_at",),
)
def signup_burst(accounts: ir.Table) -> ir.Value:
    """The ten minutes in which the account was created, counted from 1970; null where unknown."""
    return accounts.created_at.epoch_seconds().floordiv(600).cast("string")
