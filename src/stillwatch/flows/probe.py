"""The flow `probe`: the verdict on a table of trials (refused and spared accounts) in a log."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import __version__
from stillwatch.contract.trials import TRIALS
from stillwatch.errors import InputError, Problem
from stillwatch.flows.reading import Reading, rows_of
from stillwatch.foreign import visible
from stillwatch.probe import plan as plans
from stillwatch.probe.compare import GroupTraffic, Slots
from stillwatch.probe.judge import ALPHA, TOLERATED, WITHIN_S, ProbeResult, judge
from stillwatch.readers.read import read_small

# Columns that identify the work of a request whose text is absent.
SHAPE = ("model", "input_tokens", "max_tokens", "temperature", "top_p")
# Columns of exchanges that a judgement of a probe reads.
COLUMNS = ("timestamp", "account_id", "organization_id", "status", "prompt", "system_prompt", *SHAPE)
FAULTS_SHOWN = 5  # most unusable rows of a table that are reported one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementTerms:
    """Terms of a judgement; None where the plan's or the default value is used.

    `within_s` is the time in seconds after a refusal in which requests of other accounts are compared,
    `alpha` the level of the test, and `tolerated` the share of refused requests that may move between
    accounts of an honest group. `natural` is True where an outage, not a random draw, decided which accounts
    were refused.
    """

    within_s: float | None = None
    alpha: float = ALPHA
    tolerated: float | None = None
    natural: bool = False
    plan: Path | None = None
    secret: Path | None = None


def judged(trials: Path, logs: Sequence[str], terms: JudgementTerms, reading: Reading) -> dict[str, Any]:
    """The verdict on a table of trials, from the requests in `logs`, as a dictionary (`as_values`).

    Raises `InputError` where the table has no usable row, the log has no request of its accounts, or the plan
    was changed.
    """
    table, warnings = read_trials(trials)
    held = plans.read(terms.plan) if terms.plan else None
    secret = plans.read_secret(terms.secret) if terms.secret else None
    tolerated = terms.tolerated if terms.tolerated is not None else held.tolerated if held else TOLERATED
    departures = plans.departures(held, secret, table, tolerated) if held else []
    members = sorted(set(table["account_id"].to_pylist()) | set(held.accounts if held else ()))
    traffic, unread = traffic_of(logs, members, reading)
    if not len(traffic.at):
        raise InputError(
            Problem(
                fact="no account of the trials is in the log",
                where=str(trials),
                found=f"{len(members):,} accounts, none of which has a request",
                expected="account ids as the log has them",
            )
        )
    slots = slots_of(table, members)
    within = terms.within_s if terms.within_s is not None else float(held.within_s) if held else WITHIN_S
    result = judge(
        slots,
        traffic,
        within_s=within,
        hold_s=held.hold_s if held else None,
        alpha=terms.alpha,
        tolerated=tolerated,
        natural=terms.natural,
        name=held.sha256 if held else "stillwatch",
    )
    return as_values(result, departures, held, within, [*warnings, *unread])


def as_values(
    result: ProbeResult,
    departures: list[str],
    held: plans.ProbePlan | None,
    within_s: float,
    warnings: list[str],
) -> dict[str, Any]:
    """The verdict as a dictionary for JSON."""
    interval = result.displaced
    return {
        "version": __version__,
        "verdict": result.verdict,
        "statement": statement(result),
        "basis": result.basis,
        "guarantee": result.guarantee,
        "log10_e": result.log10_e,
        "p_value": result.p_value,
        "alpha": result.alpha,
        "tolerated_share": result.tolerated,
        "any_pair": {"log10_e": result.pair_log10_e, "p_value": result.pair_p_value},
        "trials": result.trials,
        "refusals": result.refusals,
        "comparisons": result.comparisons,
        "hits": result.hits,
        "hits_by_chance": result.hits_by_chance,
        "displaced": None
        if interval is None
        else {"share": interval.value, "low": interval.low, "high": interval.high, "measure": result.measure},
        "settled_after_refusals": result.settled_after,
        "within_s": within_s,
        "harm": asdict(result.harm),
        "plan": None if held is None else {"sha256": held.sha256, "departures": departures},
        "warnings": [*warnings, *result.warnings],
    }


def statement(result: ProbeResult) -> str:
    """The verdict as a sentence."""
    share = ""
    if result.displaced is not None:
        low, value, high = (
            f"{100 * x:.0f}" for x in (result.displaced.low, result.displaced.value, result.displaced.high)
        )
        share = (
            f"the work of {value} % of refused requests ({low} to {high} %) was taken up by other accounts"
            if result.measure == "same_request"
            else f"the work of at least {low} % of refused requests was taken up by other accounts"
        )
    won = (
        f"{result.hits:,} of {result.comparisons:,} refused requests were followed by more work of others "
        f"than those that were spared ({result.hits_by_chance:.0f} by chance)"
    )
    if result.verdict == "one_hand":
        ground = (
            ""
            if result.basis == "coin"
            else ", if the moments had nothing to do with what the others did anyway"
        )
        return f"one hand holds accounts of this group{ground}: {won}; {share}; e = 10^{result.log10_e:.1f}"
    if result.verdict == "no_movement":
        return f"refused work does not move to other accounts: {won}; {share}"
    return f"undecided: {won}{'; ' + share if share else ''}"


def read_trials(path: Path) -> tuple[pa.Table, list[str]]:
    """The table of trials in order of time, and messages on rows that are not used.

    Raises `InputError` where no row can be used, or an account was both refused and spared at one moment.
    """
    table, lost = read_small(path, TRIALS)
    notes = [
        f"{visible(str(path), 200)}: {row['rows']:,} row(s) not used: {row['reason']} (row {row['row']})"
        for row in lost.to_pylist()[:FAULTS_SHOWN]
    ]
    if lost.num_rows > FAULTS_SHOWN:
        notes.append(f"{visible(str(path), 200)}: {lost.num_rows - FAULTS_SHOWN:,} more faults")
    if not table.num_rows:
        raise InputError(
            Problem(
                fact="the table of trials has no row that can be used",
                where=str(path),
                found=notes[0] if notes else "no row",
                expected=", ".join(f"`{name}`" for name in TRIALS.names),
            )
        )
    once = table.group_by(list(TRIALS.names)).aggregate([]).select(list(TRIALS.names))
    if once.num_rows < table.num_rows:
        notes.append(
            f"{table.num_rows - once.num_rows:,} rows of the trials stand there twice and count once"
        )
    both = once.group_by(["trial", "account_id", "at"]).aggregate([("failed", "count")])
    if pc.any(pc.greater(both["failed_count"], 1)).as_py():
        row = both.filter(pc.greater(both["failed_count"], 1)).slice(0, 1).to_pylist()[0]
        raise InputError(
            Problem(
                fact="an account was both refused and spared at one moment",
                where=str(path),
                found=f"trial {row['trial']}, account {row['account_id']}",
                expected="one row of `failed` for each trial, moment and account",
            )
        )
    return once.sort_by([("at", "ascending"), ("trial", "ascending"), ("account_id", "ascending")]), notes


def slots_of(table: pa.Table, members: Sequence[str]) -> Slots:
    """Trials as arrays; trials are numbered in order of their first moment, accounts by their place in
    `members` (sorted).
    """
    at = table["at"].cast(pa.int64()).to_numpy()
    names = np.asarray(table["trial"].to_pylist(), dtype=object)
    _, number = np.unique(names.astype(str), return_inverse=True)
    first = np.full(int(number.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, number, at)
    place = np.argsort(np.argsort(first, kind="stable"), kind="stable")
    account = np.searchsorted(
        np.asarray(members, dtype=object), np.asarray(table["account_id"].to_pylist(), dtype=object)
    )
    slots = Slots(
        trial=place[number].astype(np.int64), at=at.astype(np.int64), account=account.astype(np.int64),
        failed=np.asarray(table["failed"].to_pylist(), dtype=np.bool_),
    )  # fmt: skip
    return slots.take(np.lexsort((slots.account, slots.at, slots.trial)))


def traffic_of(
    logs: Sequence[str], members: Sequence[str], reading: Reading
) -> tuple[GroupTraffic, list[str]]:
    """Requests of the accounts `members` in logs, and messages on what was not read."""
    notes: list[str] = []
    return gathered(rows_of(logs, reading, notes), members), notes


def gathered(tables: Iterable[pa.Table], members: Sequence[str]) -> GroupTraffic:
    """Requests of the accounts `members` in tables of exchanges, sorted by time.

    Text is replaced by a digest under a random key, which is not stored.
    """
    key = secrets.token_bytes(16)
    wanted = pa.array(members, pa.string())
    parts: list[tuple[np.ndarray[Any, Any], ...]] = []
    organizations: dict[str, str] = {}
    for table in tables:
        rows = table.select([name for name in COLUMNS if name in table.column_names])
        place = pc.index_in(rows["account_id"], value_set=wanted)
        keep = pc.is_valid(place)
        rows, place = rows.filter(keep), place.filter(keep)
        if not rows.num_rows:
            continue
        if "organization_id" in rows.column_names:
            owned = rows.select(["account_id", "organization_id"]).drop_null()
            organizations.update(zip(owned[0].to_pylist(), owned[1].to_pylist(), strict=True))
        known = "status" in rows.column_names
        status = rows["status"].fill_null(-1).to_numpy() if known else np.full(rows.num_rows, -1)
        parts.append(
            (
                rows["timestamp"].cast(pa.int64()).to_numpy(),
                place.to_numpy().astype(np.int64),
                _work(rows, key),
                np.asarray(status, dtype=np.int64),
            )
        )
    columns = (
        [np.concatenate(some) for some in zip(*parts, strict=True)] if parts else [np.zeros(0, np.int64)] * 4
    )
    at, account, work, status = columns
    order = np.lexsort((account, at))
    numbers = {name: number for number, name in enumerate(sorted(set(organizations.values())))}
    owner = np.array([numbers.get(organizations.get(name, ""), -1) for name in members], dtype=np.int64)
    return GroupTraffic(
        at=at[order], account=account[order], work=work[order], status=status[order], organization=owner
    )


def _work(rows: pa.Table, key: bytes) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A number for the content of each request: a digest of its text without case and white space, or else of
    its parameters; -1 where neither is known.
    """
    wanted = ("prompt", "system_prompt", *SHAPE)
    columns = {name: rows[name].to_pylist() for name in wanted if name in rows.column_names}
    none = [None] * rows.num_rows
    prompts, systems = columns.get("prompt", none), columns.get("system_prompt", none)
    shapes = list(zip(*(columns.get(name, none) for name in SHAPE), strict=True))
    out = np.full(rows.num_rows, -1, dtype=np.int64)
    for number, (prompt, system, shape) in enumerate(zip(prompts, systems, shapes, strict=True)):
        if prompt:
            text = " ".join(f"{system or ''}\0{prompt}".casefold().split())
        elif shape[1] is not None:
            text = repr(shape)
        else:
            continue
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=8).digest()
        out[number] = int.from_bytes(digest, "big") >> 1
    return out
