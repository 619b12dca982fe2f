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
# An address in a range that the actor is known to own.
OWN_RANGE = Density(
    family="infrastructure", own=0.60, rest=0.003, forged=0.003, vendor=0.003, reseller=0.003, is_hard=True
)
# An address in a range that the actor is known to rent.
RENTED_RANGE = Density(family="infrastructure", own=0.60, rest=0.04, forged=0.20, vendor=0.10, reseller=0.10)
# An address in a range of which it is not said whether the actor owns or rents it.
UNSTATED_RANGE = Density(
    family="infrastructure", own=0.60, rest=0.01, forged=0.05, vendor=0.03, reseller=0.03, is_hard=True
)
# Cards issued in the actor's country.
CARD_COUNTRY = Density(family="payment", own=0.70, rest=0.15, forged=0.50, vendor=0.30, reseller=0.30)
# Cards of a payment processor that the actor uses.
PROCESSOR = Density(family="payment", own=0.70, rest=0.20, forged=0.50, vendor=0.30, reseller=0.30)
# A payment account of the actor.
PAYMENT_ACCOUNT = Density(
    family="payment", own=0.60, rest=0.003, forged=0.01, vendor=0.01, reseller=0.01, is_hard=True
)
# Values in common with an earlier campaign of the actor, which are not public.
EARLIER = Density(
    family="history", own=0.60, rest=0.01, forged=0.05, vendor=0.10, reseller=0.10, is_hard=True
)
# Values in common with an earlier campaign of the actor, which are public.
EARLIER_PUBLIC = Density(family="history", own=0.50, rest=0.05, forged=0.60, vendor=0.20, reseller=0.20)
# Requests for a capability that the actor seeks.
CAPABILITY = Density(family="purpose", own=0.85, rest=0.45, forged=0.80)
# A campaign that ends before a release of the actor.
RELEASE = Density(family="purpose", own=0.50, rest=0.25, forged=0.40)
# Clients of a toolchain that the actor uses.
TOOLCHAIN = Density(family="tools", own=0.70, rest=0.10, forged=0.50, vendor=0.20, reseller=0.20)
# A statement in which the actor admits the campaign.
ADMISSION = Density(family="statement", own=0.20, rest=0.01, forged=0.02, is_hard=True)
# A statement in which others name the actor.
ALLEGATION = Density(family="statement", own=0.40, rest=0.30, forged=0.60)
# A statement in which the actor denies the campaign.
DENIAL = Density(family="statement", own=0.80, rest=0.90, forged=0.90)
# A test that found the actor's model to be trained on the served answers.
TRAINED = Density(
    family="training", own=0.60, rest=0.003, forged=0.003, vendor=0.25, reseller=0.15, is_hard=True
)
# A test that refuted that the actor's model was trained on the served answers.
NOT_TRAINED = Density(family="training", own=0.05, rest=0.50, forged=0.50, vendor=0.40, reseller=0.50)
# A record, such as an invoice, that ties the actor to the campaign.
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
