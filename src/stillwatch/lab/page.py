"""The page that shows an experiment of the lab: plots and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log10
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stillwatch.contract.table import TableRow
from stillwatch.lab.tables import LEVELS
from stillwatch.report.plots import element, svg, text

# Pixels: size of a plot, and space to its left, above and below.
WIDTH, HEIGHT, LEFT, TOP, BELOW = 370, 250, 46, 34, 44
COLOURS = 6  # number of colours of lines in the style sheet
# Each kind of access to the student, in words.
ACCESS = {
    "open": "with open weights", "open_beside_teacher": "with open weights, beside the teacher",
    "text": "with text alone", "text_beside_teacher": "with text alone, beside the teacher",
}  # fmt: skip

# Short label of a line, by kind of access.
SHORT_LABELS = {
    "open": "weights",
    "open_beside_teacher": "weights, teacher",
    "text": "text",
    "text_beside_teacher": "text, teacher",
}


def render(whole: Mapping[str, Any]) -> str:
    """The page as one HTML text that needs no other file."""
    environment = Environment(
        loader=PackageLoader("stillwatch.lab"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"share": share, "number": number, "logarithm": logarithm}
    plots = PLOTS[whole["kind"]](whole["rows"])
    return environment.get_template("lab.html.j2").render(whole=whole, plots=plots)


def share(one: Mapping[str, float] | None) -> str:
    """A share as text in per cent, with its interval where there are at least two seeds; a dash for None."""
    if one is None:
        return "–"
    words = f"{100 * one['value']:.1f} %"
    return words if one["number"] < 2 else f"{words} ({100 * one['low']:.0f} to {100 * one['high']:.0f})"


def number(one: Mapping[str, float] | None) -> str:
    """A figure as text, with its interval where there are at least two seeds; a dash for None."""
    if one is None:
        return "–"
    return f"{one['value']:.3g}" + ("" if one["number"] < 2 else f" ({one['low']:.3g} to {one['high']:.3g})")


def logarithm(value: float) -> str:
    """A log10 as text with one decimal, without "-0.0"."""
    return f"{round(value, 1) + 0.0:.1f}"


def _curves(rows: Sequence[TableRow]) -> list[str]:
    """A plot for all capabilities together, then one for each."""
    names = list(dict.fromkeys(row["capability"] for row in rows))
    order = ["all", *(name for name in names if name != "all")]
    return [_curve([row for row in rows if row["capability"] == name], name) for name in order]


def _curve(rows: Sequence[TableRow], name: str) -> str:
    """The plot of one capability: accuracy by number of answers."""
    low, high = log10(min(row["answers"] for row in rows)), log10(max(row["answers"] for row in rows))
    top = rows[0]["teacher"]["value"]
    ways = list(dict.fromkeys(row["way"] for row in rows))

    def x(answers: float) -> float:
        """Horizontal place of a number of answers, on a log scale, in pixels."""
        return LEFT + (WIDTH - LEFT - 90) * ((log10(answers) - low) / (high - low) if high > low else 0.5)

    drawn = text("all capabilities" if name == "all" else name, 0, 14, class_="axis-title")
    drawn += _grid(x, sorted({row["answers"] for row in rows}), "answers taken")
    drawn += element("line", x1=LEFT, x2=WIDTH - 90, y1=_y(top), y2=_y(top), class_="teacher")
    drawn += text("teacher", WIDTH - 86, _y(top) + 4)
    for at, way in enumerate(ways):
        some = sorted((row for row in rows if row["way"] == way), key=lambda row: float(row["answers"]))
        points = [(x(row["answers"]), _y(row["accuracy"]["value"]), row) for row in some]
        drawn += element(
            "polyline",
            points=" ".join(f"{px:.1f},{py:.1f}" for px, py, _ in points),
            class_=f"line c{at % COLOURS}",
        )
        for px, _py, row in points:
            one = row["accuracy"]
            drawn += _dot(px, _y, one, at, f"{way}, {row['answers']:,} answers: {100 * one['value']:.1f} %")
        drawn += text(way, WIDTH - 86, _apart(at, ways, rows), class_=f"tick name c{at % COLOURS}")
    return svg(WIDTH, HEIGHT, f"Accuracy against answers taken, {name}", drawn, "plot half")


def _dot(
    x: float, y: Callable[[float], float], one: Mapping[str, float], at: int, tip: str, r: float = 3.4
) -> str:
    """A figure as a dot with a tooltip, and its interval where there are at least two seeds."""
    colour = f"c{at % COLOURS}"
    drawn = element("circle", element("title", tip), cx=x, cy=y(one["value"]), r=r, class_=f"dot {colour}")
    if one["number"] < 2:
        return drawn
    return element("line", x1=x, x2=x, y1=y(one["low"]), y2=y(one["high"]), class_=f"reach {colour}") + drawn


def _apart(at: int, ways: Sequence[str], rows: Sequence[TableRow]) -> float:
    """Height of a line's name: names are in the order of the lines' ends and overlap neither each other nor
    the teacher's.
    """
    last = {
        way: max((row for row in rows if row["way"] == way), key=lambda row: float(row["answers"]))[
            "accuracy"
        ]["value"]
        for way in ways
    }
    order = sorted(ways, key=lambda way: -last[way])
    place = _y(rows[0]["teacher"]["value"]) + 4
    for way in order:
        place = max(place + 14, _y(last[way]) + 4)
        if way == ways[at]:
            return place
    return place


def _y(value: float) -> float:
    """Vertical place in the plot of a share."""
    return HEIGHT - BELOW - (HEIGHT - BELOW - TOP) * min(max(value, 0.0), 1.0)


def _grid(x: Any, ticks: Sequence[float], title: str) -> str:
    """Lines and labels of a plot's axes."""
    drawn = ""
    for level in (0, 0.25, 0.5, 0.75, 1.0):
        drawn += element("line", x1=LEFT, x2=WIDTH - 90, y1=_y(level), y2=_y(level), class_="grid")
        drawn += text(f"{100 * level:.0f} %", LEFT - 6, _y(level) + 4, "end")
    for tick in ticks:
        drawn += text(f"{tick:,.0f}", x(tick), HEIGHT - BELOW + 16, "middle")
    return drawn + text(title, WIDTH - 90, HEIGHT - 8, "end")


