"""Which accounts have addresses at one domain?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="domain of the e-mail address",
    innocent=("a company, a university, a large mail provider",),
    evaded_by="addresses at the large providers",
    source="Fellegi and Sunter 1969, with term frequencies (Winkler 2000)",
    reads=("accounts.email_domain",),
)
def email_domain(accounts: ir.Table) -> ir.Value:
    """The domain of the account's mail address in lower case; null where it is unknown."""
    return accounts.email_domain.lower()
