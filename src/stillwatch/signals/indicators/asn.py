"""Which accounts send from one network operator?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="the autonomous system of the client's address",
    innocent=("everyone in one country on one carrier",),
    evaded_by="residential proxies over many operators",
    source="BotGraph, Zhao et al. 2009",
    reads=("observations.asn",),
    graphs=("behaviour", "network", "client"),
)
def asn(observations: ir.Table) -> ir.Value:
    """The autonomous system of the client's address, as text; null where it is unknown."""
    return observations.asn.cast("string")
