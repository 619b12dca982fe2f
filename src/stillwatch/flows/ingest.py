"""Reads log files into the observations of a store; each text is read once."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.observations import COLUMNS, OBSERVATIONS, OBSERVED
from stillwatch.contract.results import QUARANTINE, quarantined_rows
from stillwatch.contract.summaries import CAPABILITIES
from stillwatch.engine.connect import Engine
from stillwatch.engine.cores import CORES, on_all_cores
from stillwatch.engine.files import atomic
from stillwatch.enrich.networks import Networks
from stillwatch.errors import InputError, Problem
from stillwatch.flows.shortfall import FileRead, nothing_read, shortfalls
from stillwatch.readers.cast import conformed
from stillwatch.readers.container import kind_of
from stillwatch.readers.discover import Sources
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import Excerpt, Losses
from stillwatch.readers.open import ROWS
from stillwatch.readers.origin import content_of
from stillwatch.readers.places import LogPath, seekable
from stillwatch.readers.read import Batch, guarded, read_file
from stillwatch.readers.recognise import KEY_ID, SKETCH, Recognised
from stillwatch.sketch.digest import BANDS, MAX_WORDS, VERSION
from stillwatch.sketch.keys import KEY_VARIABLE, Key, of_secret
from stillwatch.sketch.observe import COPIED, halves, observe, sealed
from stillwatch.store.store import SECRET, LogFile, Part, Piece, PiecePaths, Store, kept_secret

EPOCH = date(1970, 1, 1)  # the day from which days are counted
DAY_US = 86_400_000_000  # microseconds
PIECE_ROWS = 1_000_000  # rows of a piece of a Parquet file, about
APART = 64 << 20  # bytes of vendors' logs from which separate processes parse them
BUFFER = 400_000  # most rows in memory before a day is written
# Most bytes in memory before a day is written: chosen, several times the usual size of `BUFFER` rows.
BUFFER_BYTES = 512 << 20


def key_of(sources: Sources, folder: Path) -> tuple[Key | None, str]:
    """The key of the sources' digests, and its public name.

    The secret is that of the variable `STILLWATCH_KEY`, or else the random one of the store at `folder`. The
    key is None for sketches, which hold the name of their key only. Raises `InputError` where the variable's
    secret is too short.
    """
    for file in sources.exchanges:
        if sources.formats[file].sketch:
            return None, (pq.read_schema(seekable(file)).metadata or {}).get(KEY_ID, b"").decode(
                "utf-8", "replace"
            )
    given = os.environ.get(KEY_VARIABLE)
    key = of_secret(kept_secret(folder) if given is None else given.encode(), _where(folder, given))
    return key, key.name


def _where(folder: Path, given: str | None) -> str:
    """Where the secret of the digests is kept, for messages."""
    return str(folder / SECRET) if given is None else f"the variable `{KEY_VARIABLE}`"


@contextmanager
def beside(out: Path, key_name: str, sources: Sources) -> Iterator[Store]:
    """A temporary store beside `out` for these sources and this key.

    It is deleted when the block ends, or ends with an `InputError`. After another error or a crash it is
    kept, and the next call resumes it.
    """
    folder = beside_folder(out)
    store = Store(folder, version=VERSION, key_id=key_name, kept=False)
    if not store.fits():
        store.clear()
    try:
        with store:
            store.only(sources.exchanges)  # an interrupted run may have read other logs
            yield store
    except InputError:  # no row was read, so there is nothing to resume
        store.remove()
        raise
    store.remove()


def beside_folder(out: Path) -> Path:
    """Path of the temporary store beside `out`."""
    return out.parent / f".{out.name}.store"


def check_sketches(sources: Sources) -> None:
    """Check that sketches can be compared. Raises `InputError` for sketches of another version or of several
    keys, and for sketches together with logs.
    """
    key_ids = {}
    for file in sources.exchanges:
        if sources.formats[file].sketch:
            metadata = pq.read_schema(seekable(file)).metadata
            key_ids[file] = (
                metadata[SKETCH].decode("utf-8", "replace"),
                metadata.get(KEY_ID, b"").decode("utf-8", "replace"),
            )
    if not key_ids:
        return
    file, (version, _key) = next(iter(key_ids.items()))
    if version != str(VERSION):
        fact, found = (
            "the sketch is of another version",
            f"version {version}, this program makes version {VERSION}",
        )
        raise InputError(
            Problem(
                fact=fact, where=str(file), found=found, fix="stillwatch sketch LOGS --key-file KEY --out NEW"
            )
        )
    if len(set(key_ids.values())) > 1:
        keys = ", ".join(sorted({key for _version, key in key_ids.values()}))
        fact = "the sketches were made with several keys"
        fix = "stillwatch sketch OLD --rekey OLD_KEY --key-file NEW_KEY --out NEW"
        raise InputError(Problem(fact=fact, found=keys, fix=fix))
    if len(key_ids) < len(sources.exchanges):
        other = next(file for file in sources.exchanges if file not in key_ids)
        raise InputError(
            Problem(
                fact="sketches and logs cannot be compared",
                where=str(other),
                fix="stillwatch sketch LOGS --key-file KEY --out NEW",
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A piece of a log file to be read; `groups` are its row groups (None: the whole file), `size` its share
    of the file's bytes.
    """

    file: LogFile
    path: LogPath
    number: int
    groups: range | None
    size: int


