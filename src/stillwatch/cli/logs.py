"""What is logged, and how: lines for a person, or JSON lines for a collector, on standard error.

Only the logger `stillwatch` is shown. Rules: a message names stages, counts, durations and paths, and no text
of a customer; strings that others chose are shown by `foreign.visible`. Loggers of libraries are left alone,
since their messages may hold anything.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

import click

from stillwatch.errors import StillwatchError
from stillwatch.foreign import visible

LEVELS = ("debug", "info", "warning", "error")  # values of `--log-level`
log = logging.getLogger("stillwatch")


class JsonLines(logging.Formatter):
    """One JSON object a record: `time`, `level`, `logger`, `message`, and what the record carries in
    `facts`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        record_fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(record_fields | getattr(record, "facts", {}), default=str)


class LineFormatter(logging.Formatter):
    """A record as a person reads it; an error is shown as it renders itself."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines."""
        error = getattr(record, "error", None)
        if isinstance(error, StillwatchError):
            return error.render()
        return "\n".join(visible(line, None) for line in record.getMessage().splitlines())


class StandardError(logging.StreamHandler):  # type: ignore[type-arg]  # generic in its stubs alone
    """Writes to what standard error is when a record is written."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        click.echo(self.format(record), err=True)


def log_to_standard_error(level: str, *, as_json: bool) -> None:
    """Show records of `stillwatch` from this level on, in place of an earlier call's."""
    handler = StandardError()
    handler.setFormatter(JsonLines() if as_json else LineFormatter())
    log.handlers = [handler]
    log.setLevel(level.upper())


def tell(error: StillwatchError) -> None:
    """Show an error, as text or as a JSON line; whatever the level is, it is shown."""
    log.error(
        error.problems[0].fact if error.problems else type(error).__name__,
        extra={"facts": error.as_json(), "error": error},
    )
