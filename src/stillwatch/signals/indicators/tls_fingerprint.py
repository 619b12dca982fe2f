"""Which accounts use one TLS stack?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="JA3 or JA4 of the client hello",
    innocent=("everyone who uses the same popular library",),
    evaded_by="a browser-grade TLS stack that imitates the common ones",
    source="JA3, Althouse et al. 2017; JA4, FoxIO 2023",
    reads=("observations.tls_fingerprint",),
    graphs=("behaviour", "client"),
)
def tls_fingerprint(observations: ir.Table) -> ir.Value:
    """The TLS fingerprint of the client; null where the log has none."""
    return observations.tls_fingerprint