def ingest(
    sources: Sources,
    names: Mapping[str, str],
    store: Store,
    key: Key | None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    engine: Engine | None = None,
    networks: Networks | None = None,
    limits: Limits = LIMITS,
) -> None:
    """Read the pieces of `sources` that the store does not have, and store their observations.

    Work runs on all cores, or is distributed by `engine`. `names` maps columns of the contract to the logs'
    own. `key` may be None where all sources are sketches. `networks` fills in missing network numbers of
    addresses. `progress` is called with bytes done and bytes in all. A call after an interruption reads the
    remaining pieces only.
    """
    lists = f" networks {networks.digest}" if networks is not None and networks.number else ""
    pieces = _known(
        [
            one
            for path in sources.exchanges
            for one in _cut(path, sources.formats[path], names, lists + limits.suffix)
        ],
        store,
    )
    work = [one for one in pieces if one.number not in store.begin(one.file)]
    total = sum(one.size for one in pieces)
    count = _counter(total - sum(one.size for one in work), total, progress)
    count(0)
    here = engine is None or engine.local
    logs = sum(one.size for one in work if sources.formats[one.path].format is not None)
    read = partial(
        _read_piece,
        formats={one.path: sources.formats[one.path] for one in work},
        names=dict(names),
        place=store.place,
        key=key,
        cores=1 if len(work) >= CORES else CORES,
        count=count if here else None,
        networks=networks,
        limits=limits,
        apart=here and logs >= APART,
        among=sources.exchanges,
        excerpt=sources.excerpt,
    )
    spread = on_all_cores if engine is None else engine.spread
    for one, made in zip(work, spread(read, work), strict=True):
        store.finish(one.file, one.number, made)
        if not here:
            count(one.size)
    progress(total, total)


def _known(pieces: Sequence[_Work], store: Store) -> list[_Work]:
    """The pieces, with each file as the store knows it where it has read it before."""
    places = {one.file.seen: one.path for one in pieces}

    def content(file: LogFile) -> str:
        """Digest of a file's content; empty where there is no store or the log is no local file."""
        path = places[file.seen]
        return content_of(path) if store.kept and isinstance(path, Path) else ""

    known = store.known([one.file for one in pieces], content)
    return [replace(one, file=known[one.file.seen]) for one in pieces]


def _counter(done: int, total: int, progress: Callable[[int, int], None]) -> Callable[[int], None]:
    """A function that adds a number of bytes to `done` and calls `progress`; threads may call it at once."""
    lock = threading.Lock()

    def count(bytes_read: int) -> None:
        """Add bytes to the total and report it."""
        nonlocal done
        with lock:
            done += bytes_read
            progress(min(done, total), total)

    return count


def too_little(sources: Sources, store: Store, limits: Limits = LIMITS) -> list[Problem]:
    """One problem for each file that was read only in part (`flows.shortfall`). Call it after `ingest`.

    Raises `InputError` where the logs are not empty and no row was read.
    """
    read = [_file_read(file, store) for file in sources.exchanges]
    if store.rows:
        return shortfalls(sources, read, limits)
    problems = nothing_read(sources, read, limits)
    if any(one.records or one.quarantined or one.passed_over for one in read):
        raise InputError(*problems)
    return problems


def _file_read(file: LogPath, store: Store) -> FileRead:
    """Counts of one file, summed over its pieces in the store."""
    mine = [name for name, one in store.files.items() if one.path == str(file.resolve())]
    pieces = [(name, number, piece) for name in mine for number, piece in store.pieces[name].items()]
    records, rows, quarantined, passed_over = (
        sum(getattr(piece, what) for _name, _number, piece in pieces)
        for what in ("records", "rows", "quarantined", "passed_over")
    )
    reasons: Counter[str] = Counter()
    if quarantined > rows:
        for name, number, _piece in pieces:
            lost = pq.read_table(store.place.quarantine(name, number), columns=["column", "reason", "rows"])
            for one in lost.to_pylist():
                reasons[f"{one['column']}: {one['reason']}" if one["column"] else one["reason"]] += one[
                    "rows"
                ]
    return FileRead(file, records, rows, quarantined, passed_over, reasons)


