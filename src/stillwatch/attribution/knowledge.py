"""Intelligence on actors, read from a TOML, YAML or JSON file and checked as a whole before any work."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stillwatch.attribution.grades import believed
from stillwatch.errors import InputError, Problem
from stillwatch.suggestions import did_you_mean

# A grade of the Admiralty code: reliability of the source, credibility of the information.
GRADE = re.compile(r"[A-F][1-6]")
OFFSET = re.compile(r"(?:UTC)?([+-])(\d{1,2}):?(\d{2})?")  # an offset from UTC: sign, hours and minutes
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # names of the days of a working week in the file
ACTOR_KINDS = ("lab", "vendor", "reseller")  # values of an actor's `kind`
LONGEST_NAME = 300
"""Characters of a name or source that are kept."""
MOST_ITEMS = 10_000  # most items of one file that are read

OPTIONS: Mapping[str, Mapping[str, tuple[str, ...] | type]] = {
    "address_ranges": {"use": ("own", "rented", "shared"), "customers": int},
    "card_countries": {},
    "payment_processors": {"customers": int},
    "payment_accounts": {},
    "earlier_campaigns": {"public": bool, "indicators": list},
    "capability_interests": {},
    "working_calendar": {"time_zone": str, "week": list, "holidays": list},
    "release_dates": {"model": str},
    "toolchains": {"public": bool},
    "statements": {"said": ("admission", "denial", "allegation")},
    "model_tests": {"verdict": ("supported", "not supported", "refuted"), "model": str, "campaign": str},
    "records": {"campaign": str},
}
"""Kinds of item about an actor, and the fields that each may have besides `values`, `source`, `grade`,
`date` and `group`.
"""
# Kinds of items that need no `value` or `values`.
WITHOUT_VALUES = frozenset({"working_calendar", "statements", "model_tests", "records", "earlier_campaigns"})
OBSERVED = (
    "card_countries",
    "payment_processors",
    "payment_accounts",
    "control_addresses",
    "control_times",
    "toolchains",
)
"""Kinds of observation of a campaign that come from outside the results folder."""
# Keys that an item of any kind may have.
COMMON = ("value", "values", "source", "grade", "date", "group", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One statement about an actor. `number` is unique in the file; `grade` is the Admiralty code, such as
    B2.
    """

    number: int
    actor: str
    kind: str
    values: tuple[str, ...]
    source: str
    grade: str
    options: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One observation of a campaign from outside its results, such as the countries of its cards."""

    campaign: str
    kind: str
    values: tuple[str, ...]
    source: str
    grade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A party that may have directed a campaign: a laboratory, a vendor of accounts or data, or a
    reseller.
    """

    name: str
    kind: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The content of the file; `digest` is its SHA-256."""

    actors: tuple[Actor, ...]
    observations: tuple[Observation, ...] = ()
    digest: str = ""

    def shared_ranges(self) -> frozenset[tuple[str, str]]:
        """Actors and their address ranges that overlap with a range of another actor in an item graded C3 or
        better, and so identify neither. A doubtful item does not take away what a better one says.
        """
        every = [
            (actor.name, value, ipaddress.ip_network(value, strict=False), believed(item.grade).is_fair)
            for actor in self.actors
            for item in actor.items
            if item.kind == "address_ranges"
            for value in item.values
        ]
        return frozenset(
            (name, value)
            for name, value, one, _is_fair in every
            for other, _value, two, is_fair in every
            if is_fair and other != name and one.version == two.version and one.overlaps(two)
        )


def read_knowledge(path: Path) -> Knowledge:
    """Read the file; raises `InputError` with every fault, each with its place and fix."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            Problem(
                fact=f"`{path}` cannot be read",
                where=str(path),
                found=type(error).__name__,
                expected="a TOML, YAML or JSON file",
            )
        ) from None
    return knowledge(_parsed(path, data), path.name, hashlib.sha256(data).hexdigest())


