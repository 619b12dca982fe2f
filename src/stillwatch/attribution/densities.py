"""Probability that each kind of item fits the campaign under each hypothesis. The numbers are judgements,
not estimates; `docs/methods/actors.md` gives reasons.

`own`: the item is about the actor that directed the campaign. `rest`: it fits another actor's campaign by
chance. `forged`: somebody imitates the actor. `vendor`, `reseller`: an intermediary stands between; `None`
means the value of `rest`. `rest` is at least 0.003, so that an item's likelihood ratio is at most about
200, whatever its kind and grade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EvidenceFamily = Literal[
    "infrastructure", "payment", "history", "purpose", "time", "tools", "statement", "training", "record"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """Probabilities that an item fits the campaign, by hypothesis, and its family of evidence.

    `is_hard` says that an imitator of the actor cannot produce the fit at will.
    """

    family: EvidenceFamily
    own: float
    rest: float
    forged: float
    vendor: float | None = None
    reseller: float | None = None
    is_hard: bool = False


SHARED = Density(family="infrastructure", own=0.52, rest=0.50, forged=0.52, vendor=0.52, reseller=0.52)
"""Values that many customers share: a likelihood ratio of 1.04 at most."""
OWN_RANGE = Density(
    family="infrastructure", own=0.60, rest=0.003, forged=0.003, vendor=0.003, reseller=0.003, is_hard=True
)
RENTED_RANGE = Density(family="infrastructure", own=0.60, rest=0.04, forged=0.20, vendor=0.10, reseller=0.10)
UNSTATED_RANGE = Density(
    family="infrastructure", own=0.60, rest=0.01, forged=0.05, vendor=0.03, reseller=0.03, is_hard=True
)
CARD_COUNTRY = Density(family="payment", own=0.70, rest=0.15, forged=0.50, vendor=0.30, reseller=0.30)
PROCESSOR = Density(family="payment", own=0.70, rest=0.20, forged=0.50, vendor=0.30, reseller=0.30)
PAYMENT_ACCOUNT = Density(
    family="payment", own=0.60, rest=0.003, forged=0.01, vendor=0.01, reseller=0.01, is_hard=True
)
EARLIER = Density(
    family="history", own=0.60, rest=0.01, forged=0.05, vendor=0.10, reseller=0.10, is_hard=True
)
EARLIER_PUBLIC = Density(family="history", own=0.50, rest=0.05, forged=0.60, vendor=0.20, reseller=0.20)
CAPABILITY = Density(family="purpose", own=0.85, rest=0.45, forged=0.80)
RELEASE = Density(family="purpose", own=0.50, rest=0.25, forged=0.40)
TOOLCHAIN = Density(family="tools", own=0.70, rest=0.10, forged=0.50, vendor=0.20, reseller=0.20)
ADMISSION = Density(family="statement", own=0.20, rest=0.01, forged=0.02, is_hard=True)
ALLEGATION = Density(family="statement", own=0.40, rest=0.30, forged=0.60)
DENIAL = Density(family="statement", own=0.80, rest=0.90, forged=0.90)
TRAINED = Density(
    family="training", own=0.60, rest=0.003, forged=0.003, vendor=0.25, reseller=0.15, is_hard=True
)
NOT_TRAINED = Density(family="training", own=0.05, rest=0.50, forged=0.50, vendor=0.40, reseller=0.50)
RECORD = Density(family="record", own=0.30, rest=0.003, forged=0.01, vendor=0.01, reseller=0.01, is_hard=True)
FLAG_FITS_ANYWAY = 0.5
"""Factor on `forged` for items that are not hard and do not fit: an imitator may not have tried to make them
fit.
"""
RELEASE_WITHIN_DAYS = 180
"""Most days from the campaign's last exchange to a release of the actor that fits. Chosen: a distilled model
is tuned within months.
"""
LARGEST_CALENDAR_LOG10 = 0.7
"""Largest log10 likelihood ratio of a working calendar: a fifth of mankind shares a zone, and a calendar can
be imitated.
"""
