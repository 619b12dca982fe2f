"""The plan of a case's graph: places for its accounts and the values that they share.

Values stand on a circle, those of most weight first. Accounts that show the same values stand together, in a
disc (Vogel's spiral, 1979) around the mean of these values' places, in which a value counts the more the
fewer accounts show it (the logarithm of its rarity), since what all show tells none apart. The work is linear
in the number of accounts and links, and the same accounts always get the same places.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from sqlalchemy import func, select

from stillwatch.console.database import Database, rows
from stillwatch.console.operations import shown
from stillwatch.console.roles import Caller
from stillwatch.console.schema import ACCOUNTS, CASES, INDICATORS, LINKS, MEMBERS, SHARED

MAX_VALUES = 40  # values that are drawn: chosen, more cannot be distinguished
RADIUS = 1000.0  # of the circle on which values are drawn
GOLDEN = np.pi * (3 - np.sqrt(5))  # radians between two points of the spiral
SPACING, FILL = 22.0, 800.0  # longest distance of neighbouring accounts, and radius of a disc of all: chosen
KEPT = 16  # most drawn graphs that are kept in memory
_plans: OrderedDict[tuple[int, int, int], dict[str, Any]] = OrderedDict()
_lock = threading.Lock()


def drawn(database: Database, who: Caller, case_id: int, start: int, limit: int) -> dict[str, Any]:
    """Part of a case's graph for somebody.

    `values` is there in the first part only. `accounts` holds numbers of accounts, `names` their names, `x`
    and `y` their places, and `links` for each account the positions in `values` of those that it shows.
    """
    plan = _plan(database, case_id)
    part = slice(start, start + limit)
    total = len(plan["ids"])
    drawing: dict[str, Any] = {
        "total": total,
        "start": start,
        "accounts": plan["ids"][part],
        "x": plan["x"][part],
        "y": plan["y"][part],
        "links": plan["links"][part],
        "next": start + limit if start + limit < total else None,
    }
    if who.may("names"):
        drawing["names"] = plan["names"][part]
    if start == 0:
        drawing["values"] = [
            {
                "id": row["id"],
                "name": shown.value_name(who, row),
                "kind": row["kind"],
                "accounts": row["accounts"],
                "x": x,
                "y": y,
            }
            for row, x, y in zip(plan["values"], plan["value_x"], plan["value_y"], strict=True)
        ]
    return drawing


def _plan(database: Database, case_id: int) -> dict[str, Any]:
    """The plan of a case's present scan, from memory where it was made before."""
    with database.reading() as db:
        scan = db.scalar(select(CASES.c.scan_id).where(CASES.c.id == case_id))
        key = (id(database), case_id, int(scan or 0))
        with _lock:
            if key in _plans:
                _plans.move_to_end(key)
                return _plans[key]
        values = rows(
            db,
            select(
                INDICATORS.c.id,
                INDICATORS.c.kind,
                INDICATORS.c.label,
                SHARED.c.accounts,
            )
            .join(INDICATORS, INDICATORS.c.id == SHARED.c.indicator_id)
            .where(SHARED.c.case_id == case_id)
            .order_by(func.abs(SHARED.c.log10).desc(), SHARED.c.accounts.desc(), SHARED.c.indicator_id)
            .limit(MAX_VALUES),
        )
        place = {row["id"]: number for number, row in enumerate(values)}
        members = db.execute(
            select(MEMBERS.c.account_id, ACCOUNTS.c.name)
            .join(ACCOUNTS, ACCOUNTS.c.id == MEMBERS.c.account_id)
            .where(MEMBERS.c.case_id == case_id)
            .order_by(MEMBERS.c.account_id)
        ).all()
        links: dict[int, list[int]] = {number: [] for number, _name in members}
        query = select(LINKS.c.account_id, LINKS.c.indicator_id).where(
            LINKS.c.case_id == case_id, LINKS.c.indicator_id.in_(list(place))
        )
        for account, value in db.execute(query):
            if account in links:
                links[account].append(place[value])
    plan = _places(values, [(n, name, sorted(links[n])) for n, name in members])
    with _lock:
        _plans[key] = plan
        while len(_plans) > KEPT:
            _plans.popitem(last=False)
    return plan


def _places(values: list[dict[str, Any]], members: list[tuple[int, str, list[int]]]) -> dict[str, Any]:
    """The plan: places of values and accounts."""
    angle = 2 * np.pi * (np.arange(len(values)) + 0.5) / max(len(values), 1)
    rarity = np.array([np.log(max(len(members), 1) / max(row["accounts"], 1)) for row in values])
    rarity = np.maximum(rarity, 0.0) + 0.02
    spacing = min(SPACING, FILL / np.sqrt(max(len(members), 1)))
    value_x, value_y = RADIUS * np.sin(angle), -RADIUS * np.cos(angle)
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, (_id, _name, shows) in enumerate(members):
        groups.setdefault(tuple(shows), []).append(number)
    x, y = np.zeros(len(members)), np.zeros(len(members))
    for shared, some in groups.items():
        held = list(shared)
        steps = np.arange(len(some)) + 0.5
        distance, turn = spacing * np.sqrt(steps), GOLDEN * steps
        middle_x = 0.78 * np.average(value_x[held], weights=rarity[held]) if held else 0.0
        middle_y = 0.78 * np.average(value_y[held], weights=rarity[held]) if held else 1.35 * RADIUS
        x[some], y[some] = middle_x + distance * np.cos(turn), middle_y + distance * np.sin(turn)
    return {
        "values": values,
        "value_x": value_x.round(1).tolist(),
        "value_y": value_y.round(1).tolist(),
        "ids": [number for number, _name, _shows in members],
        "names": [name for _number, name, _shows in members],
        "links": [shows for _number, _name, shows in members],
        "x": x.round(1).tolist(),
        "y": y.round(1).tolist(),
    }
