"""JSON on standard output, the same for every command."""

from __future__ import annotations

import json
import math
from typing import Any

import click


def print_json(value: object, *, on_one_line: bool = False) -> None:
    """One JSON value with keys in a fixed order. Numbers that JSON does not have (infinity, not a number)
    are null.
    """
    indent = None if on_one_line else 2
    click.echo(json.dumps(_finite(value), indent=indent, sort_keys=True, default=str, allow_nan=False))


def _finite(value: Any) -> Any:  # noqa: ANN401  any value that is printed
    """A value with None in place of NaN and infinities, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
