"""How is a verdict shown on one page?"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(whole: Mapping[str, Any]) -> str:
    """The page as HTML, whole in itself; it holds no prompt and no answer."""
    environment = Environment(
        loader=PackageLoader("stillwatch.prove"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"power10": power10, "count": count}
    return environment.get_template("verdict.html.j2").render(whole=whole, verdict=whole["verdict"])


def power10(log10: float) -> str:
    """A small or large number from its logarithm."""
    if log10 > -3 and log10 < 3:
        return f"{10**log10:.3g}"
    mantissa, exponent = 10 ** (log10 % 1), int(log10 // 1)
    return f"{mantissa:.1f} × 10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def count(value: float) -> str:
    """A whole number with separators, or that there is none."""
    return f"{value:,.0f}" if isfinite(value) else "unknown"
