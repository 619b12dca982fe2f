"""Which accounts send requests of one shape?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="operation, sampling parameters, limits and tools, digested",
    innocent=("users of one library with its defaults",),
    evaded_by="parameters drawn at random per account",
    source="public relay software normalises headers and parameters of requests "
    "(Wei-Shaw/claude-relay-service)",
    reads=("observations.shape_key",),
    graphs=("behaviour", "client"),
    is_content=True,
)
def request_shape(observations: ir.Table) -> ir.Value:
    """The digest of the request's parameters; null where none is set."""
    return observations.shape_key.nullif(0).cast("string")
