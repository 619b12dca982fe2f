"""Adds the rows of a batch to the state of a watch; rows dated ahead of the log are kept apart."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.engine.files import atomic
from stillwatch.watch.clock import Clock
from stillwatch.watch.state import Apart, WatchState

AHEAD = "dated ahead of the log and of the machine's clock"  # why rows are set aside, for the events


@dataclass(slots=True, kw_only=True)
class Arrival:
    """Result of adding a batch to the state.

    `ahead` is the number of rows kept apart and `latest` their latest time (None: no rows), `admitted` the
    number of rows in files kept apart earlier whose time has come, and `gone` these files, to be removed once
    the ledger is committed.
    """

    ahead: int = 0
    latest: datetime | None = None
    admitted: int = 0
    gone: list[Path] = field(default_factory=list)

    def settle(self) -> None:
        """Remove the files in `gone`. Call it after the ledger is committed."""
        for path in self.gone:
            path.unlink(missing_ok=True)


def arrive(state: WatchState, parts: Sequence[Path], now: datetime) -> Arrival:
    """Add the sketches `parts` of a batch to the state and its ledger, with earlier rows kept apart that are
    not ahead any more.

    Rows later than the horizon of the log's clock (`watch.clock`) at the machine's time `now` are kept apart.
    The ledger is changed but not committed.
    """
    ledger, arrival = state.ledger, Arrival()
    clock = Clock({account: _time(at) for account, at in ledger.votes})
    latest: dict[str, datetime] = {}
    for part in parts:
        for account, at in _latest(part):
            latest[account] = max(at, latest.get(account, at))
    limit = clock.horizon(latest, now)
    due = [one for one in ledger.apart if one.first and _time(one.first) <= limit]
    ledger.apart = [one for one in ledger.apart if one not in due]
    for one in due:
        path = state.apart / one.name
        arrival.gone.append(path)
        arrival.admitted += one.rows
        _enter(state, path, limit, Arrival())
    for part in parts:
        _enter(state, part, limit, arrival)
    if latest:
        clock = clock.seen(latest, limit)
        ledger.votes = [(account, at.isoformat()) for account, at in clock.kept()]
        present = clock.present()
        ledger.clock = present.isoformat() if present else ledger.clock
    return arrival


def _enter(state: WatchState, part: Path, limit: datetime, arrival: Arrival) -> None:
    """Add a sketch's rows up to the time `limit` to the state, and keep the later ones apart."""
    ledger = state.ledger
    first, last = _ends(part)
    if first is None or last is None:
        return
    name = f"{ledger.batches + 1:08}-{secrets.token_hex(4)}.parquet"
    if first <= limit:
        ledger.parts.append(f"batch-{name}")
        ledger.latest = max(ledger.latest, min(last, limit).isoformat())
    if last <= limit:
        write_sketch(state.sketches / f"batch-{name}", part)
        return
    times = pq.read_table(part, columns=["timestamp"]).column("timestamp")
    ahead = pc.greater(times, pa.scalar(limit, times.type))
    number = pc.sum(ahead).as_py()
    if first <= limit:
        write_sketch(state.sketches / f"batch-{name}", part, pc.invert(ahead))
        first = pc.min(times.filter(ahead)).as_py().astimezone(UTC)
    write_sketch(state.apart / f"ahead-{name}", part, ahead)
    ledger.apart.append(Apart(name=f"ahead-{name}", rows=number, why=AHEAD, first=first.isoformat()))
    arrival.ahead += number
    arrival.latest = max(last, arrival.latest or last)


def write_sketch(path: Path, part: Path, chosen: pa.ChunkedArray | pa.Array | None = None) -> None:
    """Write the sketch `part` to `path`: all rows, or those where `chosen` is true."""
    with atomic(path) as temporary:
        if chosen is None:
            shutil.copyfile(part, temporary)
        else:
            pq.write_table(pq.read_table(part).filter(chosen), temporary, compression="zstd")


def _latest(part: Path) -> list[tuple[str, datetime]]:
    """Accounts of a batch with their latest times."""
    rows = pq.read_table(part, columns=["account_id", "timestamp"])
    each = rows.group_by("account_id").aggregate([("timestamp", "max")])
    times = [at.astimezone(UTC) for at in each.column("timestamp_max").to_pylist()]
    return list(zip(each.column("account_id").to_pylist(), times, strict=True))


def _ends(part: Path) -> tuple[datetime | None, datetime | None]:
    """First and last time of a batch; None where it is empty."""
    ends = pc.min_max(pq.read_table(part, columns=["timestamp"]).column("timestamp")).as_py()
    return tuple(at and at.astimezone(UTC) for at in (ends["min"], ends["max"]))


def _time(text: str) -> datetime:
    """The time of a text in ISO 8601."""
    return datetime.fromisoformat(text)
