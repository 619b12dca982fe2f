"""Which accounts send from one address?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="the client's IPv4 or IPv6 address",
    innocent=("an office, a campus or a carrier's shared address",),
    evaded_by="one residential address per account",
    source="EvilCohort, Stringhini et al. 2015",
    reads=("observations.client_ip",),
    graphs=("behaviour", "network"),
    proposes_only=True,
)
def client_address(observations: ir.Table) -> ir.Value:
    """The client's address; null where the log has none."""
    return observations.client_ip
