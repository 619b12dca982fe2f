"""The page that shows a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stillwatch.prove.finding import EDGES
from stillwatch.report.plots import element, svg, text

# Pixels: width of a plot, and vertical place of its base line.
WIDTH, BASE = 720, 150
FEWEST_DECOYS = 99  # least decoys of a finding that is plotted


def render(whole: Mapping[str, Any]) -> str:
    """The page as one HTML text that needs no other file; it contains no prompt and no answer."""
    environment = Environment(
        loader=PackageLoader("stillwatch.prove"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"power10": power10, "count": count}
    ranked = [one for one in whole["findings"] if one["decoys"] >= FEWEST_DECOYS and sum(one["decoy_z"])]
    best = min(ranked, key=lambda one: float(one["log10_p"]), default=None)
    plot = among_decoys(best) if best is not None else ""
    return environment.get_template("verdict.html.j2").render(
        whole=whole, verdict=whole["verdict"], plot=plot, best=best
    )


def among_decoys(one: Mapping[str, Any]) -> str:
    """SVG histogram of the decoys' standardised scores, with the true key's score as a line."""
    z = one["effect"] * one["units"] ** 0.5
    right = max(6.0, z * 1.08)

    def x(value: float) -> float:
        """Horizontal place of a standardised score, in pixels."""
        return 10 + (WIDTH - 20) * (min(max(value, -5.0), right) + 5) / (right + 5)

    top = max(one["decoy_z"])
    drawn = "".join(
        element(
            "rect",
            x=x(left),
            y=BASE - 110 * n / top,
            width=max(x(right_) - x(left) - 1, 1),
            height=110 * n / top,
            class_="decoy",
        )
        for left, right_, n in zip(EDGES[:-1], EDGES[1:], one["decoy_z"], strict=True)
    )
    drawn += element("line", x1=10, x2=WIDTH - 10, y1=BASE, y2=BASE, class_="axis")
    step = 2 if right <= 12 else 5 if right <= 40 else 20
    for tick in range(-4 if step == 2 else 0, int(right) + 1, step):
        drawn += text(f"{tick}", x(tick), BASE + 16, "middle")
    drawn += element("line", x1=x(z), x2=x(z), y1=24, y2=BASE, class_="key")
    drawn += text(f"the key: {z:.1f}", x(z) - 6, 32, "end", class_="key-name")
    drawn += text("score, in standard deviations under the null", WIDTH - 10, BASE + 34, "end")
    drawn += text(f"{one['decoys']:,} keys never used", 10, 14)
    return svg(WIDTH, BASE + 44, f"Score of {one['subject']} among decoys", drawn)


def power10(log10: float) -> str:
    """A number as text from its log10: plain between 0.001 and 1000, else with a power of ten."""
    if log10 > -3 and log10 < 3:
        return f"{10**log10:.3g}"
    mantissa, exponent = 10 ** (log10 % 1), int(log10 // 1)
    return f"{mantissa:.1f} × 10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def count(value: float) -> str:
    """A whole number as text with separators; "unknown" for infinity and NaN."""
    return f"{value:,.0f}" if isfinite(value) else "unknown"
