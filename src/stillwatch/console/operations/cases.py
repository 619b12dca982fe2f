"""Cases: the queue, one case with its evidence, history and work, its accounts, and its graph."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, case, func, insert, or_, select, update

from stillwatch.console.console import Console
from stillwatch.console.database import one, put, rows
from stillwatch.console.graph import drawn
from stillwatch.console.operation import (
    Cursor,
    Given,
    Many,
    Moment,
    Name,
    PositiveInt,
    Reason,
    Words,
    operation,
)
from stillwatch.console.operations import shown
from stillwatch.console.roles import Caller
from stillwatch.console.scans import prompts_of
from stillwatch.console.schema import (
    ACCOUNTS,
    ACTIONS,
    APPEALS,
    APPEARANCES,
    APPROVALS,
    CASES,
    DETAILS,
    EFFECTS,
    INDICATORS,
    LINKS,
    MEMBERS,
    NOTES,
    PEOPLE,
    REVEALS,
    REVIEWS,
    SCANS,
    SHARED,
)
from stillwatch.share.access import Refused

PARTS = (
    "glance",
    "trial",
    "capabilities",
    "claims",
    "hypotheses",
    "rivals",
    "timeline",
    "meaning",
    "evidence",
)
"""Parts of a case that its page shows; one is None where the scan wrote nothing of it."""
LOCKED_S = 1800.0  # seconds for which a lock holds: chosen
MAX_MINUTES = 60  # longest time in minutes for which texts are revealed: chosen
Status = Literal["open", "settled", "all"]
Whose = Literal["all", "mine", "unassigned", "overdue"]
Sort = Literal["exchanges", "accounts", "due", "remains", "last_seen"]
# Columns of a case in the list.
COLUMNS = (
    CASES.c.id, CASES.c.name, CASES.c.group_id, CASES.c.is_lead, CASES.c.kind, CASES.c.accounts,
    CASES.c.exchanges, CASES.c.first_seen, CASES.c.last_seen, CASES.c.explanation, CASES.c.log10_e,
    CASES.c.status, CASES.c.assignee, CASES.c.due_at, CASES.c.locked_by, CASES.c.locked_until,
    CASES.c.settled_as, CASES.c.scan_id,
)  # fmt: skip


class Queue(Given):
    """Which cases are listed. `page` counts from 1."""

    status: Status = "open"
    whose: Whose = "all"
    kind: Annotated[Words, Field(max_length=20)] = ""
    assignee: Annotated[Words, Field(max_length=80)] = ""
    sort: Sort = "exchanges"
    page: Annotated[int, Field(ge=1, le=1000)] = 1
    limit: Many = 50


class OneCase(Given):
    """One case by its number."""

    case: PositiveInt


class Members(OneCase):
    """Accounts of a case: all, or those that show a value or carry an explanation's mark."""

    after: Cursor = ""
    limit: Many = 50
    indicator: PositiveInt | None = None
    mark: Annotated[Words, Field(max_length=60)] = ""
    begins: Annotated[Words, Field(max_length=120)] = ""


class SharedQuery(OneCase):
    """Values that members of a case share."""

    limit: Many = 60


class GraphQuery(OneCase):
    """A part of a case's graph: accounts from the place `start` on."""

    start: Annotated[int, Field(ge=0, le=10**7)] = 0
    limit: Annotated[int, Field(ge=100, le=25_000)] = 5_000


class Assign(OneCase):
    """Who works on a case; an empty name for nobody."""

    assignee: Annotated[Words, Field(max_length=80)] = ""


class Due(OneCase):
    """Until when a case is to be settled, as seconds since 1970; None for no time."""

    due_at: Moment | None = None


class Lock(OneCase):
    """Whether the case is to be locked or released."""

    locked: bool


class Reveal(OneCase):
    """Why the words are needed, and for how many minutes."""

    reason: Reason
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)] = 15


class EffectReport(OneCase):
    """What `stillwatch effect --json` printed."""

    statement: Annotated[Words, Field(min_length=3, max_length=2000)]
    before: Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)] | None = None
    after: Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)] | None = None


