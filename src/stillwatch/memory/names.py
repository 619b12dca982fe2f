"""Names of campaigns that last over repeated scans into one results folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.contract.results import NAMES
from stillwatch.errors import Problem, StateError
from stillwatch.memory.identities import Track, follow, match, shared_with

TRACKS = "tracks.json"  # file with the names of campaigns over scans


def read_tracks(folder: Path) -> dict[str, Track]:
    """The campaigns of earlier scans into a results folder, by name; empty where there was none.

    Raises `StateError` where the file exists and cannot be read.
    """
    path = folder / TRACKS
    try:
        rows = json.loads(path.read_bytes())["tracks"]
        return {name: Track.of(one) for name, one in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateError(
            Problem(
                fact=f"`{TRACKS}` of the results cannot be read",
                where=str(path),
                found=type(error).__name__,
                why="it holds the names of the campaigns of earlier scans",
                fix="remove it: names begin anew",
            )
        ) from error


def name_campaigns(
    tracks: dict[str, Track],
    campaigns: Sequence[Mapping[str, Any]],
    members: Mapping[str, frozenset[str]],
    at: datetime,
) -> pa.Table:
    """The table `names` for the campaigns of a scan; updates `tracks` in place.

    `campaigns` are rows of the table `campaigns`, `members` their accounts by `campaign_id`, and `at` is the
    end of the log.
    """
    found = [
        ({name: row[name] for name in ("campaign_id", "accounts", "exchanges")}, members[row["campaign_id"]])
        for row in campaigns
    ]
    named, _split = match([shared_with(tracks, accounts) for _facts, accounts in found])
    names = {found[place][0]["campaign_id"]: name for place, name in named.items()}
    for event in follow(tracks, found, at.isoformat()):
        if event["type"] == "new":
            names[event["campaign_id"]] = event["campaign"]
    rows = [
        {
            "campaign_id": campaign,
            "name": name,
            "known_since": datetime.fromisoformat(tracks[name].since).astimezone(UTC),
            "lineage": list(tracks[name].lineage),
        }
        for campaign, name in sorted(names.items())
    ]
    return pa.Table.from_pylist(rows, NAMES.arrow)


def write_tracks(folder: Path, tracks: Mapping[str, Track]) -> None:
    """Write `tracks` to a results folder, for the next scan."""
    rows = {name: asdict(track) | {"accounts": sorted(track.accounts)} for name, track in tracks.items()}
    (folder / TRACKS).write_text(json.dumps({"tracks": rows}, sort_keys=True) + "\n")