def _traced(rows: Sequence[TableRow]) -> list[str]:
    """A plot of the effect for each kind of access."""
    return [_effect(rows, access) for access in ACCESS]


def _effect(rows: Sequence[TableRow], access: str) -> str:
    """Plot of z (standard deviations of the null) against the marked share, both on log scales, with a line
    of slope 1 for comparison.
    """
    some = [row for row in rows if row["access"] == access and row["share"] > 0 and row["z"]["value"] > 0]
    drawn = text(ACCESS[access], 0, 14, class_="axis-title")
    if not some:
        return svg(WIDTH, HEIGHT, f"Effect against marked share, {access}", drawn, "plot half")
    left, right = (
        log10(min(row["share"] for row in some)),
        max(log10(max(row["share"] for row in some)), -0.3),
    )
    values = [row["z"]["value"] for row in some]
    low, high = log10(min(values)) - 0.2, log10(max(values)) + 0.2

    def x(share_: float) -> float:
        """Horizontal place of a share, on a log scale, in pixels."""
        return LEFT + (WIDTH - LEFT - 100) * (
            (log10(share_) - left) / (right - left) if right > left else 0.5
        )

    def y(effect: float) -> float:
        """Vertical place of an effect, on a log scale, in pixels."""
        return (
            HEIGHT
            - BELOW
            - (HEIGHT - BELOW - TOP) * min(max((log10(max(effect, 1e-9)) - low) / (high - low), 0), 1)
        )

    for tick in sorted({row["share"] for row in some}):
        drawn += text(f"{100 * tick:g}", x(tick), HEIGHT - BELOW + 16, "middle")
    for power in range(int(low) - 1, int(high) + 1):
        for digit in (1, 3):
            level = digit * 10.0**power
            if low <= log10(level) <= high:
                drawn += element("line", x1=LEFT, x2=WIDTH - 100, y1=y(level), y2=y(level), class_="grid")
                drawn += text(f"{level:g}", LEFT - 6, y(level) + 4, "end")
    marks = list(dict.fromkeys(row["mark"] for row in some))
    for at, mark in enumerate(marks):
        mine = sorted((row for row in some if row["mark"] == mark), key=lambda row: float(row["share"]))
        points = " ".join(f"{x(row['share']):.1f},{y(row['z']['value']):.1f}" for row in mine)
        drawn += element("polyline", points=points, class_=f"line c{at % COLOURS}")
        for row in mine:
            one = row["z"]
            drawn += _dot(
                x(row["share"]), y, one, at, f"{mark}, {100 * row['share']:g} %: z = {one['value']:.1f}"
            )
        drawn += text(mark, WIDTH - 96, TOP + 16 * at + 8, class_=f"tick name c{at % COLOURS}")
    first = min(some, key=lambda row: float(row["share"]))
    anchor = first["z"]["value"] / first["share"]
    ends = [10**left, 10**right]
    drawn += element(
        "polyline", points=" ".join(f"{x(s):.1f},{y(anchor * s):.1f}" for s in ends), class_="teacher"
    )
    drawn += text("per cent of training marked; dashed: in proportion", WIDTH - 20, HEIGHT - 8, "end")
    return svg(WIDTH, HEIGHT, f"Effect against marked share, {access}", drawn, "plot half")


