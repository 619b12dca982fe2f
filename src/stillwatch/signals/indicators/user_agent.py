"""Which accounts call themselves by one name?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="the User-Agent header",
    innocent=("everyone who uses the same client at the same version",),
    evaded_by="a common User-Agent",
    source="Fellegi and Sunter 1969, with term frequencies (Winkler 2000)",
    reads=("observations.user_agent",),
    graphs=("behaviour", "client"),
)
def user_agent(observations: ir.Table) -> ir.Value:
    """The user agent of the client; null where the log has none."""
    return observations.user_agent
