"""People and their ways in, API tokens, webhooks, scans, and the audit log."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import delete, exists, func, select, update

from stillwatch.console.console import Console
from stillwatch.console.database import one, put, rows
from stillwatch.console.operation import Given, Many, Name, PositiveInt, Words, operation
from stillwatch.console.operations import shown
from stillwatch.console.operations.cases import Nothing
from stillwatch.console.people import TOKEN_PREFIX, digest_of
from stillwatch.console.roles import PERMISSIONS, Caller, Role, at_most
from stillwatch.console.schema import HOOKS, OUTBOX, PASSKEYS, PEOPLE, REVEALS, SCANS, SESSIONS, TOKENS
from stillwatch.errors import StillwatchError
from stillwatch.guard.audit import FOLDER
from stillwatch.memory import record
from stillwatch.share.access import Refused
from stillwatch.watch.webhook import check

DAY_S = 86_400.0  # seconds
MAX_BYTES = 1 << 20  # bytes of a day's log that one answer reads: chosen


class NewPerson(Given):
    """A new person, or one who gets a new set-up link or role."""

    name: Name
    role: Role


class OnePerson(Given):
    """One person by his number."""

    person: PositiveInt


class NewToken(Given):
    """A token of one's own: its name, its role (at most one's own), and for how many days."""

    name: Name
    role: Role
    days: Annotated[int, Field(ge=1, le=366)] = 90


class OneToken(Given):
    """One token by its number."""

    token: PositiveInt


class OnePasskey(Given):
    """One passkey by its number."""

    passkey: PositiveInt


class NewHook(Given):
    """Where events are sent."""

    url: Annotated[Words, Field(min_length=8, max_length=500)]


class OneHook(Given):
    """One webhook by its number."""

    hook: PositiveInt


class AuditQuery(Given):
    """Which lines of the audit log: those of a day (`YYYY-MM-DD`; empty: the last), by an author, of a
    kind.
    """

    day: Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$")] = ""
    author: Annotated[Words, Field(max_length=80)] = ""
    kind: Annotated[Words, Field(max_length=40)] = ""
    limit: Many = 100


@operation("GET", "/me", "see")
def me(console: Console, who: Caller, given: Nothing) -> dict[str, Any]:  # noqa: ARG001  one form for all
    """Who asks: name, role, permissions, own passkeys and own tokens."""
    columns = (TOKENS.c.id, TOKENS.c.name, TOKENS.c.role, TOKENS.c.created_at, TOKENS.c.expires_at)
    query = select(*columns).where(TOKENS.c.person_id == who.person_id, ~TOKENS.c.revoked)
    with console.database.reading() as db:
        tokens = rows(db, query.order_by(TOKENS.c.id.desc()).limit(100))
        keys = rows(
            db,
            select(PASSKEYS.c.id, PASSKEYS.c.name, PASSKEYS.c.created_at, PASSKEYS.c.used_at)
            .where(PASSKEYS.c.person_id == who.person_id)
            .order_by(PASSKEYS.c.id),
        )
    may = [name for name in PERMISSIONS if who.may(name)]
    return {"name": who.name, "role": who.role, "may": may, "passkeys": keys, "tokens": tokens}


@operation("GET", "/people", "manage")
def people(console: Console, who: Caller, given: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """People with their roles, and the table of permissions."""
    columns = (
        PEOPLE.c.id, PEOPLE.c.name, PEOPLE.c.role, PEOPLE.c.disabled, PEOPLE.c.created_at,
        PEOPLE.c.password.is_not(None).label("has_password"), PEOPLE.c.subject.is_not(None).label("has_oidc"),
        exists().where(PASSKEYS.c.person_id == PEOPLE.c.id).label("has_passkey"),
    )  # fmt: skip
    with console.database.reading() as db:
        held = rows(db, select(*columns).order_by(PEOPLE.c.name).limit(1000))
    table = [
        {"permission": name, "allows": words, "roles": sorted(roles)}
        for name, (words, roles) in PERMISSIONS.items()
    ]
    return {"rows": held, "permissions": table}


@operation("POST", "/people", "manage")
def add_person(console: Console, who: Caller, given: NewPerson) -> dict[str, Any]:
    """Add a person, or give one a new role; returns the path of the set-up page, which is valid once and for
    a day. Nobody changes his own role.
    """
    if given.name == who.name:
        raise Refused(409, "nobody changes his own role")
    try:
        secret = console.people.invite(given.name, given.role)
    except StillwatchError as error:
        raise Refused(422, error.problems[0].fact) from None
    return {"path": f"/set-up/{secret}", "name": given.name, "role": given.role}


@operation("POST", "/people/{person}/disable", "manage")
def disable(console: Console, who: Caller, given: OnePerson) -> dict[str, Any]:
    """Disable a person: his sessions end, and his tokens stop working."""
    if given.person == who.person_id:
        raise Refused(409, "nobody disables himself")
    with console.database.writing() as db:
        if not db.execute(update(PEOPLE).where(PEOPLE.c.id == given.person).values(disabled=True)).rowcount:
            raise Refused(404, "no such person")
        db.execute(delete(SESSIONS).where(SESSIONS.c.person_id == given.person))
    return {"person": given.person, "status": "disabled"}


@operation("POST", "/tokens", "see")
def new_token(console: Console, who: Caller, given: NewToken) -> dict[str, Any]:
    """Make an API token of one's own. It is shown once."""
    if who.role is None or not at_most(given.role, who.role):
        raise Refused(403, "a token has no permission that its owner lacks")
    if who.via == "token":
        raise Refused(403, "a token cannot make tokens")
    token, now = TOKEN_PREFIX + secrets.token_urlsafe(32), console.now()
    with console.database.writing() as db:
        done = put(
            db,
            TOKENS,
            person_id=who.person_id,
            name=given.name,
            digest=digest_of(token),
            role=given.role,
            created_at=now,
            expires_at=now + DAY_S * given.days,
        )
    return {"id": done, "token": token, "expires_at": now + DAY_S * given.days}


