"""Which accounts send from one network prefix?"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="the client's /24 (IPv4) or /48 (IPv6)",
    innocent=("an office or campus range", "a carrier's customers in one town"),
    evaded_by="residential addresses from many prefixes",
    source="EvilCohort, Stringhini et al. 2015",
    reads=("observations.client_ip",),
    graphs=("behaviour", "network"),
)
def client_prefix(observations: ir.Table) -> ir.Value:
    """The range of the client's address: /24 (IPv4) or /48 (IPv6); null without an address."""
    address = observations.client_ip
    parts = address.split(":")
    return ibis.cases(
        (address.contains(":"), parts[0] + ":" + parts[1] + ":" + parts[2]),
        else_=address.re_replace(r"\.\d+$", ".0/24"),
    ).nullif("")
