"""Notes on cases, saved views of lists, and stories that show saved views."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from sqlalchemy import select, update

from stillwatch.console.console import Console
from stillwatch.console.database import one, put, rows
from stillwatch.console.operation import LONG_TEXT, Given, Many, PositiveInt, Words, operation, operations
from stillwatch.console.operations.cases import held_case
from stillwatch.console.roles import Caller
from stillwatch.console.schema import NOTES, STORIES, VIEWS
from stillwatch.share.access import Refused

LISTS = ("cases", "accounts", "indicators", "members", "pivot")
"""Operations whose answers a saved view may hold."""
EMBED = re.compile(r"\[\[view:(\d{1,15})\]\]")
"""How the text of a story names a saved view."""
MAX_EMBEDS, EMBEDDED_ROWS = 20, 8  # most views of a story, and rows of each: chosen
Long = Annotated[Words, Field(min_length=1, max_length=LONG_TEXT)]
Title = Annotated[Words, Field(min_length=1, max_length=120)]
Query = dict[Annotated[Words, Field(max_length=40)], str | int | float | bool | None]


class NewNote(Given):
    """A note on a case."""

    case: PositiveInt
    text: Long


class NewView(Given):
    """A list with its query, under a name."""

    name: Title
    list: Literal["cases", "accounts", "indicators", "members", "pivot"]
    query: Annotated[Query, Field(max_length=20)]
    note: Annotated[Words, Field(max_length=2000)] = ""


class NewStory(Given):
    """A story: its title and text, in which `[[view:3]]` stands for the saved view 3."""

    title: Title
    text: Long


class ChangedStory(NewStory):
    """A story with a new title and text."""

    story: PositiveInt


class OneStory(Given):
    """One story by its number."""

    story: PositiveInt


class OneView(Given):
    """One saved view by its number."""

    view: PositiveInt


class NotesQuery(Given):
    """How many rows are listed."""

    limit: Many = 100


@operation("POST", "/cases/{case}/notes", "work")
def note(console: Console, who: Caller, given: NewNote) -> dict[str, Any]:
    """Add a note to a case."""
    held_case(console, given.case)
    with console.database.writing() as db:
        done = put(db, NOTES, case_id=given.case, author=who.name, at=console.now(), text=given.text)
    return {"note": done, "case": given.case}


@operation("GET", "/views", "see")
def views(console: Console, who: Caller, given: NotesQuery) -> dict[str, Any]:  # noqa: ARG001
    """Saved views, the latest first."""
    with console.database.reading() as db:
        return {"rows": rows(db, select(VIEWS).order_by(VIEWS.c.id.desc()).limit(given.limit))}


@operation("POST", "/views", "work")
def save_view(console: Console, who: Caller, given: NewView) -> dict[str, Any]:
    """Save a list with its query, so that it can be opened again and stand in stories."""
    _arguments(given.list, given.query)
    values = given.model_dump() | {"author": who.name, "at": console.now()}
    with console.database.writing() as db:
        done = put(db, VIEWS, **values)
    return {"view": done}


def _arguments(name: str, query: dict[str, Any]) -> Given:
    """The arguments of a saved view. Raises `Refused` (422) where its list does not take them."""
    try:
        return operations()[name].model(**query)
    except ValidationError as error:
        raise Refused(422, "the list does not take this query", f"{error.error_count()} faults") from None


@operation("GET", "/views/{view}", "see")
def one_view(console: Console, who: Caller, given: OneView) -> dict[str, Any]:
    """A saved view with its first rows, as who asks may see them."""
    with console.database.reading() as db:
        held = one(db, select(VIEWS).where(VIEWS.c.id == given.view))
    if held is None:
        raise Refused(404, "no such view")
    found = operations()[held["list"]]
    if found.needs is not None and not who.may(found.needs):
        raise Refused(403, "this needs a permission that you do not have", found.needs)
    try:
        answer = found.run(console, who, _arguments(held["list"], held["query"]))
    except Refused as why:
        return {**held, "rows": [], "fault": why.title}
    some = (
        answer["steps"][-1]["rows"] if held["list"] == "pivot" and answer["steps"] else answer.get("rows", [])
    )
    return {**held, "rows": some[:EMBEDDED_ROWS], "total": answer.get("total"), "fault": ""}


@operation("GET", "/stories", "see")
def stories(console: Console, who: Caller, given: NotesQuery) -> dict[str, Any]:  # noqa: ARG001
    """Stories, the latest first."""
    columns = (STORIES.c.id, STORIES.c.title, STORIES.c.author, STORIES.c.at)
    with console.database.reading() as db:
        return {"rows": rows(db, select(*columns).order_by(STORIES.c.id.desc()).limit(given.limit))}


@operation("POST", "/stories", "work")
def new_story(console: Console, who: Caller, given: NewStory) -> dict[str, Any]:
    """Write a story."""
    values = {"title": given.title, "text": given.text, "author": who.name, "at": console.now()}
    with console.database.writing() as db:
        done = put(db, STORIES, **values)
    return {"story": done}


@operation("POST", "/stories/{story}", "work")
def change_story(console: Console, who: Caller, given: ChangedStory) -> dict[str, Any]:
    """Change a story; its author becomes who changed it last."""
    values = {"title": given.title, "text": given.text, "author": who.name, "at": console.now()}
    with console.database.writing() as db:
        if not db.execute(update(STORIES).where(STORIES.c.id == given.story).values(values)).rowcount:
            raise Refused(404, "no such story")
    return {"story": given.story}


@operation("GET", "/stories/{story}", "see")
def one_story(console: Console, who: Caller, given: OneStory) -> dict[str, Any]:
    """A story: its text in parts, and between them the saved views that it names, with their first rows."""
    with console.database.reading() as db:
        held = one(db, select(STORIES).where(STORIES.c.id == given.story))
    if held is None:
        raise Refused(404, "no such story")
    parts: list[dict[str, Any]] = []
    for place, piece in enumerate(EMBED.split(held["text"])):
        if place % 2 == 0:
            parts.append({"text": piece.strip("\n")})
        elif place <= 2 * MAX_EMBEDS:
            try:
                parts.append({"view": one_view(console, who, OneView(view=int(piece)))})
            except (Refused, ValidationError):
                parts.append({"text": f"(view {piece} cannot be shown)"})
    return {**held, "parts": parts}
