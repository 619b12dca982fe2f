"""Formats described by a mapping file: which field of a log becomes which column (docs/mapping.md).

The file is TOML. `columns` maps columns of the contract to paths, `bodies` gives the paths of requests and
answers in a provider's form, `where` selects the records that are exchanges, and each `test` is a record with
the expected row.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.errors import Problem, UsageError
from stillwatch.readers.content import (
    answer_columns,
    answered,
    body_in,
    decoded,
    prompts_of,
    request_columns,
    tool_names,
)
from stillwatch.readers.http import joined
from stillwatch.readers.registry import (
    Format,
    Malformed,
    Record,
    Row,
    address,
    first,
    log_format,
    moment,
    number,
)

ENDING = ".toml"  # ending of a mapping file
MAX_MAPPING_BYTES = 1 << 20  # most bytes of a mapping file: chosen
PARTS = ("name", "title", "where", "columns", "bodies", "test")  # keys of a mapping file
BODIES = ("request", "response")  # keys of the part `bodies`
MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4}
"""Milliseconds in each unit of a duration."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")  # a name of a format
STEP = re.compile(r"(?:^|\.)(?:\"([^\"]+)\"|([^.\[\]\"]+))|\[(-?\d{1,6})\]")
"""One step of a path: a name, a quoted name, or an index in brackets."""
REQUIRED = ("timestamp", "account_id")
"""Columns that a mapping file must map."""
FIX = "docs/mapping.md shows a whole file"  # fix that is named for a wrong mapping file

Steps = tuple[str | int, ...]
"""A path as a sequence of names and indices."""


@dataclass(frozen=True, slots=True)
class ValueSource:
    """The source of a value: the first of several paths with a value, times a factor; or a constant."""

    paths: tuple[tuple[str, Steps], ...] = ()
    factor: float | None = None
    constant: Any = None

    def of(self, record: Record) -> Any:  # noqa: ANN401  any JSON value
        """The value in a record; None where there is none."""
        found = first(*(_at(record, name, steps) for name, steps in self.paths))
        if found is None:
            return self.constant
        known = number(found) if self.factor is not None else None
        return found if known is None or self.factor is None else known * self.factor


def _at(record: Record, name: str, steps: Steps) -> Any:  # noqa: ANN401  any JSON value
    """The value at a path. A field whose name is the whole path has priority; JSON encoded as text is decoded
    on the way.
    """
    if name in record:
        return record[name]
    value: Any = record
    for step in steps:
        value = decoded(value)
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and -len(value) <= step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            return None
    return value


@dataclass(frozen=True, slots=True)
class Mapped:
    """The content of a mapping file."""

    columns: Mapping[str, ValueSource]
    bodies: Mapping[str, ValueSource]
    where: Mapping[str, tuple[ValueSource, tuple[Any, ...]]]

    def recognise(self, record: Record) -> str:
        """Why a record is of this log; empty where it is not."""
        if self.where:
            return "`where` of the mapping file" if self.is_exchange(record) else ""
        found = all(self.columns[name].of(record) is not None for name in REQUIRED)
        return "`timestamp` and `account_id` of the mapping file" if found else ""

    def is_exchange(self, record: Record) -> bool:
        """Whether all conditions of `where` hold."""
        return all(source.of(record) in wanted for source, wanted in self.where.values())

    def row(self, record: Record) -> Row:
        """The columns of a record's exchange."""
        row = {name: _as_column(name, source.of(record)) for name, source in self.columns.items()}
        said = row.pop("prompt", None)
        system, prompt = said if isinstance(said, tuple) else (None, said)
        request = self.bodies["request"].of(record) if "request" in self.bodies else None
        answer = self.bodies["response"].of(record) if "response" in self.bodies else None
        more: list[Row] = [row, {"prompt": prompt, "system_prompt": system}]
        if request is not None:
            body = body_in(request)
            more.append({"model": body.get("model"), **request_columns(body)})
        if answer is not None:
            more.append(answer_columns(answer))
        return joined(*more)


def _as_column(name: str, value: Any) -> Any:  # noqa: ANN401  any JSON value
    """A value in the form of its column: messages as text, addresses without ports, times in microseconds
    since 1970.
    """
    if value is None:
        return None
    if name == "timestamp":
        return moment(value)
    if name == "prompt":
        return prompts_of(value)
    if name == "system_prompt":
        return prompts_of([{"role": "system", "content": decoded(value)}])[0]
    if name == "response":
        return answered(value)
    if name == "tool_names":
        listed = decoded(value)
        plain = isinstance(listed, list) and all(isinstance(one, str) for one in listed)
        return (listed or None) if plain else tool_names(listed)
    return address(value) if name == "client_ip" else value


