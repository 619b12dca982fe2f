"""Opens the console's database: SQLite in the state folder, or the database of a URL."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Executable, Select, Table, create_engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError

from stillwatch.console import schema
from stillwatch.contract.table import TableRow
from stillwatch.engine.files import OWNER
from stillwatch.errors import Problem, StateError, UsageError

FILE = "console.sqlite"  # name of the SQLite file in the state folder
BUSY_MS = 15_000  # longest wait in milliseconds for another writer
CHUNK = 500  # most values of one IN, below every database's limit
PLAIN = "postgresql://"  # start of a PostgreSQL URL that names no driver
T = TypeVar("T")  # any type


class Database:
    """A database with the present schema. Raises `StateError` where it cannot be opened or is of a later
    version, and `UsageError` for a URL that is neither SQLite nor PostgreSQL.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.where = folder / FILE if url is None else None
        folder.mkdir(parents=True, exist_ok=True)
        if self.where is not None:  # before SQLite makes it, since its journals get the same mode
            os.close(os.open(self.where, os.O_CREAT | os.O_RDWR, OWNER))
        self.engine = _engine(url or f"sqlite:///{folder / FILE}")
        try:
            with self.writing() as db:
                found = schema.version_of(db)
                if found > len(schema.MIGRATIONS):
                    raise StateError(
                        Problem(
                            fact="the console's database is of a later version",
                            where=str(self.where or "--database"),
                            found=f"version {found}",
                            expected=f"at most {len(schema.MIGRATIONS)}",
                            fix="use the version of stillwatch that wrote it",
                        )
                    )
                schema.migrate(db)
        except SQLAlchemyError as error:
            raise StateError(
                Problem(
                    fact="the console's database cannot be opened",
                    where=str(self.where or "--database"),
                    found=type(getattr(error, "orig", None) or error).__name__,
                    fix="see that it runs and that the URL names it, or leave --database out",
                )
            ) from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database."""
        with self.engine.connect() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of the block's changes, or none where it raises."""
        with self.engine.connect().execution_options(writes=True) as db, db.begin():
            yield db

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    """The engine of a database's URL. Raises `UsageError` for a database that the console cannot use."""
    if url.startswith(PLAIN):
        url = url.replace(PLAIN, "postgresql+pg8000://", 1)
    if not url.startswith(("sqlite:///", "postgresql+")):
        raise UsageError(
            Problem(
                fact="`--database` names no database that the console can use",
                found=url.partition(":")[0][:40],
                expected="postgresql://USER:PASSWORD@HOST/NAME or sqlite:///PATH",
            )
        )
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=16, max_overflow=16, pool_pre_ping=True)
    engine = create_engine(url, pool_size=16, max_overflow=48, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _settings(raw: Any, _record: object) -> None:  # noqa: ANN401  a connection of the driver
        """Set a new SQLite connection to durable writes, foreign keys and transactions begun by `_begin`."""
        raw.isolation_level = None  # transactions begin below
        for pragma in (
            f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON",
            "cache_size=-65536", "temp_store=MEMORY", "mmap_size=1073741824",
        ):  # fmt: skip
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(db: Connection) -> None:
        """Begin a transaction, which holds the write lock from its start where it is going to write."""
        db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("writes") else "BEGIN")

    return engine


def chunks(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """`values` in parts of at most `size`."""
    for place in range(0, len(values), size):
        yield values[place : place + size]


def rows(db: Connection, query: Executable) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    return [dict(row) for row in db.execute(query).mappings()]


def one(db: Connection, query: Select[Any]) -> dict[str, Any] | None:
    """The first row of a query as a dictionary; None where there is none."""
    found = db.execute(query.limit(1)).mappings().first()
    return None if found is None else dict(found)


def number_of(db: Connection, query: Select[Any], most: int | None = None) -> int:
    """The number of rows of a query; counting stops at `most`, so that it costs no more than that."""
    inner = query.order_by(None) if most is None else query.order_by(None).limit(most)
    return int(db.scalar(select(func.count()).select_from(inner.subquery())) or 0)


def put(db: Connection, table: Table, **values: object) -> int:
    """Insert one row, and return its number."""
    done = db.execute(table.insert().values(values)).inserted_primary_key
    assert done is not None
    return int(done[0])


def put_all(db: Connection, table: Table, held: Iterable[TableRow], size: int = 20_000) -> None:
    """Insert many rows, `size` at a time."""
    some: list[TableRow] = []
    for row in held:
        some.append(row)
        if len(some) == size:
            db.execute(table.insert(), some)
            some = []
    if some:
        db.execute(table.insert(), some)


def put_columns(db: Connection, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert many rows that are given as columns of plain values (no JSON). SQLite takes them as tuples,
    which costs a tenth of the time that dictionaries take.
    """
    names = list(columns)
    if db.dialect.name != "sqlite":
        held = zip(*columns.values(), strict=True)
        put_all(db, table, (dict(zip(names, row, strict=True)) for row in held))
        return
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    values = list(zip(*columns.values(), strict=True))
    if values:
        db.exec_driver_sql(statement, values)
