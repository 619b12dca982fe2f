"""Plan of a probe, fixed before the first request is refused: accounts, times, dose, bound of harm and the
coin, under one SHA-256.

The public part contains everything but the coin, of which it has a digest; the secret part is the coin's
seed of 256 bits. Both together determine every outcome (`ProbePlan.trials`). The digest shows that a plan is
intact; a time stamp (RFC 3161) over it shows that it existed beforehand, as for `prove plan`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from stillwatch.contract.trials import TRIALS
from stillwatch.engine.files import atomic
from stillwatch.errors import InputError, Problem, UsageError
from stillwatch.package.committed import CommittedPlan

# Name and version of the formats of a plan and of its secret.
FORMAT, SECRET = "stillwatch-probe-plan-1", "stillwatch-probe-secret-1"
SECOND = 1_000_000  # microseconds
SHOWN = 3  # most departures of one kind that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan(CommittedPlan):
    """What is committed to before a probe.

    * `begins`, `ends`: microseconds since 1970; the hours of this span are cut into `moments` equal parts and
      one moment is drawn in each.
    * `hours`: first and last hour (UTC) in which a moment may lie, the last exclusive.
    * `slots` accounts are drawn at each moment, of which the coin refuses `refused`; every `sham`-th moment
      on average is spared as a whole (0: none).
    * `hold_s`: seconds to wait for a drawn account's next request. `within_s`: seconds after it in which
      others' work is examined.
    * `most`: most refusals of one account.
    """

    group: str
    accounts: tuple[str, ...]
    begins: int
    ends: int
    hours: tuple[int, int]
    moments: int
    slots: int
    refused: int
    sham: int
    hold_s: int
    within_s: int
    most: int
    tolerated: float
    alpha: float
    author: str
    seed_sha256: str

    FORM: ClassVar = FORMAT
    NOUN: ClassVar = "plan of a probe"
    MADE_BY: ClassVar = "stillwatch probe plan"
    WHY: ClassVar = "a plan that fits the outcome is no plan"

    @property
    def refusals(self) -> int:
        """Most refused requests in all."""
        return self.moments * self.refused

    def fault(self) -> str:
        """The first reason for which the plan is impossible."""
        return next((fact for fact, _found, _fix in _faults(self)), "")

    def trials(self, seed: bytes) -> pa.Table:
        """All trials in time order, in the form of the contract's table; `seed` is the committed one."""
        draw = _Coin(seed)
        rows: list[tuple[str, int, str, bool]] = []
        given = dict.fromkeys(self.accounts, 0)
        for number in range(self.moments):
            at = self._moment(draw, number)
            is_sham = bool(self.sham) and draw.share("sham", number) < 1.0 / self.sham
            # Accounts drawn least often come first, so that harm is spread evenly.
            order = sorted(self.accounts, key=lambda one: (given[one], draw.share("drawn", number, one)))
            drawn = order[: self.slots]
            for one in drawn:
                given[one] += 1
            coin = sorted(drawn, key=lambda one: draw.share("coin", number, one))
            failed = set() if is_sham else set(coin[: self.refused])
            rows += [(f"m{number + 1}", at, one, one in failed) for one in sorted(drawn)]
        trial, moment, account, refused = zip(*rows, strict=True)
        return TRIALS.conform(
            pa.table(
                {
                    "trial": pa.array(trial, pa.string()),
                    "at": pa.array(moment, pa.int64()),
                    "account_id": pa.array(account, pa.string()),
                    "failed": pa.array(refused, pa.bool_()),
                }
            )
        )

    @property
    def windows(self) -> list[tuple[int, int]]:
        """Spans (microseconds) in which moments may lie: the whole span, or the allowed hours of each day
        minus the length of a trial.
        """
        if self.hours == (0, 24):
            return [(self.begins, self.ends)]
        day, hour = 86_400 * SECOND, 3600 * SECOND
        out = []
        for start in range(self.begins // day * day, self.ends, day):
            low = max(self.begins, start + self.hours[0] * hour)
            high = min(self.ends, start + self.hours[1] * hour - (self.hold_s + self.within_s) * SECOND)
            if high > low:
                out.append((low, high))
        return out

    @property
    def part(self) -> int:
        """Microseconds of the windows for each moment."""
        return sum(high - low for low, high in self.windows) // max(self.moments, 1)

    def _moment(self, draw: _Coin, number: int) -> int:
        """The time of a moment: uniform in its part of the windows, except for the end, which the trial
        needs.
        """
        room = max(self.part - (self.hold_s + self.within_s) * SECOND, SECOND)
        offset = number * self.part + int(draw.share("moment", number) * room)
        for low, high in self.windows:
            if offset < high - low:
                return low + offset
            offset -= high - low
        return self.windows[-1][1]


class _Coin:
    """Numbers in [0, 1) determined by the seed and names: HMAC-SHA-256."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed

    def share(self, *parts: object) -> float:
        """A number from 0 to 1 that the seed and the parts determine."""
        seed = "|".join(map(str, parts)).encode()
        return int.from_bytes(hmac.digest(self.seed, seed, "sha256")[:7], "big") / (1 << 56)


def make(
    accounts: Sequence[str],
    *,
    group: str,
    begins: datetime,
    ends: datetime,
    hours: tuple[int, int],
    moments: int,
    slots: int,
    refused: int,
    sham: int,
    hold_s: int,
    within_s: int,
    most: int,
    tolerated: float,
    alpha: float,
    author: str,
) -> tuple[ProbePlan, bytes]:
    """Make a plan and its secret seed; the parameters are the fields of `ProbePlan`.

    Raises `UsageError` for an impossible plan, or one that could exceed the bound of harm.
    """
    seed = secrets.token_bytes(32)
    plan = ProbePlan(
        group=group,
        accounts=tuple(sorted(set(accounts))),
        begins=_micros(begins),
        ends=_micros(ends),
        hours=hours,
        moments=moments,
        slots=min(slots, len(set(accounts))),
        refused=refused,
        sham=sham,
        hold_s=hold_s,
        within_s=within_s,
        most=most,
        tolerated=tolerated,
        alpha=alpha,
        author=author,
        seed_sha256=hashlib.sha256(seed).hexdigest(),
    )
    if problems := _faults(plan):
        raise UsageError(*(Problem(fact=fact, found=found, fix=fix) for fact, found, fix in problems))
    return plan, seed


def _micros(moment: datetime) -> int:
    """Microseconds since 1970 of a time; UTC where it has no zone."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(zoned.timestamp()) * SECOND


def _faults(plan: ProbePlan) -> list[tuple[str, str, str]]:
    """Fault, value and expectation for each thing that is wrong with a plan."""
    out = []
    has_hours = 0 <= plan.hours[0] < plan.hours[1] <= 24
    part = plan.part / SECOND if has_hours else 0.0
    if len(plan.accounts) < 4:
        out.append(("a group of fewer than four accounts cannot be probed", str(len(plan.accounts)), ""))
    if not 0 < plan.refused < plan.slots:
        out.append(
            (
                "at every moment some drawn accounts must be refused and some spared",
                f"{plan.refused} of {plan.slots}",
                "--slots 10 --refused 1",
            )
        )
    if plan.moments < 1 or (has_hours and part < plan.hold_s + plan.within_s + 1):
        out.append(
            (
                "the moments do not fit into the time",
                f"{part:.0f} s each, {plan.hold_s + plan.within_s} s needed",
                "fewer --moments, a shorter --hold or --within, more --hours, or a later --until",
            )
        )
    worst = -(-plan.moments * plan.slots // max(len(plan.accounts), 1))
    if worst > plan.most and plan.refused:
        out.append(
            (
                "an account could be refused more often than the bound of harm allows",
                f"{worst} times, {plan.most} allowed",
                f"fewer --moments or --slots, or --most {worst}",
            )
        )
    if not has_hours:
        out.append(("the hours are none", f"{plan.hours[0]} to {plan.hours[1]}", "--hours 8 20"))
    if not 0 < plan.alpha < 1 or not 0 <= plan.tolerated < 1:
        out.append(("level or tolerated share out of range", f"{plan.alpha:g}, {plan.tolerated:g}", ""))
    return out


read = ProbePlan.read


def write_secret(path: Path, seed: bytes, plan: ProbePlan) -> None:
    """Write the seed, readable by its owner only."""
    with atomic(path, private=True) as temporary:
        held = {"format": SECRET, "plan_sha256": plan.sha256, "seed": seed.hex()}
        temporary.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")


def read_secret(path: Path) -> bytes:
    """Read the seed, 32 bytes; raises `InputError` where the file has none."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        seed = bytes.fromhex(held["seed"]) if held["format"] == SECRET else b""
        if len(seed) != 32:
            raise ValueError("no seed of 32 bytes")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            Problem(
                fact="this is no secret of a probe",
                where=str(path),
                found=type(error).__name__,
                expected=f"what `stillwatch probe plan --secret` writes ({SECRET})",
            )
        ) from None
    return seed


def same_secret(plan: ProbePlan, seed: bytes) -> None:
    """Raise `InputError` where the seed is not the committed one."""
    if hashlib.sha256(seed).hexdigest() != plan.seed_sha256:
        raise InputError(
            Problem(
                fact="the secret is not the one that the plan committed to",
                expected=plan.seed_sha256,
                found=hashlib.sha256(seed).hexdigest(),
            )
        )


def departures(plan: ProbePlan, seed: bytes | None, table: pa.Table, tolerated: float) -> list[str]:
    """Differences between plan and execution, as sentences; empty without any.

    `seed` None leaves the coin unchecked; raises `InputError` for a seed that is not the committed one.
    """
    out = []
    if abs(tolerated - plan.tolerated) > 1e-12:
        out.append(f"the tolerated share is {tolerated:g}, {plan.tolerated:g} was planned")
    strangers = set(table["account_id"].to_pylist()) - set(plan.accounts)
    if strangers:
        out.append(f"{len(strangers):,} accounts of the trials are not in the plan")
    if seed is None:
        return [*out, "the coin was not checked: no secret was given"]
    same_secret(plan, seed)
    planned = {(r["trial"], r["account_id"]): (r["at"], r["failed"]) for r in plan.trials(seed).to_pylist()}
    done = {(r["trial"], r["account_id"]): (r["at"], r["failed"]) for r in table.to_pylist()}
    other = [key for key, value in done.items() if planned.get(key) not in (None, value)]
    added = [key for key in done if key not in planned]
    first = {name for name, _ in done}
    missing = [key for key in planned if key[0] in first and key not in done]
    for keys, fact in (
        (other, "have another moment or outcome than the coin gave"),
        (added, "were not planned"),
        (missing, "were planned in these trials and are not there"),
    ):
        if keys:
            named = ", ".join(f"{trial} {account}" for trial, account in keys[:SHOWN])
            out.append(f"{len(keys):,} rows {fact} ({named}{', ...' if len(keys) > SHOWN else ''})")
    return out
