"""Interface for matching accounts that are in no scan yet with known campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class NewcomerMatch:
    """The campaign that a new account resembles. `weight` is the sum of the log10 likelihood ratios of the
    values that they share.
    """

    campaign_id: str
    weight: float


class Matcher(Protocol):
    """Matches a new account with a known campaign.

    It is called in the guard's threads, and an answer after the deadline is ignored. A matcher with the
    attribute `may_wait` False, which waits for no disk, lock or network, is called in the caller's thread
    instead, which takes a tenth of the time.
    """

    def match(self, request: Mapping[str, Any]) -> NewcomerMatch | None:
        """The campaign of the account that makes a request, given as columns of the contract; None where
        there is none.
        """
