"""What can be asked of the console: each operation is one function, which pages and the API both call.

Rules:
    An operation names the permission that it needs, and is written to the audit log: a read in one line, a
    write in one line before it and one with its outcome. Fields that a model excludes are not logged.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stillwatch.console.console import Console
from stillwatch.console.roles import Caller, Permission
from stillwatch.share.access import Refused

Method = Literal["GET", "POST"]
ROOMS = ("accounts", "appeals", "approvals", "cases", "labels", "limits", "notes", "people")
"""Modules of operations, each with its operations in the order of the API's document."""
MAX_NAME = 80  # most characters of the name of a person, token or passkey: chosen
MAX_TEXT = 2000  # most characters of a reason, as in labels
LONG_TEXT = 20_000  # most characters of a note or story: chosen


class Given(BaseModel):
    """Arguments of an operation; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


def _storable(text: str) -> str:
    """The text. Raises `ValueError` where a database cannot hold it."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("NUL and unpaired surrogates cannot be stored")
    return text


Words = Annotated[str, AfterValidator(_storable)]
PositiveInt = Annotated[int, Field(ge=1, le=2**53)]
Reason = Annotated[Words, Field(min_length=3, max_length=MAX_TEXT)]
Name = Annotated[Words, Field(min_length=1, max_length=MAX_NAME)]
Cursor = Annotated[str, Field(pattern=r"^(\d{1,16}:\d{1,16})?$", max_length=40)]
Many = Annotated[int, Field(ge=1, le=200)]
Moment = Annotated[float, Field(ge=0, le=4e9, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: its function, how the API calls it, the permission that it needs (None: the link of an
    appeal suffices), and the model of its arguments.
    """

    name: str
    method: Method
    path: str
    needs: Permission | None
    model: type[Given]
    run: Callable[[Console, Caller, Any], dict[str, Any]]
    summary: str

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method == "POST"


F = TypeVar("F", bound=Callable[..., dict[str, Any]])  # an operation's function


def operation(method: Method, path: str, needs: Permission | None) -> Callable[[F], F]:
    """Declares a function as an operation. Its third argument is annotated with its model."""

    def declared(function: F) -> F:
        """Register the function as an operation of its own name; returns it unchanged."""
        hints = get_type_hints(function)
        model = hints[list(inspect.signature(function).parameters)[2]]
        one = Operation(
            name=function.__name__,
            method=method,
            path=path,
            needs=needs,
            model=model,
            run=function,
            summary=" ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split()),
        )
        function.__operation__ = one  # type: ignore[attr-defined]
        return function

    return declared


@cache
def operations() -> Mapping[str, Operation]:
    """All operations by name."""
    found: dict[str, Operation] = {}
    for room in ROOMS:
        module = import_module(f"stillwatch.console.operations.{room}")
        for value in vars(module).values():
            one = getattr(value, "__operation__", None)
            if isinstance(one, Operation):
                found[one.name] = one
    return found


def call(console: Console, who: Caller, name: str, given: Given) -> dict[str, Any]:
    """Run an operation for somebody. Raises `Refused`: 403 without the permission, 404, 409 and 422 as the
    operation says, 503 where the audit log cannot be written.
    """
    one = operations()[name]
    entered = {"operation": name, "given": given.model_dump(exclude_defaults=True)}
    if one.needs is not None and not who.may(one.needs):
        console.note(who, "refused", entered | {"needs": one.needs})
        raise Refused(403, "this needs a permission that you do not have", one.needs)
    if not one.writes:
        done = one.run(console, who, given)
        console.note(who, "read", entered)
        return done
    console.note(who, "write", entered, now=True)
    try:
        done = one.run(console, who, given)
    except Refused as why:
        console.note(who, "not done", entered | {"why": why.title})
        raise
    console.note(who, "done", {"operation": name, **_numbers(done)}, now=True)
    return done


def _numbers(done: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an answer that the audit log keeps: numbers and states, no names and no secrets."""
    return {
        key: value
        for key, value in done.items()
        if isinstance(value, (int, bool)) or key in ("status", "size")
    }
