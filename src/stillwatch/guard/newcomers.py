"""The seam at which accounts that no scan knows yet are matched with live campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The campaign that a new account resembles, and how much: the sum of log10 likelihood ratios of what
    they share.
    """

    campaign_id: str
    weight: float


class Matcher(Protocol):
    """Says which live campaign a new account belongs to. It is called in threads of the guard and given
    at most its deadline.
    """

    def match(self, request: Mapping[str, Any]) -> Match | None:
        """The campaign of the account that makes a request, given the contract's columns of it; None
        where there is none.
        """
