"""Labels: the same record as `stillwatch label` writes, one at a time or many at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select, update

from stillwatch.console.console import BULK, Console
from stillwatch.console.database import chunks, number_of, one, put, put_all, rows
from stillwatch.console.operation import Given, Many, PositiveInt, Reason, Words, operation
from stillwatch.console.operations.approvals import ask
from stillwatch.console.operations.cases import chosen_members, unlocked
from stillwatch.console.roles import Caller
from stillwatch.console.schema import ACCOUNTS, BULK_ACCOUNTS, BULKS, CASES, INDICATORS, MEMBERS
from stillwatch.errors import StillwatchError
from stillwatch.memory import labels as store
from stillwatch.memory.labels import Label
from stillwatch.share.access import Refused

MAX_ALONE = 100  # most accounts that one person labels without the approval of a second: chosen
MAX_BULK = 25_000  # most accounts of one action: the size of the largest known campaign
GivenVerdict = Literal["honest", "campaign", "withdrawn"]
Expires = Annotated[Words, Field(max_length=40, pattern=r"^(\d{4}-\d\d-\d\d)?$")]


class NewLabel(Given):
    """What is labelled by its number, as what, why, and until which day (`YYYY-MM-DD`; empty: until
    withdrawn).
    """

    what: Literal["case", "account", "indicator"]
    id: PositiveInt
    verdict: GivenVerdict
    reason: Reason
    expires: Expires = ""


class Selection(Given):
    """Accounts of a case: all, those that show a value, or those with a mark."""

    case: PositiveInt
    indicator: PositiveInt | None = None
    mark: Annotated[Words, Field(max_length=60)] = ""


class Bulk(Selection):
    """Labels for many accounts: those of a selection or, where `accounts` is given, those of it that the list
    names. `expected` is the number that the person saw: where it is not the number chosen, nothing is done.
    """

    accounts: Annotated[list[PositiveInt], Field(max_length=MAX_BULK)] | None = None
    verdict: GivenVerdict
    reason: Reason
    expires: Expires = ""
    expected: Annotated[int, Field(ge=1, le=MAX_BULK)]


class Undo(Given):
    """Which bulk action to undo, and why."""

    bulk: PositiveInt
    reason: Reason


class LabelsQuery(Given):
    """How many rows are listed."""

    limit: Many = 100


def expiry(text: str) -> datetime | None:
    """The end of a day, or None for an empty text. Raises `Refused` (422) for a day that is none or past."""
    if not text:
        return None
    try:
        at = store.expiry(text)
    except StillwatchError:
        raise Refused(422, "`expires` is no day", "YYYY-MM-DD") from None
    if at <= datetime.now(UTC):
        raise Refused(422, "`expires` is a day in the past")
    return at


def write(console: Console, one_: Label) -> None:
    """Append one label to the state's record. Raises `Refused` (503) where it cannot be written."""
    try:
        with console.labelling:
            store.add(console.state, one_)
    except OSError:
        raise Refused(503, "the record of labels cannot be written") from None


@operation("GET", "/labels", "names")
def labels(console: Console, who: Caller, given: LabelsQuery) -> dict[str, Any]:  # noqa: ARG001
    """The labels in force, the latest first; `stillwatch labels list STATE` lists the same."""
    every = list(reversed(console.standing().labels.labels))
    answer = [
        {
            "kind": one_.kind,
            "target": one_.target,
            "verdict": one_.verdict,
            "reason": one_.reason,
            "author": one_.author,
            "at": one_.at.timestamp(),
            "until": one_.last_day or None,
            "accounts": len(one_.accounts),
        }
        for one_ in every[: given.limit]
    ]
    return {"rows": answer, "total": len(every)}


