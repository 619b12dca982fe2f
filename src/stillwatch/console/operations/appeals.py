"""Appeals: the link for the customer, his statement and files, the decision, and the audit of the whole batch
that an overturned case belonged to.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import Connection, Table, func, insert, literal, select, update

from stillwatch.console.console import Console
from stillwatch.console.database import number_of, one, put, rows
from stillwatch.console.operation import LONG_TEXT, Given, Many, PositiveInt, Reason, Words, operation
from stillwatch.console.operations import shown
from stillwatch.console.operations.labels import write
from stillwatch.console.people import digest_of
from stillwatch.console.roles import Caller
from stillwatch.console.schema import (
    ACCOUNTS,
    APPEAL_FILES,
    APPEALS,
    BULK_ACCOUNTS,
    BULKS,
    CASES,
    MEMBERS,
    REVIEWS,
)
from stillwatch.memory.labels import Label
from stillwatch.share.access import Refused

VALID_S = 14 * 86_400.0  # seconds for which the link of an appeal is valid: chosen
MAX_FILES, MAX_FILE = 5, 2 << 20  # files of an appeal, and bytes of each: chosen
# Endings of the files that an appeal may have.
ENDINGS = (".pdf", ".png", ".jpg", ".jpeg", ".txt", ".csv", ".json")
SAFE = re.compile(r"[^\w.() -]+")  # characters of a file's name that are replaced by `_`
Secret = Annotated[str, Field(min_length=20, max_length=60, pattern=r"^[\w-]+$", exclude=True)]


class Invite(Given):
    """The account that may appeal, and the case on account of which it was acted on."""

    account: PositiveInt
    case: PositiveInt | None = None


class Token(Given):
    """The link's secret."""

    token: Secret


