"""The pages: what each asks of the operations, and the template that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import UnionType
from typing import Any, Union, get_args, get_origin
from urllib.parse import urlencode

from jinja2 import Environment
from pydantic import ValidationError

from stillwatch.console.console import Console
from stillwatch.console.operation import Operation, call, operations
from stillwatch.console.people import Session
from stillwatch.console.roles import ROLES, Caller
from stillwatch.report import wording
from stillwatch.report.page import STYLE, environment
from stillwatch.share.access import Refused

DEMO = "demo"
"""The subject by which the person of the demo signs in."""
DAY_S = 86_400.0  # seconds
DONE = {
    "asked": "Asked for: more than a hundred accounts wait for the approval of a second person.",
    "assign": "The case is assigned.",
    "due": "The due time is set.",
    "lock": "The lock is changed.",
    "reveal": "The words are shown until the time that stands beside them. The audit log says so.",
    "effect": "The effect is added.",
    "label": "The label is written.",
    "bulk": "All accounts of the selection are labelled.",
    "undo": "The bulk action is undone.",
    "note": "The note is added.",
    "save_view": "The view is saved.",
    "new_story": "The story is written.",
    "change_story": "The story is changed.",
    "decide_approval": "The decision is written.",
    "decide_appeal": "The appeal is decided.",
    "decide_review": "The audit is decided.",
    "disable": "The person is disabled.",
    "add_passkey": "The passkey is added.",
    "remove_passkey": "The passkey is removed.",
    "revoke_token": "The token is revoked.",
    "remove_webhook": "The webhook is removed.",
    "import_scans": "Folders were looked at; what changed is imported.",
}
"""What a page says after an operation."""
TOUR = {
    "The queue": "Campaigns and leads wait here with their owner, lock and due time. Above the list, groups "
    "of the newest scan stand side by side: ▲ marks what speaks for one control, ▽ what speaks against it.",
    "A campaign": "What speaks for and against one control, what each innocent explanation leaves "
    "unexplained, the time line, and the history over scans. Labels and notes are at the side.",
    "A lead": "The same page for a group that an innocent explanation may account for, such as a class. It "
    "says what would settle the question. A lead is never a campaign.",
    "A shared value": "From a value to its accounts, from an account to its values: each step shows how many "
    "there are, in which cases, and how many of them carry a label.",
    "Decisions": "Labels have a reason and an end. Many at once need a second person, can be undone, and "
    "happen whole or not at all. Whoever was acted on can appeal; overturned cases reopen their batch.",
}
"""Steps of the tour: title and words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A request for a page: console, session (None where nobody is signed in), path and query."""

    console: Console
    session: Session | None
    path: Mapping[str, Any]
    query: Mapping[str, str]

    @property
    def who(self) -> Caller:
        """Who asks. Raises `Refused` (401) where nobody is signed in."""
        if self.session is None:
            raise Refused(401, "nobody is signed in")
        return self.session.actor

    def answer(self, name: str, *fields: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401  a model's fields
        """The answer of an operation: with `fields` taken from the query, and `values`."""
        one = operations()[name]
        given = {key: self.query[key] for key in fields if self.query.get(key)} | values
        try:
            return call(self.console, self.who, name, one.model.model_validate(given))
        except ValidationError as error:
            faults = [fault["loc"] for fault in error.errors(include_input=False) if fault["loc"]]
            where = ", ".join(str(place[0])[:40] for place in faults)
            raise Refused(422, "the address of this page is not as it has to be", where) from None


MakePage = Callable[[PageRequest], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: its template, and what it shows."""

    template: str
    made: MakePage


def _queue(request: PageRequest) -> Mapping[str, Any]:
    """Values of the list of cases."""
    fields = ("status", "whose", "kind", "assignee", "sort", "page")
    is_first = not any(request.query.get(field) for field in fields)
    return {
        "queue": request.answer("cases", *fields),
        "load": request.answer("load"),
        "compared": request.answer("comparison") if is_first else {"comparison": None, "scan": None},
        "asked": {field: request.query.get(field, "") for field in fields},
    }


def _case(request: PageRequest) -> Mapping[str, Any]:
    """Values of the page of a case."""
    case = request.path["case"]
    return {
        "case": request.answer("one_case", case=case),
        "shared": request.answer("case_indicators", case=case, limit=25)["rows"],
        "texts": request.answer("texts", case=case),
        "members": request.answer("members", case=case, limit=15),
        "analysts": request.answer("analysts")["names"],
    }