def _chosen(given: Queue, who: Caller, now: float) -> list[ColumnElement[bool]]:
    """Conditions of a list of cases."""
    found: list[ColumnElement[bool]] = []
    if given.status != "all":
        found.append(CASES.c.status == given.status)
    if given.whose == "mine":
        found.append(CASES.c.assignee == who.name)
    elif given.whose == "unassigned":
        found.append(CASES.c.assignee.is_(None))
    elif given.whose == "overdue":
        found.append(CASES.c.due_at < now)
    if given.assignee:
        found.append(CASES.c.assignee == given.assignee)
    if given.kind:
        found.append(CASES.c.kind == given.kind)
    return found


def _ordered(query: Select[Any], sort: Sort) -> Select[Any]:
    """The query with its rows in the order `sort`."""
    column = {
        "exchanges": CASES.c.exchanges,
        "accounts": CASES.c.accounts,
        "remains": CASES.c.log10_e,
        "last_seen": CASES.c.last_seen,
        "due": CASES.c.due_at,
    }[sort]
    if sort == "due":
        return query.order_by(column.is_(None), column, CASES.c.id)
    if sort == "exchanges":
        return query.order_by(column.desc(), CASES.c.id)
    return query.order_by(func.coalesce(column, -1e300).desc(), CASES.c.id)


