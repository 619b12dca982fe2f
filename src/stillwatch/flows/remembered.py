"""Labels and lasting names of campaigns, written into the results of a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.memory.labels import Label, LabelsInForce, in_force
from stillwatch.memory.names import name_campaigns, read_tracks, write_tracks
from stillwatch.results.folder import read_table, write_table

Accounts = Mapping[str, frozenset[str]]


def remember(folder: Path, out: Path, places: Sequence[Path], until: str | None) -> list[dict[str, Any]]:
    """Write the tables of names and labels to `folder`, which will replace the results folder `out`; returns
    the labels of campaigns for the overview.

    Labels are read from `out` and the folders `places`. `until` is the end of the log in ISO 8601; None where
    the log is empty or campaigns get no lasting names. Raises `StateError` where labels or names cannot be
    read.
    """
    campaigns = read_table(folder, contract.CAMPAIGNS).to_pylist()
    members = accounts_of(read_table(folder, contract.MEMBERS), "campaign_id")
    names = contract.NAMES.empty()
    if until is not None:
        tracks = read_tracks(out)
        names = name_campaigns(tracks, campaigns, members, datetime.fromisoformat(until))
        write_tracks(folder, tracks)
    write_table(folder, contract.NAMES, names)
    write_table(folder, contract.LABELLED, contract.LABELLED.empty())
    labels = in_force([out, *places])
    if not labels:
        return []
    groups = members | accounts_of(read_table(folder, contract.LEAD_MEMBERS), "lead_id")
    evidence = read_table(folder, contract.EVIDENCE).to_pylist()
    rows = [row for name, accounts in groups.items() for row in labelled(name, accounts, evidence, labels)]
    write_table(folder, contract.LABELLED, pa.Table.from_pylist(rows, contract.LABELLED.arrow))
    return [
        {"campaign_id": row["group_id"], "verdict": row["verdict"], "statement": row["statement"]}
        for row in rows
        if row["account_id"] is None and row["value"] is None and row["group_id"] in members
    ]


def accounts_of(table: pa.Table, named_by: str) -> dict[str, frozenset[str]]:
    """Accounts of each group; `named_by` is the column with the group's name."""
    found: dict[str, set[str]] = {}
    for row in table.to_pylist():
        found.setdefault(row[named_by], set()).add(row["account_id"])
    return {name: frozenset(accounts) for name, accounts in found.items()}


def labelled(
    group: str, accounts: frozenset[str], evidence: Sequence[Mapping[str, Any]], labels: LabelsInForce
) -> list[dict[str, Any]]:
    """Rows of the table of labels for a group: labels on the group, on its accounts, and on values that its
    members share.
    """
    whole = labels.of_group(accounts)
    rows = [_row(group, whole)] if whole else []
    for account in sorted(accounts):
        own = labels.of("account", account)
        if own:
            rows.append(_row(group, own, account=account))
    for one in evidence:
        label = labels.values.get((one["kind"], one["value"])) if one["campaign_id"] == group else None
        if label:
            rows.append(_row(group, label, value=f"{one['kind']}={one['value']}"))
    return rows


def _row(group: str, label: Label, account: str | None = None, value: str | None = None) -> dict[str, Any]:
    """The row of a label for the table `labels`."""
    return {
        "group_id": group,
        "account_id": account,
        "value": value,
        "verdict": label.verdict,
        "author": label.author,
        "reason": label.reason,
        "labelled_at": label.at.astimezone(UTC),
        "expires": label.expires.astimezone(UTC) if label.expires else None,
        "statement": label.statement,
    }
