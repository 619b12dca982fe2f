"""The page that shows an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from stillwatch.evaluate.compare import BUDGETS
from stillwatch.evaluate.costs import SOURCES, USD
from stillwatch.report.plots import element, svg, text
from stillwatch.signals.registry import CONTROL, all_group_tests

# Metrics that are plotted: name, title and largest value.
PANELS = (
    ("account_recall", "campaign accounts found", 1.0),
    ("account_precision", "reported accounts truly in a campaign", 1.0),
    ("exchange_recall", "campaign exchanges found", 1.0),
    ("share_before_detection", "exchanges made before detection (an alert, looking every hour)", 1.0),
    ("share_before_confirmation", "exchanges made before confirmation, whenever one stops", 1.0),
    ("any_false_campaign", "worlds with a false campaign", 1.0),
    ("interval_covers", "intervals of the number of exchanges that cover it", 1.0),
    ("right_kind", "found campaigns called what they are", 1.0),
)
# Pixels: width of a plot, of its labels, height of a row, and space above.
WIDTH, LABEL, ROW, TOP = 760, 230, 22, 52
EVIDENCE, FIRST = 24.0, 1e-3  # plot of evidence: log10 e at its top; share of exchanges at its left edge


def render(whole: Mapping[str, Any]) -> str:
    """The page as one HTML text that needs no other file, from the content of `evaluation.json`."""
    environment = Environment(
        loader=PackageLoader("stillwatch.evaluate"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"share": share, "number": number, "percent": percent, "range": spread}
    rows = whole["worlds"]
    plots = [panel(rows, name, title, top) for name, title, top in PANELS if any(r.get(name) for r in rows)]
    families = {test.card.name: test.family for test in all_group_tests()}
    return environment.get_template("evaluation.html.j2").render(
        whole=whole,
        rows=rows,
        crowds=whole.get("crowds", []),
        trials=whole.get("trials", []),
        plots=plots,
        reliability=reliability(rows),
        evidence=[evidence(row) for row in rows if any(row["replay"])],
        budgets=[str(budget) for budget in BUDGETS],
        prices={what: (USD[what], SOURCES[what]) for what in USD},
        families={name: f"{f}, {'control' if f in CONTROL else 'likeness'}" for name, f in families.items()},
    )


def share(one: Mapping[str, float] | None) -> str:
    """A share and its interval as text in per cent; a dash for None."""
    return (
        "–" if one is None else f"{100 * one['value']:.1f} % ({100 * one['low']:.0f}–{100 * one['high']:.0f})"
    )


def number(one: Mapping[str, float] | None) -> str:
    """A figure and its interval as text with one decimal; a dash for None."""
    return "–" if one is None else f"{one['value']:.1f} ({one['low']:.1f}–{one['high']:.1f})"


def percent(share: float) -> str:
    """A share as text in per cent: no decimal for 0, 1 and shares from 0.1 to 0.9, else one."""
    return f"{100 * share:.{0 if share in (0, 1) or 0.1 <= share <= 0.9 else 1}f} %"


def spread(one: Mapping[str, float]) -> str:
    """The interval of a share as text, in per cent."""
    return f"{percent(one['low'])} to {percent(one['high'])}"


def panel(rows: Sequence[Mapping[str, Any]], name: str, title: str, top: float) -> str:
    """SVG plot of one figure of every world: a dot on an axis from 0 to `top`, with its interval."""
    some = [row for row in rows if row.get(name)]
    height = TOP + ROW * len(some) + 8

    def x(value: float) -> float:
        """Horizontal place of a figure, in pixels."""
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
    """SVG plot of the share of members truly in a campaign against their score, over all worlds; "" without
    members.
    """
    bins = [[sum(row["calibration"][b][k] for row in rows) for k in range(4)] for b in range(10)]
    if not sum(one[0] for one in bins):
        return ""
    size, left = 320, 44

    def xy(predicted: float, true: float) -> tuple[float, float]:
        """Place of a predicted and a true share, in pixels."""
        return left + (size - left - 10) * predicted, size - 34 - (size - 60) * true

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


def evidence(row: Mapping[str, Any]) -> str:
    """SVG plot of log10 evidence against the share of a campaign's exchanges made, one line per campaign
    and seed, with the two bars of the first.
    """
    width, height, left, top = 370, 220, 40, 34

    def x(share: float) -> float:
        """Horizontal place of a share of the exchanges, on a log scale, in pixels."""
        return left + (width - left - 28) * np.log(max(share, FIRST) / FIRST) / np.log(1 / FIRST)

    def y(log10: float) -> float:
        """Vertical place of log10 evidence, in pixels."""
        return height - 34 - (height - 34 - top) * min(max(log10, 0.0), EVIDENCE) / EVIDENCE

    drawn = text(row["world"], 0, 14, class_="axis-title")
    for share in (0.001, 0.01, 0.1, 1.0):
        drawn += element("line", x1=x(share), x2=x(share), y1=top, y2=height - 34, class_="grid")
        drawn += text(f"{100 * share:g} %", x(share), height - 18, "middle")
    for level in (0, 6, 12, 18, 24):
        drawn += element("line", x1=left, x2=width - 28, y1=y(level), y2=y(level), class_="grid")
        drawn += text(f"{level}", left - 6, y(level) + 4, "end")
    some = [looks for looks in row["replay"] if looks]
    for bar, class_ in (("log10_alert", "bar-alert"), ("log10_confirm", "bar-confirm")):
        points = " ".join(f"{x(k['share']):.1f},{y(k[bar]):.1f}" for k in some[0])
        drawn += element("polyline", points=points, class_=class_)
    for looks in some:
        points = " ".join(f"{x(k['share']):.1f},{y(k['log10_e']):.1f}" for k in looks)
        drawn += element("polyline", points=points, class_="evidence")
        for k in looks:
            tip = element(
                "title", f"{k['hours']:.0f} h, {100 * k['share']:.2f} %, log10 e {k['log10_e']:.1f}"
            )
            drawn += element("circle", tip, cx=x(k["share"]), cy=y(k["log10_e"]), r=2.5, class_="dot")
    drawn += text("share of its exchanges made", width - 28, height - 4, "end")
    return svg(width, height, f"Evidence over time, {row['world']}", drawn, "plot half")