@operation("GET", "/cases", "see")
def cases(console: Console, who: Caller, given: Queue) -> dict[str, Any]:
    """The queue: campaigns and leads with their work, a page at a time."""
    now = console.now()
    where = _chosen(given, who, now)
    first = (given.page - 1) * given.limit
    query = _ordered(
        select(*COLUMNS, CASES.c.body["spark"].label("spark")).where(*where), given.sort
    )  # fmt: skip
    with console.database.reading() as db:
        found = rows(db, query.offset(first).limit(given.limit))
        total = int(db.scalar(select(func.count()).select_from(CASES).where(*where)) or 0)
    standing = console.standing()
    for row in found:
        row |= {
            "label": shown.label_of(who, standing.cases.get(row["id"])),
            "is_overdue": bool(row["due_at"] and row["due_at"] < now and row["status"] == "open"),
            "is_locked": bool(row["locked_by"] and (row["locked_until"] or 0) > now),
        }
    return {"rows": found, "total": total, "page": given.page, "pages": max(1, -(-total // given.limit))}


class Nothing(Given):
    """No arguments."""


@operation("GET", "/load", "see")
def load(console: Console, who: Caller, given: Nothing) -> dict[str, Any]:  # noqa: ARG001  one form for all
    """The team's load: open cases by assignee, and how much waits elsewhere."""
    now = console.now()
    late = func.sum(case((CASES.c.due_at < now, 1), else_=0))
    query = (
        select(CASES.c.assignee, func.count().label("open"), late.label("overdue"))
        .where(CASES.c.status == "open")
        .group_by(CASES.c.assignee)
    )

    def counted(table: Any, *where: ColumnElement[bool]) -> int:  # noqa: ANN401  a table
        """Number of rows of the table that fulfil the conditions."""
        return int(db.scalar(select(func.count()).select_from(table).where(*where)) or 0)

    with console.database.reading() as db:
        held = {row["assignee"]: row for row in rows(db, query)}
        people = list(
            db.scalars(
                select(PEOPLE.c.name)
                .where(PEOPLE.c.role.in_(("analyst", "lead")), ~PEOPLE.c.disabled)
                .order_by(PEOPLE.c.name)
            )
        )
        kinds = {
            f"{kind}": number
            for kind, number in db.execute(
                select(CASES.c.kind, func.count()).where(CASES.c.status == "open").group_by(CASES.c.kind)
            )
        }
        answer = {
            "settled": counted(CASES, CASES.c.status == "settled"),
            "appeals": counted(APPEALS, APPEALS.c.status == "received"),
            "approvals": counted(APPROVALS, APPROVALS.c.status == "asked"),
            "reviews": counted(REVIEWS, REVIEWS.c.status == "open"),
            "scans": counted(SCANS),
        }
    names = sorted({*people, *(name for name in held if name)})
    none = {"open": 0, "overdue": 0}
    every = [{"name": name, **shown.without(held.get(name, none), "assignee")} for name in names]
    waiting = held.get(None, none)
    return {
        "people": every,
        "unassigned": waiting["open"],
        "open": sum(row["open"] for row in held.values()),
        "overdue": sum(row["overdue"] or 0 for row in held.values()),
        "kinds": kinds,
        "faults": list(console.faults),
        **answer,
    }


@operation("GET", "/comparison", "see")
def comparison(console: Console, who: Caller, given: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """The newest scan's groups side by side: why each is a campaign or a lead."""
    with console.database.reading() as db:
        scan = one(db, select(SCANS).order_by(SCANS.c.id.desc()))
        if scan is None:
            return {"comparison": None, "scan": None}
        number_of = dict(
            db.execute(select(CASES.c.group_id, CASES.c.id).where(CASES.c.scan_id == scan["id"])).all()
        )
    answer = scan["body"].get("comparison")
    for column in answer["columns"] if answer else ():
        column["case"] = number_of.get(column["name"])
    folder = str(scan["folder"]).rpartition("/")[2]
    seen = {key: scan[key] for key in ("id", "first_seen", "last_seen", "accounts", "exchanges")}
    return {"comparison": answer, "scan": seen | {"folder": folder}}


def held_case(console: Console, number: int) -> dict[str, Any]:
    """The row of a case. Raises `Refused` (404) where there is none."""
    with console.database.reading() as db:
        found = one(db, select(CASES).where(CASES.c.id == number))
    if found is None:
        raise Refused(404, "no such case")
    return found


@operation("GET", "/cases/{case}", "see")
def one_case(console: Console, who: Caller, given: OneCase) -> dict[str, Any]:
    """One case: facts, what speaks for and against, explanations, hypotheses, claims, timeline, history,
    actions and their effect, and notes.
    """
    row = held_case(console, given.case)
    now = console.now()
    with console.database.reading() as db:
        parts: dict[str, Any] = dict.fromkeys(PARTS)
        parts |= dict(
            db.execute(
                select(DETAILS.c.part, DETAILS.c.body).where(
                    DETAILS.c.case_id == given.case, DETAILS.c.part.in_(PARTS)
                )
            ).all()
        )
        history = rows(
            db,
            select(APPEARANCES, SCANS.c.last_seen, SCANS.c.imported_at)
            .join(SCANS, SCANS.c.id == APPEARANCES.c.scan_id)
            .where(APPEARANCES.c.case_id == given.case)
            .order_by(APPEARANCES.c.scan_id),
        )
        newest = db.scalar(
            select(func.max(SCANS.c.id)).where(
                SCANS.c.folder == select(SCANS.c.folder).where(SCANS.c.id == row["scan_id"]).scalar_subquery()
            )
        )
        actions = rows(
            db,
            select(
                ACTIONS.c.action,
                ACTIONS.c.would,
                ACTIONS.c.policy,
                func.count().label("decisions"),
                func.count(ACTIONS.c.account.distinct()).label("accounts"),
                func.min(ACTIONS.c.at).label("first"),
                func.max(ACTIONS.c.at).label("last"),
            )
            .where(ACTIONS.c.campaign.in_({row["group_id"], row["name"]}))
            .group_by(ACTIONS.c.action, ACTIONS.c.would, ACTIONS.c.policy),
        )
        effects = rows(
            db, select(EFFECTS).where(EFFECTS.c.case_id == given.case).order_by(EFFECTS.c.id.desc()).limit(20)
        )
        notes = rows(
            db, select(NOTES).where(NOTES.c.case_id == given.case).order_by(NOTES.c.at.desc()).limit(100)
        )
    if not who.may("names"):
        parts["evidence"] = None  # its values are names
    return {
        **row,
        "parts": parts,
        "label": shown.label_of(who, console.standing().cases.get(row["id"])),
        "history": history,
        "is_reported": newest == row["scan_id"],
        "actions": actions,
        "effects": effects,
        "notes": notes,
        "is_overdue": bool(row["due_at"] and row["due_at"] < now and row["status"] == "open"),
        "is_locked": bool(row["locked_by"] and (row["locked_until"] or 0) > now),
        "revealed_until": _revealed(console, who, given.case),
    }


@operation("GET", "/cases/{case}/members", "see")
def members(console: Console, who: Caller, given: Members) -> dict[str, Any]:
    """Accounts of a case, those with most exchanges first, a page at a time."""
    held_case(console, given.case)
    if given.begins and not who.may("names"):
        raise Refused(403, "names may not be searched without the permission to see them", "names")
    query = (
        select(
            ACCOUNTS.c.id,
            ACCOUNTS.c.name,
            MEMBERS.c.exchanges,
            MEMBERS.c.score,
            MEMBERS.c.owner,
            MEMBERS.c.marks,
            ACCOUNTS.c.first_seen,
            ACCOUNTS.c.last_seen,
            ACCOUNTS.c.created_at,
        )
        .join(ACCOUNTS, ACCOUNTS.c.id == MEMBERS.c.account_id)
        .where(MEMBERS.c.case_id == given.case)
    )
    query = query.where(*chosen_members(given.case, given.indicator, given.mark, given.begins))
    query = shown.beyond(query, MEMBERS.c.exchanges, MEMBERS.c.account_id, given.after, given.limit)
    with console.database.reading() as db:
        answer = shown.page(rows(db, query), given.limit, "exchanges")
    return {**answer, "rows": shown.accounts(console, who, answer["rows"])}


def chosen_members(
    case_id: int, indicator: int | None, mark: str, begins: str = ""
) -> list[ColumnElement[bool]]:
    """Conditions on members of a case: a shared value, an explanation's mark, the beginning of the name."""
    found: list[ColumnElement[bool]] = []
    if indicator is not None:
        found.append(
            MEMBERS.c.account_id.in_(
                select(LINKS.c.account_id).where(
                    LINKS.c.indicator_id == indicator, LINKS.c.case_id == case_id
                )
            )
        )
    if mark:
        found.append((" " + MEMBERS.c.marks + " ").contains(f" {mark} ", autoescape=True))
    if begins:
        found.append(and_(ACCOUNTS.c.name >= begins, ACCOUNTS.c.name < begins + "\U0010ffff"))
    return found


@operation("GET", "/cases/{case}/indicators", "see")
def case_indicators(console: Console, who: Caller, given: SharedQuery) -> dict[str, Any]:
    """Values that members of a case share, the strongest first, with the other cases that show them."""
    held_case(console, given.case)
    query = (
        select(
            INDICATORS.c.id,
            INDICATORS.c.kind,
            INDICATORS.c.value,
            INDICATORS.c.label,
            INDICATORS.c.about,
            INDICATORS.c.others,
            INDICATORS.c.network_class,
            INDICATORS.c.cases,
            SHARED.c.accounts,
            SHARED.c.log10,
        )
        .join(INDICATORS, INDICATORS.c.id == SHARED.c.indicator_id)
        .where(SHARED.c.case_id == given.case)
        .order_by(SHARED.c.log10.desc(), SHARED.c.accounts.desc(), SHARED.c.indicator_id)
        .limit(given.limit)
    )
    with console.database.reading() as db:
        found = rows(db, query)
    return {"rows": shown.values(console, who, found)}


@operation("GET", "/cases/{case}/graph", "see")
def graph(console: Console, who: Caller, given: GraphQuery) -> dict[str, Any]:
    """A part of a case's graph with places on the plane: shared values, and accounts from `start` on."""
    held_case(console, given.case)
    return drawn(console.database, who, given.case, given.start, given.limit)


@operation("POST", "/cases/{case}/assign", "work")
def assign(console: Console, who: Caller, given: Assign) -> dict[str, Any]:
    """Assign a case to somebody, or to nobody."""
    unlocked(console, who, given.case)
    with console.database.writing() as db:
        if given.assignee and not one(
            db,
            select(PEOPLE.c.id).where(
                PEOPLE.c.name == given.assignee,
                PEOPLE.c.role.in_(("analyst", "lead")),
                ~PEOPLE.c.disabled,
            ),
        ):
            raise Refused(422, "nobody of this name can work on cases")
        db.execute(update(CASES).where(CASES.c.id == given.case).values(assignee=given.assignee or None))
    console.emit("case.assigned", {"case": given.case, "assignee": given.assignee or None})
    return {"case": given.case, "assignee": given.assignee or None}


@operation("POST", "/cases/{case}/due", "work")
def due(console: Console, who: Caller, given: Due) -> dict[str, Any]:
    """Set until when a case is to be settled."""
    unlocked(console, who, given.case)
    with console.database.writing() as db:
        db.execute(update(CASES).where(CASES.c.id == given.case).values(due_at=given.due_at))
    return {"case": given.case, "due_at": given.due_at}


@operation("POST", "/cases/{case}/lock", "work")
def lock(console: Console, who: Caller, given: Lock) -> dict[str, Any]:
    """Lock a case, so that nobody else changes it for half an hour, or release it. A lead may release any."""
    held_case(console, given.case)
    now = console.now()
    free = or_(CASES.c.locked_by.is_(None), CASES.c.locked_by == who.name, CASES.c.locked_until < now)
    where = [CASES.c.id == given.case] + ([] if who.may("approve") and not given.locked else [free])
    values = {
        "locked_by": who.name if given.locked else None,
        "locked_until": now + LOCKED_S if given.locked else None,
    }
    with console.database.writing() as db:
        changed = db.execute(update(CASES).where(*where).values(values))
    if not changed.rowcount:
        raise Refused(409, "somebody else has locked this case")
    return {"case": given.case, **values}


def unlocked(console: Console, who: Caller, number: int) -> dict[str, Any]:
    """A case that is not locked by somebody else. Raises `Refused` (409) where it is."""
    row = held_case(console, number)
    if row["locked_by"] not in (None, who.name) and (row["locked_until"] or 0) > console.now():
        raise Refused(409, "somebody else has locked this case", f"{row['locked_by']}")
    return row


@operation("POST", "/cases/{case}/reveal", "text")
def reveal(console: Console, who: Caller, given: Reveal) -> dict[str, Any]:
    """Break glass: see the words of a case's texts for some minutes, with a reason. Leads and counsel see who
    did in the audit log.
    """
    held_case(console, given.case)
    now = console.now()
    until = now + 60 * given.minutes
    with console.database.writing() as db:
        db.execute(
            insert(REVEALS).values(
                person_id=who.person_id, case_id=given.case, reason=given.reason, at=now, expires_at=until
            )
        )
    console.emit("text.revealed", {"case": given.case, "by": who.name})
    return {"case": given.case, "revealed_until": until}


def _revealed(console: Console, who: Caller, case_id: int) -> float | None:
    """Until when texts of a case are revealed to somebody; None where they are not."""
    if not who.may("text"):
        return None
    query = select(func.max(REVEALS.c.expires_at)).where(
        REVEALS.c.person_id == who.person_id,
        REVEALS.c.case_id == case_id,
        REVEALS.c.expires_at > console.now(),
    )
    with console.database.reading() as db:
        until = db.scalar(query)
    return None if until is None else float(until)


@operation("GET", "/cases/{case}/texts", "see")
def texts(console: Console, who: Caller, given: OneCase) -> dict[str, Any]:
    """Texts that members sent most, by shape; their words only while they are revealed to who asks."""
    held_case(console, given.case)
    with console.database.reading() as db:
        body = db.scalar(
            select(DETAILS.c.body).where(DETAILS.c.case_id == given.case, DETAILS.c.part == "texts")
        )
    answer = body or {"texts": None, "shapes": None}
    shapes = {
        part: None if some is None else [shown.without(row, "words") for row in some]
        for part, some in answer.items()
    }
    until = _revealed(console, who, given.case)
    words = None
    if until is not None:
        console.note(who, "text", {"operation": "texts", "case": given.case}, now=True)
        words = prompts_of(console.database, given.case)
    return {**shapes, "words": words, "revealed_until": until}


@operation("POST", "/cases/{case}/effects", "work")
def effect(console: Console, who: Caller, given: EffectReport) -> dict[str, Any]:
    """Add what `stillwatch effect --json` measured to a case."""
    held_case(console, given.case)
    body = {"statement": given.statement, "before": given.before, "after": given.after}
    with console.database.writing() as db:
        done = put(db, EFFECTS, case_id=given.case, at=console.now(), author=who.name, body=body)
    return {"effect": done, "case": given.case}


class Team(Given):
    """Names that a case may be assigned to: those that begin so."""

    begins: Name | None = None


@operation("GET", "/analysts", "see")
def analysts(console: Console, who: Caller, given: Team) -> dict[str, Any]:  # noqa: ARG001
    """Names of people who can work on cases."""
    where = [PEOPLE.c.role.in_(("analyst", "lead")), ~PEOPLE.c.disabled]
    if given.begins:
        where.append(PEOPLE.c.name.startswith(given.begins, autoescape=True))
    with console.database.reading() as db:
        return {"names": list(db.scalars(select(PEOPLE.c.name).where(*where).order_by(PEOPLE.c.name)))}
