"""Prompts and answers from files, for `prove`, and the rows that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stillwatch.contract.table import EARLIEST_US, LATEST_US
from stillwatch.errors import InputError, Problem
from stillwatch.foreign import named, visible
from stillwatch.prove.case import PromptAnswer
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import FAULTS
from stillwatch.readers.read import check, read
from stillwatch.readers.records import records
from stillwatch.readers.times import micros

# Names of columns that are recognised; the first one present is used.
PROMPTS, ANSWERS = ("prompt", "question", "instruction"), ("answer", "response", "completion", "output")
# Fields with the identifier of a conversation, in the order tried.
CONVERSATIONS = ("conversation_id", "session_id", "thread_id")
TIMES = ("asked_at", "timestamp")  # fields with the time of a question, in the order tried
# Columns that were not shown to the model, nor was the column of answers; text in any other column counts as
# seen by it, also in a second column of answers that holds something else.
ABOUT = {
    *CONVERSATIONS,
    *TIMES,
    "unserved",
    "campaign_id",
    "exchange_id",
    "account_id",
    "id",
    "model",
}
Exchange = str | tuple[Any, ...]  # an exchange's id, or its id, account and time
MOST_PAIRS = 2_000_000  # most pairs held in memory: chosen, a case has thousands
FIRST = 10  # most row numbers listed for one reason
NO_PAIR = "no prompt and answer as text"  # why a row is not read


@dataclass(slots=True)
class Unread:
    """Rows that are not used, by file and reason: their number, and the first `FIRST` row numbers."""

    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    first: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, file: str, reason: str, row: int, number: int = 1) -> None:
        """Count `number` rows, of which `row` is the first (0: no row number)."""
        self.rows[file, reason] = self.rows.get((file, reason), 0) + number
        some = self.first.setdefault((file, reason), [])
        if row and len(some) < FIRST:
            some.append(row)

    def of(self, file: Path) -> int:
        """Number of rows of a file that are not used."""
        return sum(number for (name, _), number in self.rows.items() if name == str(file))

    def counts(self) -> list[dict[str, Any]]:
        """One dictionary (`file`, `reason`, `rows`, `first`) for each file and reason."""
        return [
            {"file": file, "reason": reason, "rows": number, "first": self.first[file, reason]}
            for (file, reason), number in self.rows.items()
        ]

    def lines(self) -> list[str]:
        """One line of text for each file and reason."""
        return [line(one) for one in self.counts()]


def line(one: Mapping[str, Any]) -> str:
    """A dictionary of `Unread.counts` as one line of text."""
    first = ", ".join(f"{row:,}" for row in one["first"])
    where = f" (rows {first}{', ...' if one['rows'] > len(one['first']) else ''})"
    rows = f"{one['rows']:,} {'row' if one['rows'] == 1 else 'rows'}"
    return (
        f"{visible(one['file'], 200)}: {rows} not used: "
        f"{visible(one['reason'], 200)}{where if one['first'] else ''}"
    )


def rows_of(path: Path, unread: Unread) -> list[tuple[int, dict[str, Any]]]:
    """Rows of a file, each with its number. Unreadable lines are added to `unread`. Raises `InputError`
    where no row can be read.
    """
    losses = Losses(path)
    try:
        rows = [(number, dict(record)) for number, record in records(path, losses, LIMITS)]
    except FAULTS as error:
        raise InputError(_unreadable(path, type(error).__name__)) from None
    lost = [*losses.listed().to_pylist(), *losses.counted().to_pylist()]
    if not rows:
        raise InputError(_unreadable(path, lost[0]["reason"] if lost else "no row"))
    for one in lost:
        unread.add(str(path), one["reason"], one["row"], one["rows"])
    return rows


def pairs_of(path: Path, unread: Unread) -> list[PromptAnswer]:
    """Prompts and answers of a file. Rows that lack one are added to `unread`. Raises `InputError` for a file
    without a column of prompts or of answers.
    """
    return _pairs_of(path, rows_of(path, unread), unread)


def _pairs_of(
    path: Path, rows: Sequence[tuple[int, Mapping[str, Any]]], unread: Unread
) -> list[PromptAnswer]:
    """Prompts and answers of rows that are read already; see `pairs_of`."""
    prompt, answer = _column(rows, PROMPTS), _column(rows, ANSWERS)
    if prompt is None or answer is None:
        every = list(dict.fromkeys(name for _, row in rows for name in row))
        raise InputError(
            Problem(
                fact="no prompts and answers in this file",
                where=str(path),
                found=named(every, {*PROMPTS, *ANSWERS, *ABOUT}),
                expected=f"a column of {', '.join(PROMPTS)} and one of {', '.join(ANSWERS)}",
            )
        )
    earlier: dict[str, list[str]] = {}
    known = _schemas([row for _, row in rows])
    out = []
    for number, row in rows:
        question, said = row.get(prompt), row.get(answer)
        if not isinstance(question, str) or not isinstance(said, str) or not said:
            unread.add(str(path), NO_PAIR, number)
            continue
        talk = next((f"{name} {row[name]}" for name in CONVERSATIONS if row.get(name) is not None), None)
        before = earlier.setdefault(talk, []) if talk else []
        seen = [
            text
            for name, value in row.items()
            if name not in (*ABOUT, prompt, answer) and value != said
            for text in _texts(value, known)
        ]
        out.append(
            PromptAnswer(
                prompt=question,
                answer=said,
                campaign=_text(row.get("campaign_id")),
                unserved=_text(row.get("unserved")),
                seen=(*seen, *before),
                asked_at=_moment(row),
            )
        )
        before += [question, said]
    return out


def _moment(row: Mapping[str, Any]) -> int | None:
    """Time of a row's question in microseconds since 1970; None where no column of `TIMES` has a valid
    time.
    """
    some = (micros(row.get(name)) for name in TIMES)
    return next((at for at in some if at is not None and EARLIEST_US <= at <= LATEST_US), None)


def _texts(value: object, known: Set[frozenset[str]]) -> Iterator[str]:
    """All strings in a value of nested dictionaries and lists, in order.

    The names of fields are a string too, except those of a record (`known`, as `_schemas` gives them), and so
    is a list of whole numbers, which may be codes of characters.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        if frozenset(value) not in known:
            yield " ".join(map(str, value))
        for one in value.values():
            yield from _texts(one, known)
    elif isinstance(value, list | tuple):
        if value and all(isinstance(one, int) for one in value):
            yield " ".join(map(str, value))
        for one in value:
            yield from _texts(one, known)


