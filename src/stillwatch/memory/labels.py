"""Labels by people on accounts, groups, campaigns and shared values, each with an optional end.

Rules:
    A label on an account, a key, an organisation or a group changes no result of a scan: a campaign labelled
    honest is still listed, with the label's author and reason. A value labelled honest is no evidence in the
    next scan, and a value labelled as an explanation's mark counts as that mark (`flows.excused`). A label on
    a campaign or lead stores the accounts that the group had. It applies to any later group that has at least
    half of the smaller group's accounts in common with these (`memory.identities`), whatever the later
    group's name. Of several labels on one target the latest counts; a withdrawn or expired label does not. An
    account's own label outweighs those of its group, which outweigh labels on values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from stillwatch.contract.results import RECORD
from stillwatch.errors import Problem, StateError, UsageError
from stillwatch.memory import record
from stillwatch.memory.identities import SAME_TRACK_OVERLAP
from stillwatch.memory.record import RecordEntry

LabelVerdict = Literal["honest", "campaign", "allow", "withdrawn"]
TargetKind = Literal["account", "organization", "key", "campaign", "lead", "indicator", "mark"]
KINDS: tuple[TargetKind, ...] = get_args(TargetKind)  # kinds of things to which a label can apply
VERDICTS: tuple[LabelVerdict, ...] = get_args(LabelVerdict)  # what a label can say
GROUPS = ("campaign", "lead")  # kinds of targets that are groups of accounts
VALUES = ("indicator", "mark")  # kinds of targets that are values, as `KIND=VALUE`
LABEL, LABELS = "label", "labels"
"""Kinds of record lines that hold one label, and several that hold together or not at all."""
MAX_REASON = 2000  # most characters of any text field of a label: chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A verdict on a target, with its author, reason and end.

    `target` is an account, organisation, key, a campaign's or lead's name, or `KIND=VALUE` of an indicator or
    an explanation's mark. `accounts` are those that a campaign or lead had. `expires` is None where the label
    holds until it is withdrawn.
    """

    kind: TargetKind
    target: str
    verdict: LabelVerdict
    reason: str
    author: str
    at: datetime
    expires: datetime | None = None
    accounts: frozenset[str] = frozenset()

    @property
    def is_sparing(self) -> bool:
        """Whether the label forbids actions against its target."""
        return self.verdict in ("honest", "allow")

    @property
    def last_day(self) -> str:
        """The last day on which the label holds, as `YYYY-MM-DD`; empty where it has no end."""
        return f"{self.expires - timedelta(microseconds=1):%Y-%m-%d}" if self.expires else ""

    @property
    def statement(self) -> str:
        """The label as a phrase for reports."""
        said = "allowed" if self.verdict == "allow" else f"labelled {self.verdict}"
        whose = "" if self.kind in ("account", *GROUPS) else f" ({self.kind} {self.target})"
        until = f", until {self.last_day}" if self.last_day else ""
        return f"{said} by {self.author} because {self.reason}{whose}{until}"

    def as_json(self) -> dict[str, Any]:
        """The label as a dictionary for JSON; the inverse of `of_json`."""
        return {
            "kind": self.kind,
            "target": self.target,
            "verdict": self.verdict,
            "reason": self.reason,
            "author": self.author,
            "at": self.at.isoformat(),
            "expires": self.expires.isoformat() if self.expires else None,
            "accounts": sorted(self.accounts),
        }


