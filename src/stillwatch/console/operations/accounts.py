"""Accounts and the values that they share, and the way from one to the other over several steps."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import Connection, and_, func, select

from stillwatch.console.console import Console
from stillwatch.console.database import chunks, one, rows
from stillwatch.console.operation import Cursor, Given, Many, PositiveInt, Words, operation
from stillwatch.console.operations import shown
from stillwatch.console.roles import Caller
from stillwatch.console.schema import (
    ACCOUNTS,
    ACTIONS,
    APPEALS,
    CASES,
    INDICATORS,
    LINKS,
    MEMBERS,
    SHARED,
)
from stillwatch.share.access import Refused

CROWD = 2_000  # a value with more accounts leads nowhere, since a crowd shares it: chosen
MAX_PIVOT_VALUES = 2_000  # most accounts or values that one step of a pivot goes on from: chosen
SHOWN = 50  # rows that a step of a pivot shows

# Columns of a shared value that answers hold.
VALUE_COLUMNS = (
    INDICATORS.c.id, INDICATORS.c.kind, INDICATORS.c.value, INDICATORS.c.label, INDICATORS.c.about,
    INDICATORS.c.accounts, INDICATORS.c.cases, INDICATORS.c.others, INDICATORS.c.network_class,
)  # fmt: skip


class AccountsQuery(Given):
    """Accounts whose name begins so; all without it."""

    begins: Annotated[Words, Field(max_length=120)] = ""
    after: Cursor = ""
    limit: Many = 50


class Indicators(Given):
    """Values of a kind, or that begin so."""

    kind: Annotated[Words, Field(max_length=60)] = ""
    begins: Annotated[Words, Field(max_length=200)] = ""
    after: Cursor = ""
    limit: Many = 50


class OneAccount(Given):
    """One account by its number."""

    account: PositiveInt


class OneIndicator(Given):
    """One value by its number, and the place in the list of its accounts."""

    indicator: PositiveInt
    after: Cursor = ""
    limit: Many = 50


class Pivot(Given):
    """Where to begin, and how many steps to go. Each step goes from accounts to the values that they show, or
    from values to accounts. `crowd` bounds the accounts of a value through which the way may go.
    """

    start: Literal["account", "indicator"]
    id: PositiveInt
    hops: Annotated[int, Field(ge=1, le=6)] = 2
    crowd: Annotated[int, Field(ge=2, le=CROWD)] = 500


@operation("GET", "/accounts", "see")
def accounts(console: Console, who: Caller, given: AccountsQuery) -> dict[str, Any]:
    """Accounts of campaigns and leads, those with most exchanges first."""
    query = select(ACCOUNTS)
    if given.begins:
        if not who.may("names"):
            raise Refused(403, "names may not be searched without the permission to see them", "names")
        query = query.where(ACCOUNTS.c.name >= given.begins, ACCOUNTS.c.name < given.begins + "\U0010ffff")
        query = query.order_by(ACCOUNTS.c.name).limit(given.limit)
        with console.database.reading() as db:
            answer: dict[str, Any] = {"rows": rows(db, query), "next": None}
    else:
        query = shown.beyond(query, ACCOUNTS.c.exchanges, ACCOUNTS.c.id, given.after, given.limit)
        with console.database.reading() as db:
            answer = shown.page(rows(db, query), given.limit, "exchanges")
    with console.database.reading() as db:
        cases = _cases_of(db, [row["id"] for row in answer["rows"]])
    every = shown.accounts(console, who, answer["rows"])
    for row in every:
        row["cases"] = cases.get(row["id"], [])
    return {**answer, "rows": every}


def _cases_of(db: Connection, numbers: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The cases of each account."""
    found: dict[int, list[dict[str, Any]]] = {}
    for some in chunks(numbers):
        query = (
            select(
                MEMBERS.c.account_id, CASES.c.id, CASES.c.name, CASES.c.kind, CASES.c.group_id,
                MEMBERS.c.score, MEMBERS.c.exchanges, MEMBERS.c.marks, MEMBERS.c.owner, CASES.c.explanation,
            )
            .join(CASES, CASES.c.id == MEMBERS.c.case_id)
            .where(MEMBERS.c.account_id.in_(some))
            .order_by(CASES.c.id)
        )  # fmt: skip
        for row in rows(db, query):
            found.setdefault(row["account_id"], []).append(shown.without(row, "account_id"))
    return found


