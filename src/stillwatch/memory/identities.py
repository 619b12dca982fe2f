"""How does a campaign keep its name while it grows, merges, splits, dies and returns?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SAME_TRACK_OVERLAP = 0.5  # of the smaller one's accounts in common: the same campaign
GROWN = 1.01  # times the accounts or exchanges last told of


@dataclass(slots=True, kw_only=True)
class Track:
    """A campaign over time: its accounts, whether it is still reported, where it came from, and `since`
    when it is known.
    """

    name: str
    accounts: set[str]
    told: dict[str, Any]
    ended: bool = False
    lineage: list[str] = field(default_factory=list)
    since: str = ""


def shared_with(tracks: Mapping[str, Track], accounts: frozenset[str]) -> dict[str, int]:
    """How many of these accounts each known campaign has, of those that share `SAME_TRACK_OVERLAP` of the
    smaller one's.
    """
    shared = {name: len(accounts & track.accounts) for name, track in tracks.items()}
    return {
        name: number
        for name, number in shared.items()
        if number >= SAME_TRACK_OVERLAP * min(len(accounts), len(tracks[name].accounts))
    }


def match(overlaps: Sequence[Mapping[str, int]]) -> tuple[dict[int, str], dict[int, str]]:
    """Which of several groups have which known names, and which were split from which; groups are
    numbered by place.
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
    """Match the campaigns that are found now with those known, change `tracks`, and tell what happened.

    `found` are a campaign's facts and its accounts. A campaign has the name of the known one it shares most
    accounts with, if that is `SAME_TRACK_OVERLAP` of the smaller; the larger of two keeps the name. Events:
    `new` (with `split_from` where it left another), `confirmed`, `grown`, `merged` (with `into`), `ended`,
    `returned`. What stands at the places `unsure` keeps a known campaign alive and begins none; once
    `confirmed`, a campaign stays so.
    """
    events: list[dict[str, Any]] = []
    overlaps = [shared_with(tracks, accounts) for _facts, accounts in found]
    named, split = match(overlaps)
    for place, (facts, accounts) in enumerate(found):
        if place not in named:
            if place in unsure:
                continue
            name = f"W{len(tracks) + 1:04}"
            lineage = [f"split from {split[place]}"] if place in split else []
            tracks[name] = Track(
                name=name, accounts=set(accounts), told=dict(facts), lineage=lineage, since=at
            )
            more = {"split_from": split[place]} if place in split else {}
            events.append(_event("new", tracks[name], at) | more)
            continue
        track = tracks[named[place]]
        grew = any(facts[n] > GROWN * track.told[n] for n in ("accounts", "exchanges"))
        was = bool(track.told.get("confirmed"))
        now = was or bool(facts.get("confirmed"))
        kind = "returned" if track.ended else "confirmed" if now and not was else "grown" if grew else ""
        track.accounts |= accounts
        track.ended = False
        if kind:
            track.told = {**facts, "confirmed": now}
            events.append(_event(kind, track, at))
    for name, track in tracks.items():
        if name in named.values() or track.ended:
            continue
        heirs = [
            named[p]
            for p, shared in enumerate(overlaps)
            if name in shared and p in named and named[p] != name
        ]
        if any(track is tracks[n] for n in (e["campaign"] for e in events if e["type"] == "new")):
            continue
        track.ended = True
        if heirs:
            tracks[heirs[0]].lineage.append(f"merged with {name}")
            events.append(_event("merged", track, at) | {"into": heirs[0]})
        else:
            events.append(_event("ended", track, at))
    return events


def _event(kind: str, track: Track, at: str) -> dict[str, Any]:
    return {"type": kind, "campaign": track.name, "at": at, "lineage": list(track.lineage)} | {
        name: value for name, value in track.told.items() if name != "at"
    }