def read_mapping(path: Path) -> Format:
    """The format that a mapping file describes. Raises `UsageError` with all problems of the file, or with
    its failed tests.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(
            Problem(
                fact="the mapping file cannot be read",
                where=str(path),
                found=error.strerror or type(error).__name__,
            )
        ) from error
    if len(raw) > MAX_MAPPING_BYTES:
        raise UsageError(
            Problem(
                fact="the mapping file is too large",
                where=str(path),
                expected=f"at most {MAX_MAPPING_BYTES:,} bytes",
            )
        )
    try:
        return mapped_format(raw.decode("utf-8"), path.stem)
    except UsageError as error:
        raise UsageError(
            *(replace(problem, where=f"{path}{problem.where}") for problem in error.problems)
        ) from None
    except UnicodeDecodeError:
        raise UsageError(Problem(fact="the mapping file is not UTF-8", where=str(path))) from None


@lru_cache(64)
def mapped_format(text: str, stem: str) -> Format:
    """The format of a mapping file's text; `stem` is the file's name without its ending. Raises `UsageError`
    with the place in the file in each problem's `where`.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(Problem(fact="the mapping file is not TOML", found=str(error), fix=FIX)) from None
    problems = list(_problems(given))
    if problems:
        raise UsageError(*problems)
    mapped = Mapped(
        columns={name: _source(value) for name, value in given["columns"].items()},
        bodies={name: _source(value) for name, value in given.get("bodies", {}).items()},
        where={
            path: (_source(path), tuple(value) if isinstance(value, list) else (value,))
            for path, value in given.get("where", {}).items()
        },
    )
    form = _format(mapped, given, text, stem)
    failed = [
        problem
        for place, test in enumerate(given.get("test", []), 1)
        for problem in _failures(form, place, test)
    ]
    if failed:
        raise UsageError(*failed)
    return form


def _format(mapped: Mapped, given: Mapping[str, Any], text: str, stem: str) -> Format:
    """The format of a mapping file, named after the file and a digest of its text."""
    name = str(given.get("name") or stem)
    name = name if NAME.fullmatch(name) else "mapping"
    sources = {**mapped.columns, **{f"{name} body": source for name, source in mapped.bodies.items()}}

    def mapping_file(record: Record) -> Iterator[Row]:
        """Yield the row of a record that describes an exchange."""
        if mapped.is_exchange(record):
            yield mapped.row(record)

    form = log_format(
        title=str(given.get("title") or f"Log described by {stem}{ENDING}"),
        source="a mapping file; docs/mapping.md",
        fields={column: _described(source) for column, source in sources.items()},
        known=[str(steps[0]) for source in _sources(mapped) for _name, steps in source.paths]
        + [path for source in _sources(mapped) for path, _steps in source.paths],
        recognise=mapped.recognise,
    )(mapping_file)
    digest = blake2b(text.encode(), digest_size=4).hexdigest()
    return replace(form, name=f"{name}@{digest}", origin=(text, stem))


def _sources(mapped: Mapped) -> Iterator[ValueSource]:
    """All sources of values."""
    yield from mapped.columns.values()
    yield from mapped.bodies.values()
    yield from (source for source, _wanted in mapped.where.values())


def _described(source: ValueSource) -> str:
    """A source as text."""
    paths = ", else ".join(name for name, _steps in source.paths)
    return paths or repr(source.constant)


def _source(value: Any) -> ValueSource:  # noqa: ANN401  any TOML value
    """The source given by a path, a list of paths (the first with a value is used), or a table with `path`,
    `unit` or `value`.
    """
    table = value if isinstance(value, dict) else {"path": value}
    paths = table.get("path", [])
    several = paths if isinstance(paths, list) else [paths]
    unit = table.get("unit")
    return ValueSource(
        tuple((path, _steps(path)) for path in several),
        None if unit is None else MILLISECONDS[unit],
        table.get("value"),
    )


def _steps(path: str) -> Steps:
    """The steps of a path; empty for an invalid path."""
    found: list[str | int] = []
    at = 0
    while at < len(path):
        step = STEP.match(path, at)
        if step is None:
            return ()
        found.append(int(step[3]) if step[3] else step[1] or step[2])
        at = step.end()
    return tuple(found)


