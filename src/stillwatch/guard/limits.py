"""How often an account, or a campaign as a whole, may go on under an action that limits it."""

from __future__ import annotations

from collections.abc import Hashable


class Buckets:
    """Token buckets. Each fills at its rate up to the requests of its period and is full at first."""

    def __init__(self) -> None:
        self._left: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, number: float, period_s: float, now: float) -> float:
        """Take one of `number` requests a period; returns 0 where one is left, and else the seconds until
        one is.
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
