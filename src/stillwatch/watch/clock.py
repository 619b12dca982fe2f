"""The log's present time, from rows whose times nobody vouches for.

A sender may date a row as he likes, and a machine's clock may be wrong. The present is therefore the median,
over the accounts seen last, of each account's latest time: a minority of accounts cannot move it. A row that
is later than both the machine's clock and that median is *ahead*; it is kept apart until the present has come
up to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

LEEWAY = timedelta(days=1)  # chosen: what a wrong time zone or a badly set clock adds to a time
MIN_ACCOUNTS = 3  # accounts that must agree before the machine's clock is taken to be behind
MAX_VOTES = 101  # accounts remembered between batches, odd so that the median is a member
HIGH = 0.9  # quantile up to which accounts' times are believed where the machine's clock is behind


class Clock:
    """Accounts seen last with their latest times, newest batch last; at most `MAX_VOTES` are kept between
    batches.
    """

    def __init__(self, votes: Mapping[str, datetime] | None = None) -> None:
        self.votes: dict[str, datetime] = dict(votes or {})

    def _with(self, latest: Mapping[str, datetime]) -> dict[str, datetime]:
        """The votes with a batch's; many accounts of one batch need no earlier ones beside them."""
        earlier = {} if len(latest) >= MAX_VOTES else {a: t for a, t in self.votes.items() if a not in latest}
        return dict(list((earlier | dict(latest)).items())[-max(MAX_VOTES, len(latest)) :])

    def horizon(self, latest: Mapping[str, datetime], now: datetime) -> datetime:
        """The latest time that is not ahead, given a batch's accounts with their latest times and the
        machine's time.
        """
        return horizon(sorted(self._with(latest).values()), now)

    def seen(self, latest: Mapping[str, datetime], limit: datetime) -> Clock:
        """The clock after a batch whose accounts' latest times, none of them beyond the horizon, are
        `latest`.
        """
        return Clock({account: at for account, at in self._with(latest).items() if at <= limit})

    def kept(self) -> list[tuple[str, datetime]]:
        """What is remembered of the votes: all of a few, and of many an even selection by time, which has
        the same quantiles.
        """
        ordered = list(self.votes.items())
        if len(ordered) <= MAX_VOTES:
            return ordered
        ordered.sort(key=lambda pair: (pair[1], pair[0]))
        return [ordered[place * (len(ordered) - 1) // (MAX_VOTES - 1)] for place in range(MAX_VOTES)]

    def present(self) -> datetime | None:
        """The median of the votes; None before the first."""
        return quantile(sorted(self.votes.values()), 0.5) if self.votes else None


def horizon(times: Sequence[datetime], now: datetime) -> datetime:
    """The latest believable time, given the accounts' latest times in ascending order and the machine's time.

    It is `now` and `LEEWAY`. Where the median of at least `MIN_ACCOUNTS` accounts is later than that, the
    machine's clock is behind, and it is the `HIGH` quantile of the times, and as much again as that is beyond
    the median, and `LEEWAY`.
    """
    limit = now + LEEWAY
    if len(times) < MIN_ACCOUNTS or quantile(times, 0.5) <= limit:
        return limit
    high = quantile(times, HIGH)
    return high + (high - quantile(times, 0.5)) + LEEWAY


def quantile(times: Sequence[datetime], share: float) -> datetime:
    """The time in ascending `times` below which at most `share` of them lie."""
    return times[int((len(times) - 1) * share)]
