"""Formats of times, names and JSON for several exporters."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from stillwatch.export.content import ExportedCampaign

NAMESPACE = uuid.UUID("6a1d1f3c-5f0e-5b86-9a39-0d8f3a7c2e41")
"""Namespace of Stillwatch's identifiers (UUID version 5, RFC 9562). Random; it never changes."""


def json_lines_bytes(rows: Iterable[Any]) -> bytes:
    """The rows as JSON Lines, with sorted keys."""
    return b"".join(
        orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE) for row in rows
    )


def own_uuid(*parts: str) -> str:
    """The UUID (version 5) of these parts."""
    return str(uuid.uuid5(NAMESPACE, "|".join(parts)))


def stamp(moment: datetime) -> str:
    """A time in STIX's form: UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(moment: datetime) -> str:
    """The date in UTC, in ISO 8601."""
    return moment.astimezone(UTC).date().isoformat()


def json_bytes(value: Any) -> bytes:  # noqa: ANN401  anything that JSON has
    """Indented JSON with sorted keys."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def tlp_label(tlp: str) -> str:
    """The marking as text, such as `TLP:AMBER+STRICT`."""
    return f"TLP:{tlp.upper()}"


def active(campaigns: tuple[ExportedCampaign, ...]) -> list[ExportedCampaign]:
    """The campaigns that are not revoked."""
    return [one for one in campaigns if not one.is_revoked]
