"""Targets of labels: resolves a name that a person typed against the groups of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.contract.table import TableSchema
from stillwatch.errors import Problem, StateError, UsageError
from stillwatch.memory.labels import GROUPS, KINDS, VALUES, Known, TargetKind
from stillwatch.suggestions import did_you_mean

RESULTS_OF_A_STATE = "results"  # folder, in a watch's state, with the results of its last judgement
LEDGER = "ledger.json"  # file by which the state of a watch is recognised


def folders_of(results: Path, state: Path | None = None) -> list[Path]:
    """Folders whose labels apply to a results folder: itself, the state of the watch that contains it, and
    the guard's state `state` (None: no guard).
    """
    watch = results.resolve().parent
    return [results, *([watch] if (watch / LEDGER).exists() else []), *([state] if state else [])]


def known_in(folder: Path) -> Known:
    """Groups of a results folder, or of a watch's state with its lasting names.

    Raises `StateError` where the folder does not exist or a file cannot be read.
    """
    if not folder.is_dir():
        raise StateError(
            Problem(
                fact=f"`{folder}` is no folder",
                where=str(folder),
                expected="a results folder, or the state of a watch or guard",
            )
        )
    known = Known()
    for place in (folder, folder / RESULTS_OF_A_STATE):
        if (place / f"{contract.CAMPAIGNS.name}.parquet").exists():
            _of_results(place, known)
    if (folder / LEDGER).exists():
        _of_watch(folder / LEDGER, known)
    return known


def _of_results(folder: Path, known: Known) -> None:
    """Add the campaigns, leads and values of a results folder."""
    known.campaigns |= _groups(folder, contract.MEMBERS, "campaign_id")
    known.leads |= _groups(folder, contract.LEAD_MEMBERS, "lead_id")
    for row in _rows(folder, contract.NAMES).to_pylist():
        known.campaigns[row["name"]] = known.campaigns.get(row["campaign_id"], frozenset())


def _groups(folder: Path, schema: TableSchema, named_by: str) -> dict[str, frozenset[str]]:
    """Accounts of each group in a table of members."""
    found: dict[str, set[str]] = {}
    for row in _rows(folder, schema).to_pylist():
        found.setdefault(row[named_by], set()).add(row["account_id"])
    return {name: frozenset(accounts) for name, accounts in found.items()}


def _rows(folder: Path, schema: TableSchema) -> pa.Table:
    """A table of a results folder, empty where absent. Raises `StateError` where it cannot be read."""
    import pyarrow.parquet as pq

    path = folder / f"{schema.name}.parquet"
    if not path.exists():
        return schema.empty()
    try:
        return schema.conform(pq.read_table(path))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise StateError(
            Problem(
                fact=f"`{path.name}` cannot be read",
                where=str(path),
                found=type(error).__name__,
                fix="stillwatch scan LOGS --out RESULTS",
            )
        ) from error


def _of_watch(path: Path, known: Known) -> None:
    """Add the campaigns of a watch. Raises `StateError` where its ledger cannot be read."""
    try:
        tracks = json.loads(path.read_bytes()).get("tracks", {})
        known.campaigns |= {name: frozenset(one["accounts"]) for name, one in tracks.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            Problem(fact="the ledger cannot be read", where=str(path), found=type(error).__name__)
        ) from error


def resolve(text: str, known: Known) -> tuple[TargetKind, str, frozenset[str]]:
    """Kind, name and accounts of a target; the accounts are empty where it is no campaign or lead.

    A target is `KIND:NAME` (`account:a17`, `campaign:C1`, `indicator:email_domain=uni.example`), or the bare
    name of a known campaign, lead or member account. Raises `UsageError` for anything else.
    """
    kind, colon, name = text.partition(":")
    if colon and kind in KINDS:
        return _prefixed(kind, name, text, known)
    if text in known.campaigns:
        return "campaign", text, known.campaigns[text]
    if text in known.leads:
        return "lead", text, known.leads[text]
    if text in known.accounts:
        return "account", text, frozenset()
    groups = [*known.campaigns, *known.leads]
    raise UsageError(
        Problem(
            fact=f"nothing here is called `{text}`",
            expected=", ".join(groups[:10]) or "this folder has no campaign and no lead",
            why="a bare name is that of a campaign, a lead, or an account of one",
            fix=did_you_mean(text, groups) or f"for any account of the log: account:{text}",
        )
    )


def _prefixed(kind: TargetKind, name: str, text: str, known: Known) -> tuple[TargetKind, str, frozenset[str]]:
    """Kind, name and accounts of a target with a prefix `KIND:`; `text` is the whole target."""
    if kind in VALUES and not all(name.partition("=")):
        raise UsageError(
            Problem(
                fact=f"`{text}` names no value",
                expected=f"{kind}:KIND=VALUE, such as {kind}:email_domain=uni.example",
            )
        )
    if not name:
        raise UsageError(Problem(fact=f"`{text}` names nothing", expected=f"{kind}:NAME"))
    if kind in GROUPS:
        groups = known.campaigns if kind == "campaign" else known.leads
        if name not in groups:
            raise UsageError(
                Problem(
                    fact=f"no {kind} here is called `{name}`",
                    expected=", ".join(groups) or f"this folder has no {kind}",
                    fix=did_you_mean(name, groups),
                )
            )
        return kind, name, groups[name]
    return kind, name, frozenset()
