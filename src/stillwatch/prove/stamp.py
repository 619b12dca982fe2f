"""Was a plan there before the first question was asked?

A digest shows that a plan's file is whole, and nothing more: whoever edits a plan can compute it anew. What
protects it is the time stamp of an authority (RFC 3161) over the plan's file, which nobody else can make, if
its time is before the first question's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stillwatch.errors import InputError, Problem
from stillwatch.package.stamp import MOST, fault_of, time_of

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When an authority saw the plan's file (ISO 8601, UTC), and whether its signature was checked
    against certificates.
    """

    at: str
    is_verified: bool


def beside(plan: Path) -> Path:
    """Where a plan's time stamp is, unless another place is given."""
    return plan.with_name(f"{plan.name}.tsr")


def check(plan: Path, response: Path | None, authority: Path | None) -> Stamp | None:
    """The time stamp of a plan's file; none where there is none.

    `authority` has the certificates that are trusted, as PEM. Raises `InputError` for a stamp of another
    file, with a hash other than SHA-256, or with a signature that the certificates do not lead to.
    """
    response = response or beside(plan)
    if not response.is_file():
        return None
    with response.open("rb") as file:
        held = file.read(MOST)
    fault = fault_of(held, plan.read_bytes(), authority)
    if fault is not None:
        raise InputError(
            Problem(
                fact="the plan's time stamp does not hold",
                where=str(response),
                found=fault,
                expected=f"a response of RFC 3161 over the SHA-256 of {plan.name}",
                why="a plan that was edited after it was stamped is no plan",
                fix=f"openssl ts -query -data {plan} -sha256 -cert -out {plan.name}.tsq, and have an "
                f"authority answer it",
            )
        )
    return Stamp(at=time_of(held), is_verified=authority is not None)


def first_of(times: Sequence[int | None]) -> str | None:
    """The earliest of times in microseconds since 1970, as ISO 8601 in UTC; none where there is none."""
    known = [one for one in times if one is not None]
    if not known:
        return None
    return datetime.fromtimestamp(min(known) // MICROSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def departure(stamped: Stamp, first: str | None) -> str:
    """What is wrong with a stamp's time beside the first question's, in words; empty where nothing is, or
    where neither is known to be first. Both are ISO 8601 in UTC and whole seconds.
    """
    if first is None or stamped.at <= first:
        return ""
    return (
        f"the plan was time-stamped at {stamped.at}, after the first question ({first}): it is no commitment"
    )
