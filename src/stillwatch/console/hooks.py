"""Sends events to webhooks, each at least once, signed as the watch signs its own."""

from __future__ import annotations

import threading

from sqlalchemy import delete, select, update

from stillwatch.console.database import Database, rows
from stillwatch.console.schema import HOOKS, OUTBOX
from stillwatch.watch.webhook import send_in_time

MAX_ROUND = 100  # most events of one round: chosen


def deliver(database: Database, ends: threading.Event) -> int:
    """Send what is due, oldest first; returns the number of events delivered. A receiver that refuses gets
    no further event in this round.
    """
    with database.reading() as db:
        due = rows(
            db,
            select(OUTBOX, HOOKS.c.url, HOOKS.c.secret)
            .join(HOOKS, HOOKS.c.id == OUTBOX.c.hook_id)
            .order_by(OUTBOX.c.id)
            .limit(MAX_ROUND),
        )
    refused: set[int] = set()
    done = 0
    for one in due:
        if ends.is_set():
            break
        if one["hook_id"] in refused:
            continue
        why = send_in_time(one["url"], one["event"], [one["secret"].encode()])
        with database.writing() as db:
            of_hook = HOOKS.c.id == one["hook_id"]
            if why is None:
                db.execute(delete(OUTBOX).where(OUTBOX.c.id == one["id"]))
                db.execute(update(HOOKS).where(of_hook).values(failures=0))
                done += 1
            else:
                refused.add(one["hook_id"])
                db.execute(update(HOOKS).where(of_hook).values(failures=HOOKS.c.failures + 1))
    return done