@operation("POST", "/labels", "label")
def label(console: Console, who: Caller, given: NewLabel) -> dict[str, Any]:
    """Label a case, an account or a value. A case with a label is settled, and open again without."""
    expires = expiry(given.expires)
    accounts: frozenset[str] = frozenset()
    with console.database.reading() as db:
        if given.what == "account":
            name = db.scalar(select(ACCOUNTS.c.name).where(ACCOUNTS.c.id == given.id))
            kind = "account"
        elif given.what == "indicator":
            row = one(db, select(INDICATORS.c.kind, INDICATORS.c.value).where(INDICATORS.c.id == given.id))
            name, kind = (f"{row['kind']}={row['value']}" if row else None), "indicator"
        else:
            found = unlocked(console, who, given.id)
            name, kind = found["name"], "lead" if found["is_lead"] else "campaign"
            accounts = frozenset(
                db.scalars(
                    select(ACCOUNTS.c.name)
                    .join(MEMBERS, MEMBERS.c.account_id == ACCOUNTS.c.id)
                    .where(MEMBERS.c.case_id == given.id)
                )
            )
    if name is None:
        raise Refused(404, "nothing has this number")
    made = Label(
        kind=kind,  # type: ignore[arg-type]  # one of three kinds
        target=str(name),
        verdict=given.verdict,
        reason=given.reason,
        author=who.name,
        at=datetime.now(UTC),
        expires=expires,
        accounts=accounts,
    )
    write(console, made)
    if given.what == "case":
        is_open = given.verdict == "withdrawn"
        with console.database.writing() as db:
            db.execute(
                update(CASES)
                .where(CASES.c.id == given.id)
                .values(
                    status="open" if is_open else "settled", settled_as=None if is_open else given.verdict
                )
            )
    console.emit("label.added", {"what": given.what, "id": given.id, "verdict": given.verdict})
    return {"what": given.what, "id": given.id, "verdict": given.verdict}


def chosen(console: Console, given: Selection) -> list[int]:
    """Numbers of the accounts of a selection. Raises `Refused` (422) for more than `MAX_BULK`."""
    query = select(MEMBERS.c.account_id).where(MEMBERS.c.case_id == given.case)
    query = query.where(*chosen_members(given.case, given.indicator, given.mark))
    listed = given.accounts if isinstance(given, Bulk) else None
    with console.database.reading() as db:
        if listed is None:
            if number_of(db, query, MAX_BULK + 1) > MAX_BULK:
                raise Refused(422, f"one action labels at most {MAX_BULK:,} accounts")
            return list(db.scalars(query.order_by(MEMBERS.c.account_id)))
        wanted = sorted(set(listed))
        return [
            account
            for some in chunks(wanted)
            for account in db.scalars(
                query.where(MEMBERS.c.account_id.in_(some)).order_by(MEMBERS.c.account_id)
            )
        ]


@operation("GET", "/bulk/size", "see")
def bulk_size(console: Console, who: Caller, given: Selection) -> dict[str, Any]:  # noqa: ARG001
    """How many accounts a selection has, and whether labelling them needs a second person."""
    size = len(chosen(console, given))
    return {"size": size, "needs_approval": size > MAX_ALONE}


@operation("POST", "/bulk", "bulk")
def bulk(console: Console, who: Caller, given: Bulk) -> dict[str, Any]:
    """Label many accounts: all of them or, after a crash, none. More than a hundred wait for the approval of
    a second person.
    """
    unlocked(console, who, given.case)
    expiry(given.expires)
    size = len(chosen(console, given))
    if size != given.expected:
        raise Refused(409, "the selection has another size than expected", f"it has {size:,} accounts")
    if size == 0:
        raise Refused(422, "the selection is empty")
    if size > MAX_ALONE:
        return ask(console, who, BULK, given.model_dump(), given.reason)
    return execute(console, who, given)


def execute(console: Console, who: Caller, given: Bulk) -> dict[str, Any]:
    """Label the accounts of a selection. The intention is stored first, then all labels in one line of the
    record, then the outcome; `Console` settles what a crash left between.
    """
    numbers = chosen(console, given)
    at = datetime.now(UTC)
    standing = console.standing().labels
    with console.database.writing() as db:
        names = {
            row["id"]: row["name"]
            for some in chunks(numbers)
            for row in rows(db, select(ACCOUNTS.c.id, ACCOUNTS.c.name).where(ACCOUNTS.c.id.in_(some)))
        }
        before = {number: standing.of("account", names[number]) for number in numbers}
        number = _begin(
            console, db, who, at, given.verdict, given.reason, given.expires,
            {n: b.as_json() if b else None for n, b in before.items()},
        )  # fmt: skip
    made = [
        Label(
            kind="account",
            target=names[n],
            verdict=given.verdict,
            reason=given.reason,
            author=who.name,
            at=at,
            expires=expiry(given.expires),
        )
        for n in numbers
    ]
    return _finish(console, who, number, made)


