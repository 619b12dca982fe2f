"""Comparison of results with labels by people. Labels are not used for training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stillwatch.contract import results as contract
from stillwatch.errors import Problem, UsageError
from stillwatch.flows.remembered import accounts_of
from stillwatch.memory.labels import VALUES, LabelsInForce, in_force
from stillwatch.memory.targets import RESULTS_OF_A_STATE
from stillwatch.results.folder import check_results, read_table


def score_labels(folder: Path) -> dict[str, Any]:
    """Share of reported accounts among those labelled `campaign` and among those labelled `honest`, and the
    changes that the labels would make to the results.

    `folder` is a results folder, or the state of a watch. An account's own label outweighs that of its group.
    A share is None where no account has the label. Raises `UsageError` where the folder has no label in
    force, and `StateError` where it has no results.
    """
    results = (
        folder if (folder / f"{contract.CAMPAIGNS.name}.parquet").exists() else folder / RESULTS_OF_A_STATE
    )
    check_results(results)
    labels = in_force([folder, *([results] if results != folder else [])])
    if not labels:
        raise UsageError(
            Problem(
                fact="no label is in force here",
                where=str(folder),
                fix=f"stillwatch label {folder} TARGET --verdict honest --reason TEXT",
            )
        )
    groups = accounts_of(read_table(results, contract.MEMBERS), "campaign_id")
    reported = frozenset[str]().union(*groups.values())
    verdicts = _verdicts(labels)
    honest = {name for name, verdict in verdicts.items() if verdict == "honest"}
    guilty = {name for name, verdict in verdicts.items() if verdict == "campaign"}
    return {
        "labels": len(labels.labels),
        "honest": _counted(len(honest & reported), len(honest)),
        "campaign": _counted(len(guilty & reported), len(guilty)),
        "would_change": _changes(groups, labels, honest, guilty - reported, results),
    }


def _verdicts(labels: LabelsInForce) -> dict[str, str]:
    """Verdict of each labelled account; an account's own label replaces that of its group."""
    found: dict[str, str] = {}
    for one in reversed(labels.groups):
        found |= dict.fromkeys(one.accounts, one.verdict)
    return found | {one.target: one.verdict for one in labels.labels if one.kind == "account"}


def _counted(reported: int, labelled: int) -> dict[str, Any]:
    """Numbers of labelled and of reported accounts, and the share (None without a label)."""
    return {
        "labelled": labelled,
        "reported": reported,
        "share": round(reported / labelled, 4) if labelled else None,
    }


def _changes(
    groups: dict[str, frozenset[str]],
    labels: LabelsInForce,
    honest: set[str],
    missed: set[str],
    results: Path,
) -> list[dict[str, Any]]:
    """Changes that the labels would make: one dictionary (`campaign_id`, `accounts`, `change`) for each."""
    changes: list[dict[str, Any]] = []
    for name, accounts in sorted(groups.items()):
        whole = labels.of_group(accounts)
        if whole is not None and whole.verdict == "honest":
            changes.append(
                {
                    "campaign_id": name,
                    "accounts": len(accounts),
                    "change": f"would not be reported: {whole.statement}",
                }
            )
        elif spared := accounts & honest:
            changes.append(
                {
                    "campaign_id": name,
                    "accounts": len(spared),
                    "change": "members labelled honest would be left out",
                }
            )
    for row in read_table(results, contract.EVIDENCE).to_pylist():
        label = labels.values.get((row["kind"], row["value"]))
        if label is not None and label.kind in VALUES and label.is_sparing:
            changes.append(
                {
                    "campaign_id": row["campaign_id"],
                    "accounts": row["accounts"],
                    "change": f"evidence would not count: {label.statement}",
                }
            )
    if missed:
        changes.append(
            {
                "campaign_id": "",
                "accounts": len(missed),
                "change": "accounts labelled a campaign's that were not reported",
            }
        )
    return changes
