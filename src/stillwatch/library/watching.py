"""The public function `watch`: events of a growing log."""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from stillwatch.errors import Problem, Unreachable, UsageError
from stillwatch.flows.scan import Options
from stillwatch.flows.watch import Watch, Watching
from stillwatch.library.calls import AnyPath, check_rate, limits, optional_path

STABLE_LOOKS = 2  # looks in a row without new data after which the log counts as read to its end: chosen
LOOK_S = 0.2  # seconds between these looks: chosen
SETTLE_S = 60.0  # seconds that a webhook has to accept the remaining events: chosen
AWAY_S = 60.0  # longest pause in seconds before an unreachable source is tried again: chosen
UNITS = {"m": 60, "h": 3600, "d": 86400}  # seconds by the letter of a unit of time
log = logging.getLogger("stillwatch.watch")


def duration(text: str) -> timedelta:
    """A duration from text: a whole number above 0 and `m`, `h` or `d`, such as `30m`, `6h` or `1d`.

    Raises `UsageError` for anything else.
    """
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if not found or int(found[1]) == 0:
        raise UsageError(Problem(fact="`every` is no span of time", found=text, expected="30m, 6h, 1d"))
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


def steps(one: Watch, *, once: bool, poll: float, say: Callable[[str], None]) -> Iterator[None]:
    """Run a watch; the iterator yields None after each step. `say` is called with messages for the operator.

    With `once`, the log is read to its end and judged, events are sent to the webhook, and the iterator
    ends. Otherwise it never ends: it waits `poll` seconds where there is no new data, and up to `AWAY_S`
    seconds while the source cannot be reached. Raises `Unreachable` where the source does not answer, without
    `once` only where it never answered.
    """
    return _take_all(one, say) if once else _follow(one, poll, say)


def _take_all(one: Watch, say: Callable[[str], None]) -> Iterator[None]:
    """Read the log to its present end, judge it, and send the events; see `steps`."""
    idle = 0
    while idle < STABLE_LOOKS:
        idle = 0 if one.step() else idle + 1
        yield
        if idle:
            time.sleep(LOOK_S)
    if one.state.ledger.parts:
        one.judge()
    owed = one.settle(SETTLE_S)
    if owed:
        say(
            f"{owed:,} {'event is' if owed == 1 else 'events are'} owed to the webhook, and sent when the "
            f"watch is run again"
        )
    yield


def _follow(one: Watch, poll: float, say: Callable[[str], None]) -> Iterator[None]:
    """Follow the log without end; see `steps`."""
    away = 0
    while True:
        try:
            moved = one.step()
        except Unreachable as error:
            if not one.reached:  # a wrong address
                raise
            if not away:
                say(error.render())
            away += 1
            time.sleep(min(poll * 2 ** min(away, 16), AWAY_S))
            continue
        yield
        if away:
            say("the source answers again")
            away = 0
        if not moved:
            time.sleep(poll)


def watch(
    source: AnyPath,
    *,
    state: AnyPath,
    every: str = "6h",
    map: Mapping[str, str] | None = None,  # noqa: A002  the word of the command line
    format: str = "auto",  # noqa: A002  as `map`
    accounts: AnyPath | None = None,
    releases: AnyPath | None = None,
    fdr: float = 0.01,
    alerts: float = 12,
    memory: str = "auto",
    limit: Mapping[str, str | int] | None = None,
    webhook: str = "",
    webhook_secrets: AnyPath | None = None,
    heartbeat: str = "",
    poll: float = 2.0,
    once: bool = False,
) -> Iterator[dict[str, Any]]:
    """Follow a growing log and yield events of new, confirmed, grown, merged, ended and returned campaigns,
    as `stillwatch watch` does.

    Args:
        source: Folder or file that grows, or the address of a stream (`redis://`, `nats://`, `kafka://`).
        state: Folder for the state of the watch: position in the log, sketches, campaigns and events.
        every: Time of the log between two judgements, such as `"30m"`, `"6h"`, `"1d"`.
        map: As for `scan`.
        format: As for `scan`.
        accounts: Account table, read again at every judgement.
        releases: Table of model releases.
        fdr: False-discovery rate of confirmed campaigns; it holds at every stopping time.
        alerts: Largest expected number of false alerts in a year of the log.
        memory: As for `scan`.
        limit: As for `scan`.
        webhook: URL to which every event is posted once it is written to `state`; empty for none.
        webhook_secrets: File of secrets that sign events, one a line.
        heartbeat: Time between heartbeats posted to the webhook, such as `"10m"`; empty for none.
        poll: Seconds between looks for new data.
        once: Whether to read the log to its present end, judge it once, and stop.

    Yields:
        One dictionary for each event, as in `events.jsonl` of the state. Without `once` the iterator never
        ends. Other messages are logged as warnings of the logger `stillwatch.watch`.

    Raises:
        UsageError: An argument is out of range.
        Unreachable: The stream does not answer.
        StateError: The state belongs to another source or is in use by another watch.

    Example:
        >>> import stillwatch
        >>> [event["type"] for event in stillwatch.watch("logs/", state="state/", once=True)]
        []
    """
    events: deque[dict[str, Any]] = deque()
    options = Options(
        names=dict(map or {}),
        log_format=format,
        accounts=optional_path(accounts),
        releases=optional_path(releases),
        fdr=check_rate(fdr),
        memory=memory,
        limits=limits(limit),
    )
    watching = Watching(
        options=options,
        every=duration(every),
        alerts=alerts,
        webhook=webhook,
        webhook_secrets=optional_path(webhook_secrets),
        heartbeat=duration(heartbeat) if heartbeat else None,
    )
    return _events(Watch(str(source), Path(state), watching, events.append, log.warning), events, once, poll)


def _events(one: Watch, events: deque[dict[str, Any]], once: bool, poll: float) -> Iterator[dict[str, Any]]:
    """The events of a watch, as they occur."""
    for _step in steps(one, once=once, poll=poll, say=log.warning):
        while events:
            yield events.popleft()
