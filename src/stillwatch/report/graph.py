"""Which accounts share which indicators, drawn with accounts on one side and indicators on the other?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TypeVar

from stillwatch.foreign import visible
from stillwatch.report.plots import WIDTH, element, svg, text
from stillwatch.report.reading import Row

ACCOUNTS, INDICATORS, EDGES = 60, 40, 700
SWEEPS = 24
COLOURS = 8
LEFT, RIGHT = 190, 620  # x of the accounts and of the indicators
ACCOUNT_STEP, INDICATOR_STEP, HEADING = 11, 15, 24

Node = TypeVar("Node", str, tuple[str, str])
Indicator = tuple[str, str]  # kind and value
Edges = Mapping[tuple[str, Indicator], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The graph as SVG, with what was left out of it."""

    svg: str
    accounts: int
    indicators: int
    edges: int
    accounts_given: int
    indicators_given: int
    edges_given: int

    @property
    def is_part(self) -> bool:
        """Whether something that was given is not drawn."""
        return (self.accounts, self.indicators, self.edges) != (
            self.accounts_given,
            self.indicators_given,
            self.edges_given,
        )


def draw(rows: Iterable[Row]) -> Drawing | None:
    """The strongest part of the graph, or None when there is nothing to draw."""
    edges: dict[tuple[str, Indicator], float] = {}
    for row in rows:
        key = (row["account_id"], (row["kind"], row["value"]))
        edges[key] = max(row["weight"], edges.get(key, 0.0))
    kept = strongest(edges)
    if not kept:
        return None
    accounts, groups = order(kept)
    return Drawing(
        svg=_svg(kept, accounts, groups),
        accounts=len(accounts),
        indicators=sum(map(len, groups)),
        edges=len(kept),
        accounts_given=len({account for account, _ in edges}),
        indicators_given=len({indicator for _, indicator in edges}),
        edges_given=len(edges),
    )


def strongest(edges: Edges) -> Edges:
    """The edges between the indicators, then the accounts, that carry the most weight; ties go by name."""
    by_indicator: dict[Indicator, float] = defaultdict(float)
    for (_, indicator), weight in edges.items():
        by_indicator[indicator] += weight
    indicators = set(sorted(by_indicator, key=lambda i: (-by_indicator[i], i))[:INDICATORS])
    by_account: dict[str, float] = defaultdict(float)
    for (account, indicator), weight in edges.items():
        if indicator in indicators:
            by_account[account] += weight
    accounts = set(sorted(by_account, key=lambda a: (-by_account[a], a))[:ACCOUNTS])
    inside = [(key, weight) for key, weight in edges.items() if key[0] in accounts and key[1] in indicators]
    return dict(sorted(inside, key=lambda edge: (-edge[1], edge[0]))[:EDGES])


def order(edges: Edges) -> tuple[list[str], list[list[Indicator]]]:
    """Accounts, and indicators in groups of one kind, in an order with few crossings.

    Barycentre heuristic (Sugiyama, Tagawa and Toda 1981): each side in turn is sorted by the mean place of
    its neighbours. Of all sweeps the order with the least total edge length is kept.
    """
    accounts = sorted({account for account, _ in edges})
    kinds: dict[str, list[Indicator]] = defaultdict(list)
    for indicator in sorted({indicator for _, indicator in edges}):
        kinds[indicator[0]].append(indicator)
    groups = list(kinds.values())
    best = (float("inf"), accounts, groups)
    for _ in range(SWEEPS):
        place = {account: i / len(accounts) for i, account in enumerate(accounts)}
        middle = _means((indicator, place[account], weight) for (account, indicator), weight in edges.items())
        groups = [sorted(group, key=lambda i: (middle[i], i)) for group in groups]
        groups.sort(key=lambda group: (sum(middle[i] for i in group) / len(group), group[0]))
        flat = [indicator for group in groups for indicator in group]
        across = {indicator: i / len(flat) for i, indicator in enumerate(flat)}
        centre = _means(
            (account, across[indicator], weight) for (account, indicator), weight in edges.items()
        )
        accounts = sorted(accounts, key=lambda a: (centre[a], a))
        place = {account: i / len(accounts) for i, account in enumerate(accounts)}
        length = sum(abs(place[account] - across[indicator]) for account, indicator in edges)
        if length < best[0] - 1e-12:
            best = (length, accounts, groups)
    return best[1], best[2]


def _means(triples: Iterable[tuple[Node, float, float]]) -> dict[Node, float]:
    total: dict[Node, float] = defaultdict(float)
    weight: dict[Node, float] = defaultdict(float)
    for key, value, amount in triples:
        total[key] += value * max(amount, 1e-9)
        weight[key] += max(amount, 1e-9)
    return {key: total[key] / weight[key] for key in total}


def _svg(edges: Edges, accounts: list[str], groups: list[list[Indicator]]) -> str:
    indicators = sum(map(len, groups))
    height = max(len(accounts) * ACCOUNT_STEP, indicators * INDICATOR_STEP + len(groups) * HEADING) + 46
    room = (height - 46 - indicators * INDICATOR_STEP - len(groups) * HEADING) / len(groups)
    left = {account: 40 + (i + 0.5) * (height - 46) / len(accounts) for i, account in enumerate(accounts)}
    right: dict[Indicator, float] = {}
    nodes = text("accounts", LEFT, 16, "end", "axis-title") + text(
        "what they share", RIGHT, 16, "start", "axis-title"
    )
    colour = {group[0][0]: i % COLOURS for i, group in enumerate(sorted(groups))}
    degree: dict[Indicator, int] = defaultdict(int)
    for _, indicator in edges:
        degree[indicator] += 1
    y = 40 + room / 2
    for group in groups:
        nodes += text(visible(group[0][0].replace("_", " "), 40), RIGHT, y + 8, "start", "group")
        y += HEADING
        for indicator in group:
            right[indicator] = y
            shade = f"node k{colour[indicator[0]]}"
            tip = element("title", escape(f"{indicator[0]}: {visible(indicator[1], 200)}"))
            nodes += element(
                "circle", tip, cx=RIGHT, cy=y, r=2.6 + min(degree[indicator], 30) / 12, class_=shade
            )
            words = f"{visible(indicator[1], 34)} · {degree[indicator]}"
            nodes += text(words, RIGHT + 10, y + 4, "start", "label")
            y += INDICATOR_STEP
        y += room
    for account, at in left.items():
        tip = element("title", escape(visible(account, 200)))
        nodes += element("circle", tip, cx=LEFT, cy=at, r=2.4, class_="node")
        nodes += text(visible(account, 24), LEFT - 8, at + 3, "end", "label small")
    heaviest = max(edges.values()) or 1.0
    middle = (LEFT + RIGHT) / 2
    lines = ""
    for (account, indicator), weight in sorted(edges.items(), key=lambda edge: edge[1]):
        a, b = left[account], right[indicator]
        lines += element(
            "path",
            d=f"M{LEFT} {a:.1f}C{middle:.0f} {a:.1f} {middle:.0f} {b:.1f} {RIGHT} {b:.1f}",
            stroke_opacity=f"{0.1 + 0.6 * max(weight, 0.0) / heaviest:.2f}",
            class_=f"edge k{colour[indicator[0]]}",
        )
    return svg(WIDTH, height, "Accounts and the indicators they share", lines + nodes, "plot graph")