def _schemas(rows: Iterable[Mapping[str, Any]]) -> set[frozenset[str]]:
    """Names of fields that at least two different nested dictionaries of a file have in common: records."""
    first: dict[frozenset[str], int] = {}
    out = set()
    some: list[object] = [value for row in rows for value in row.values() if not isinstance(value, str)]
    while some:
        one = some.pop()
        if isinstance(one, Mapping):
            names = frozenset(one)
            if first.setdefault(names, content := hash(repr(one))) != content:
                out.add(names)
            some += one.values()
        elif isinstance(one, list | tuple):
            some += one
    return out


def _text(value: object) -> str:
    """The value where it is text, else ""."""
    return value if isinstance(value, str) else ""


def _column(rows: Iterable[tuple[int, Mapping[str, Any]]], names: Sequence[str]) -> str | None:
    """The first of `names` that a row has as text; None where no row has one."""
    there = {name for _, row in rows for name in names if isinstance(row.get(name), str)}
    return next((name for name in names if name in there), None)


def served_pairs(
    paths: Sequence[str], campaigns: Path | None, known: set[str], unread: Unread
) -> list[PromptAnswer]:
    """Served prompts and answers, each with the campaign under whose key the answer was marked (empty:
    none).

    `paths` is a table with `campaign_id`, or logs as `scan` reads them. For logs `campaigns` gives each
    exchange's campaign: a results folder, or a table of `exchange_id` and `campaign_id`. `known` are the
    campaigns of the keyring; where it has only one and no source names campaigns, all exchanges are
    assigned to it. Raises `InputError` for more than `MOST_PAIRS` pairs.
    """
    whose, twins = _labels(campaigns, unread) if campaigns else ({}, {})
    if not paths:
        return []
    if len(paths) == 1 and Path(paths[0]).is_file():
        path = Path(paths[0])
        rows = _plain(path, unread)
        if rows is not None:
            rows = _assigned(rows, whose)
            pairs = _pairs_of(path, rows, unread)
            if any("campaign_id" in row for _, row in rows) or len(known) != 1:
                return pairs
            only = next(iter(known))
            return [replace(one, campaign=only) for one in pairs]
    only = next(iter(known)) if len(known) == 1 and campaigns is None else ""
    sources = check(discover(paths), {})
    for file, problems in sources.unread.items():
        unread.add(str(file), problems[0].fact, 0)
    out: list[PromptAnswer] = []
    for batch in read(sources, {}):
        for lost in batch.quarantine.to_pylist():
            unread.add(lost["file"], lost["reason"], lost["row"], lost["rows"])
        rows_read = batch.rows
        if not {"exchange_id", "prompt", "response"} <= set(rows_read.column_names):
            continue
        columns = ("exchange_id", "account_id", "timestamp", "prompt", "response")
        for *exchange, prompt, answer in zip(*(rows_read[c].to_pylist() for c in columns), strict=True):
            name = next((name for name in (tuple(exchange), exchange[0]) if name in whose), None)
            if prompt and answer and (only or not whose or name is not None):
                out.append(
                    PromptAnswer(
                        prompt=prompt,
                        answer=answer,
                        campaign=only if name is None else whose[name],
                        unserved=twins.get(name if name is not None else exchange[0], ""),
                    )
                )
        if len(out) > MOST_PAIRS:
            raise InputError(
                Problem(
                    fact="too many served answers to hold",
                    found=f"over {MOST_PAIRS:,}",
                    fix="name the campaign's alone with --campaigns RESULTS",
                )
            )
    return out


