"""Elasticsearch and OpenSearch documents from searches, exports and bulk API files."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record, at


@envelope(
    title="Elasticsearch or OpenSearch hits",
    source="Elasticsearch: Search API, Bulk API; elasticdump",
    keys=("_source", "fields", "hits", "index", "create"),
)
def elasticsearch(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """`_source` or `fields` of each hit; empty for an action line of the bulk API."""
    source = record.get("_source")
    if isinstance(source, dict) and {"_index", "_id", "_score", "sort"} & record.keys():
        return [source]
    fields = record.get("fields")
    if isinstance(fields, dict) and {"_index", "_id"} <= record.keys():  # lists of values, also of one
        return [
            {name: one[0] if isinstance(one, list) and len(one) == 1 else one for name, one in fields.items()}
        ]
    several = at(record, "hits", "hits")
    if isinstance(several, list):
        return [one for one in several if isinstance(one, dict)]
    for action in ("index", "create"):
        if (
            record.keys() == {action}
            and isinstance(record[action], dict)
            and not record[action].keys() - ABOUT
        ):
            return []
    return None


# Fields that an action of a bulk file may have.
ABOUT = {
    "_index",
    "_id",
    "_type",
    "routing",
    "require_alias",
    "dynamic_templates",
    "pipeline",
    "version",
    "version_type",
}
