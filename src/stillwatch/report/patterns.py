"""Accounts grouped by shared values, drawn as a matrix: one row per value, one column per group of accounts
that share the same values.

A line for each account and value is unreadable from about 40 accounts on. The matrix has as many columns as
there are combinations of values (at most `MAX_PATTERNS`), for 40 members as for 25,000 (UpSet; Lex and
others 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.foreign import visible
from stillwatch.report import wording
from stillwatch.report.plots import element, svg, text
from stillwatch.report.reading import ResultTables
from stillwatch.report.values import Shared

MAX_VALUES, MAX_PATTERNS = 16, 16  # rows and columns of the drawing; chosen: what can be read
# Pixels: space to the left and above, width of a step, height of a row and of the bars.
LEFT, TOP, STEP, ROW, BARS = 250, 78, 40, 24, 60
COLOURS = 8  # colours of kinds of value in the style sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Number of accounts that share exactly these of the drawn values; `places` are indices of the values."""

    places: tuple[int, ...]
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The matrix as SVG, and its content as sentences; `drawn` of `accounts` are in the patterns shown."""

    svg: str
    values: int
    patterns: Sequence[Pattern]
    sentences: Sequence[str]
    drawn: int
    accounts: int


def draw(results: ResultTables, campaign: str, shared: Sequence[Shared], accounts: int) -> Drawing | None:
    """The matrix of a campaign's strongest values; None where no links were written. `accounts` is the
    number of all members.
    """
    links = results.of("links", campaign)
    if links is None or not len(links) or not shared:
        return None
    some = _balanced(shared)
    patterns = _patterns(links, some, accounts)
    return Drawing(
        svg=_svg(some, patterns, [shared.index(one) for one in some]),
        values=len(some),
        patterns=patterns,
        sentences=[
            f"{wording.counted(one.accounts, 'account')}: "
            f"{wording.listed([some[i].label for i in one.places]) or 'none of these values'}"
            for one in patterns
        ],
        drawn=sum(one.accounts for one in patterns),
        accounts=accounts,
    )


def _balanced(shared: Sequence[Shared]) -> list[Shared]:
    """The strongest values, at most `MAX_VALUES`, taken from each kind in turn; returned grouped by kind."""
    kinds: dict[str, list[Shared]] = {}
    for one in shared:
        kinds.setdefault(one.kind, []).append(one)
    chosen: set[tuple[str, str]] = set()
    for turn in range(MAX_VALUES):
        for of_kind in kinds.values():
            if turn < len(of_kind) and len(chosen) < MAX_VALUES:
                chosen.add((of_kind[turn].kind, of_kind[turn].value))
    return [one for of_kind in kinds.values() for one in of_kind if (one.kind, one.value) in chosen]


def _patterns(links: pa.Table, some: Sequence[Shared], accounts: int) -> list[Pattern]:
    """The most frequent combinations, at most `MAX_PATTERNS`; members without a link share none of the
    values.
    """
    names = links["account_id"].unique()
    flags = np.zeros((len(names), len(some)), bool)
    for number, one in enumerate(some):
        mine = links.filter(pc.and_(pc.equal(links["kind"], one.kind), pc.equal(links["value"], one.value)))
        flags[pc.index_in(mine["account_id"], names).to_numpy(), number] = True
    rows, counts = np.unique(flags, axis=0, return_counts=True)
    found = {
        tuple(np.flatnonzero(row).tolist()): int(number) for row, number in zip(rows, counts, strict=True)
    }
    without = max(0, accounts - len(names))
    if without:
        found[()] = found.get((), 0) + without
    order = sorted(found, key=lambda places: (-found[places], places))[:MAX_PATTERNS]
    return [Pattern(places=places, accounts=found[places]) for places in order]


def _svg(some: Sequence[Shared], patterns: Sequence[Pattern], numbers: Sequence[int]) -> str:
    """The drawing; `numbers` are the positions of its values among all shared values, for the script."""
    width = LEFT + STEP * max(len(patterns), 4) + 20
    kinds = {kind: i % COLOURS for i, kind in enumerate(dict.fromkeys(one.kind for one in some))}
    most = max(one.accounts for one in patterns)
    drawn = text("accounts that share the same", LEFT + 4, 12, "start", "axis-title")
    y = [TOP + ROW * i + ROW / 2 for i in range(len(some))]
    for i, one in enumerate(some):
        if i % 2 == 0:
            drawn += element("rect", x=0, y=y[i] - ROW / 2, width=width, height=ROW, class_="stripe")
        words = f"{visible(one.label, 26)}"
        tip = element("title", escape(f"{one.kind_words}: {visible(one.value, 200)}"))
        drawn += element(
            "text", tip + escape(words), x=LEFT - 12, y=y[i] + 4, text_anchor="end", class_="label"
        )
    for column, pattern in enumerate(patterns):
        x = LEFT + STEP * column + STEP / 2
        height = max(2.0, BARS * 0.7 * pattern.accounts / most)
        tip = element("title", escape(wording.counted(pattern.accounts, "account")))
        inside = element("rect", tip, x=x - 9, y=TOP - 6 - height, width=18, height=height, class_="bar")
        inside += text(wording.count(pattern.accounts), x, TOP - 10 - height, "middle", "tick")
        for i in range(len(some)):
            on = i in pattern.places
            inside += element(
                "circle",
                cx=x,
                cy=y[i],
                r=5.5 if on else 2.5,
                class_=f"node k{kinds[some[i].kind]}" if on else "off",
            )
        inner = [y[i] for i in pattern.places]
        if len(inner) > 1:
            inside = element("line", x1=x, x2=x, y1=min(inner), y2=max(inner), class_="axis") + inside
        drawn += element(
            "g", inside, class_="pattern", data_values=" ".join(str(numbers[i]) for i in pattern.places)
        )
    return svg(
        width,
        TOP + ROW * len(some) + 8,
        "Groups of accounts by the values that they share",
        drawn,
        "plot patterns",
    )