@operation("POST", "/tokens/{token}/revoke", "see")
def revoke_token(console: Console, who: Caller, given: OneToken) -> dict[str, Any]:
    """Revoke a token: one's own, or anybody's for who manages people."""
    where = [TOKENS.c.id == given.token]
    if not who.may("manage"):
        where.append(TOKENS.c.person_id == who.person_id)
    with console.database.writing() as db:
        if not db.execute(update(TOKENS).where(*where).values(revoked=True)).rowcount:
            raise Refused(404, "no such token")
    return {"token": given.token, "status": "revoked"}


@operation("POST", "/passkeys/{passkey}/remove", "see")
def remove_passkey(console: Console, who: Caller, given: OnePasskey) -> dict[str, Any]:
    """Remove a passkey: one's own unless it is the only way in, or anybody's for who manages people. In the
    second case sessions of its person end.
    """
    with console.database.writing() as db:
        held = one(db, select(PASSKEYS).where(PASSKEYS.c.id == given.passkey))
        is_own = held is not None and held["person_id"] == who.person_id
        if held is None or not (is_own or who.may("manage")):
            raise Refused(404, "no such passkey")
        person = one(db, select(PEOPLE).where(PEOPLE.c.id == held["person_id"]))
        own = select(func.count()).where(PASSKEYS.c.person_id == held["person_id"])
        is_last = person is not None and not person["password"] and not person["subject"]
        if is_own and is_last and db.scalar(own) == 1:
            raise Refused(409, "this passkey is your only way in", "add another one first")
        db.execute(delete(PASSKEYS).where(PASSKEYS.c.id == given.passkey))
        if not is_own:
            db.execute(delete(SESSIONS).where(SESSIONS.c.person_id == held["person_id"]))
    return {"passkey": given.passkey, "status": "removed"}