def _begin(
    console: Console,
    db: Any,  # noqa: ANN401  a connection
    who: Caller,
    at: datetime,
    verdict: str,
    reason: str,
    expires: str,
    before: dict[int, dict[str, Any] | None],
    undoes: int | None = None,
) -> int:
    """Store a bulk action that begins; returns its number."""
    number = put(
        db,
        BULKS,
        author=who.name,
        at=at.timestamp(),
        verdict=verdict,
        reason=reason,
        expires=expires or None,
        size=len(before),
        status="begun",
        undoes=undoes,
    )
    put_all(
        db,
        BULK_ACCOUNTS,
        ({"bulk_id": number, "account_id": n, "before": held} for n, held in before.items()),
    )
    console.note(who, "bulk begun", {"bulk": number, "size": len(before)}, now=True)
    return number


def _finish(
    console: Console, who: Caller, number: int, made: list[Label], undoes: int | None = None
) -> dict[str, Any]:
    """Write the labels of a bulk action, and store that it is done."""
    status = "done"
    try:
        with console.labelling:
            store.add_all(console.state, made, who.name, mark=f"{BULK}:{number}")
    except OSError:
        status = "not done"
    with console.database.writing() as db:
        db.execute(update(BULKS).where(BULKS.c.id == number).values(status=status))
        if undoes is not None and status == "done":
            db.execute(update(BULKS).where(BULKS.c.id == undoes).values(status="undone"))
    console.note(who, f"bulk {status}", {"bulk": number, "size": len(made)}, now=True)
    if status != "done":
        raise Refused(503, "the record of labels cannot be written; no account was labelled")
    console.emit("bulk.done", {"bulk": number, "size": len(made)})
    return {"bulk": number, "size": len(made), "status": "done"}


@operation("GET", "/bulk", "names")
def bulks(console: Console, who: Caller, given: LabelsQuery) -> dict[str, Any]:  # noqa: ARG001
    """Bulk actions, the latest first."""
    with console.database.reading() as db:
        return {"rows": rows(db, select(BULKS).order_by(BULKS.c.id.desc()).limit(given.limit))}


@operation("POST", "/bulk/{bulk}/undo", "bulk")
def undo(console: Console, who: Caller, given: Undo) -> dict[str, Any]:
    """Undo a bulk action: each account that was not labelled since gets the label that stood before, or
    none.
    """
    with console.database.writing() as db:
        done = one(db, select(BULKS).where(BULKS.c.id == given.bulk))
        if done is None:
            raise Refused(404, "no such bulk action")
        if done["status"] != "done" or done["undoes"]:
            raise Refused(409, "only a bulk action that is done can be undone", str(done["status"]))
        held = rows(
            db,
            select(BULK_ACCOUNTS, ACCOUNTS.c.name)
            .join(ACCOUNTS, ACCOUNTS.c.id == BULK_ACCOUNTS.c.account_id)
            .where(BULK_ACCOUNTS.c.bulk_id == given.bulk),
        )
        at = datetime.now(UTC)
        made = []
        before: dict[int, dict[str, Any] | None] = {}
        standing = console.standing().labels
        for row in held:
            now = standing.of("account", row["name"])
            if now is not None and abs(now.at.timestamp() - done["at"]) > 1e-3:
                continue  # labelled since
            before[row["account_id"]] = now.as_json() if now else None
            made.append(_restored(row, at, who.name, f"undo of bulk {given.bulk}: {given.reason}"))
        if not made:
            raise Refused(409, "every account was labelled since")
        number = _begin(
            console, db, who, at, "withdrawn", given.reason, "", before, undoes=given.bulk
        )  # fmt: skip
    return _finish(console, who, number, made, undoes=given.bulk)


def _restored(row: dict[str, Any], at: datetime, author: str, reason: str) -> Label:
    """The label that an account gets by an undo."""
    if row["before"]:
        held = store.of_json(row["before"], "bulk")
        return Label(
            kind="account",
            target=row["name"],
            verdict=held.verdict,
            reason=held.reason,
            author=held.author,
            at=at,
            expires=held.expires,
        )
    return Label(
        kind="account", target=row["name"], verdict="withdrawn", reason=reason[:2000], author=author, at=at
    )
