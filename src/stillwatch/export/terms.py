"""The terms of an export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from stillwatch.errors import Problem, UsageError, unknown

Tlp = Literal["clear", "green", "amber", "amber+strict", "red"]
TLP: tuple[Tlp, ...] = get_args(Tlp)
"""Markings of the Traffic Light Protocol 2.0 (FIRST, 2022), from the most to the least open."""
VALID_DAYS = 30
"""Days from a campaign's last exchange until its indicators expire. Chosen: addresses and domains change
owners within weeks.
"""
MOST_DAYS = 3650
"""Largest number of days until indicators expire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Terms of one export.

    `with_accounts` is whether accounts are named (True) or have pseudonyms (False); None leaves it to the
    exporter. `revoked` are identifiers of withdrawn campaigns. `producer` is the name of the exporting party.
    Raises `UsageError` for an invalid value.
    """

    with_accounts: bool | None = None
    tlp: Tlp = "amber+strict"
    valid_days: int = VALID_DAYS
    revoked: frozenset[str] = frozenset()
    producer: str = "unnamed provider"

    def __post_init__(self) -> None:
        if self.tlp not in TLP:
            raise unknown("marking", self.tlp, TLP)
        if not 1 <= self.valid_days <= MOST_DAYS:
            raise UsageError(
                Problem(
                    fact="`--valid-days` is out of range",
                    found=str(self.valid_days),
                    expected=f"1 to {MOST_DAYS}",
                )
            )
        if not self.producer.strip():
            raise UsageError(Problem(fact="`--producer` is empty", expected="a name"))