@operation("GET", "/accounts/{account}", "see")
def one_account(console: Console, who: Caller, given: OneAccount) -> dict[str, Any]:
    """One account: its cases, the values that it shows and how many others show each, what speaks for and
    against it, the accounts nearest to it, actions on it, and its appeals.
    """
    with console.database.reading() as db:
        row = one(db, select(ACCOUNTS).where(ACCOUNTS.c.id == given.account))
        if row is None:
            raise Refused(404, "no such account")
        cases = _cases_of(db, [given.account]).get(given.account, [])
        weights = func.max(LINKS.c.weight).label("weight")
        held = rows(
            db,
            select(*VALUE_COLUMNS, weights)
            .join(LINKS, LINKS.c.indicator_id == INDICATORS.c.id)
            .where(LINKS.c.account_id == given.account)
            .group_by(INDICATORS.c.id)
            .order_by(weights.desc(), INDICATORS.c.id)
            .limit(200),
        )
        near = _near(db, given.account, [v["id"] for v in held if v["accounts"] <= CROWD])
        actions = rows(
            db,
            select(ACTIONS).where(ACTIONS.c.account == row["name"]).order_by(ACTIONS.c.at.desc()).limit(50),
        )
        appeals = rows(
            db,
            select(APPEALS.c.id, APPEALS.c.status, APPEALS.c.at, APPEALS.c.decided_at)
            .where(APPEALS.c.account_id == given.account)
            .order_by(APPEALS.c.id.desc())
            .limit(20),
        )
    standing = console.standing()
    for found in cases:
        found["label"] = shown.label_of(who, standing.cases.get(found["id"]))
    return {
        **shown.accounts(console, who, [row])[0],
        "cases": cases,
        "values": shown.values(console, who, held),
        "near": shown.accounts(console, who, near),
        "actions": [shown.without(one_, "code", "account") for one_ in actions],
        "appeals": appeals,
    }


def _near(db: Connection, account: int, values: list[int]) -> list[dict[str, Any]]:
    """The accounts that share most of these values, weighed by the match weights."""
    weight: Counter[int] = Counter()
    number: Counter[int] = Counter()
    for some in chunks(values[:60]):
        query = (
            select(LINKS.c.account_id, func.count(LINKS.c.indicator_id.distinct()), func.sum(LINKS.c.weight))
            .where(LINKS.c.indicator_id.in_(some), LINKS.c.account_id != account)
            .group_by(LINKS.c.account_id)
            .order_by(func.sum(LINKS.c.weight).desc())
            .limit(200)
        )
        for other, shared, sum_ in db.execute(query):
            weight[other] += sum_
            number[other] += shared
    order = sorted(weight, key=lambda one_: (-weight[one_], one_))[:25]
    names = {row["id"]: row for row in rows(db, select(ACCOUNTS).where(ACCOUNTS.c.id.in_(order)))}
    return [{**names[one_], "shared": number[one_], "weight": weight[one_]} for one_ in order]


@operation("GET", "/indicators", "see")
def indicators(console: Console, who: Caller, given: Indicators) -> dict[str, Any]:
    """Values that accounts share, those with most accounts first."""
    query = select(*VALUE_COLUMNS)
    if given.kind:
        query = query.where(INDICATORS.c.kind == given.kind)
    if given.begins:
        if not who.may("names"):
            raise Refused(403, "values may not be searched without the permission to see them", "names")
        query = query.where(
            INDICATORS.c.value >= given.begins, INDICATORS.c.value < given.begins + "\U0010ffff"
        )
    query = shown.beyond(query, INDICATORS.c.accounts, INDICATORS.c.id, given.after, given.limit)
    with console.database.reading() as db:
        answer = shown.page(rows(db, query), given.limit, "accounts")
        kinds = list(db.scalars(select(INDICATORS.c.kind).distinct().order_by(INDICATORS.c.kind).limit(60)))
    return {**answer, "rows": shown.values(console, who, answer["rows"]), "kinds": kinds}


@operation("GET", "/indicators/{indicator}", "see")
def one_indicator(console: Console, who: Caller, given: OneIndicator) -> dict[str, Any]:
    """One shared value: the cases that show it, its accounts, and how many of these are labelled."""
    with console.database.reading() as db:
        row = one(db, select(*VALUE_COLUMNS).where(INDICATORS.c.id == given.indicator))
        if row is None:
            raise Refused(404, "no such value")
        cases = rows(
            db,
            select(
                CASES.c.id, CASES.c.name, CASES.c.kind, CASES.c.group_id, CASES.c.accounts.label("members"),
                SHARED.c.accounts, SHARED.c.log10,
            )
            .join(CASES, CASES.c.id == SHARED.c.case_id)
            .where(SHARED.c.indicator_id == given.indicator)
            .order_by(SHARED.c.accounts.desc(), CASES.c.id)
            .limit(200),
        )  # fmt: skip
        query = (
            select(ACCOUNTS, MEMBERS.c.case_id, MEMBERS.c.score)
            .join(LINKS, LINKS.c.account_id == ACCOUNTS.c.id)
            .join(
                MEMBERS,
                and_(MEMBERS.c.account_id == ACCOUNTS.c.id, MEMBERS.c.case_id == LINKS.c.case_id),
            )
            .where(LINKS.c.indicator_id == given.indicator)
        )
        if given.after:
            account, case_id = (int(part) for part in given.after.split(":"))
            query = query.where(
                (ACCOUNTS.c.id > account) | ((ACCOUNTS.c.id == account) & (MEMBERS.c.case_id > case_id))
            )
        query = query.order_by(LINKS.c.account_id, LINKS.c.case_id).limit(given.limit + 1)
        answer = shown.page(rows(db, query), given.limit, "id", "case_id")
    standing = console.standing()
    for found in cases:
        found["label"] = shown.label_of(who, standing.cases.get(found["id"]))
    return {
        **shown.values(console, who, [row])[0],
        "in_cases": cases,
        "rows": shown.accounts(console, who, answer["rows"]),
        "next": answer["next"],
    }