def _defended(rows: Sequence[TableRow]) -> list[str]:
    """Plot of students' right answers against honest users' loss on a square-root scale, one labelled point
    per dose.
    """
    width, height, left, below, after = 760, 400, 60, 50, 210
    shown = [row for row in rows if row["honest_loss"] and row["student"]]
    right = max([*(max(row["honest_loss"]["value"], 0.0) for row in shown), 0.05]) * 1.1

    def x(loss: float) -> float:
        """Horizontal place of a loss, on a square-root scale, in pixels."""
        return left + (width - left - after) * (min(max(loss, 0.0), right) / right) ** 0.5

    def y(value: float) -> float:
        """Vertical place of a share of right answers, in pixels."""
        return height - below - (height - below - 30) * min(max(value, 0.0), 1.0)

    drawn = text("what a student can do, against what honest users lose", 0, 14, class_="axis-title")
    for level in (0, 0.25, 0.5, 0.75, 1.0):
        drawn += element("line", x1=left, x2=width - after, y1=y(level), y2=y(level), class_="grid")
        drawn += text(f"{100 * level:.0f} %", left - 8, y(level) + 4, "end")
    for tick in (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0):
        if tick <= right:
            drawn += text(f"{100 * tick:.0f}", x(tick), height - below + 18, "middle")
    title = "right answers that honest users lose, in per cent points; close losses side by side"
    drawn += text(title, width - after, height - 10, "end")
    place, taken = 0.0, list[float]()
    for at, row in enumerate(sorted(shown, key=lambda row: -float(row["student"]["value"]))):
        px, py, one = x(row["honest_loss"]["value"]), y(row["student"]["value"]), row["student"]
        while any(abs(px - other) < 8 for other in taken):  # or their intervals would hide each other
            px += 9
        taken.append(px)
        colour = f"c{at % COLOURS}"
        # Names stand beside the plot in the order of the points, and not upon each other.
        place = max(place + 16, py)
        drawn += element("line", x1=px, x2=width - after + 8, y1=py, y2=place, class_="grid")
        name = row["defence"] + ("" if row["defence"] in ("none", "withhold") else f" {row['dose']:g}")
        drawn += text(
            f"{name}: {100 * one['value']:.0f} %", width - after + 12, place + 4, class_=f"tick name {colour}"
        )
        drawn += _dot(px, y, one, at, f"{name}: student {share(one)}", 4.5)
    return [svg(width, height, "Defences and their price", drawn)]