class Attached(Given):
    """A file: its name, and its bytes in base 64."""

    name: Annotated[Words, Field(min_length=1, max_length=120)]
    content: Annotated[str, Field(max_length=MAX_FILE * 4 // 3 + 8, exclude=True)]


class Statement(Token):
    """What the customer says, with files."""

    statement: Annotated[Words, Field(min_length=10, max_length=LONG_TEXT, exclude=True)]
    files: Annotated[list[Attached], Field(max_length=MAX_FILES, default_factory=list)]


class AppealsQuery(Given):
    """Which appeals are listed."""

    status: Literal["invited", "received", "upheld", "overturned", "all"] = "received"
    limit: Many = 100


class OneAppeal(Given):
    """One appeal by its number."""

    appeal: PositiveInt


class OneFile(OneAppeal):
    """One file of an appeal."""

    file: PositiveInt


class AppealDecision(OneAppeal):
    """The decision: the action stands (`upheld`) or not (`overturned`), the reasons for the file, and the
    answer that the customer reads under the link.
    """

    decision: Literal["upheld", "overturned"]
    reasons: Reason
    answer: Annotated[Words, Field(min_length=3, max_length=2000)]


class Reviews(Given):
    """Which accounts to audit again are listed."""

    status: Literal["open", "stands", "overturned", "all"] = "open"
    limit: Many = 100


class Review(Given):
    """The result of auditing an account again."""

    review: PositiveInt
    status: Literal["stands", "overturned"]
    reason: Reason


@operation("POST", "/appeals", "appeals")
def invite(console: Console, who: Caller, given: Invite) -> dict[str, Any]:
    """Make the link by which an account's owner appeals. It is shown once and valid for fourteen days."""
    token = secrets.token_urlsafe(24)
    now = console.now()
    with console.database.writing() as db:
        if one(db, select(ACCOUNTS.c.id).where(ACCOUNTS.c.id == given.account)) is None:
            raise Refused(404, "no such account")
        case = given.case
        if case is None:
            case = db.scalar(select(func.min(MEMBERS.c.case_id)).where(MEMBERS.c.account_id == given.account))
        elif one(db, select(CASES.c.id).where(CASES.c.id == case)) is None:
            raise Refused(404, "no such case")
        done = put(
            db,
            APPEALS,
            account_id=given.account,
            case_id=case,
            digest=digest_of(token),
            opened_by=who.name,
            at=now,
            expires_at=now + VALID_S,
            status="invited",
        )
    return {"appeal": done, "path": f"/appeal/{token}", "expires_at": now + VALID_S}


@operation("GET", "/appeal/{token}", None)
def appeal_status(console: Console, who: Caller, given: Token) -> dict[str, Any]:  # noqa: ARG001
    """What the customer sees under his link: whether his appeal was received, and the answer. Neither the
    account nor a reason of the action is shown.
    """
    held = _of_token(console, given.token)
    is_decided = held["status"] in ("upheld", "overturned")
    return {
        "appeal": held["id"],
        "status": held["status"],
        "is_open": held["status"] == "invited" and held["expires_at"] > console.now(),
        "answer": held["answer"] if is_decided else None,
        "decided_at": held["decided_at"],
        "max_files": MAX_FILES,
        "max_bytes": MAX_FILE,
        "endings": list(ENDINGS),
    }


def _of_token(console: Console, token: str) -> dict[str, Any]:
    """The appeal of a link. Raises `Refused` (404) where there is none."""
    with console.database.reading() as db:
        held = one(db, select(APPEALS).where(APPEALS.c.digest == digest_of(token)))
    if held is None:
        raise Refused(404, "this link is not valid")
    return held


@operation("POST", "/appeal/{token}", None)
def submit_appeal(console: Console, who: Caller, given: Statement) -> dict[str, Any]:  # noqa: ARG001
    """Hand in the appeal, once."""
    held = _of_token(console, given.token)
    files = [_file(one_) for one_ in given.files]
    with console.database.writing() as db:
        changed = db.execute(
            update(APPEALS)
            .where(
                APPEALS.c.id == held["id"],
                APPEALS.c.status == "invited",
                APPEALS.c.expires_at > console.now(),
            )
            .values(status="received", statement=given.statement, received_at=console.now())
        )
        if not changed.rowcount:
            raise Refused(409, "this link was used already or is not valid any more")
        for one_ in files:
            db.execute(insert(APPEAL_FILES).values(appeal_id=held["id"], **one_))
    console.emit("appeal.received", {"appeal": held["id"]})
    return {"appeal": held["id"], "status": "received", "files": len(files)}


def _file(given: Attached) -> dict[str, Any]:
    """A file as it is stored. Raises `Refused` (422) for one that is not taken."""
    name = SAFE.sub("_", given.name.replace("\\", "/").rpartition("/")[2])[-120:]
    if not name.lower().endswith(ENDINGS):
        raise Refused(422, "files of this kind are not taken", ", ".join(ENDINGS))
    try:
        content = base64.b64decode(given.content, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(422, "`content` is not base 64") from None
    if not 0 < len(content) <= MAX_FILE:
        raise Refused(422, "a file is empty or too large", f"at most {MAX_FILE:,} bytes")
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "size": len(content), "sha256": digest, "content": content}


@operation("GET", "/appeals", "appeals")
def appeals(console: Console, who: Caller, given: AppealsQuery) -> dict[str, Any]:
    """Appeals, those that wait longest first."""
    columns = (APPEALS.c.id, APPEALS.c.account_id, APPEALS.c.case_id, APPEALS.c.opened_by, APPEALS.c.at,
               APPEALS.c.status, APPEALS.c.received_at, APPEALS.c.decided_by, APPEALS.c.decided_at,
               APPEALS.c.expires_at, ACCOUNTS.c.name.label("account"))  # fmt: skip
    query = select(*columns).join(ACCOUNTS, ACCOUNTS.c.id == APPEALS.c.account_id)
    if given.status != "all":
        query = query.where(APPEALS.c.status == given.status)
    with console.database.reading() as db:
        held = rows(db, query.order_by(APPEALS.c.at, APPEALS.c.id).limit(given.limit))
    for row in held:
        row["account"] = shown.account_name(who, {"id": row["account_id"], "name": row["account"]})
    return {"rows": held}


@operation("GET", "/appeals/{appeal}", "appeals")
def one_appeal(console: Console, who: Caller, given: OneAppeal) -> dict[str, Any]:
    """One appeal: the statement, its files, the case, the labels that concern it, and the decision."""
    with console.database.reading() as db:
        held = one(
            db,
            select(APPEALS, ACCOUNTS.c.name.label("account"))
            .join(ACCOUNTS, ACCOUNTS.c.id == APPEALS.c.account_id)
            .where(APPEALS.c.id == given.appeal),
        )
        if held is None:
            raise Refused(404, "no such appeal")
        columns = [c for c in APPEAL_FILES.c if c.name != "content"]
        files = rows(db, select(*columns).where(APPEAL_FILES.c.appeal_id == given.appeal))
        case = one(
            db,
            select(CASES.c.id, CASES.c.name, CASES.c.kind, CASES.c.group_id).where(
                CASES.c.id == held["case_id"]
            ),
        )
        batch = number_of(db, select(REVIEWS.c.id).where(REVIEWS.c.appeal_id == given.appeal))
    labels = console.standing()
    own = labels.labels.of("account", held["account"])
    answer = shown.without(held, "digest")
    answer["account"] = shown.account_name(who, {"id": held["account_id"], "name": held["account"]})
    return {
        **answer,
        "files": files,
        "case": case,
        "batch": batch,
        "label": shown.label_of(who, own),
        "case_label": shown.label_of(who, labels.cases.get(held["case_id"] or 0)),
        "may_decide": who.may("decide") and held["status"] == "received" and _is_second(own, who),
    }


def _is_second(label: Label | None, who: Caller) -> bool:
    """Whether somebody else than the author of the label that led to the action decides."""
    return label is None or label.author != who.name


@operation("GET", "/appeals/{appeal}/files/{file}", "appeals")
def appeal_file(console: Console, who: Caller, given: OneFile) -> dict[str, Any]:  # noqa: ARG001
    """A file of an appeal, with its bytes in base 64."""
    with console.database.reading() as db:
        held = one(
            db,
            select(APPEAL_FILES).where(
                APPEAL_FILES.c.id == given.file, APPEAL_FILES.c.appeal_id == given.appeal
            ),
        )
    if held is None:
        raise Refused(404, "no such file")
    return {**held, "content": base64.b64encode(held["content"]).decode()}


def _of_account(db: Connection, table: Table, number: int) -> dict[str, Any] | None:
    """The row of a table of accounts' matters with this number, and the account's `name`; None for none."""
    query = select(table, ACCOUNTS.c.name).join(ACCOUNTS, ACCOUNTS.c.id == table.c.account_id)
    return one(db, query.where(table.c.id == number))


@operation("POST", "/appeals/{appeal}/decide", "decide")
def decide_appeal(console: Console, who: Caller, given: AppealDecision) -> dict[str, Any]:
    """Decide an appeal. Where it is overturned, the account is labelled honest, and every account of the same
    batch is to be audited again: those labelled in the same bulk action, else those of the case.
    """
    with console.database.writing() as db:
        held = _of_account(db, APPEALS, given.appeal)
        if held is None:
            raise Refused(404, "no such appeal")
        if held["status"] != "received":
            raise Refused(409, "only an appeal that was received can be decided", str(held["status"]))
        if not _is_second(console.standing().labels.of("account", held["name"]), who):
            raise Refused(409, "who labelled the account cannot decide its appeal")
        db.execute(
            update(APPEALS)
            .where(APPEALS.c.id == given.appeal)
            .values(
                status=given.decision,
                reasons=given.reasons,
                answer=given.answer,
                decided_by=who.name,
                decided_at=console.now(),
            )
        )
        batch = _audit_again(db, held) if given.decision == "overturned" else 0
        if given.decision == "overturned":
            write(console, _honest(held["name"], who, f"appeal {given.appeal}: {given.reasons}"))
    console.emit("appeal.decided", {"appeal": given.appeal, "decision": given.decision, "batch": batch})
    return {"appeal": given.appeal, "status": given.decision, "batch": batch}


def _honest(account: str, who: Caller, reason: str) -> Label:
    """A label that declares an account honest, without an end."""
    return Label(
        kind="account", target=account, verdict="honest", reason=reason[:2000], author=who.name,
        at=datetime.now(UTC),
    )  # fmt: skip


def _audit_again(db: Connection, appeal: dict[str, Any]) -> int:
    """Open an audit of every other account of the batch; returns their number."""
    account = appeal["account_id"]
    bulk = db.scalar(
        select(func.max(BULKS.c.id))
        .join(BULK_ACCOUNTS, BULK_ACCOUNTS.c.bulk_id == BULKS.c.id)
        .where(
            BULK_ACCOUNTS.c.account_id == account,
            BULKS.c.status == "done",
            BULKS.c.verdict == "campaign",
        )
    )
    column, where = (
        (BULK_ACCOUNTS.c.account_id, BULK_ACCOUNTS.c.bulk_id == bulk)
        if bulk
        else (MEMBERS.c.account_id, MEMBERS.c.case_id == appeal["case_id"])
    )
    batch = select(literal(appeal["id"]), column, literal("open")).where(where, column != account)
    done = db.execute(insert(REVIEWS).from_select(["appeal_id", "account_id", "status"], batch))
    return int(done.rowcount)


@operation("GET", "/reviews", "appeals")
def reviews(console: Console, who: Caller, given: Reviews) -> dict[str, Any]:
    """Accounts to audit again since an appeal of their batch was overturned."""
    query = select(REVIEWS, ACCOUNTS.c.name).join(ACCOUNTS, ACCOUNTS.c.id == REVIEWS.c.account_id)
    if given.status != "all":
        query = query.where(REVIEWS.c.status == given.status)
    with console.database.reading() as db:
        held = rows(db, query.order_by(REVIEWS.c.id).limit(given.limit))
    labels = console.standing().labels
    for row in held:
        name = row.pop("name")
        row["account"] = shown.account_name(who, {"id": row["account_id"], "name": name})
        row["label"] = shown.label_of(who, labels.of("account", name))
    return {"rows": held}


@operation("POST", "/reviews/{review}", "decide")
def decide_review(console: Console, who: Caller, given: Review) -> dict[str, Any]:
    """Say whether the action on an account of an overturned batch stands. Where it does not, the account is
    labelled honest.
    """
    with console.database.writing() as db:
        held = _of_account(db, REVIEWS, given.review)
        if held is None:
            raise Refused(404, "no such audit")
        if held["status"] != "open":
            raise Refused(409, "this was decided already", str(held["status"]))
        db.execute(
            update(REVIEWS)
            .where(REVIEWS.c.id == given.review)
            .values(status=given.status, decided_by=who.name, decided_at=console.now(), reason=given.reason)
        )
        if given.status == "overturned":
            reason = f"audit after appeal {held['appeal_id']}: {given.reason}"
            write(console, _honest(held["name"], who, reason))
    return {"review": given.review, "status": given.status}
