"""How is a growing log followed, judged again and again, and reported without losing or doubling anything?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.detect.replay import ALERTS_A_YEAR
from stillwatch.engine.files import atomic
from stillwatch.errors import InputError, Unreachable
from stillwatch.flows.blind import read_key, sketch
from stillwatch.flows.scan import Options, scan
from stillwatch.readers.losses import Losses
from stillwatch.results.folder import read_table
from stillwatch.stats.sequential import alert_level
from stillwatch.watch.serve import post
from stillwatch.watch.sources import Source, Taken, open_source
from stillwatch.watch.state import KEY, State
from stillwatch.watch.tracks import follow

STORE = "store"  # what was sketched, and each day of it added up once
FACTS = (
    "kind",
    "accounts",
    "exchanges",
    "exchanges_low",
    "exchanges_high",
    "first_seen",
    "last_seen",
    "q_value",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What a watch may be told.

    `every` is of the log's own time; `alerts` is how many false ones a year may bring at most; `webhook` is asked to take
    every event.
    """

    options: Options
    every: timedelta = timedelta(hours=6)
    alerts: float = ALERTS_A_YEAR
    webhook: str = ""


class Watch:
    """One watch over one source; `step` takes a batch or judges, and says whether there was anything to do."""

    def __init__(
        self,
        source: str,
        state: Path,
        told: Watching,
        emit: Callable[[dict[str, Any]], None] = lambda _event: None,
    ) -> None:
        self.source: Source = open_source(source)
        self.state = State(state, source)
        self.told, self.emit = told, emit
        self.key = read_key(state / KEY)
        self.waiting = self.behind = 0
        self.reached = self.up = False
        self.taken_at = time.monotonic()
        self.judge_seconds = 0.0

    def step(self) -> bool:
        """Deliver what is owed, then take one batch if there is one, and judge if it is time. Raises `Unreachable`."""
        self.deliver()
        try:
            taken = self.source.take(self.state.ledger.position)
        except Unreachable:
            self.up = False
            raise
        self.reached = self.up = True
        if taken is None:
            self.waiting = self.behind = 0
            return False
        self._fold(taken)
        self.waiting, self.behind, self.taken_at = taken.waiting, taken.behind, time.monotonic()
        if self.due():
            self.judge()
        return True

    def due(self) -> bool:
        """Whether the log has gone on by a cadence since it was judged last."""
        ledger = self.state.ledger
        if not ledger.latest:
            return False
        return not ledger.judged_at or _time(ledger.latest) - _time(ledger.judged_at) >= self.told.every

    def _fold(self, taken: Taken) -> None:
        """Sketch a batch beside the others; it counts once the ledger says so."""
        ledger = self.state.ledger
        number = ledger.batches + 1
        with tempfile.TemporaryDirectory(prefix=".batch-", dir=self.state.folder) as folder:
            path = taken.file or Path(folder) / taken.name
            if taken.file is None:
                path.write_bytes(taken.lines)
            out = Path(folder) / "sketched"
            try:
                read = sketch(
                    [str(path)], out, self.key, self.told.options.names, self.told.options.log_format,
                    limits=self.told.options.limits,
                )  # fmt: skip
                lost = pq.read_table(out / "quarantine.parquet")
            except InputError as error:  # not one line is an exchange, or the file is none
                fact = error.problems[0].fact
                count = max(taken.lines.count(b"\n"), 1)
                read = {"rows": 0, "quarantined": count}
                losses = Losses(taken.name)
                losses.rows(np.arange(1, count + 1), None, fact, lambda places: [""] * len(places))
                lost = pa.concat_tables([losses.listed(), losses.counted()])
            if taken.lost:
                long = Losses(taken.name)
                long.row(1, taken.lost)
                lost = pa.concat_tables([lost, long.listed()])
                read["quarantined"] += 1
            if lost.num_rows:
                self._set_aside(lost, taken, number)
            for place, part in enumerate(sorted(out.glob("sketch-*.parquet"))):
                if pq.read_metadata(part).num_rows == 0:
                    continue
                name = f"batch-{number:08}-{place:03}.parquet"
                latest = pc.max(pq.read_table(part, columns=["timestamp"]).column("timestamp")).as_py()
                ledger.latest = max(ledger.latest, latest.astimezone(UTC).isoformat())
                part.replace(self.state.sketches / name)
                ledger.parts.append(name)
        ledger.batches = number
        ledger.rows += read["rows"]
        ledger.quarantined += read["quarantined"]
        ledger.position |= taken.position
        self.state.commit()

    def _set_aside(self, lost: pa.Table, taken: Taken, number: int) -> None:
        """Rows that could not be read, by the source's own name and line."""
        line = pc.if_else(
            pc.equal(lost.column("row"), 0), 0, pc.add(lost.column("row"), taken.first_line - 1)
        )
        lost = lost.set_column(0, "file", pa.array([taken.name] * lost.num_rows)).set_column(1, "row", line)
        folder = self.state.folder / "quarantine"
        folder.mkdir(exist_ok=True)
        with atomic(folder / f"batch-{number:08}.parquet") as path:
            pq.write_table(lost.cast(contract.QUARANTINE.arrow), path, compression="zstd")

    def judge(self) -> list[dict[str, Any]]:
        """Judge the whole log so far; events go to the outbox with the ledger, then to those who are told.

        A campaign is told of when its evidence alone suffices for an alert: the number of false ones allowed in a year is
        spent as the log's time passes, and divided among the candidates. It is confirmed at a false-discovery rate that is spent
        over judgements by weights 1 / (k (k + 1)), so that it holds whenever one stops (`stats.sequential`).
        """
        ledger = self.state.ledger
        began = time.monotonic()
        number = ledger.judged + 1
        confirm = self.told.options.fdr / (number * (number + 1))
        passed = (
            _time(ledger.latest) - _time(ledger.judged_at)
            if ledger.judged_at and ledger.latest
            else self.told.every
        )
        alert = min(self.told.options.fdr, alert_level(self.told.alerts, passed / timedelta(hours=1)))
        options = replace(
            self.told.options, fdr=max(alert, confirm), replay=False, store=self.state.folder / STORE
        )
        results = self.state.folder / "results"
        taken = self.state.parts
        if taken:
            scan([str(part) for part in taken], results, options)
        if results.exists():
            campaigns = read_table(results, contract.CAMPAIGNS).to_pylist()
            members = read_table(results, contract.MEMBERS)
        else:
            campaigns, members = [], contract.MEMBERS.empty()
        found = []
        for row in campaigns:
            mine = members.filter(pc.equal(members.column("campaign_id"), row["campaign_id"])).column(
                "account_id"
            )
            facts = {name: row[name] for name in FACTS} | {"reported_as": row["campaign_id"]}
            facts["confirmed"] = row["q_value"] <= confirm
            found.append((_plain(facts), frozenset(mine.to_pylist())))
        # A q-value of at most alert / R, of R campaigns, means an e-value of at least m / alert: enough by itself.
        unsure = [
            at for at, row in enumerate(campaigns) if row["q_value"] * len(campaigns) > max(alert, confirm)
        ]
        events = follow(ledger.tracks, found, ledger.latest, unsure)
        ledger.judged, ledger.judged_at = number, ledger.latest
        told = [event | {"id": f"{number}-{place}"} for place, event in enumerate(events, 1)]
        ledger.outbox += told
        ledger.parts = []  # they are in the store now
        self.state.commit()
        for part in taken:
            part.unlink(missing_ok=True)
        self.judge_seconds = time.monotonic() - began
        self.deliver()
        return told

    def deliver(self) -> None:
        """Tell what is owed, in order; an event that the webhook does not take stays owed, and later ones wait."""
        ledger = self.state.ledger
        while ledger.outbox:
            event = ledger.outbox[0]
            if self.told.webhook and not post(self.told.webhook, event):
                return
            self.state.tell(event)
            ledger.outbox.pop(0)
            self.state.commit()
            self.emit(event)

    def numbers(self) -> dict[str, float]:
        """For `/metrics`."""
        ledger = self.state.ledger
        return {
            "stillwatch_rows_total": ledger.rows,
            "stillwatch_quarantined_total": ledger.quarantined,
            "stillwatch_batches_total": ledger.batches,
            "stillwatch_judgements_total": ledger.judged,
            "stillwatch_campaigns": sum(not track.ended for track in ledger.tracks.values()),
            "stillwatch_events_total": ledger.events,
            "stillwatch_outbox": len(ledger.outbox),
            "stillwatch_lag_bytes": self.waiting,
            "stillwatch_lag_messages": self.behind,
            "stillwatch_lag_seconds": time.monotonic() - self.taken_at
            if self.waiting or self.behind
            else 0.0,
            "stillwatch_source_up": self.up,
            "stillwatch_judge_seconds": self.judge_seconds,
        }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()
    }
