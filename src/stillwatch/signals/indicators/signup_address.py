"""Which accounts signed up from one address?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="address at sign-up",
    innocent=("a campus, an office, a carrier's shared address",),
    evaded_by="one residential address per sign-up",
    source="BotGraph, Zhao et al. 2009",
    reads=("accounts.signup_ip",),
)
def signup_address(accounts: ir.Table) -> ir.Value:
    """The address from which the account signed up; null where it is unknown."""
    return accounts.signup_ip
