"""What a gateway does with an account's next request, and which trials are over.

Stillwatch refuses nothing itself. A gateway calls `Probe.outcome` in its own process, or reads the file of
orders from `orders`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from stillwatch.errors import InputError, Problem
from stillwatch.probe.plan import SECOND, ProbePlan, same_secret

ORDERS = "stillwatch-probe-orders-1"  # name and version of the format of a file of orders
STATUS, RETRY_AFTER_S = 429, 1  # client libraries treat this refusal as a rate limit and retry


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinOutcome:
    """The coin's outcome for one account: refuse its next request from `at` until `until` (microseconds
    since 1970), or spare it.
    """

    trial: str
    refuse: bool
    at: int
    until: int


class Probe:
    """A plan with its secret, approved by a person other than its author; at most one request per account
    and trial is refused.

    Raises `InputError` for a secret that is not the plan's, and where the author approved the plan.
    """

    def __init__(self, plan: ProbePlan, seed: bytes, *, approved_by: str) -> None:
        same_secret(plan, seed)
        if not approved_by.strip() or approved_by.strip() == plan.author.strip():
            raise InputError(
                Problem(
                    fact="the plan needs the approval of a person other than its author",
                    found=approved_by or "nobody",
                    expected=f"another name than `{plan.author}`",
                )
            )
        self.plan, self.approved_by = plan, approved_by.strip()
        self._rows = plan.trials(seed)
        self._by_account: dict[str, list[CoinOutcome]] = {}
        for row in self._rows.set_column(1, "at", self._rows["at"].cast(pa.int64())).to_pylist():
            self._by_account.setdefault(row["account_id"], []).append(
                CoinOutcome(
                    trial=row["trial"],
                    refuse=row["failed"],
                    at=row["at"],
                    until=row["at"] + plan.hold_s * SECOND,
                )
            )
        self._used: set[tuple[str, str]] = set()

    def outcome(self, account_id: str, now: datetime) -> CoinOutcome | None:
        """The coin's outcome for a request of this account now.

        It is returned once per trial; None where the account is in no trial or the outcome was already
        used.
        """
        moment = _micros(now)
        for one in self._by_account.get(account_id, ()):
            if one.at <= moment < one.until and (key := (one.trial, account_id)) not in self._used:
                self._used.add(key)
                return one
        return None

    def orders(self, now: datetime, ahead_s: float) -> dict[str, Any]:
        """Refusals of the next `ahead_s` seconds as JSON, for a gateway that reads a file; later ones stay
        secret.
        """
        moment = _micros(now)
        rows = [
            {
                "account_id": account,
                "trial": one.trial,
                "not_before": _iso(one.at),
                "not_after": _iso(one.until),
                "requests": 1,
                "status": STATUS,
                "retry_after_s": RETRY_AFTER_S,
            }
            for account, several in sorted(self._by_account.items())
            for one in several
            if one.refuse and one.until > moment and one.at < moment + ahead_s * SECOND
        ]
        return {
            "format": ORDERS,
            "plan_sha256": self.plan.sha256,
            "approved_by": self.approved_by,
            "made_at": _iso(moment),
            "valid_until": _iso(moment + int(ahead_s * SECOND)),
            "refusals": sorted(rows, key=lambda row: (str(row["not_before"]), str(row["account_id"]))),
        }

    def done(self, now: datetime) -> pa.Table:
        """Trials whose waiting time is over, for `judge`."""
        ends = self._rows["at"].cast(pa.int64()).to_numpy() + self.plan.hold_s * SECOND
        return self._rows.filter(pa.array(ends <= _micros(now)))


def _micros(moment: datetime) -> int:
    """Microseconds since 1970 of a time; UTC where it has no zone."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(zoned.timestamp() * SECOND)


def _iso(micros: int) -> str:
    """A time in microseconds since 1970 as ISO 8601 with `Z`, to the second."""
    return datetime.fromtimestamp(micros / SECOND, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
