"""Daily summaries of a store's observations; a day is summarised again only where its input changed."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from stillwatch.contract.phrases import HOUR_S, Phrases
from stillwatch.contract.summaries import OF_SOURCES, Summaries, halved, summed, summed_marks
from stillwatch.detect import fold
from stillwatch.engine.connect import Engine
from stillwatch.flows.excused import Excused
from stillwatch.flows.factorize import FIRST, Codes
from stillwatch.signals.registry import Indicator, all_indicators
from stillwatch.store.store import Part, Store, content_id

FOLDED = 4  # version of the summaries; raised by every change of their contents
TOGETHER = 1_500_000  # rows of several days that are summarised in one query, about
MOST_MARKS = 24_000_000  # most phrases and bands that are compared; above it they are sampled

Skipped = tuple[Indicator, str]
NONE_EXCUSED = Excused()  # no value is declared honest


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTables:
    """Tables of a log for the detector.

    `exchanges` has each exchange once. `summaries` has numbers in place of digests (`flows.factorize`).
    `sightings` is an expression that is not computed yet; it has digests, as `exchanges` has, and also the
    phrases and bands that several accounts show. One phrase or band in 2^`thinned` is compared. `used` are
    the indicators with data, `skipped` the others with the reason.
    """

    exchanges: ir.Table
    summaries: Summaries
    sightings: ir.Table
    used: tuple[Indicator, ...]
    skipped: tuple[Skipped, ...]
    thinned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A store whose days are all summarised.

    `observations` are all rows, `several` the keys of exchanges with more than one row, and `first` the one
    row of each of these that counts (None where there are none).
    """

    observations: ir.Table
    several: ir.Table
    first: ir.Table | None
    thinned: int

    def once(self, rows: ir.Table, days: Sequence[str] | None = None) -> ir.Table:
        """Observations with each exchange once. `rows` are those of `days`, or of all days where None."""
        if self.first is None:
            return rows
        mine = self.first if days is None else self.first.filter(_day(self.first).isin(days))
        return rows.anti_join(self.several, "exchange_key").union(mine)


