"""Numbers that record how they were counted, and sentences made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stillwatch.claims import words
from stillwatch.package.alone import derive

Tables = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number from the tables: its value, its text, and the query by which it is counted (`how`, for
    `package.alone.derive`).
    """

    value: Any
    shown: str
    how: Mapping[str, Any]


TextPart = str | Number
Sentence = tuple[TextPart, ...]


def text(parts: Sentence) -> str:
    """The sentence as plain text, without references."""
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
    """Count a number from rows of a table; None where the table is absent or no row gives it.

    Args:
        tables: rows by table name.
        table: the table to count in.
        take: what is taken of the rows (`package.alone.derive`): `count`, `sum`, `least`, `most`, `value`,
            `sorted`.
        column: the column; "" for `count`.
        shown: function that turns the value into text.
        times: factor by which the value is multiplied.
        at_least: lower bounds by column.
        at_most: upper bounds by column.
        where: required values by column; a list means any of its values.
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
