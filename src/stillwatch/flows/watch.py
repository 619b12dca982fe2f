"""The flow `watch`: follows a growing log, judges it repeatedly, and reports changes of its campaigns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
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
from stillwatch.engine.files import atomic, in_memory
from stillwatch.errors import (
    EngineError,
    InputError,
    Problem,
    StateError,
    StillwatchError,
    Unreachable,
    UsageError,
)
from stillwatch.flows.content_blind import read_key, sketch
from stillwatch.flows.scan import Options, scan
from stillwatch.memory.identities import Track, follow
from stillwatch.memory.labels import in_force
from stillwatch.readers.losses import Excerpt, Losses
from stillwatch.results.folder import read_table
from stillwatch.stats.sequential import alert_level
from stillwatch.watch.arrivals import arrive, write_sketch
from stillwatch.watch.poison import poisonous
from stillwatch.watch.pulse import Pulse
from stillwatch.watch.sources import NewData, Source, open_source
from stillwatch.watch.state import KEY, Apart, WatchState
from stillwatch.watch.webhook import Webhook

STORE = "store"  # folder of the state with observations and daily summaries
# Columns of `campaigns` that an event contains.
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
MAX_EVENT_EVIDENCE = 3  # most pieces of evidence in an event
RETRY_S = 60.0  # seconds before a failed judgement is repeated; doubled after each failure
MAX_RETRY_S = 3600.0  # longest such pause in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Options of a watch.

    `every` is the time of the log between judgements. `alerts` is the largest expected number of false
    alerts in a year of the log. Events are posted to the URL `webhook` (empty: none), signed with the secrets
    in the file `webhook_secrets`. `heartbeat` is the machine's time between heartbeats (None: none).
    """

    options: Options
    every: timedelta = timedelta(hours=6)
    alerts: float = ALERTS_A_YEAR
    webhook: str = ""
    webhook_secrets: Path | None = None
    heartbeat: timedelta | None = None


def machine_time() -> datetime:
    """Present time of the machine's clock in UTC; it may be wrong and may jump."""
    return datetime.now(UTC)