@operation("GET", "/pivot", "see")
def pivot(console: Console, who: Caller, given: Pivot) -> dict[str, Any]:
    """Go several steps from an account or a value: at each step what is new, in how many cases, how many of
    it are labelled, and by how many ways of the step before it is reached.
    """
    table = ACCOUNTS if given.start == "account" else INDICATORS
    with console.database.reading() as db:
        if one(db, select(table.c.id).where(table.c.id == given.id)) is None:
            raise Refused(404, "nothing has this number")
        seen = {"account": set[int](), "indicator": set[int]()}
        at: str = given.start
        now = [given.id]
        seen[at].add(given.id)
        steps = []
        for _hop in range(given.hops):
            at, ways = _step(db, at, now, given.crowd)
            new = Counter({number: ways[number] for number in ways if number not in seen[at]})
            seen[at] |= set(new)
            now = [number for number, _n in sorted(new.items(), key=lambda pair: (-pair[1], pair[0]))]
            steps.append(_named_step(console, who, db, at, now, new))
            now = now[:MAX_PIVOT_VALUES]
            if not now:
                break
    return {"start": given.start, "id": given.id, "steps": steps, "crowd": given.crowd}


def _step(db: Connection, at: str, now: list[int], crowd: int) -> tuple[str, Counter[int]]:
    """One step from accounts to values, or back: what is reached, and by how many ways."""
    ways: Counter[int] = Counter()
    if at == "account":
        for some in chunks(now):
            query = (
                select(LINKS.c.indicator_id, func.count(LINKS.c.account_id.distinct()))
                .join(INDICATORS, INDICATORS.c.id == LINKS.c.indicator_id)
                .where(LINKS.c.account_id.in_(some), INDICATORS.c.accounts <= crowd)
                .group_by(LINKS.c.indicator_id)
            )
            for number, count in db.execute(query):
                ways[number] += count
        return "indicator", ways
    for some in chunks(now):
        query = (
            select(LINKS.c.account_id, func.count(LINKS.c.indicator_id.distinct()))
            .join(INDICATORS, INDICATORS.c.id == LINKS.c.indicator_id)
            .where(LINKS.c.indicator_id.in_(some), INDICATORS.c.accounts <= crowd)
            .group_by(LINKS.c.account_id)
            .limit(MAX_PIVOT_VALUES * 10)
        )
        for number, count in db.execute(query):
            ways[number] += count
    return "account", ways


def _named_step(
    console: Console, who: Caller, db: Connection, at: str, now: list[int], ways: Counter[int]
) -> dict[str, Any]:
    """One step of `pivot` as it is shown: the first accounts or values that it reaches, each with the number
    of ways to it, and the cases in which most of them are.
    """
    first = now[:SHOWN]
    if at == "account":
        held = {row["id"]: row for row in rows(db, select(ACCOUNTS).where(ACCOUNTS.c.id.in_(first)))}
        some = shown.accounts(console, who, [held[number] for number in first])
    else:
        held = {row["id"]: row for row in rows(db, select(*VALUE_COLUMNS).where(INDICATORS.c.id.in_(first)))}
        some = shown.values(console, who, [held[number] for number in first])
    for row in some:
        row["ways"] = ways[row["id"]]
    column = MEMBERS.c.account_id if at == "account" else SHARED.c.indicator_id
    table = MEMBERS if at == "account" else SHARED
    cases: Counter[int] = Counter()
    for part in chunks(now[:MAX_PIVOT_VALUES]):
        query = select(table.c.case_id, func.count()).where(column.in_(part)).group_by(table.c.case_id)
        for number, count in db.execute(query):
            cases[number] += count
    most = cases.most_common(12)
    query = select(CASES.c.id, CASES.c.name).where(CASES.c.id.in_([number for number, _count in most]))
    named: dict[int, str] = dict(db.execute(query).all())
    return {
        "what": at,
        "found": len(now),
        "cases": [{"id": n, "name": named[n], "found": c} for n, c in most],
        "labelled": sum(1 for row in some if row["label"]),
        "rows": some,
    }
