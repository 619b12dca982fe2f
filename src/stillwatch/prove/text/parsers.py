"""Parsers of what is not prose, loaded when a text asks for them."""

from __future__ import annotations

import importlib
from typing import Any

from stillwatch.errors import MissingExtra, Problem


def parser_module(name: str) -> Any:  # noqa: ANN401  a module of a library that may be absent
    """A parser's module; `MissingExtra` where it is not installed. Without it no text is marked."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtra(
            Problem(
                fact="marks in finished text need parsers of what is not prose",
                found=f"no package `{name.partition('.')[0]}`",
                fix="pip install --upgrade stillwatch",
            )
        ) from None
