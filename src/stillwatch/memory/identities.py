"""Tracking of campaigns over several judgements: names, growth, merges, splits, ends and returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SAME_TRACK_OVERLAP = 0.5  # least share of the smaller group's accounts in common for one campaign: chosen
GROWN = 1.01  # factor on the last reported accounts or exchanges above which an event `grown` is made: chosen


@dataclass(slots=True, kw_only=True)
class Track:
    """A campaign over time.

    `accounts` are all accounts ever found, `told` the facts of its last event (the name that existing files
    have), `ended` is True while it is not reported, `lineage` lists splits and merges as text, and `since`
    is the time at which it was first reported (ISO 8601).
    """

    name: str
    accounts: set[str]
    told: dict[str, Any]
    ended: bool = False
    lineage: list[str] = field(default_factory=list)
    since: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Track:
        """The campaign from its JSON form. Raises `TypeError` or `KeyError` for anything else."""
        return cls(**{**row, "accounts": set(row["accounts"])})


def shared_with(tracks: Mapping[str, Track], accounts: frozenset[str]) -> dict[str, int]:
    """Number of `accounts` in each known campaign, by name, for the campaigns that have at least
    `SAME_TRACK_OVERLAP` of the smaller group's accounts in common with them.
    """
    shared = {name: len(accounts & track.accounts) for name, track in tracks.items()}
    return {
        name: number
        for name, number in shared.items()
        if number >= SAME_TRACK_OVERLAP * min(len(accounts), len(tracks[name].accounts))
    }


def match(overlaps: Sequence[Mapping[str, int]]) -> tuple[dict[int, str], dict[int, str]]:
    """Assign known names to groups. `overlaps` has for each group its accounts in common with campaigns
    (`shared_with`).

    Returns two dictionaries keyed by a group's index: its name, and the name of the campaign that it was
    split from. A name goes to the group with the largest overlap; other groups that prefer it are splits.
    """
    claims: dict[str, list[int]] = {}
    for place, shared in enumerate(overlaps):
        if shared:
            best = max(shared, key=lambda name: (shared[name], name))
            claims.setdefault(best, []).append(place)
    named: dict[int, str] = {}
    split: dict[int, str] = {}
    for name, places in claims.items():
        ordered = sorted(places, key=lambda p: (-overlaps[p][name], p))
        named[ordered[0]] = name
        split |= dict.fromkeys(ordered[1:], name)
    return named, split


def follow(
    tracks: dict[str, Track],
    found: Sequence[tuple[Mapping[str, Any], frozenset[str]]],
    at: str,
    unsure: Collection[int] = (),
) -> list[dict[str, Any]]:
    """Match the campaigns found now with the known ones, update `tracks` in place, and return the events.

    `found` has the facts and the accounts of each campaign; `at` is the time of the events in ISO 8601. A
    campaign gets the name of the known one with which it has most accounts in common, if these are at least
    `SAME_TRACK_OVERLAP` of the smaller one's; of several, the one with most accounts in common keeps the
    name. Events: `new` (with `split_from` after a split), `confirmed`, `grown`, `merged` (with `into`),
    `ended`, `returned`. Campaigns at the indices `unsure` continue a known campaign but start no new one. A
    confirmed campaign stays confirmed.
    """
    events: list[dict[str, Any]] = []
    overlaps = [shared_with(tracks, accounts) for _facts, accounts in found]
    named, split = match(overlaps)
    for place, (facts, accounts) in enumerate(found):
        if place in named:
            events += _again(tracks[named[place]], facts, accounts, at)
        elif place not in unsure:
            events.append(_new(tracks, facts, accounts, at, split.get(place)))
    new = {event["campaign"] for event in events if event["type"] == "new"}
    for name, track in tracks.items():
        if track.ended or name in new or name in named.values():
            continue
        heirs = [
            named[place]
            for place, shared in enumerate(overlaps)
            if name in shared and place in named and named[place] != name
        ]
        events.append(_end(track, tracks[heirs[0]] if heirs else None, at))
    return events


def _new(
    tracks: dict[str, Track], facts: Mapping[str, Any], accounts: frozenset[str], at: str, origin: str | None
) -> dict[str, Any]:
    """Add a campaign to `tracks`; returns the event. `origin` is the campaign that it was split from."""
    name = f"W{len(tracks) + 1:04}"
    lineage = [] if origin is None else [f"split from {origin}"]
    tracks[name] = Track(name=name, accounts=set(accounts), told=dict(facts), lineage=lineage, since=at)
    return _event("new", tracks[name], at) | ({} if origin is None else {"split_from": origin})


def _again(track: Track, facts: Mapping[str, Any], accounts: frozenset[str], at: str) -> list[dict[str, Any]]:
    """Update a campaign that is found again; returns its event, if it has one."""
    grew = any(facts[n] > GROWN * track.told[n] for n in ("accounts", "exchanges"))
    was = bool(track.told.get("confirmed"))
    now = was or bool(facts.get("confirmed"))
    kind = "returned" if track.ended else "confirmed" if now and not was else "grown" if grew else ""
    track.accounts |= accounts
    track.ended = False
    if not kind:
        return []
    track.told = {**facts, "confirmed": now}
    return [_event(kind, track, at)]


def _end(track: Track, heir: Track | None, at: str) -> dict[str, Any]:
    """End a campaign that is no longer found, or merge it into `heir`; returns the event."""
    track.ended = True
    if heir is None:
        return _event("ended", track, at)
    heir.lineage.append(f"merged with {track.name}")
    return _event("merged", track, at) | {"into": heir.name}


def _event(kind: str, track: Track, at: str) -> dict[str, Any]:
    """An event about a campaign followed over time."""
    return {"type": kind, "campaign": track.name, "at": at, "lineage": list(track.lineage)} | {
        name: value for name, value in track.told.items() if name != "at"
    }