@operation("GET", "/webhooks", "manage")
def webhooks(console: Console, who: Caller, given: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """Webhooks, and how often each failed since it last took an event."""
    columns = [column for column in HOOKS.c if column.name != "secret"]
    with console.database.reading() as db:
        return {"rows": rows(db, select(*columns).order_by(HOOKS.c.id).limit(100))}


@operation("POST", "/webhooks", "manage")
def add_webhook(console: Console, who: Caller, given: NewHook) -> dict[str, Any]:
    """Send events to an address, signed with a secret that is shown once."""
    try:
        check(given.url)
    except StillwatchError as error:
        raise Refused(422, error.problems[0].fact) from None
    secret = secrets.token_urlsafe(32)
    with console.database.writing() as db:
        done = put(db, HOOKS, url=given.url, secret=secret, author=who.name, at=console.now(), failures=0)
    return {"hook": done, "secret": secret}


@operation("POST", "/webhooks/{hook}/remove", "manage")
def remove_webhook(console: Console, who: Caller, given: OneHook) -> dict[str, Any]:  # noqa: ARG001
    """Send no more events to an address; what waits for it is dropped."""
    with console.database.writing() as db:
        db.execute(delete(OUTBOX).where(OUTBOX.c.hook_id == given.hook))
        if not db.execute(delete(HOOKS).where(HOOKS.c.id == given.hook)).rowcount:
            raise Refused(404, "no such webhook")
    return {"hook": given.hook, "status": "removed"}


@operation("GET", "/scans", "see")
def scans(console: Console, who: Caller, given: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """Scans that were imported, the newest first."""
    columns = [column for column in SCANS.c if column.name != "body"]
    with console.database.reading() as db:
        held = rows(db, select(*columns).order_by(SCANS.c.id.desc()).limit(200))
    for row in held:
        if not who.may("manage"):
            row["folder"] = str(row["folder"]).rpartition("/")[2]
    return {"rows": held, "faults": list(console.faults)}


@operation("POST", "/scans", "manage")
def import_scans(console: Console, who: Caller, given: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """Look now whether a results folder changed, and import it. Folders are named when the console starts."""
    found = console.refresh()
    return {"folders": len(found), "new": sum(one_.is_new for one_ in found), "faults": len(console.faults)}


def _lines(console: Console, day: str) -> record.RecordFile:
    """The last lines of a day of the audit log."""
    return record.read(console.state / FOLDER / f"{day}.jsonl", last=MAX_BYTES)


@operation("GET", "/audit", "audit")
def audit(console: Console, who: Caller, given: AuditQuery) -> dict[str, Any]:
    """The last lines of a day of the audit log, the latest first, and whether their chain is whole."""
    console.audit.flush()
    days = sorted(path.stem for path in (console.state / FOLDER).glob("*.jsonl"))
    day = given.day or (days[-1] if days else "")
    kept = _lines(console, day) if day in days else record.RecordFile()
    lines = [
        {"at": one_.at, "kind": one_.kind, "author": one_.author, "body": _readable(who, dict(one_.body))}
        for one_ in reversed(kept.entries)
        if (not given.author or one_.author == given.author) and (not given.kind or one_.kind == given.kind)
    ]
    return {
        "rows": lines[: given.limit],
        "days": days[-60:],
        "day": day,
        "faults": len(kept.faults),
        "head": kept.head,
    }


def _readable(who: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """The content of a line; without names of accounts for those who may not see them."""
    return body if who.may("names") else shown.without(body, "account_id", "given")


@operation("GET", "/audit/persons/{person}", "audit")
def reveals(console: Console, who: Caller, given: OnePerson) -> dict[str, Any]:  # noqa: ARG001
    """Each time that a person had the words of texts revealed, with his reason."""
    with console.database.reading() as db:
        if one(db, select(PEOPLE.c.id).where(PEOPLE.c.id == given.person)) is None:
            raise Refused(404, "no such person")
        query = select(REVEALS).where(REVEALS.c.person_id == given.person)
        return {"rows": rows(db, query.order_by(REVEALS.c.id.desc()).limit(200))}