def _problems(given: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of a mapping file's structure."""
    yield from _unknown(given, PARTS, "")
    for part in ("where", "columns", "bodies"):
        if not isinstance(given.get(part, {}), dict):
            yield Problem(fact=f"`{part}` is not a table", where=f", `{part}`", fix=FIX)
            return
    if not isinstance(given.get("test", []), list) or not all(
        isinstance(one, dict) for one in given.get("test", [])
    ):
        yield Problem(fact="`test` is not a list of tables", where=", `test`", expected="[[test]]", fix=FIX)
    columns = given.get("columns", {})
    yield from _unknown(columns, EXCHANGES.names, "columns")
    yield from _unknown(given.get("bodies", {}), BODIES, "bodies")
    for name in REQUIRED:
        if name not in columns:
            yield Problem(
                fact=f"the mapping names no `{name}`",
                where=", `columns`",
                expected=_meaning(name),
                fix=f'{name} = "THEIR_FIELD"',
            )
    for part, several in (("columns", columns), ("bodies", given.get("bodies", {}))):
        for name, value in several.items():
            yield from _source_problems(f", `{part}.{name}`", name, value)
    for path in given.get("where", {}):
        if not _steps(path):
            yield _no_path(f", `where.{path}`", path)


def _unknown(table: Mapping[str, Any], known: Sequence[str], part: str) -> Iterator[Problem]:
    """Problems of unknown keys in a table."""
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, 1)
            yield Problem(
                fact=f"the mapping names `{name}`, which nothing is called",
                where=f", `{part}`" if part else "",
                expected=near[0] if near else ", ".join(known),
            )


def _source_problems(where: str, name: str, value: Any) -> Iterator[Problem]:  # noqa: ANN401  any TOML value
    """Problems of one source of a value."""
    table = value if isinstance(value, dict) else {"path": value}
    yield from _unknown(table, ("path", "unit", "value"), where.strip(", `"))
    if not table.keys() & {"path", "value"}:
        yield Problem(fact="a column has neither a path nor a value", where=where, fix=FIX)
    paths = table.get("path", [])
    for path in paths if isinstance(paths, list) else [paths]:
        if not isinstance(path, str) or not _steps(path):
            yield _no_path(where, path)
    unit = table.get("unit")
    if unit is not None and (name != "latency_ms" or unit not in MILLISECONDS):
        expected = ", ".join(MILLISECONDS) if name == "latency_ms" else "no unit: times are read in any"
        yield Problem(
            fact="the unit is not one that is known", where=where, found=str(unit), expected=expected
        )


def _no_path(where: str, path: Any) -> Problem:  # noqa: ANN401  any TOML value
    """The problem of an invalid path."""
    expected = 'names with dots between them, such as request.messages, choices[0].text or http."user.id"'
    return Problem(fact="the path cannot be read", where=where, found=str(path), expected=expected)


def _meaning(name: str) -> str:
    """The meaning of a column of the contract."""
    return next(column.meaning for column in EXCHANGES.columns if column.name == name)


def _failures(form: Format, place: int, test: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of one test: an invalid record, or a row that differs from the expected one."""
    where = f", test {place}"
    record = test.get("record")
    if isinstance(record, str):
        try:
            record = orjson.loads(record)
        except orjson.JSONDecodeError as error:
            yield Problem(fact="the record of a test is not JSON", where=where, found=error.msg)
            return
    if not isinstance(record, dict):
        yield Problem(fact="a test has no record", where=where, fix="record = '{...}'")
        return
    rows = list(form.read(iter([(1, record)]), None))
    wanted = test.get("row")
    if wanted is None or wanted is False:
        if any(isinstance(row, dict) for _number, row in rows):
            yield Problem(fact="a record that should be passed over gives a row", where=where)
        return
    row = rows[0][1] if rows else None
    if isinstance(row, Malformed):
        yield Problem(
            fact="the record of a test gives no row",
            where=where,
            found=f"{row.column or 'record'}: {row.reason}",
        )
    elif not isinstance(row, dict):
        yield Problem(
            fact="the record of a test gives no row", where=where, found="it is passed over by `where`"
        )
    else:
        yield from _differences(row, wanted, where)


def _differences(row: Row, wanted: Mapping[str, Any], where: str) -> Iterable[Problem]:
    """Problems of columns that differ from a test's expected row."""
    for name, value in wanted.items():
        found = row.get(name)
        same = (
            _moment_of(value) == found if name == "timestamp" else found == value or str(found) == str(value)
        )
        if not same:
            yield Problem(
                fact=f"a test gives another `{name}`", where=where, found=str(found), expected=str(value)
            )


def _moment_of(value: Any) -> int | None:  # noqa: ANN401  any TOML value
    """Microseconds since 1970; None where the value is no time."""
    try:
        return moment(value)
    except Malformed:
        return None
