"""Rate limits of an account or of a whole campaign under an action that limits it."""

from __future__ import annotations

from collections.abc import Hashable


class Buckets:
    """Token buckets by key. Each holds at most the requests of one period, refills at a constant rate and
    starts full.
    """

    def __init__(self) -> None:
        self._left: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, number: float, period_s: float, now: float) -> float:
        """Take one request from the bucket of `key`, which allows `number` requests per `period_s` seconds.

        Returns 0 where one was left, otherwise the seconds until one is. `now` is in seconds. Where `number`
        is 0 or less, nothing is allowed and `period_s` is returned.
        """
        if number <= 0:
            return period_s
        left, at = self._left.get(key, (max(number, 1.0), now))
        left = min(max(number, 1.0), left + max(0.0, now - at) * number / period_s)
        if left >= 1.0:
            self._left[key] = (left - 1.0, now)
            return 0.0
        self._left[key] = (left, now)
        return (1.0 - left) * period_s / number