@dataclass(frozen=True)
class LabelsInForce:
    """Labels in force at one moment, with look-up by target."""

    labels: tuple[Label, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is at least one label."""
        return bool(self.labels)

    @cached_property
    def _named(self) -> dict[tuple[str, str], Label]:
        """The labels on single accounts and values, by kind and target."""
        return {(one.kind, one.target): one for one in self.labels if one.kind not in GROUPS}

    @cached_property
    def groups(self) -> tuple[Label, ...]:
        """Labels of campaigns and leads, the latest first."""
        return tuple(one for one in reversed(self.labels) if one.kind in GROUPS)

    @cached_property
    def values(self) -> Mapping[tuple[str, str], Label]:
        """Labels on values, keyed by kind and value of the indicator."""
        found: dict[tuple[str, str], Label] = {}
        for one in self.labels:
            if one.kind in VALUES:
                kind, _equals, value = one.target.partition("=")
                found[kind.rpartition(":")[2], value] = one
        return found

    def of(self, kind: TargetKind, target: str) -> Label | None:
        """The label on an account, organisation or key; None where it has none."""
        return self._named.get((kind, target))

    def of_group(self, accounts: Collection[str]) -> Label | None:
        """The latest label on a campaign or lead that has at least half of the smaller group's accounts in
        common with `accounts`; None where there is none.
        """
        mine = frozenset(accounts)
        for one in self.groups:
            common = len(mine & one.accounts)
            if common and common >= SAME_TRACK_OVERLAP * min(len(mine), len(one.accounts)):
                return one
        return None


def place_of(folder: Path) -> Path:
    """Path of the record with the labels of a results or state folder."""
    return folder / RECORD


def add(folder: Path, label: Label) -> RecordEntry:
    """Append a label to the record of a folder; returns its line."""
    line = RecordEntry(at=record.now(), kind=LABEL, author=label.author, body=label.as_json())
    return record.append(place_of(folder), [line])[0]


def add_all(folder: Path, labels: Iterable[Label], author: str, mark: str = "") -> RecordEntry | None:
    """Append labels as one line of the record of a folder, so that a crash leaves all of them or none;
    returns the line, or None without labels. `mark` names the act, and is found again by `has_mark`.
    """
    body = {"labels": [one.as_json() for one in labels], "mark": mark}
    if not body["labels"]:
        return None
    line = RecordEntry(at=record.now(), kind=LABELS, author=author, body=body)
    return record.append(place_of(folder), [line])[0]


def has_mark(folder: Path, mark: str) -> bool:
    """Whether the record of a folder has the line that `add_all` wrote with this mark."""
    entries = record.read(place_of(folder)).entries
    return any(one.kind == LABELS and one.body.get("mark") == mark for one in entries)


def in_force(folders: Sequence[Path], at: datetime | None = None) -> LabelsInForce:
    """The labels of `folders` in force at the time `at` (None: now). A folder without a record has none.

    Raises `StateError` where a record was changed or has an invalid label.
    """
    moment = at or datetime.now(UTC)
    latest: dict[tuple[str, str], Label] = {}
    every = sorted((one for folder in folders for one in read(folder)), key=lambda one: one.at)
    for one in every:
        latest.pop((one.kind, one.target), None)  # keeps the dictionary in order of time
        latest[one.kind, one.target] = one
    return LabelsInForce(
        tuple(
            one
            for one in latest.values()
            if one.verdict != "withdrawn" and (one.expires is None or one.expires > moment)
        )
    )


def read(folder: Path) -> list[Label]:
    """All labels in the record of a folder, in order, also withdrawn and expired ones.

    Raises `StateError` where the record was changed or has an invalid label.
    """
    path = place_of(folder)
    kept = record.read(path)
    if any("cut short" not in fault for fault in kept.faults):
        raise StateError(
            Problem(
                fact="the record of labels was changed",
                where=str(path),
                found=kept.faults[0],
                why="each line is bound to the line before it",
                fix="restore the file, or move it away and label anew",
            )
        )
    return [
        of_json(given, f"{path}, label of {one.at}") for one in kept.entries for given in _given(one, path)
    ]


def _given(entry: RecordEntry, path: Path) -> Sequence[object]:
    """The labels in a line of a record, as they are in JSON; none where it is no line of labels."""
    if entry.kind == LABEL:
        return [entry.body]
    if entry.kind != LABELS:
        return []
    several = entry.body.get("labels")
    if isinstance(several, list):
        return several
    raise StateError(Problem(fact="a line of labels has none", where=f"{path}, line of {entry.at}"))


def of_json(given: object, where: str) -> Label:
    """A label from the dictionary of `as_json`. `where` names its place in messages. Raises `StateError`
    with the invalid field.
    """
    fault = _fault(given)
    if fault or not isinstance(given, dict):
        raise StateError(
            Problem(
                fact="an entry of the file is no label",
                where=where,
                found=fault,
                fix="stillwatch labels list --help",
            )
        )
    expires = given.get("expires")
    return Label(
        kind=given["kind"],
        target=given["target"],
        verdict=given["verdict"],
        reason=given["reason"],
        author=given["author"],
        at=_moment(given["at"]),
        expires=_moment(expires) if expires else None,
        accounts=frozenset(given.get("accounts") or ()),
    )


def _fault(given: object) -> str:
    """What is wrong with a label read from JSON; empty where nothing is."""
    if not isinstance(given, dict):
        return "no JSON object"
    for name in ("kind", "target", "verdict", "reason", "author", "at"):
        value = given.get(name)
        if not isinstance(value, str) or not value or len(value) > MAX_REASON:
            return f"`{name}` is absent, empty or longer than {MAX_REASON} characters"
    if given["kind"] not in KINDS:
        return f"`kind` is none of {', '.join(KINDS)}"
    if given["verdict"] not in VERDICTS:
        return f"`verdict` is none of {', '.join(VERDICTS)}"
    accounts = given.get("accounts") or []
    if not isinstance(accounts, list) or not all(isinstance(one, str) for one in accounts):
        return "`accounts` is no list of names"
    try:
        _moment(given["at"])
        if given.get("expires"):
            _moment(given["expires"])
    except (ValueError, TypeError):
        return "`at` or `expires` is no moment in ISO 8601"
    return ""


def _moment(text: str) -> datetime:
    """The time of a text; UTC where it has no zone."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def expiry(text: str) -> datetime:
    """The time at which a label expires, from a date (`2027-01-31`: the end of that day, UTC) or a time
    (`2027-01-31T12:00Z`).

    Raises `UsageError` for any other text.
    """
    try:
        at = _moment(text)
    except ValueError as error:
        raise UsageError(
            Problem(fact="`--expires` is no date", found=text[:60], expected="a date such as 2027-01-31")
        ) from error
    return at + timedelta(days=1) if "T" not in text and ":" not in text else at


@dataclass(slots=True, kw_only=True)
class Known:
    """Accounts of the campaigns and leads of a folder, by every name that a label may use."""

    campaigns: dict[str, frozenset[str]] = field(default_factory=dict)
    leads: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def accounts(self) -> frozenset[str]:
        """Accounts of all campaigns and leads."""
        return frozenset[str]().union(*self.campaigns.values(), *self.leads.values())