def _members(request: PageRequest) -> Mapping[str, Any]:
    """Values of the list of a case's members."""
    case = request.path["case"]
    fields = ("after", "indicator", "mark", "begins")
    chosen = ("indicator", "mark")
    return {
        "case": request.answer("one_case", case=case),
        "members": request.answer("members", *fields, case=case, limit=100),
        "size": request.answer("bulk_size", *chosen, case=case),
        "chosen": {field: request.query.get(field, "") for field in fields},
        "value": request.answer("one_indicator", "indicator", limit=1)
        if request.query.get("indicator")
        else None,
    }


def _graph(request: PageRequest) -> Mapping[str, Any]:
    """Values of the page with a case's graph."""
    return {"case": request.answer("one_case", case=request.path["case"])}


def _account(request: PageRequest) -> Mapping[str, Any]:
    """Values of the page of an account."""
    return {"account": request.answer("one_account", account=request.path["account"])}


def _indicator(request: PageRequest) -> Mapping[str, Any]:
    """Values of the page of a shared value."""
    return {"value": request.answer("one_indicator", "after", indicator=request.path["indicator"])}


def _story(request: PageRequest) -> Mapping[str, Any]:
    """Values of the page of a story."""
    return {"story": request.answer("one_story", story=request.path["story"])}


def _appeal(request: PageRequest) -> Mapping[str, Any]:
    """Values of the page of an appeal."""
    return {"appeal": request.answer("one_appeal", appeal=request.path["appeal"])}


def _simple(name: str, operation: str, *fields: str) -> MakePage:
    """A page that shows the answer of one operation under a name."""

    def made(request: PageRequest) -> Mapping[str, Any]:
        """The operation's answer under `name`, and the query's fields as they were given."""
        return {
            name: request.answer(operation, *fields),
            "asked": {field: request.query.get(field, "") for field in fields},
        }

    return made


def _labels(request: PageRequest) -> Mapping[str, Any]:
    """Values of the page of labels."""
    return {"labels": request.answer("labels"), "bulks": request.answer("bulks")}


def _stories(request: PageRequest) -> Mapping[str, Any]:
    """Values of the list of stories and saved views."""
    return {"stories": request.answer("stories"), "views": request.answer("views")}


def _people(request: PageRequest) -> Mapping[str, Any]:
    """Values of the page of people, webhooks and scans."""
    return {
        "people": request.answer("people"),
        "hooks": request.answer("webhooks"),
        "scans": request.answer("scans"),
        "roles": ROLES,
    }


PAGES: Mapping[str, Page] = {
    "/": Page(template="queue.html.j2", made=_queue),
    "/cases/{case}": Page(template="case.html.j2", made=_case),
    "/cases/{case}/members": Page(template="members.html.j2", made=_members),
    "/cases/{case}/graph": Page(template="graph.html.j2", made=_graph),
    "/accounts": Page(template="accounts.html.j2", made=_simple("accounts", "accounts", "begins", "after")),
    "/accounts/{account}": Page(template="account.html.j2", made=_account),
    "/indicators": Page(
        template="indicators.html.j2", made=_simple("values", "indicators", "kind", "begins", "after")
    ),
    "/indicators/{indicator}": Page(template="indicator.html.j2", made=_indicator),
    "/pivot": Page(template="pivot.html.j2", made=_simple("pivot", "pivot", "start", "id", "hops", "crowd")),
    "/labels": Page(template="labels.html.j2", made=_labels),
    "/approvals": Page(template="approvals.html.j2", made=_simple("approvals", "approvals", "status")),
    "/appeals": Page(template="appeals.html.j2", made=_simple("appeals", "appeals", "status")),
    "/appeals/{appeal}": Page(template="decide.html.j2", made=_appeal),
    "/reviews": Page(template="reviews.html.j2", made=_simple("reviews", "reviews", "status")),
    "/stories": Page(template="stories.html.j2", made=_stories),
    "/stories/{story}": Page(template="story.html.j2", made=_story),
    "/limits": Page(template="limits_page.html.j2", made=_simple("limits", "limits")),
    "/audit": Page(template="audit.html.j2", made=_simple("audit", "audit", "day", "author", "kind")),
    "/people": Page(template="people.html.j2", made=_people),
    "/me": Page(template="me.html.j2", made=_simple("me", "me")),
}
"""Each page by its path."""
MENU = (
    ("/", "Queue", "see"),
    ("/accounts", "Accounts", "see"),
    ("/indicators", "Shared values", "see"),
    ("/stories", "Stories", "see"),
    ("/labels", "Labels", "names"),
    ("/approvals", "Approvals", "names"),
    ("/appeals", "Appeals", "appeals"),
    ("/limits", "Limits", "see"),
    ("/audit", "Audit", "audit"),
    ("/people", "People", "manage"),
)
"""The menu: path, words, and the permission that its page needs."""