def _parsed(path: Path, data: bytes) -> Any:  # noqa: ANN401  what a file holds
    """The content of a YAML, TOML or JSON file, by its ending. Raises `InputError` where it cannot be
    parsed.
    """
    import yaml

    ending = path.suffix.lower()
    try:
        text = data.decode("utf-8")
        if ending == ".json":
            return json.loads(text)
        if ending == ".toml":
            return tomllib.loads(text)
        if ending in (".yaml", ".yml"):
            return yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = getattr(error, "lineno", None) or (mark.line + 1 if mark else None)
        raise InputError(
            Problem(
                fact=f"`{path.name}` is no {ending[1:].upper()}",
                where=f"{path}, line {line}" if line else str(path),
                found=type(error).__name__,
                fix="stillwatch attribute --help",
            )
        ) from None
    raise InputError(
        Problem(
            fact=f"`{path.name}` has no known ending",
            where=str(path),
            found=repr(ending),
            expected=".toml, .yaml, .yml or .json",
        )
    )


def knowledge(given: Any, name: str = "actors", digest: str = "") -> Knowledge:  # noqa: ANN401  what a file holds
    """The content of a parsed file, checked; raises `InputError` with every fault."""
    reading = _FileChecks(name)
    top = reading.table(given, "", ("actors", "observations", "schema"))
    actors = [
        reading.actor(one, f"actors[{number}]")
        for number, one in enumerate(reading.rows(top.get("actors"), "actors"), 1)
    ]
    if not actors and not reading.problems:
        reading.fault(
            "actors", "names no actor", "a list of actors, each with `name` and what is known of it"
        )
    names = [one.name for one in actors]
    for one in sorted({one for one in names if names.count(one) > 1}):
        reading.fault("actors", f"names `{one[:60]}` twice", "each actor once")
    observations = [
        reading.observation(one, f"observations[{number}]")
        for number, one in enumerate(reading.rows(top.get("observations", []), "observations"), 1)
    ]
    if reading.problems:
        raise InputError(*reading.problems)
    return Knowledge(actors=tuple(actors), observations=tuple(observations), digest=digest)


