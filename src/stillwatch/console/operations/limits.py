"""How often decisions were overturned: the team's own false alarms, as appeals and audits showed them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, select

from stillwatch.console.console import Console
from stillwatch.console.database import rows
from stillwatch.console.operation import operation
from stillwatch.console.operations.cases import Nothing
from stillwatch.console.roles import Caller
from stillwatch.console.schema import APPEALS, CASES, REVIEWS, SCANS
from stillwatch.stats.intervals import of_share


@operation("GET", "/limits", "see")
def limits(console: Console, who: Caller, given: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """How many appeals and audits were overturned, by kind of case and by decision, with 95 % intervals, and
    the newest scan's own statement of its limits.
    """
    overturned = func.sum(case((APPEALS.c.status == "overturned", 1), else_=0))
    by_kind = (
        select(CASES.c.kind, func.count().label("decided"), overturned.label("overturned"))
        .select_from(APPEALS)
        .outerjoin(CASES, CASES.c.id == APPEALS.c.case_id)
        .where(APPEALS.c.status.in_(("upheld", "overturned")))
        .group_by(CASES.c.kind)
    )
    audited = (
        select(
            func.count().label("decided"),
            func.sum(case((REVIEWS.c.status == "overturned", 1), else_=0)).label("overturned"),
        )
        .where(REVIEWS.c.status != "open")
    )  # fmt: skip
    with console.database.reading() as db:
        kinds = [_rated({**row, "what": row["kind"] or "no case"}) for row in rows(db, by_kind)]
        audits = _rated({**rows(db, audited)[0], "what": "audits of batches"})
        scan = db.scalar(select(SCANS.c.body).order_by(SCANS.c.id.desc()).limit(1))
    whole = {
        "what": "all appeals",
        "decided": sum(row["decided"] for row in kinds),
        "overturned": sum(row["overturned"] for row in kinds),
    }
    return {"appeals": _rated(whole), "kinds": kinds, "audits": audits, "scan": (scan or {}).get("overview")}


def _rated(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the share that was overturned, and its exact 95 % interval."""
    decided, overturned = int(row["decided"] or 0), int(row["overturned"] or 0)
    bounds = of_share(overturned, decided)
    return {
        "what": row["what"],
        "decided": decided,
        "overturned": overturned,
        "share": overturned / decided if decided else None,
        "low": None if bounds is None else bounds.low,
        "high": None if bounds is None else bounds.high,
    }
