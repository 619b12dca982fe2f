"""Drawings of a campaign as SVG text, without a library.

Colours are classes of the page's style sheet, so that a drawing follows the light, dark and print styles.
Every string passes `element` or `escape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import numpy as np

from stillwatch.report import wording
from stillwatch.stats.arrays import Floats, Ints

# Seconds.
HOUR, DAY = 3_600, 86_400
# Pixels: width of a plot, and space to its left and right.
WIDTH, LEFT, RIGHT = 960, 56, 16
# Pixels, from above: title, bars, gap, curve and axis.
TOP, BARS, GAP, CURVE, BOTTOM = 46, 130, 34, 120, 24
CLIP = 3.5  # most that the curve's axis extends, in multiples of the highest bar; keeps the crossing visible


def element(tag: str, content: str = "", /, **attributes: object) -> str:
    """One SVG element around SVG text; attribute values are escaped, `class_` becomes `class`, `_` in a
    name becomes `-`.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def text(words: str, x: float, y: float, anchor: str = "start", class_: str = "tick") -> str:
    """SVG text at a position; `words` are escaped."""
    return element("text", escape(words), x=x, y=y, text_anchor=anchor, class_=class_)


def svg(width: float, height: float, title: str, content: str, class_: str = "plot", **more: object) -> str:
    """A drawing that scales with the page; screen readers read the title. `more` are further attributes."""
    return element(
        "svg",
        element("title", escape(title)) + content,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        class_=class_,
        **more,
    )


