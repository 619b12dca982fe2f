"""The console's metrics, in the text form of Prometheus."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from stillwatch.console.console import Console
from stillwatch.console.database import rows
from stillwatch.console.schema import APPEALS, APPROVALS, CASES, HOOKS, OUTBOX, REVEALS, REVIEWS

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0)
"""Upper edges of the histogram of answers, in seconds."""
# Meaning of each metric by name.
GAUGES = {
    "stillwatch_console_unassigned": "open cases that nobody works on",
    "stillwatch_console_overdue": "open cases past their due time",
    "stillwatch_console_settled": "cases that are settled",
    "stillwatch_console_appeals": "appeals that wait for a decision",
    "stillwatch_console_reviews": "accounts to audit again",
    "stillwatch_console_approvals": "requests that wait for a second person",
    "stillwatch_console_reveals": "permissions to see texts that are open now",
    "stillwatch_console_outbox": "events that webhooks have not taken yet",
    "stillwatch_console_webhook_failures": "times that webhooks refused an event since they last took one",
    "stillwatch_console_audit_up": "whether the audit log can be written",
    "stillwatch_console_faults": "results folders that could not be read at the last look",
}


class Times:
    """How long answers took, by route."""

    def __init__(self) -> None:
        self._held: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def note(self, path: str, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            row = self._held.setdefault(path, [0.0] * (len(SECONDS) + 2))
            row[bisect_left(SECONDS, seconds)] += 1
            row[-1] += seconds

    def each(self) -> list[tuple[str, list[tuple[str, float]], float]]:
        """Route, cumulative buckets and sum of seconds."""
        with self._lock:
            metrics = []
            for path, row in self._held.items():
                total, buckets = 0.0, []
                for edge, number in zip((*map(str, SECONDS), "+Inf"), row[:-1], strict=True):
                    total += number
                    buckets.append((edge, total))
                metrics.append((path, buckets, row[-1]))
            return metrics


class _Collector:
    def __init__(self, console: Console, times: Times) -> None:
        self._console, self._times = console, times

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily

        cases = GaugeMetricFamily(
            "stillwatch_console_cases",
            "open cases, by kind and who works on them",
            labels=["kind", "assignee"],
        )
        query = (
            select(CASES.c.kind, CASES.c.assignee, func.count().label("n"))
            .where(CASES.c.status == "open")
            .group_by(CASES.c.kind, CASES.c.assignee)
        )
        with self._console.database.reading() as db:
            for row in rows(db, query):
                cases.add_metric([row["kind"], row["assignee"] or ""], row["n"])
        yield cases
        held = self._numbers()
        for name, meaning in GAUGES.items():
            yield GaugeMetricFamily(name, meaning, value=float(held[name]))
        seconds = HistogramMetricFamily(
            "stillwatch_console_seconds", "how long an answer took", labels=["route"]
        )
        for path, buckets, total in self._times.each():
            seconds.add_metric([path], buckets=buckets, sum_value=total)
        yield seconds

    def _numbers(self) -> dict[str, float]:
        """Values of the gauges, by name."""
        now = self._console.now()
        is_open = CASES.c.status == "open"
        counts = {
            "unassigned": select(func.count()).select_from(CASES).where(is_open, CASES.c.assignee.is_(None)),
            "overdue": select(func.count()).select_from(CASES).where(is_open, CASES.c.due_at < now),
            "settled": select(func.count()).select_from(CASES).where(~is_open),
            "appeals": select(func.count()).select_from(APPEALS).where(APPEALS.c.status == "received"),
            "reviews": select(func.count()).select_from(REVIEWS).where(REVIEWS.c.status == "open"),
            "approvals": select(func.count()).select_from(APPROVALS).where(APPROVALS.c.status == "asked"),
            "reveals": select(func.count()).select_from(REVEALS).where(REVEALS.c.expires_at > now),
            "outbox": select(func.count()).select_from(OUTBOX),
            "webhook_failures": select(func.coalesce(func.sum(HOOKS.c.failures), 0)),
        }
        with self._console.database.reading() as db:
            found = {name: float(db.scalar(query) or 0) for name, query in counts.items()}
        found |= {
            "audit_up": float(self._console.audit.is_up),
            "faults": float(len(self._console.faults)),
        }
        return {f"stillwatch_console_{name}": value for name, value in found.items()}


def exposed(console: Console, times: Times) -> tuple[bytes, str]:
    """The metrics as bytes, and their media type."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(console, times))
    return generate_latest(registry), CONTENT_TYPE_LATEST