class Watch:
    """A watch of one source; call `step` repeatedly.

    `emit` is called with each event and `complain` with each message for the operator. `is_stopped` returns
    whether the watch has been interrupted; it is needed because libraries turn an interrupt into errors of
    their own. The constructor raises `UsageError` for an invalid source or webhook, and `StateError` where
    the state is in use, damaged or of another source.
    """

    def __init__(
        self,
        source: str,
        state: Path,
        watching: Watching,
        emit: Callable[[dict[str, Any]], None] = lambda _event: None,
        complain: Callable[[str], None] = lambda _message: None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.source: Source = open_source(source, state, watching.options.limits.line)
        self.webhook = (
            Webhook(watching.webhook, self._refused, watching.webhook_secrets) if watching.webhook else None
        )
        if self.webhook is None and (watching.webhook_secrets or watching.heartbeat):
            raise UsageError(
                Problem(fact="secrets or a heartbeat were given and no webhook", fix="add --webhook URL")
            )
        self.state = WatchState(state, source)
        self.watching, self.emit, self.complain, self.is_stopped = watching, emit, complain, is_stopped
        self.key = read_key(state / KEY)
        self.waiting = self.behind = 0
        self.reached = self.up = False
        self.pulse = Pulse()
        self.taken_at = self.judged_mono = time.monotonic()
        self.judged_here = False
        self.judge_seconds = 0.0
        self.judge_failures = 0
        self.failures_in_row = 0
        self.not_before = 0.0
        if self.webhook is not None and watching.heartbeat is not None:
            self.webhook.beat(watching.heartbeat.total_seconds(), self._sign_of_life)

    def _sign_of_life(self) -> dict[str, Any] | None:
        """A heartbeat event; None while the watch is stalled, so that the receiver notices its absence."""
        if not self.pulse.healthy():
            return None
        ledger = self.state.ledger
        return {
            "id": f"{ledger.id}-beat-{int(time.time())}",
            "watch": ledger.id,
            "type": "heartbeat",
            "at": ledger.clock,
            "rows": ledger.rows,
            "campaigns": sum(not track.ended for track in list(ledger.tracks.values())),
        }

    def step(self) -> bool:
        """Deliver events, then judge if a judgement is due, or else read one batch. Returns whether there was
        a judgement or a batch. Raises `Unreachable` where the source does not answer.
        """
        self.deliver()
        self._admit()
        if self.due():
            self._judge_or_wait()
            return True
        try:
            taken = self.source.take(self.state.ledger.position)
        except Unreachable:
            self.up = False
            raise
        self.reached = self.up = True
        if taken is None:
            self.waiting = self.behind = 0
            self.pulse.beat()
            return False
        with self.pulse.working():
            self._fold(taken)
        self.waiting, self.behind, self.taken_at = taken.waiting, taken.behind, time.monotonic()
        if self.due():
            self._judge_or_wait()
        return True

    def due(self) -> bool:
        """Whether there are new rows and `every` has passed since the last judgement, by the log's time or by
        the machine's.

        Writers of the log can shift its time, and a clock setting the machine's. Neither alone can delay a
        judgement.
        """
        ledger = self.state.ledger
        if not ledger.parts or time.monotonic() < self.not_before:
            return False
        if not (ledger.judged_at and ledger.clock):
            return True
        if abs(_time(ledger.clock) - _time(ledger.judged_at)) >= self.watching.every:
            return True
        return self._since_judged() >= self.watching.every

    def _since_judged(self) -> timedelta:
        """The machine's time since the last judgement; at least that since this process started or judged, so
        that a clock set back does not count.
        """
        here = timedelta(seconds=time.monotonic() - self.judged_mono)
        if self.judged_here or not self.state.ledger.judged_on:
            return here
        passed = machine_time() - _time(self.state.ledger.judged_on)
        return max(passed, here)

    # ------------------------------------------------------------------------------------------------ taking

    def _fold(self, taken: NewData) -> None:
        """Sketch a batch and add it to the state; it counts once the ledger is committed."""
        ledger = self.state.ledger
        number = ledger.batches + 1
        with tempfile.TemporaryDirectory(prefix=".batch-", dir=self.state.folder) as folder:
            out = Path(folder) / "sketched"
            if taken.overlong:
                fact = self.watching.options.limits.message("line", "line exceeds")
                rows, quarantined, lost = 0, 1, _unread(taken, 1, fact)
            elif taken.file is None and not taken.lines:  # the rest of an overlong line
                rows, quarantined, lost = 0, 0, contract.QUARANTINE.empty()
            elif taken.file is None:
                with in_memory(Path(folder) / taken.name, taken.lines) as path:
                    rows, quarantined, lost = self._sketch(path, out, taken)
            else:
                rows, quarantined, lost = self._sketch(taken.file, out, taken)
            if lost.num_rows:
                self._set_aside(lost, taken, number)
            arrival = arrive(self.state, sorted(out.glob("sketch-*.parquet")), machine_time())
        ledger.batches = number
        ledger.rows += rows
        ledger.quarantined += quarantined
        ledger.position |= taken.position
        self.state.commit()
        arrival.settle()
        if arrival.ahead and arrival.latest is not None:
            self.complain(
                f"{_rows(arrival.ahead)} dated ahead of the log and of the machine's clock, as late as "
                f"{arrival.latest:%Y-%m-%d}: "
                f"kept in {self.state.apart} and judged once that time has come (`{taken.name}`)"
            )

    def _sketch(self, path: Path, out: Path, taken: NewData) -> tuple[int, int, pa.Table]:
        """Sketch a batch into the folder `out`; returns the number of rows read, the number of rows not read,
        and the quarantine table.
        """
        options = self.watching.options
        try:
            read = sketch(
                [str(path)], out, self.key, options.names, options.log_format, self.pulse.beat,
                limits=options.limits,
                excerpt=None if taken.file else Excerpt(name=taken.log, first_line=taken.first_line),
            )  # fmt: skip
            return read["rows"], read["quarantined"], pq.read_table(out / "quarantine.parquet")
        except InputError as error:  # no line is an exchange, or the file cannot be read
            lines = max(taken.lines.count(b"\n"), 1)
            return 0, lines, _unread(taken, lines, error.problems[0].fact)

    def _set_aside(self, lost: pa.Table, taken: NewData, number: int) -> None:
        """Write the unreadable rows of batch `number` to the quarantine, with the name of the source."""
        lost = lost.set_column(0, "file", pa.array([taken.name] * lost.num_rows))
        with atomic(self.state.quarantine / f"batch-{number:08}.parquet") as path:
            pq.write_table(lost.cast(contract.QUARANTINE.arrow), path, compression="zstd")

    def _admit(self) -> None:
        """Add rows to the state that were dated ahead and are not any more."""
        if not any(one.first for one in self.state.ledger.apart):
            return
        arrival = arrive(self.state, [], machine_time())
        if arrival.admitted:
            self.state.commit()
            arrival.settle()

    # ----------------------------------------------------------------------------------------------- judging

    def judge(self) -> list[dict[str, Any]]:
        """Judge the whole log so far, commit the events to the outbox, deliver them, and return them.

        The level of an alert follows from the false alerts allowed in a year and the log's time since the
        last judgement, divided among the candidates. The level of a confirmation is `fdr` / (k (k + 1)) at
        judgement k; these sum to `fdr`, so the false-discovery rate holds at every stopping time
        (`stats.sequential`).
        """
        ledger = self.state.ledger
        began = time.monotonic()
        number = ledger.judged + 1
        confirm = self.watching.options.fdr / (number * (number + 1))
        passed = (
            max(_time(ledger.clock) - _time(ledger.judged_at), timedelta(0))
            if ledger.judged_at and ledger.clock
            else self.watching.every
        )
        alert = min(self.watching.options.fdr, alert_level(self.watching.alerts, passed / timedelta(hours=1)))
        options = replace(
            self.watching.options,
            fdr=max(alert, confirm),
            replay=False,
            store=self.state.folder / STORE,
            named=False,
            labels=(*self.watching.options.labels, self.state.folder),
        )
        results = self.state.folder / "results"
        taken = self.state.parts
        with self.pulse.working():
            if taken:
                self._scan(results, options)
            found, unsure = _found(results, alert, confirm)
        events = follow(ledger.tracks, found, ledger.clock, unsure)
        more = _facts_beside(results, self.state.folder, ledger.tracks) if events else lambda _event: {}
        reported = [
            event | more(event) | {"id": f"{ledger.id}-{number}-{place}", "watch": ledger.id}
            for place, event in enumerate(events, 1)
        ]
        ledger.judged, ledger.judged_at = number, ledger.clock
        ledger.judged_on = machine_time().isoformat()
        ledger.outbox += reported
        ledger.parts = []  # the store has their rows now
        self.judged_mono, self.judged_here = time.monotonic(), True
        self.state.commit()
        for part in taken:
            part.unlink(missing_ok=True)
        self.judge_seconds = time.monotonic() - began
        self.not_before, self.failures_in_row = 0.0, 0
        self.deliver()
        return reported

    def _judge_or_wait(self) -> None:
        """Judge; report a failure and set the time of the next attempt. New rows are read meanwhile."""
        try:
            self.judge()
        except Exception as error:
            if self.is_stopped():
                raise
            pause = min(RETRY_S * 2**self.failures_in_row, MAX_RETRY_S)
            self.judge_failures += 1
            self.failures_in_row += 1
            self.not_before = time.monotonic() + pause
            self.complain(
                f"{_cause(error)}\nthe log is judged again in {pause:.0f} s; rows are taken meanwhile"
            )

    def _scan(self, results: Path, options: Options) -> None:
        """Scan the store and the new rows. Rows that make the scan fail are moved apart, and it is repeated
        once.
        """
        try:
            scan([str(part) for part in self.state.parts], results, options, self.pulse.beat)
        except (OSError, UsageError, StateError):
            raise
        except Exception as error:
            if self.is_stopped() or not self._purge(options, error):
                raise
            scan([str(part) for part in self.state.parts], results, options, self.pulse.beat)

    def _purge(self, options: Options, error: Exception) -> bool:
        """Move apart the new rows that make a judgement fail by themselves; returns whether there are any."""
        parts = self.state.parts
        every = pa.concat_tables([pq.read_table(part) for part in parts])
        bad = poisonous(every.num_rows, lambda run: self._fails(every.slice(run.start, len(run)), options))
        place = pa.array(np.arange(every.num_rows))
        blamed = pc.is_in(place, pa.array([row for run in bad for row in run], pa.int64()))
        begin = removed = 0
        for part in parts:
            number = pq.read_metadata(part).num_rows
            mine = blamed.slice(begin, number)
            begin += number
            rows = pc.sum(mine).as_py() or 0
            if not rows:
                continue
            removed += rows
            name = f"poison-{part.name}"
            write_sketch(self.state.apart / name, part, mine)
            kept = Apart(name=name, rows=rows, why=f"a judgement of them fails: {_kind(error)}")
            self.state.ledger.apart = [one for one in self.state.ledger.apart if one.name != name] + [kept]
            self.state.commit()
            write_sketch(part, part, pc.invert(mine))  # replaces the earlier rows of this part in the store
        if removed:
            self.complain(
                f"{_rows(removed)} not judged, since a judgement of them fails ({_kind(error)}), and kept in "
                f"{self.state.apart}"
            )
        return removed > 0

    def _fails(self, table: pa.Table, options: Options) -> bool:
        """Whether a scan of these rows alone fails. Raises `OSError`, which is no fault of the rows."""
        with tempfile.TemporaryDirectory(prefix=".trial-", dir=self.state.folder) as folder:
            part = Path(folder) / "part.parquet"
            pq.write_table(table, part)
            try:
                scan([str(part)], Path(folder) / "results", replace(options, store=None), self.pulse.beat)
            except OSError:
                raise
            except Exception:
                if self.is_stopped():
                    raise
                return True
        return False

    # -------------------------------------------------------------------------------------------- delivering

    def deliver(self) -> None:
        """Write each event of the outbox to `events.jsonl`, emit it and queue it for the webhook; remove
        events that the webhook has accepted.

        Events of campaigns labelled honest are not queued. After a crash an event may be emitted again, with
        the same id.
        """
        ledger = self.state.ledger
        while ledger.outbox:
            event = ledger.outbox[0]
            self.state.tell(event)
            self.emit(event)
            ledger.outbox = ledger.outbox[1:]
            is_muted = event.get("label", {}).get("verdict") == "honest"
            ledger.muted += is_muted
            if self.webhook is not None and not is_muted:
                ledger.owed = [*ledger.owed, event]
            self.state.commit()
        if self.webhook is None:
            return
        gone = self.webhook.taken()
        left = [event for event in ledger.owed if event["id"] not in gone]
        if len(left) < len(ledger.owed):
            ledger.owed = left
            self.state.commit()
        self.webhook.forget(gone)
        self.webhook.owe(left)

    def settle(self, seconds: float) -> int:
        """Deliver events and wait up to `seconds` for the webhook; returns the number of events that it has
        not accepted.
        """
        self.deliver()
        if self.webhook is not None:
            self.webhook.settle(seconds)
            self.deliver()
        return len(self.state.ledger.owed)

    def _refused(self, why: str) -> None:
        """Say that the webhook refuses events, or takes them again ("")."""
        self.complain(
            f"the webhook does not take events: {why}; they stay owed and are sent again"
            if why
            else "the webhook takes events again"
        )

    def numbers(self) -> dict[str, float]:
        """Values of the metrics in `watch.serve.METRICS`, by name."""
        ledger = self.state.ledger
        return {
            "stillwatch_rows_total": ledger.rows,
            "stillwatch_quarantined_total": ledger.quarantined,
            "stillwatch_apart": sum(one.rows for one in ledger.apart),
            "stillwatch_batches_total": ledger.batches,
            "stillwatch_judgements_total": ledger.judged,
            "stillwatch_judge_failures_total": self.judge_failures,
            "stillwatch_campaigns": sum(not track.ended for track in list(ledger.tracks.values())),
            "stillwatch_events_total": ledger.events,
            "stillwatch_outbox": len(ledger.outbox) + len(ledger.owed),
            "stillwatch_webhook_failures_total": self.webhook.failures if self.webhook else 0,
            "stillwatch_muted_total": ledger.muted,
            "stillwatch_lag_bytes": self.waiting,
            "stillwatch_lag_messages": self.behind,
            "stillwatch_lag_seconds": time.monotonic() - self.taken_at
            if self.waiting or self.behind
            else 0.0,
            "stillwatch_source_up": self.up,
            "stillwatch_judge_seconds": self.judge_seconds,
        }


def _found(
    results: Path, alert: float, confirm: float
) -> tuple[list[tuple[dict[str, Any], frozenset[str]]], list[int]]:
    """The campaigns of a results folder (facts and accounts), and the places of those that pass neither the
    level `alert` nor `confirm`; empty where there is no folder.
    """
    if not results.exists():
        return [], []
    campaigns = read_table(results, contract.CAMPAIGNS).to_pylist()
    members = read_table(results, contract.MEMBERS)
    found = []
    for row in campaigns:
        mine = members.filter(pc.equal(members.column("campaign_id"), row["campaign_id"])).column(
            "account_id"
        )
        facts = {name: row[name] for name in FACTS} | {"reported_as": row["campaign_id"]}
        facts["confirmed"] = row["q_value"] <= confirm
        found.append((_plain(facts), frozenset(mine.to_pylist())))
    # With R campaigns among m candidates, q <= alert / R implies e >= m / alert, which suffices for one
    # campaign alone.
    unsure = [at for at, row in enumerate(campaigns) if row["q_value"] * len(campaigns) > max(alert, confirm)]
    return found, unsure


def _facts_beside(
    results: Path, state: Path, tracks: Mapping[str, Track]
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that returns further fields of an event: the strongest evidence, paths of the accounts and
    the report, and the campaign's label.
    """
    evidence = read_table(results, contract.EVIDENCE).to_pylist() if results.exists() else []
    labels = in_force([state])

    def more(event: dict[str, Any]) -> dict[str, Any]:
        """The further fields of one event."""
        mine = [row for row in evidence if row["campaign_id"] == event.get("reported_as")]
        mine.sort(key=lambda row: -row["log10_likelihood_ratio"])
        facts: dict[str, Any] = {}
        if event["type"] not in ("ended", "merged"):
            names = ("kind", "statement", "log10_likelihood_ratio")
            facts["evidence"] = [{name: row[name] for name in names} for row in mine[:MAX_EVENT_EVIDENCE]]
            facts["accounts_in"], facts["report"] = "results/members.parquet", "results/report.html"
        label = labels.of_group(tracks[event["campaign"]].accounts)
        if label is not None:
            facts["label"] = {"verdict": label.verdict, "statement": label.statement}
        return facts

    return more


def _unread(taken: NewData, lines: int, fact: str) -> pa.Table:
    """Quarantine rows for a batch of which no line was read."""
    losses = Losses(taken.name)
    losses.span(taken.first_line, lines, fact)
    return pa.concat_tables([losses.listed(), losses.counted()])


def _rows(number: int) -> str:
    """A number of rows with its verb, as text."""
    return f"{number:,} {'row is' if number == 1 else 'rows are'}"


def _kind(error: Exception) -> str:
    """The fact of a `StillwatchError`; of another error its class name, since its text may hold values."""
    return error.problems[0].fact if isinstance(error, StillwatchError) else type(error).__name__


def _cause(error: Exception) -> str:
    """An error as text without customers' data."""
    if isinstance(error, StillwatchError):
        return error.render()
    return EngineError(Problem(fact="the log could not be judged", found=_kind(error))).render()


def _time(text: str) -> datetime:
    """The time of a text in ISO 8601."""
    return datetime.fromisoformat(text)


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts with times as text, for JSON."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()
    }
