"""Which accounts have a value in common with a campaign of one peer?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="the peer with which the account has a value in common, by a match in which neither side showed "
    "the rest",
    innocent=("customers of both providers, where one side matched more than the values of its findings",),
    evaded_by="other instruments, addresses, programs and words at each provider",
    source="De Cristofaro, Gasti and Tsudik 2012 (private set intersection cardinality)",
    reads=("accounts.peer_match",),
)
def peer_match(accounts: ir.Table) -> ir.Value:
    """The peer that has a value in common with the account; null where none has."""
    return accounts.peer_match