class _FileChecks:
    """Checks parts of the file and collects their faults."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.items = 0

    def fault(self, place: str, found: str, expected: str, fix: str = "") -> None:
        """Record one fault."""
        self.problems.append(
            Problem(
                fact=f"`{place or self.name}` {found}",
                where=f"{self.name}, {place}" if place else self.name,
                expected=expected,
                fix=fix or "stillwatch attribute --help",
            )
        )

    def table(self, given: Any, place: str, known: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401
        """The value as a table; records a fault for other values and unknown names."""
        if not isinstance(given, dict):
            self.fault(place, f"is {type(given).__name__}", "a table of names and values")
            return {}
        for name in given:
            if name not in known:
                self.fault(
                    place,
                    f"has no field `{str(name)[:40]}`",
                    ", ".join(known),
                    did_you_mean(str(name), known),
                )
        return given

    def rows(self, given: Any, place: str) -> list[Any]:  # noqa: ANN401
        """The value as a list; one table counts as a list of one."""
        if isinstance(given, dict):
            return [given]
        if not isinstance(given, list):
            self.fault(
                place, "is missing" if given is None else f"is {type(given).__name__}", "a list of tables"
            )
            return []
        return given

    def text(self, given: Any, place: str, what: str) -> str:  # noqa: ANN401
        """The value as a text; records a fault where it is empty."""
        if not isinstance(given, str) or not given.strip():
            self.fault(place, f"has no `{what}`", f"`{what}` as text")
            return ""
        return given.strip()[:LONGEST_NAME]

    def actor(self, given: Any, place: str) -> Actor:  # noqa: ANN401
        """An actor with all items."""
        top = self.table(given, place, ("name", "kind", "note", *OPTIONS))
        name = self.text(top.get("name"), place, "name")
        kind = top.get("kind", "lab")
        if kind not in ACTOR_KINDS:
            self.fault(place, f"has the kind {str(kind)[:40]!r}", ", ".join(ACTOR_KINDS))
        items = [
            self.item(one, f"{place}.{of}[{number}]", name, of)
            for of in OPTIONS
            if of in top
            for number, one in enumerate(self.rows(top[of], f"{place}.{of}"), 1)
        ]
        return Actor(name=name, kind=str(kind), items=tuple(items))

    def item(self, given: Any, place: str, actor: str, kind: str) -> Item:  # noqa: ANN401
        """One item about an actor."""
        self.items += 1
        if self.items == MOST_ITEMS + 1:
            self.fault("", f"holds more than {MOST_ITEMS} items", "fewer")
        allowed = OPTIONS[kind]
        top = self.table(given, place, (*COMMON, *allowed))
        source, grade = self.graded(top, place)
        options: dict[str, Any] = {}
        for name, form in allowed.items():
            if name not in top:
                continue
            value = top[name]
            if isinstance(form, tuple):
                if value not in form:
                    self.fault(place, f"has `{name}` {str(value)[:40]!r}", ", ".join(form))
            elif not _is_a(value, form):
                self.fault(place, f"has a `{name}` that is {type(value).__name__}", f"{form.__name__}")
                continue
            options[name] = value
        values = self.values(top, place, needed=kind not in WITHOUT_VALUES)
        values = self.checked(kind, values, options, place)
        return Item(
            number=self.items,
            actor=actor,
            kind=kind,
            values=values,
            source=source,
            grade=grade,
            options=options,
            group=str(top.get("group", ""))[:LONGEST_NAME],
        )

    def graded(self, top: Mapping[str, Any], place: str) -> tuple[str, str]:
        """Source and grade of an item; records a fault for a missing or invalid one."""
        source = self.text(top.get("source"), place, "source")
        grade = str(top.get("grade", "")).strip().upper()
        if not GRADE.fullmatch(grade):
            self.fault(
                place,
                f"has the grade {grade[:20]!r}",
                "the Admiralty code: a letter A to F and a number 1 to 6, such as B2",
            )
            grade = "F6"
        return source, grade

    def values(self, top: Mapping[str, Any], place: str, *, needed: bool) -> tuple[str, ...]:
        """The values of an item as texts; records a fault for values of other types, and for none where
        `needed`.
        """
        given = top.get("values", top.get("value", []))
        listed = given if isinstance(given, list) else [given]
        texts = []
        for one in listed:
            if isinstance(one, datetime):
                texts.append(one.isoformat())
            elif isinstance(one, date) or (isinstance(one, str | int) and not isinstance(one, bool)):
                texts.append(str(one).strip())
            else:
                self.fault(place, f"holds a value that is {type(one).__name__}", "texts")
        if needed and not any(texts):
            self.fault(place, "has no `values`", "`values`, a list of texts, or `value`, one")
        return tuple(one for one in texts if one)

    def checked(
        self, kind: str, values: tuple[str, ...], options: dict[str, Any], place: str
    ) -> tuple[str, ...]:
        """The values in one form; records a fault for each invalid one."""
        if kind == "card_countries":
            values = tuple(one.upper() for one in values)
        if kind in FORMS:
            is_one, expected = FORMS[kind]
            for one in values:
                if not is_one(one):
                    self.fault(place, f"holds {one[:60]!r}", expected)
        elif kind == "working_calendar":
            self.calendar(options, place)
        elif kind == "earlier_campaigns":
            self.earlier(options, place)
        elif kind in NEEDED and NEEDED[kind] not in options:
            self.fault(place, f"has no `{NEEDED[kind]}`", ", ".join(map(str, OPTIONS[kind][NEEDED[kind]])))  # type: ignore[arg-type]
        return values

    def calendar(self, options: dict[str, Any], place: str) -> None:
        """Zone, week and holidays of a working calendar."""
        zone = options.get("time_zone")
        if zone is not None and hours_from_utc(zone) is None:
            self.fault(
                place,
                f"has the time zone {zone[:40]!r}",
                "a name such as Europe/Berlin, or an offset such as +08:00",
            )
        week = [str(day).strip().lower()[:3] for day in options.get("week", [])]
        if any(day not in WEEK for day in week):
            self.fault(place, "has a `week` with a day that does not exist", ", ".join(WEEK))
        options["week"] = [day for day in week if day in WEEK]
        days = [moment_of(str(one)) for one in options.get("holidays", [])]
        if any(one is None for one in days):
            self.fault(place, "has `holidays` with something that is no date", "dates, such as 2026-05-01")
        options["holidays"] = [one.date() for one in days if one is not None]

    def earlier(self, options: dict[str, Any], place: str) -> None:
        """Indicators of an earlier campaign."""
        found = []
        for one in options.get("indicators", []):
            if (
                isinstance(one, dict)
                and isinstance(one.get("kind"), str)
                and isinstance(one.get("value"), str | int)
            ):
                found.append((one["kind"], str(one["value"])))
            else:
                self.fault(
                    place,
                    "has an indicator without `kind` and `value`",
                    'such as { kind = "email_domain", value = "mail.example" }',
                )
        if not found:
            self.fault(
                place,
                "has no `indicators`",
                'a list such as [{ kind = "email_domain", value = "mail.example" }]',
            )
        options["indicators"] = found

    def observation(self, given: Any, place: str) -> Observation:  # noqa: ANN401
        """One observation of a campaign."""
        top = self.table(given, place, ("campaign", "kind", *COMMON))
        source, grade = self.graded(top, place)
        kind = top.get("kind")
        if kind not in OBSERVED:
            self.fault(place, f"has the kind {str(kind)[:40]!r}", ", ".join(OBSERVED))
        values = self.values(top, place, needed=True)
        if kind == "control_times" and any(moment_of(one) is None for one in values):
            self.fault(place, "holds something that is no time", "times such as 2026-05-01T14:02:00Z")
        if kind == "card_countries":
            values = tuple(one.upper() for one in values)
        return Observation(
            campaign=self.text(top.get("campaign"), place, "campaign"),
            kind=str(kind),
            values=values,
            source=source,
            grade=grade,
        )


def _is_a(value: Any, form: type) -> bool:  # noqa: ANN401  what a file holds
    """Whether a value has that type; an integer must be at least 1."""
    if form is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return isinstance(value, form)


def moment_of(text: str) -> datetime | None:
    """A date or time in ISO 8601 as a time in UTC, which is also assumed where no zone is given; None for
    other text.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def hours_from_utc(zone: str, at: datetime | None = None) -> float | None:
    """Hours by which the zone's local time is ahead of UTC at that time (without one: 1 January 2026); None
    for an unknown zone.
    """
    found = OFFSET.fullmatch(zone.strip())
    if found:
        hours = int(found[2]) + int(found[3] or 0) / 60
        return (hours if found[1] == "+" else -hours) if hours <= 14 else None
    try:
        ahead = ZoneInfo(zone.strip()).utcoffset(at or datetime(2026, 1, 1, tzinfo=UTC))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return None if ahead is None else ahead / timedelta(hours=1)


def is_range(text: str) -> bool:
    """Whether a text is an address or a range of addresses."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


FORMS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "address_ranges": (is_range, "an address or a range, such as 203.0.113.0/24"),
    "card_countries": (
        lambda one: re.fullmatch("[A-Z]{2}", one) is not None,
        "ISO 3166-1 alpha-2, such as DE",
    ),
    "release_dates": (lambda one: moment_of(one) is not None, "a date, such as 2026-06-20"),
}
"""Kinds of item whose values have a required form: the check, and a description of the form."""
NEEDED = {"statements": "said", "model_tests": "verdict"}
"""The required field of kinds of item that have one."""