def _removed(rows: Sequence[TableRow]) -> list[str]:
    """Plot of -log10 p after each attempt at removal, with weights and with text, up to forty."""
    width, left, row_height, most = 760, 190, 34, 40.0
    height = 46 + row_height * len(rows) + 48

    def x(log10_p: float) -> float:
        """Horizontal place of a log10 p-value, in pixels."""
        return left + (width - left - 60) * min(-log10_p, most) / most

    drawn = text("evidence left, by what was tried", 0, 14, class_="axis-title")
    for tick in (0, 5, 10, 20, 30, 40):
        drawn += element("line", x1=x(-tick), x2=x(-tick), y1=34, y2=height - 48, class_="grid")
        drawn += text(f"{tick}", x(-tick), height - 32, "middle")
    for at, row in enumerate(rows):
        y = 48 + row_height * at
        drawn += text(row["removal"], left - 10, y + 8, "end")
        for place, access in enumerate(("open_beside_teacher", "text_beside_teacher")):
            middle = row[access][(len(row[access]) - 1) // 2]
            drawn += element(
                "rect",
                x=left,
                y=y - 6 + 11 * place,
                width=max(x(middle) - left, 1.5),
                height=9,
                class_=f"dot c{place}",
            )
            drawn += text(f"{-middle:.1f}", x(middle) + 5, y + 2 + 11 * place)
    drawn += text("with weights", width - 80, 20, "end", class_="tick name c0") + text(
        "with text", width - 4, 20, "end", class_="tick name c1"
    )
    drawn += text("−log10 p, median over seeds", width - 60, height - 8, "end")
    return [svg(width, height, "What removes a mark", drawn)]


def _powers(rows: Sequence[TableRow]) -> list[str]:
    """Plots of power at the stricter level: against the marked share without rewording, and against
    rewording at the largest share.
    """
    largest = max(row["share"] for row in rows)
    return [
        _power([row for row in rows if row["reword"] == 0], "share", "per cent of training marked"),
        _power([row for row in rows if row["share"] == largest], "reword", "per cent reworded"),
    ]


def _power(rows: Sequence[TableRow], axis: str, title: str) -> str:
    """The plot of the power by `axis`."""
    ticks = sorted({row[axis] for row in rows})
    drawn = text(f"power at {min(LEVELS):g}", 0, 14, class_="axis-title")

    def x(value: float) -> float:  # evenly spaced, since shares lie over several powers of ten
        """Horizontal place of one of the evenly spaced ticks, in pixels."""
        return LEFT + (WIDTH - LEFT - 90) * (ticks.index(value) / max(len(ticks) - 1, 1))

    for level in (0, 0.25, 0.5, 0.75, 1.0):
        drawn += element("line", x1=LEFT, x2=WIDTH - 90, y1=_y(level), y2=_y(level), class_="grid")
        drawn += text(f"{100 * level:.0f} %", LEFT - 6, _y(level) + 4, "end")
    for tick in ticks:
        drawn += text(f"{100 * tick:g}", x(tick), HEIGHT - BELOW + 16, "middle")
    drawn += text(title, WIDTH - 90, HEIGHT - 8, "end")
    for at, access in enumerate(ACCESS):
        mine = sorted((row for row in rows if row["access"] == access), key=lambda row: float(row[axis]))
        points = [(x(row[axis]), _y(row["power"][f"{min(LEVELS):g}"])) for row in mine]
        drawn += element(
            "polyline", points=" ".join(f"{px:.1f},{py:.1f}" for px, py in points), class_=f"line c{at}"
        )
        drawn += "".join(element("circle", cx=px, cy=py, r=3.4, class_=f"dot c{at}") for px, py in points)
        drawn += text(SHORT_LABELS[access], WIDTH - 86, TOP + 16 * at + 8, class_=f"tick name c{at}")
    return svg(WIDTH, HEIGHT, f"Power against {title}", drawn, "plot half")


# Function that draws the plots, by kind of experiment.
PLOTS = {"power": _powers, "removal": _removed, "curve": _curves, "traces": _traced, "defences": _defended}
