"""Rows as a person may see them: without the permission, names of accounts and values become numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, or_

from stillwatch.console.console import Console
from stillwatch.console.roles import Caller
from stillwatch.contract.table import TableRow
from stillwatch.memory.labels import Label
from stillwatch.report.values import OPAQUE, kind_words


def account_name(who: Caller, row: TableRow) -> str:
    """An account's name, or its number for those who may not see names. `row` has `id` and `name`."""
    return str(row["name"]) if who.may("names") else f"account {row['id']}"


def value_name(who: Caller, row: TableRow) -> str:
    """A shared value's label, or its kind and number where it is a digest or may not be seen."""
    words = kind_words(row["kind"])
    return str(row["label"]) if row["label"] and who.may("names") else f"{words} {row['id']}"


def label_of(who: Caller, label: Label | None) -> dict[str, Any] | None:
    """A label; without author and reason for those who may not see names."""
    if label is None:
        return None
    answer: dict[str, Any] = {"verdict": label.verdict, "until": label.last_day or None}
    if who.may("names"):
        answer |= {"author": label.author, "reason": label.reason, "at": label.at.timestamp()}
        answer["statement"] = label.statement
    return answer


def accounts(console: Console, who: Caller, held: Iterable[TableRow]) -> list[dict[str, Any]]:
    """Rows of accounts with the name as shown, and the account's own label."""
    labels = console.standing().labels
    return [
        {
            **row,
            "name": account_name(who, row),
            "label": label_of(who, labels.of("account", str(row["name"]))),
        }
        for row in held
    ]


def values(console: Console, who: Caller, held: Iterable[TableRow]) -> list[dict[str, Any]]:
    """Rows of shared values with name, words for the kind, and label; the value itself is left out where it
    is a digest or may not be seen.
    """
    labels = console.standing().labels
    return [_value(who, row, labels.values.get((row["kind"], row["value"]))) for row in held]


def _value(who: Caller, row: TableRow, label: Label | None) -> dict[str, Any]:
    """A shared value as it is shown to a person, with its label."""
    answer = {key: value for key, value in row.items() if key not in ("value", "label")}
    answer |= {"name": value_name(who, row), "kind_words": kind_words(row["kind"])}
    answer["label"] = label_of(who, label)
    if who.may("names") and row["kind"] not in OPAQUE:
        answer["value"] = row["value"]
    return answer


def beyond(
    query: Select[Any], count: Column[Any], number: Column[Any], cursor: str, limit: int
) -> Select[Any]:
    """The rows of `query` after a cursor, in descending order of `count` and ascending order of `number`, and
    one more than `limit`, which says whether there is a further page.
    """
    if cursor:
        last, after = (int(part) for part in cursor.split(":"))
        later: ColumnElement[bool] = or_(count < last, and_(count == last, number > after))
        query = query.where(count <= last, later)
    return query.order_by(count.desc(), number).limit(limit + 1)


def page(held: list[dict[str, Any]], limit: int, count: str, number: str = "id") -> dict[str, Any]:
    """One page of rows, and the cursor of the next (None on the last)."""
    more = len(held) > limit
    some = held[:limit]
    return {"rows": some, "next": f"{some[-1][count]}:{some[-1][number]}" if more and some else None}


def without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A row without some of its columns."""
    return {key: value for key, value in row.items() if key not in names}
