"""Numbers that carry how they were counted, and sentences made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stillwatch.claims import words
from stillwatch.package.alone import derive

Tables = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number of the tables: its value, as it is shown, and `how` it is counted (`package.alone.derive`)."""

    value: Any
    shown: str
    how: Mapping[str, Any]


Part = str | Number
Sentence = tuple[Part, ...]


def text(parts: Sentence) -> str:
    """The sentence without references."""
    return "".join(one if isinstance(one, str) else one.shown for one in parts)


def number(
    tables: Tables,
    table: str,
    take: str,
    column: str = "",
    *,
    shown: Callable[[Any], str] = words.count,
    times: float | None = None,
    at_least: Mapping[str, float] | None = None,
    at_most: Mapping[str, float] | None = None,
    **where: Any,  # noqa: ANN401
) -> Number | None:
    """A number counted now, of rows that have the values in `where` (a list: any of these) and lie within
    bounds; None where no row gives it.
    """
    if table not in tables:
        return None
    how: dict[str, Any] = {"table": table, "take": take, "where": where}
    if column:
        how["column"] = column
    more = {"times": times, "at_least": at_least, "at_most": at_most}
    how |= {name: value for name, value in more.items() if value is not None}
    value = derive({table: [dict(row) for row in tables[table]]}, how)
    return None if value is None else Number(value=value, shown=shown(value), how=how)