def add_up(
    engine: Engine, store: Store, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Added:
    """Summarise the days of a store that are new or have changed. The store must hold an exchange.

    `progress` is called with the number of finished days and of all days.
    """
    parts = [part for part in store.parts if part.rows]
    observations = engine.read_parts([store.path(part) for part in parts])
    several = engine.keep("several", fold.copies(observations))
    doubled = several.count().to_pyarrow().as_py() > 0
    added = Added(
        observations=observations,
        several=several,
        first=engine.keep("first", fold.once(observations, several)) if doubled else None,
        thinned=fold.halvings(sum(part.marks for part in parts), MOST_MARKS),
    )
    by_day: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        by_day[part.day].append(part)
    copies: dict[str, str] = {}
    if added.first is not None:
        copies = _doubled(observations.semi_join(several, "exchange_key"), added.first)
    made_of = _made_of(by_day, copies)
    stale = store.stale(made_of, added.thinned)
    progress(len(by_day) - len(stale), len(by_day))
    for days in _together(stale, by_day):
        rows = engine.read_parts([store.path(part) for day in days for part in by_day[day]])
        _fold_days(engine, store, added.once(rows, days), days, made_of, added.thinned)
        progress(len(by_day) - len([day for day in stale if day > days[-1]]), len(by_day))
    return added


def open_log(
    engine: Engine,
    store: Store,
    accounts: ir.Table,
    releases: ir.Table,
    without: frozenset[str] = frozenset(),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    excused: Excused = NONE_EXCUSED,
) -> LogTables:
    """The log of a store that holds at least one exchange; days that are new or have changed are summarised.

    `accounts` and `releases` are the companion tables, `without` the names of indicators to leave out, and
    `excused` values that people labelled honest.
    """
    added = add_up(engine, store, progress)
    observations, thinned = added.observations, added.thinned
    used, skipped = fold.usable({"observations": store.filled, "accounts": fold.filled(accounts)})
    skipped = (*skipped, *((unit, "left out on request") for unit in used if unit.card.name in without))
    used = tuple(unit for unit in used if unit.card.name not in without)
    empty = summaries_of(engine, observations.limit(0), 0)

    def kept(name: str) -> ir.Table:
        """All days of one kind of summary in the store; no rows where it has none."""
        files = store.summaries(name)
        return engine.read_parts(files).select(*empty[name].columns) if files else empty[name].limit(0)

    kinds = [unit.card.name for unit in used]
    sources = kept("sources")
    sources = sources.select(*OF_SOURCES, *(name for name in sources.columns if name in kinds))
    marks = fold.thin(kept("marks"), thinned).filter(_.kind.isin(kinds))
    attributes = fold.attributes(accounts, sources.half).filter(_.kind.isin(kinds))
    activity = engine.keep("activity", kept("activity"))
    sightings = summed(sources, attributes).union(summed_marks(marks))
    codes = Codes.of(engine, activity)
    sources = engine.keep("sources_coded", codes.coded_sources(sources))
    marks = engine.keep("marks_coded", codes.coded("codes_marks", marks, "value"))
    summaries = Summaries(
        activity=activity,
        halves=engine.keep("halves", halved(activity)),
        sources=sources,
        attributes=attributes,
        marks=marks,
        phrases=_phrases(activity, marks, codes),
        sightings=engine.keep("sightings", summed(sources, attributes)),
        items=engine.keep("items", codes.coded("codes_items", fold.shared_items(kept("items")), "item")),
        usage=kept("usage"),
        conversations=engine.keep(
            "conversations",
            codes.coded(
                "codes_conversations",
                fold.shared_conversations(kept("conversations")),
                "conversation",
                "first_seen",
            ),
        ),
        owners=engine.keep("owners", fold.owners(activity, accounts)),
        accounts=accounts,
        releases=releases,
    )
    return LogTables(
        exchanges=added.once(observations),
        summaries=excused.applied(engine, summaries),
        sightings=excused.left(engine, sightings),
        used=used,
        skipped=skipped,
        thinned=thinned,
    )


def _phrases(activity: ir.Table, marks: ir.Table, codes: Codes) -> Phrases:
    """`Summaries.phrases` from tables whose digests were replaced by numbers."""
    began = activity.group_by("account_id").agg(began=(_.hour.min().epoch_seconds() // HOUR_S).cast("int64"))
    began = began.join(codes.accounts, "account_id").order_by("place").select("account_id", "began")
    rows = marks.filter(_.value >= FIRST).join(codes.accounts, "account_id")
    rows = rows.select(
        "kind",
        "value",
        "half",
        "exchanges",
        account=_.place,
        hour=(_.hour.epoch_seconds() // HOUR_S).cast("int64"),
    )
    return Phrases.of(began.to_pyarrow(), rows.order_by(["value", "account", "hour"]).to_pyarrow())


def shareable(log: LogTables) -> list[str]:
    """Names of the used indicators, sorted, without those that have one value in all exchanges."""
    sources = log.summaries.sources
    kinds = [name for name in sources.columns if name not in OF_SOURCES]
    names = {unit.card.name for unit in log.used}
    if kinds:
        varied = sources.agg(
            **{kind: (sources[kind].nunique() > 1) | sources[kind].isnull().any() for kind in kinds}
        )
        row = varied.to_pyarrow().to_pylist()[0]
        names -= {kind for kind in kinds if not row[kind]}
    return sorted(names)


class Prefixes:
    """The summaries of a log before a moment, for many moments. The expressions are built once and read the
    moment from a table, so that the engine compiles each query once.
    """

    def __init__(self, engine: Engine, summaries: Summaries) -> None:
        self._engine, self._phrases = engine, summaries.phrases
        self._cut = summaries.until(_moment(engine, datetime.fromtimestamp(0, UTC)).moment.as_scalar())
        self._stored = replace(self._cut, **self._store())

    def before(self, moment: datetime) -> Summaries:
        """The summaries before `moment`, which is a full hour; they are valid until the next call. Their
        tables are the same objects at every call.
        """
        _moment(self._engine, moment)
        self._store()
        return replace(self._stored, phrases=self._phrases.until(moment))

    def _store(self) -> dict[str, ir.Table]:
        """Summaries up to the moment, stored in the engine."""
        return {
            name: self._engine.keep(f"{name}_before", getattr(self._cut, name))
            for name in ("halves", "sightings")
        }


def _moment(engine: Engine, moment: datetime) -> ir.Table:
    """The moment as a table of the engine with one row."""
    return engine.load("moment", pa.table({"moment": pa.array([moment], pa.timestamp("us", "UTC"))}))


def _day(rows: ir.Table) -> ir.StringValue:
    """The day of each row as text, in UTC."""
    return rows.timestamp.date().cast("string")


def _doubled(rows: ir.Table, first: ir.Table) -> dict[str, str]:
    """For each day, counts and key sums of duplicated rows and of the rows that count, as text; it changes
    where the duplicates change.
    """
    copies_of: dict[str, list[str]] = defaultdict(list)
    for table in (rows, first):
        each = table.group_by(day=_day(table)).agg(n=_.count(), keys=(_.exchange_key % (1 << 31)).sum())
        for row in each.to_pyarrow().to_pylist():
            copies_of[row["day"]] += [str(row["n"]), str(row["keys"])]
    return {day: " ".join(words) for day, words in copies_of.items()}


def _made_of(by_day: Mapping[str, Sequence[Part]], doubled: Mapping[str, str]) -> dict[str, str]:
    """For each day, an identifier of the rows and indicators from which its summaries are made."""
    kinds = [unit.card.name for unit in all_indicators()]  # summaries depend on the set of indicators
    return {
        day: content_id([str(FOLDED), *kinds, *(part.name for part in parts), doubled.get(day, "")])
        for day, parts in by_day.items()
    }


def _together(days: Sequence[str], by_day: Mapping[str, Sequence[Part]]) -> Iterator[list[str]]:
    """The days in order, grouped into lists of about `TOGETHER` rows at most."""
    run: list[str] = []
    rows = 0
    for day in days:
        more = sum(part.rows for part in by_day[day])
        if run and rows + more > TOGETHER:
            yield run
            run, rows = [], 0
        run.append(day)
        rows += more
    if run:
        yield run


def _fold_days(
    engine: Engine,
    store: Store,
    rows: ir.Table,
    days: Sequence[str],
    made_of: Mapping[str, str],
    thinned: int,
) -> None:
    """Compute the summaries of `days` from their rows and store them."""
    tables = summaries_of(engine, rows, thinned)
    with tempfile.TemporaryDirectory(dir=store.scratch()) as folder:
        written = {
            name: engine.write_by(
                table.mutate(day=table.hour.date().cast("string")), "day", Path(folder) / name
            )
            for name, table in tables.items()
        }
        for day in days:
            store.keep_day(
                day, made_of[day], thinned, {name: files.get(day, []) for name, files in written.items()}
            )


def summaries_of(engine: Engine, rows: ir.Table, thinned: int) -> dict[str, ir.Table]:
    """Expressions of the daily summaries of exchanges, by name; one phrase or band in 2^`thinned` is kept."""
    timed = fold.timed(rows)
    flat = engine.keep("flat", fold.flat(timed))  # used by five summaries, computed once
    held = engine.keep("held", fold.conversations(flat))
    return {
        "activity": fold.activity(flat, held),
        "sources": fold.sources(flat, fold.one_valued()),
        "marks": fold.marks(timed, thinned),
        "items": fold.items(flat),
        "usage": fold.usage(flat),
        "conversations": held,
    }
