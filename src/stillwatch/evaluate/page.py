"""How is an evaluation shown on one page?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stillwatch.report.plots import element, svg, text

PANELS = (
    ("account_recall", "campaign accounts found", 1.0),
    ("account_precision", "reported accounts truly in a campaign", 1.0),
    ("exchange_recall", "campaign exchanges found", 1.0),
    ("share_before_detection", "exchanges made before detection", 1.0),
    ("any_false_campaign", "worlds with a false campaign", 1.0),
    ("interval_covers", "intervals of the number of exchanges that cover it", 1.0),
    ("right_kind", "found campaigns called what they are", 1.0),
)
WIDTH, LABEL, ROW, TOP = 760, 190, 22, 52


def render(whole: Mapping[str, Any]) -> str:
    """The page as HTML, whole in itself."""
    environment = Environment(
        loader=PackageLoader("stillwatch.evaluate"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"share": share, "number": number}
    rows = whole["worlds"]
    plots = [panel(rows, name, title, top) for name, title, top in PANELS if any(r.get(name) for r in rows)]
    return environment.get_template("evaluation.html.j2").render(
        whole=whole, rows=rows, plots=plots, reliability=reliability(rows)
    )


def share(one: Mapping[str, float] | None) -> str:
    """A share with its interval, in per cent."""
    return (
        "–" if one is None else f"{100 * one['value']:.1f} % ({100 * one['low']:.0f}–{100 * one['high']:.0f})"
    )


def number(one: Mapping[str, float] | None) -> str:
    """A figure with its interval."""
    return "–" if one is None else f"{one['value']:.1f} ({one['low']:.1f}–{one['high']:.1f})"


def panel(rows: Sequence[Mapping[str, Any]], name: str, title: str, top: float) -> str:
    """One figure of every world as a dot on a line from 0 to `top`, with its interval."""
    some = [row for row in rows if row.get(name)]
    height = TOP + ROW * len(some) + 8

    def x(value: float) -> float:
        return LABEL + (WIDTH - LABEL - 70) * min(max(value, 0.0), top) / top

    drawn = text(title, 0, 14, class_="axis-title")
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = x(tick * top)
        drawn += element("line", x1=at, x2=at, y1=TOP - 8, y2=height - 6, class_="grid")
        drawn += text(f"{100 * tick * top:.0f} %", at, TOP - 12, "middle")
    for place, row in enumerate(some):
        y, one = TOP + ROW * place + ROW / 2, row[name]
        drawn += text(row["world"], LABEL - 10, y + 4, "end")
        drawn += element("line", x1=x(one["low"]), x2=x(one["high"]), y1=y, y2=y, class_="reach")
        drawn += element("circle", cx=x(one["value"]), cy=y, r=4.5, class_="dot")
        drawn += text(f"{100 * one['value']:.1f} %", WIDTH - 4, y + 4, "end")
    return svg(WIDTH, height, title, drawn)


def reliability(rows: Sequence[Mapping[str, Any]]) -> str:
    """Share of members truly in a campaign against the score they were given, over all worlds."""
    bins = [[sum(row["calibration"][b][k] for row in rows) for k in range(4)] for b in range(10)]
    if not sum(one[0] for one in bins):
        return ""
    size, left = 320, 44

    def xy(told: float, true: float) -> tuple[float, float]:
        return left + (size - left - 10) * told, size - 34 - (size - 60) * true

    drawn = text("share truly in a campaign, by score", 0, 14, class_="axis-title")
    (x0, y0), (x1, y1) = xy(0, 0), xy(1, 1)
    drawn += element("line", x1=x0, y1=y0, x2=x1, y2=y1, class_="reach")
    for tick in (0, 0.5, 1):
        at, up = xy(tick, tick)
        drawn += text(f"{tick:g}", at, y0 + 16, "middle") + text(f"{tick:g}", left - 8, up + 4, "end")
        drawn += element("line", x1=x0, x2=x1, y1=up, y2=up, class_="grid")
    for one in bins:
        if one[0]:
            cx, cy = xy(one[2] / one[0], one[1] / one[0])
            tip = element("title", f"{one[0]:.0f} members")
            drawn += element("circle", tip, cx=cx, cy=cy, r=3 + min(one[0], 2000) ** 0.5 / 8, class_="dot")
    return svg(size, size, "Reliability of member scores", drawn, "plot small")