def _cut(path: LogPath, recognised: Recognised, names: Mapping[str, str], lists: str) -> list[_Work]:
    """The pieces of a file: runs of row groups of a Parquet file; any other file is one piece."""
    stat = path.stat()
    read_as = (
        recognised.name + "".join(f" {column}={theirs}" for column, theirs in sorted(names.items())) + lists
    )
    runs: list[range | None] = [None]
    if recognised.format is None and kind_of(path) == "parquet" and not recognised.sketch:
        runs = list(_runs(path))
    file = LogFile(
        path=str(path.resolve()),
        size=stat.st_size,
        changed_ns=stat.st_mtime_ns,
        read_as=read_as,
        pieces=len(runs),
    )
    return [
        _Work(file=file, path=path, number=number, groups=groups, size=stat.st_size // len(runs))
        for number, groups in enumerate(runs)
    ]


def _runs(path: LogPath) -> Iterator[range]:
    """Runs of consecutive row groups with about `PIECE_ROWS` rows each."""
    metadata = pq.read_metadata(seekable(path))
    begin = rows = 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        if rows >= PIECE_ROWS or group == metadata.num_row_groups - 1:
            yield range(begin, group + 1)
            begin, rows = group + 1, 0


@dataclass(slots=True)
class _Read:
    """What was read of a piece beside its rows, summed over its batches; the fields are those of `Piece`.

    `lost` are tables of quarantined rows.
    """

    lost: list[pa.Table] = field(default_factory=list)
    aside: dict[str, int] = field(default_factory=dict)
    nulled: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    envelopes: dict[str, int] = field(default_factory=dict)
    records: int = 0
    passed_over: int = 0

    def rows_of(self, batches: Iterator[Batch], networks: Networks | None) -> Iterator[pa.Table]:
        """The rows of the batches, with missing network numbers filled in; all else is added here."""
        for batch in batches:
            self.aside.update(batch.aside)
            self.envelopes.update(batch.envelopes)
            self.passed_over += batch.passed_over
            self.records += batch.records
            for (column, reason), number in batch.nulled.items():
                self.nulled[column][reason] = number
            if batch.quarantine.num_rows:
                self.lost.append(batch.quarantine)
            yield batch.rows if networks is None else networks.fill(batch.rows)


def _read_piece(
    one: _Work,
    *,
    formats: Mapping[LogPath, Recognised],
    names: Mapping[str, str],
    place: PiecePaths,
    key: Key | None,
    cores: int,
    count: Callable[[int], None] | None,
    networks: Networks | None = None,
    limits: Limits = LIMITS,
    apart: bool = False,
    among: Sequence[LogPath] = (),
    excerpt: Excerpt | None = None,
) -> Piece:
    """Read one piece and write its observations; returns its counts and parts. The piece counts after
    `Store.finish`.

    `count` is called with the numbers of bytes read, which add up to the piece's size.
    """
    recognised = formats[one.path]
    read = _Read()
    if recognised.sketch:
        rows = read.rows_of(_sketched(one.path), networks)
    else:
        assert key is not None
        batches = read_file(
            one.path,
            recognised.format,
            names,
            one.groups,
            limits=limits,
            apart=apart,
            among=among,
            excerpt=excerpt,
        )
        rows = observe(read.rows_of(batches, networks), key, cores)
    writer = _Writer(place, one.file, one.number)
    parts = _write(writer, rows, one.size, count or (lambda _bytes: None))
    quarantine = sealed(pa.concat_tables(read.lost), key) if read.lost else QUARANTINE.empty()
    with atomic(place.quarantine(one.file.id, one.number), private=True) as path:
        pq.write_table(quarantine, path, compression="zstd")
    return Piece(
        rows=writer.rows,
        quarantined=quarantined_rows(quarantine),
        parts=tuple(parts),
        filled=tuple(sorted(writer.filled)),
        aside=read.aside,
        nulled=dict(read.nulled),
        envelopes=read.envelopes,
        passed_over=read.passed_over,
        records=read.records,
    )


def _write(writer: _Writer, rows: Iterator[pa.Table], size: int, count: Callable[[int], None]) -> list[Part]:
    """Write the rows; returns the parts. A tenth of `size` (bytes) is counted for each table while more is
    left, and the rest at the end.
    """
    left, step = size, max(size // 10, 1)
    for table in rows:
        if table.num_rows:
            writer.add(table)
        if left > step:
            count(step)
            left -= step
    parts = writer.close()
    count(left)
    return parts


def _sketched(path: LogPath) -> Iterator[Batch]:
    """Batches of a sketch. Its rows are observations already; their values are checked as those of a log."""
    losses = Losses(path)
    for table in guarded(lambda: _observations(path, losses), losses):
        yield Batch(file=path, rows=table, quarantine=losses.listed())
    lost = pa.concat_tables([losses.listed(), losses.counted()])
    yield Batch(file=path, rows=OBSERVATIONS.arrow.empty_table(), quarantine=lost, nulled=dict(losses.nulled))


def _observations(path: LogPath, losses: Losses) -> Iterator[pa.Table]:
    """Tables of observations from a sketch; rows with invalid values are added to `losses`."""
    row = 1
    with pq.ParquetFile(seekable(path)) as file:
        if set(OBSERVATIONS.names) - set(file.schema_arrow.names):
            raise ValueError("a sketch lacks columns")
        for batch in file.iter_batches(batch_size=ROWS):
            table = pa.Table.from_batches([batch])
            numbers = np.arange(row, row + table.num_rows)
            row += table.num_rows
            rows, kept, _made = conformed(table.select(list(COPIED)), losses, numbers)
            table = table.filter(pa.array(kept))
            for name in COPIED:
                table = table.set_column(table.column_names.index(name), name, rows.column(name))
            for name, most in (("words", MAX_WORDS), ("capability", len(CAPABILITIES) - 1)):
                place = table.column_names.index(name)
                bounded = pc.min_element_wise(pc.max_element_wise(table.column(name), 0), most)
                table = table.set_column(place, name, bounded)
            half = pa.array(halves(rows.column("timestamp").combine_chunks()))
            table = table.set_column(table.column_names.index("half"), "half", half)
            yield table.select(list(OBSERVATIONS.names)).cast(OBSERVATIONS.arrow)


class _Writer:
    """Writes observations to one file for each day and flush, with bounded memory for any order of times."""

    def __init__(self, place: PiecePaths, file: LogFile, piece: int) -> None:
        self.rows = 0
        self.filled: set[str] = set()
        self._place, self._file, self._piece = place, file, piece
        self._waiting: dict[int, list[pa.Table]] = defaultdict(list)
        self._held = self._bytes = 0
        self._parts: list[Part] = []

    def add(self, table: pa.Table) -> None:
        """Add a table of observations; writes the day with most waiting rows where a buffer is full."""
        self.rows += table.num_rows
        unseen = [name for name in table.column_names if name not in self.filled]
        self.filled |= {name for name in unseen if _has_value(name, table.column(name))}
        days = table.column("timestamp").cast(pa.int64()).to_numpy() // DAY_US
        first, last = int(days.min()), int(days.max())
        if first == last:
            self._wait(first, table)
        else:
            order = np.argsort(days, kind="stable")
            for part in np.split(order, np.flatnonzero(np.diff(days[order])) + 1):
                self._wait(int(days[part[0]]), table.take(pa.array(part)))
        while self._held > BUFFER or self._bytes > BUFFER_BYTES:
            self._flush(max(self._waiting, key=lambda day: sum(t.num_rows for t in self._waiting[day])))

    def _wait(self, day: int, table: pa.Table) -> None:
        """Hold a table of rows of one day in memory."""
        self._waiting[day].append(table)
        self._held += table.num_rows
        self._bytes += table.nbytes

    def close(self) -> list[Part]:
        """Write the remaining rows; returns all parts."""
        for day in sorted(self._waiting):
            self._flush(day)
        return self._parts

    def _flush(self, day: int) -> None:
        """Write the waiting rows of one day as a part. `day` is the number of days since 1970."""
        waiting = self._waiting.pop(day)
        self._bytes -= sum(table.nbytes for table in waiting)
        table = pa.concat_tables(waiting)
        self._held -= table.num_rows
        name = (EPOCH + timedelta(days=day)).isoformat()
        path = self._place.part(self._file, self._piece, name, len(self._parts))
        repeated = [one.name for one in COLUMNS if not one.is_varied]
        with atomic(path, private=True) as temporary:
            pq.write_table(
                table,
                temporary,
                compression="lz4",
                use_dictionary=repeated,
                row_group_size=ROWS * 2,
                write_statistics=False,
            )
        marks = sum(len(pc.list_flatten(chunk)) for chunk in table.column("phrases").chunks)
        self._parts.append(
            Part(day=name, name=path.name, rows=table.num_rows, marks=marks + BANDS * table.num_rows)
        )


def _has_value(name: str, column: pa.ChunkedArray) -> bool:
    """Whether a column has a value: not null, not an empty list, and not 0 where 0 stands for none."""
    if pa.types.is_list(column.type):
        return any(len(pc.list_flatten(chunk)) for chunk in column.chunks)
    if OBSERVED[name].has_zero_for_none:
        return bool(pc.any(pc.not_equal(column, 0)).as_py())
    return bool(column.null_count < len(column))
