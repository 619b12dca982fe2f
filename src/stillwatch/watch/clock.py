"""The log's present time, estimated from rows with unreliable times.

A sender can date a row freely, and the machine's clock can be wrong. The present is therefore the median of
the latest times of the accounts seen last: a minority of accounts cannot shift it. A row later than both the
machine's clock and that median is *ahead*; it is kept apart until the present reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

LEEWAY = timedelta(days=1)  # tolerated error of a time: chosen, covers a wrong time zone
MIN_ACCOUNTS = 3  # least number of accounts for concluding that the machine's clock is behind: chosen
MAX_VOTES = 101  # most accounts kept between batches: chosen, odd so that the median is one of the times
HORIZON_QUANTILE = (
    0.9  # quantile of accounts' times used for the horizon where the machine's clock is behind: chosen
)


class Clock:
    """The accounts seen last with their latest times (`votes`), those of the newest batch last; immutable.

    At most `MAX_VOTES` are kept between batches.
    """

    def __init__(self, votes: Mapping[str, datetime] | None = None) -> None:
        self.votes: dict[str, datetime] = dict(votes or {})

    def _with(self, latest: Mapping[str, datetime]) -> dict[str, datetime]:
        """The votes together with those of a batch. A batch of `MAX_VOTES` accounts or more replaces all
        earlier votes.
        """
        earlier = {} if len(latest) >= MAX_VOTES else {a: t for a, t in self.votes.items() if a not in latest}
        return dict(list((earlier | dict(latest)).items())[-max(MAX_VOTES, len(latest)) :])

    def horizon(self, latest: Mapping[str, datetime], now: datetime) -> datetime:
        """The latest time that is not ahead. `latest` has the latest time of each account of a batch, `now`
        is the machine's time.
        """
        return horizon(sorted(self._with(latest).values()), now)

    def seen(self, latest: Mapping[str, datetime], limit: datetime) -> Clock:
        """The clock after a batch with the accounts' latest times `latest`; times beyond `limit` are left
        out.
        """
        return Clock({account: at for account, at in self._with(latest).items() if at <= limit})

    def kept(self) -> list[tuple[str, datetime]]:
        """The votes to keep: all, or of more than `MAX_VOTES` an evenly spaced selection in order of time,
        which keeps the quantiles.
        """
        ordered = list(self.votes.items())
        if len(ordered) <= MAX_VOTES:
            return ordered
        ordered.sort(key=lambda pair: (pair[1], pair[0]))
        return [ordered[place * (len(ordered) - 1) // (MAX_VOTES - 1)] for place in range(MAX_VOTES)]

    def present(self) -> datetime | None:
        """The median of the votes; None without votes."""
        return quantile(sorted(self.votes.values()), 0.5) if self.votes else None


def horizon(times: Sequence[datetime], now: datetime) -> datetime:
    """The latest time that is not ahead, from the accounts' latest `times` (ascending) and the machine's.

    It is `now` + `LEEWAY`. Where the median of at least `MIN_ACCOUNTS` times is later than that, the
    clock of the machine is behind, and the result is h + (h - median) + `LEEWAY`, where h is the
    `HORIZON_QUANTILE` quantile.
    """
    limit = now + LEEWAY
    if len(times) < MIN_ACCOUNTS or quantile(times, 0.5) <= limit:
        return limit
    high = quantile(times, HORIZON_QUANTILE)
    return high + (high - quantile(times, 0.5)) + LEEWAY


def quantile(times: Sequence[datetime], share: float) -> datetime:
    """The `share` quantile (0 to 1) of ascending `times`, without interpolation."""
    return times[int((len(times) - 1) * share)]
