"""Approvals: what one person asks for and a second one decides."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import select, update

from stillwatch.console.console import BULK, Console
from stillwatch.console.database import one, put, rows
from stillwatch.console.operation import Given, Many, PositiveInt, Reason, operation
from stillwatch.console.roles import Caller
from stillwatch.console.schema import APPROVALS
from stillwatch.contract.results import RECORD
from stillwatch.memory import record
from stillwatch.policy.rollout import APPROVAL, ROLL_OUT, UNDO
from stillwatch.share.access import Refused

POLICY = (APPROVAL, ROLL_OUT, UNDO)  # kinds of requests that concern a policy


class ApprovalsQuery(Given):
    """Which approvals are listed."""

    status: Literal["asked", "approved", "refused", "all"] = "asked"
    limit: Many = 100


class Decide(Given):
    """The decision of a second person, and why."""

    approval: PositiveInt
    approve: bool
    reason: Reason


def ask(console: Console, who: Caller, what: str, given: dict[str, Any], reason: str) -> dict[str, Any]:
    """Ask for a second person's approval; returns the number of the request."""
    with console.database.writing() as db:
        done = put(
            db,
            APPROVALS,
            what=what,
            given=given,
            asked_by=who.name,
            reason=reason,
            at=console.now(),
            status="asked",
        )
    number = done
    console.emit("approval.asked", {"approval": number, "what": what, "by": who.name})
    return {"approval": number, "status": "asked"}


@operation("GET", "/approvals", "names")
def approvals(console: Console, who: Caller, given: ApprovalsQuery) -> dict[str, Any]:
    """Requests for approval, and what people decided on policies in this state."""
    query = select(APPROVALS).order_by(APPROVALS.c.id.desc()).limit(given.limit)
    if given.status != "all":
        query = query.where(APPROVALS.c.status == given.status)
    with console.database.reading() as db:
        answer = rows(db, query)
    for row in answer:
        row["size"] = (row.pop("given") or {}).get("expected")
        row["may_decide"] = who.may("approve") and row["asked_by"] != who.name and row["status"] == "asked"
    policies = [
        {"at": one_.at, "kind": one_.kind, "author": one_.author, "policy": str(one_.body.get("policy"))}
        for one_ in record.read(console.state / RECORD).entries
        if one_.kind in POLICY
    ][-100:]
    return {"rows": answer, "policies": policies[::-1]}


@operation("POST", "/approvals/{approval}", "approve")
def decide_approval(console: Console, who: Caller, given: Decide) -> dict[str, Any]:
    """Approve or refuse what another person asked for. What is approved is done at once."""
    with console.database.writing() as db:
        held = one(db, select(APPROVALS).where(APPROVALS.c.id == given.approval))
        if held is None:
            raise Refused(404, "no such request")
        if held["status"] != "asked":
            raise Refused(409, "this was decided already", str(held["status"]))
        if held["asked_by"] == who.name:
            raise Refused(409, "who asked cannot approve", "a second person is needed")
        db.execute(
            update(APPROVALS)
            .where(APPROVALS.c.id == given.approval, APPROVALS.c.status == "asked")
            .values(
                status="approved" if given.approve else "refused",
                decided_by=who.name,
                decided_at=console.now(),
                why=given.reason,
            )
        )
    answer: dict[str, Any] = {
        "approval": given.approval,
        "status": "approved" if given.approve else "refused",
    }
    if given.approve and held["what"] == BULK:
        answer |= _bulk(console, held)
    return answer


def _bulk(console: Console, held: dict[str, Any]) -> dict[str, Any]:
    """Carry out an approved bulk action, in the name of who asked for it."""
    from stillwatch.console.operations.labels import Bulk, chosen, execute

    wanted = Bulk(**held["given"])
    size = len(chosen(console, wanted))
    if size != wanted.expected:
        with console.database.writing() as db:
            db.execute(update(APPROVALS).where(APPROVALS.c.id == held["id"]).values(status="refused"))
        raise Refused(409, "the selection has changed since it was asked for", f"it has {size:,} accounts")
    author = Caller(person_id=0, name=held["asked_by"], role="analyst", via="approval")
    return execute(console, author, wanted)