def bar(share: float, class_: str = "bar", *, cut: bool = False) -> str:
    """A bar in a table's row; `share` in [0, 1] is its part of the full length; `cut` marks a value beyond
    it.
    """
    length = 200 * min(max(share, 0.0), 1.0)
    drawn = element("rect", x=0, y=2, width=200, height=8, rx=2, class_="rail")
    drawn += element("rect", x=0, y=2, width=max(length, 1.5), height=8, rx=2, class_=class_)
    if cut:
        drawn += element("path", d="M180 13 L184 -1 M186 13 L190 -1", class_="cut")
    return element(
        "svg", drawn, viewBox="0 0 200 12", preserveAspectRatio="none", class_="row-bar", aria_hidden="true"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Attributed exchanges per hour, and the evidence by the end of each hour; `hours` are seconds since
    1970.
    """

    hours: Ints
    exchanges: Ints
    log10_e: Floats  # NaN before anything was judged

    def share_before(self, moment: float) -> float | None:
        """Upper bound of the share of exchanges before a time (seconds since 1970); its hour counts as
        before. None without exchanges.
        """
        total = int(self.exchanges.sum())
        return float(self.exchanges[self.hours < moment].sum() / total) if total else None

    def binned(self) -> tuple[Ints, Floats, int]:
        """Starts (seconds since 1970) and counts of equal bins over the whole span, and their width in
        seconds.
        """
        span = int(self.hours[-1] - self.hours[0]) + HOUR
        width = HOUR if span <= 4 * DAY else DAY if span <= 150 * DAY else 7 * DAY
        begin = self.hours[0] // width * width
        index: Ints = (self.hours - begin) // width
        counts: Floats = np.bincount(index, weights=self.exchanges).astype(np.float64)
        return begin + width * np.arange(len(counts), dtype=np.int64), counts, width


@dataclass(frozen=True, slots=True)
class PlotMark:
    """A level of evidence (log10 e) drawn as a line, with its words."""

    level: float
    words: str
    class_: str


def spark(timeline: Timeline) -> str:
    """The bars of the timeline, small and without axes, as SVG."""
    starts, counts, _ = timeline.binned()
    step = 120 / len(starts)
    tops = 24 * counts / max(counts.max(), 1)
    bars = "".join(
        element("rect", x=i * step, y=25 - top, width=max(step * 0.82, 0.4), height=top, class_="bar")
        for i, top in enumerate(tops)
        if top > 0
    )
    return element("svg", bars, viewBox="0 0 120 26", class_="spark", aria_hidden="true")


def draw_timeline(timeline: Timeline, detected: float | None, marks: Sequence[PlotMark]) -> str:
    """SVG of two panels over one time axis: exchanges as bars, and evidence as a curve with marked levels.

    `detected` is the time (seconds since 1970) from which the evidence sufficed; None where it never did.
    """
    starts, counts, width = timeline.binned()
    begin, end = float(starts[0]), float(starts[-1] + width)

    def x(at: float) -> float:
        """Horizontal place of a time, in pixels."""
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(at, begin), end) - begin) / (end - begin)

    unit = {HOUR: "hour", DAY: "day"}.get(width, "week")
    low = TOP + BARS
    ceiling = float(max(counts.max(), 1))
    drawn = text(f"exchanges per {unit}", LEFT, TOP - 10, class_="axis-title")
    for value in _ticks(ceiling):
        y = low - BARS * value / ceiling
        drawn += element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
        drawn += text(wording.compact(value), LEFT - 6, y + 4, "end")
    for start, number in zip(starts, counts, strict=True):
        height = BARS * number / ceiling
        if number:
            tip = element(
                "title", escape(f"{_stamp(float(start), width)}: {wording.counted(int(number), 'exchange')}")
            )
            thick = max((x(start + width) - x(start)) * 0.84, 0.6)
            is_early = detected is not None and start + width <= detected
            shade = "bar early" if is_early else "bar"
            drawn += element(
                "rect", tip, x=x(start), y=low - height, width=thick, height=height, class_=shade
            )
    drawn += element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=low, y2=low, class_="axis")
    bottom = low + GAP + CURVE
    drawn += _curve(timeline, x, low + GAP, marks)
    step = max(1, round(len(starts) / 9))
    for start in starts[::step]:
        drawn += element("line", x1=x(start), x2=x(start), y1=bottom, y2=bottom + 4, class_="axis")
        if x(start) < WIDTH - 60:
            drawn += text(_stamp(float(start), width), x(start), bottom + 17)
    if detected is None:
        drawn += text("enough was known at no look", WIDTH - RIGHT, 14, "end", "detected-words")
    else:
        at = x(detected)
        side, shift = ("end", -6) if at > WIDTH * 0.6 else ("start", 6)
        drawn += element("line", x1=at, x2=at, y1=4, y2=bottom, class_="detected")
        drawn += text("enough was known from here on", at + shift, 14, side, "detected-words")
    most = int(np.argmax(counts))
    title = (
        f"Exchanges per {unit} and the evidence known at each time. Most exchanges: "
        f"{wording.count(counts[most])} in the {unit} of "
        f"{_stamp(float(starts[most]), width)}. {_reached(timeline, marks)}"
    )
    return svg(
        WIDTH,
        bottom + BOTTOM,
        title,
        drawn,
        "plot timeline",
        data_begin=int(begin),
        data_end=int(end),
        data_left=LEFT,
        data_right=WIDTH - RIGHT,
        data_bottom=low,
    )


def _reached(timeline: Timeline, marks: Sequence[PlotMark]) -> str:
    """A sentence on the evidence at the end, for readers without the drawing."""
    known = timeline.log10_e[~np.isnan(timeline.log10_e)]
    if not len(known):
        return "No evidence over time was written."
    thresholds = f"; asked for were {wording.listed([mark.words for mark in marks])}" if marks else ""
    return f"The evidence at the end is 10 to the power {wording.exponent(float(known[-1]))}{thresholds}."


def _curve(timeline: Timeline, x: object, top: float, marks: Sequence[PlotMark]) -> str:
    """The plot of the evidence over time."""
    assert callable(x)
    bottom = top + CURVE
    drawn = text("evidence so far, log₁₀ e", LEFT, top - 8, class_="axis-title")
    known = ~np.isnan(timeline.log10_e)
    if not known.any():
        drawn += element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis")
        return drawn + text("no evidence over time was written", LEFT + 8, top + CURVE / 2, class_="tick")
    values = timeline.log10_e[known]
    highest = max((mark.level for mark in marks), default=2.0)
    ceiling = float(min(max(values.max(), highest * 1.3), highest * CLIP))
    floor = float(max(min(values.min(), 0.0), -ceiling))

    def y(value: float) -> float:
        """Vertical place of log10 evidence, in pixels."""
        return bottom - CURVE * (min(max(value, floor), ceiling) - floor) / (ceiling - floor)

    for value in _ticks(ceiling):
        drawn += element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(value), y2=y(value), class_="grid")
        drawn += text(wording.compact(value), LEFT - 6, y(value) + 4, "end")
    for mark in marks:
        drawn += element(
            "line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(mark.level), y2=y(mark.level), class_=mark.class_
        )
    ends = timeline.hours[known] + HOUR
    turns = _kept(ends, values)
    path = f"M{x(ends[0]):.1f} {y(values[0]):.1f}" + "".join(
        f"H{x(ends[i]):.1f}V{y(values[i]):.1f}" for i in turns
    )
    drawn += element("path", d=path + f"H{WIDTH - RIGHT}", class_="curve")
    for level, mark in enumerate(sorted(marks, key=lambda mark: mark.level)):
        place = y(mark.level) + (12 if level < len(marks) - 1 else -5)
        drawn += text(mark.words, WIDTH - RIGHT, place, "end", "mark-words halo")
    if values[-1] > ceiling:
        drawn += text(f"↑ {values[-1]:.0f} at the end", WIDTH - RIGHT, top + 18, "end", "mark-words halo")
    return drawn + element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis")


def _kept(ends: Ints, values: Floats) -> list[int]:
    """Indices at which the curve changes."""
    changed = np.flatnonzero(np.diff(values)) + 1
    return [int(i) for i in changed] if len(ends) else []


def _ticks(ceiling: float) -> list[float]:
    """About four round values above 0, up to the ceiling."""
    rough = ceiling / 4
    size = 10 ** np.floor(np.log10(rough))
    step = float(size * next(m for m in (1, 2, 5, 10) if size * m >= rough * 0.999))
    return [step * i for i in range(1, int(ceiling / step + 1e-9) + 1)]


def _stamp(seconds: float, width: int) -> str:
    """A time as the label of an axis; the clock only where bars are of an hour."""
    at = datetime.fromtimestamp(seconds, UTC)
    words = f"{at.day} {wording.MONTHS[at.month - 1]}"
    return f"{words} {at:%H:%M}" if width == HOUR else words


def _value(value: object) -> str:
    """A number for an attribute of SVG, with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float | np.floating) else str(value)