def html(template: str, request: PageRequest, values: Mapping[str, Any]) -> str:
    """A rendered page."""
    session = request.session
    who = session.actor if session else None
    return (
        _environment()
        .get_template(template)
        .render(
            who=who,
            may=(lambda permission: who is not None and who.may(permission)),
            csrf=session.csrf if session else "",
            menu=[(path, words) for path, words, needs in MENU if who and who.may(needs)],  # type: ignore[arg-type]  # names of permissions
            done=DONE.get(request.query.get("done", ""), ""),
            tour=_tour(request),
            version=request.console.version,
            now=request.console.now(),
            bases=wording.BASES,
            kinds=wording.KINDS,
            meanings=wording.HYPOTHESES,
            **values,
        )
    )


def _tour(request: PageRequest) -> dict[str, Any] | None:
    """The step of the tour that a page shows; None outside the tour."""
    step = request.query.get("tour", "")
    if (
        not (step.isascii() and step.isdigit())
        or request.session is None
        or not 1 <= int(step[:2]) <= len(TOUR)
    ):
        return None  # fmt: skip
    number = int(step)
    title, words = list(TOUR.items())[number - 1]
    place = _places(request)
    return {
        "number": number,
        "of": len(TOUR),
        "title": title,
        "words": words,
        "before": f"{place[number - 2]}?tour={number - 1}" if number > 1 else "",
        "after": f"{place[number]}?tour={number + 1}" if number < len(TOUR) else "",
    }


def _places(request: PageRequest) -> list[str]:
    """The pages of the tour's steps."""
    every = request.answer("cases", status="all", limit=200)["rows"]
    campaign = next((row["id"] for row in every if not row["is_lead"]), None)
    lead = next((row["id"] for row in every if row["is_lead"]), campaign)
    values = request.answer("case_indicators", case=campaign, limit=1)["rows"] if campaign else []
    value = f"/indicators/{values[0]['id']}" if values else "/indicators"
    of_case = f"/cases/{campaign}" if campaign else "/"
    return ["/", of_case, f"/cases/{lead}" if lead else "/", value, f"{of_case}/members" if campaign else "/"]


def arguments(one: Operation, form: Mapping[str, list[str]]) -> dict[str, Any]:
    """Arguments of an operation from the fields of a form: an empty field is left out where the operation
    does not need it, a field that takes several is a list, and `NAME_day` is the end of a day.
    """
    given: dict[str, Any] = {}
    for name, field in one.model.model_fields.items():
        if f"{name}_day" in form:
            given[name] = _end_of_day(form[f"{name}_day"][-1])
            continue
        if name not in form:
            continue
        values = form[name]
        if _takes_list(field.annotation):
            given[name] = [value for value in values if value]
        elif values[-1] or field.is_required():
            given[name] = values[-1]
    if one.name == "save_view":
        given["query"] = {
            key.removeprefix("query."): values[-1]
            for key, values in form.items()
            if key.startswith("query.") and values[-1]
        }
    return given


def _takes_list(annotation: Any) -> bool:  # noqa: ANN401  a type
    """Whether a field of this type takes a list."""
    if get_origin(annotation) in (Union, UnionType):
        return any(_takes_list(one) for one in get_args(annotation))
    return get_origin(annotation) is list


def _end_of_day(text: str) -> float | None:
    """The end of a day (`YYYY-MM-DD`) in UTC as seconds since 1970; None for an empty text."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() + DAY_S
    except ValueError:
        raise Refused(422, "this is no day", "YYYY-MM-DD") from None


@cache
def static(name: str) -> bytes:
    """A style or script; `base.css` is that of the report."""
    if name == "base.css":
        return files("stillwatch.report").joinpath(STYLE).read_bytes()
    return files("stillwatch.console").joinpath("static", name).read_bytes()


@cache
def _environment() -> Environment:
    """The template engine with the filters of the console's pages."""
    made = environment("stillwatch.console")
    made.filters |= {
        "when": lambda seconds: wording.moment(_moment(seconds)),
        "on": lambda seconds: wording.day(_moment(seconds)),
        "iso_day": lambda seconds: "" if seconds is None else f"{_moment(seconds):%Y-%m-%d}",
        "query": lambda fields: urlencode({key: value for key, value in fields.items() if value}),
        "size": _size,
    }
    return made


def _moment(seconds: float | None) -> datetime | None:
    """The time in UTC of seconds since 1970; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _size(number: int) -> str:
    """A number of bytes, as 12 KB."""
    return f"{number / 1000:.0f}\u202fKB" if number >= 1000 else f"{number}\u202fB"