def _assigned(
    rows: Sequence[tuple[int, dict[str, Any]]], whose: Mapping[Exchange, str]
) -> list[tuple[int, dict[str, Any]]]:
    """Rows with the campaign of their `exchange_id`, where `whose` names any of these and no row names a
    campaign itself; else as they are.
    """
    names = [row.get("exchange_id") for _, row in rows]
    if any("campaign_id" in row for _, row in rows) or not any(
        isinstance(name, str) and name in whose for name in names
    ):
        return list(rows)
    return [
        (number, {**row, "campaign_id": whose.get(name, "") if isinstance(name, str) else ""})
        for (number, row), name in zip(rows, names, strict=True)
    ]


def _labels(path: Path, unread: Unread) -> tuple[dict[Exchange, str], dict[Exchange, str]]:
    """Two dictionaries keyed by exchange: its campaign, and the answer that was not served (`unserved`).

    The key is the id, with account and time where the table has them, since senders may reuse ids.
    """
    file = path / "exchanges.parquet" if path.is_dir() else path
    rows = _of_columns(file, ("exchange_id", "campaign_id"), "this does not say who was served what", unread)
    columns = ("exchange_id", "account_id", "timestamp")
    is_whole = all(set(columns) <= set(row) for _, row in rows)
    whose: dict[Exchange, str] = {}
    twins: dict[Exchange, str] = {}
    for _, row in rows:
        name = tuple(row[one] for one in columns) if is_whole else row["exchange_id"]
        whose[name] = row["campaign_id"]
        if _text(row.get("unserved")):
            twins[name] = row["unserved"]
    return whose, twins


def members_of(path: Path, unread: Unread) -> dict[str, str]:
    """Campaign of each account, from a results folder or a table of `campaign_id` and `account_id`."""
    file = path / "members.parquet" if path.is_dir() else path
    rows = _of_columns(
        file, ("account_id", "campaign_id"), "this does not say which accounts a campaign has", unread
    )
    return {row["account_id"]: row["campaign_id"] for _, row in rows}


def _of_columns(
    file: Path, columns: Sequence[str], fact: str, unread: Unread
) -> list[tuple[int, dict[str, Any]]]:
    """Rows with a string or whole number (converted to a string) in all `columns`, each with its number;
    other rows are added to `unread`. Raises `InputError` with `fact` where a column is absent.
    """
    rows = rows_of(file, unread)
    if not all(any(name in row for _, row in rows) for name in columns):
        every = list(dict.fromkeys(name for _, row in rows for name in row))
        raise InputError(
            Problem(
                fact=fact,
                where=str(file),
                found=named(every, {*columns, *ABOUT}),
                expected=f"columns {' and '.join(f'`{name}`' for name in columns)}",
            )
        )
    out = []
    for number, row in rows:
        values = {name: row.get(name) for name in columns}
        if all(isinstance(one, str | int) and one != "" for one in values.values()):
            out.append((number, {**row, **{name: str(one) for name, one in values.items()}}))
        else:
            unread.add(str(file), f"no text in {' or '.join(f'`{name}`' for name in columns)}", number)
    return out


def _plain(path: Path, unread: Unread) -> list[tuple[int, dict[str, Any]]] | None:
    """Rows of a file of prompts and answers without times; None for any other file, such as a log."""
    if not path.name.endswith((".jsonl", ".parquet", ".json")):
        return None
    mine = Unread()
    try:
        rows = rows_of(path, mine)
    except InputError:
        return None
    if any("timestamp" in row for _, row in rows) or not (_column(rows, PROMPTS) and _column(rows, ANSWERS)):
        return None
    unread.rows |= mine.rows
    unread.first |= mine.first
    return rows


def _unreadable(path: Path, found: str) -> Problem:
    """The problem of a file that could not be read."""
    return Problem(
        fact="the file could not be read",
        where=str(path),
        found=found,
        expected="JSON lines or Parquet",
    )
