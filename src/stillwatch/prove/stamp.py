"""Time stamps of plans.

The digest in a plan only shows that its file is intact: after an edit it can be computed anew. The time
stamp of an authority (RFC 3161) over the file cannot be forged, and shows that the plan existed before the
first question if its time is earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stillwatch.errors import InputError, Problem
from stillwatch.package.stamp import MOST_BYTES, fault_of, time_of

MICROSECONDS = 1_000_000  # per second


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Time at which an authority stamped the plan's file (ISO 8601, UTC), and whether its signature was
    checked against certificates.
    """

    at: str
    is_verified: bool


def beside(plan: Path) -> Path:
    """Default path of a plan's time stamp."""
    return plan.with_name(f"{plan.name}.tsr")


def check(plan: Path, response: Path | None, authority: Path | None) -> Stamp | None:
    """The time stamp of a plan's file; None where there is no response file.

    Args:
        plan: the plan's file.
        response: the authority's response; None for the default path.
        authority: trusted certificates as PEM; None leaves the signature unchecked.

    Raises:
        InputError: for a stamp of another file, with a hash other than SHA-256, or with a signature that
            does not verify.
    """
    response = response or beside(plan)
    if not response.is_file():
        return None
    with response.open("rb") as file:
        held = file.read(MOST_BYTES)
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
    """The earliest of times in microseconds since 1970, as ISO 8601 in UTC; None where no time is known."""
    known = [one for one in times if one is not None]
    if not known:
        return None
    return datetime.fromtimestamp(min(known) // MICROSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def departure(stamped: Stamp, first: str | None) -> str:
    """A sentence where the stamp's time is after the first question's; "" otherwise and where `first` is
    None.

    `first` is ISO 8601 in UTC, to the second.
    """
    if first is None or stamped.at <= first:
        return ""
    return (
        f"the plan was time-stamped at {stamped.at}, after the first question ({first}): it is no commitment"
    )
