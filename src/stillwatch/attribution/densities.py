"""Probability that each kind of item fits the campaign under each hypothesis. The numbers are judgements,
not estimates; `docs/methods/actors.md` gives reasons.

`own`: the item is about the actor that directed the campaign. `rest`: it fits another actor's campaign by
chance. `forged`: somebody imitates the actor. `vendor`, `reseller`: an intermediary stands between; `None`
means the value of `rest`. `rest` is at least 0.003, so that an item's likelihood ratio is at most about
200, whatever its kind and grade.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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

    def with_chance(self, rest: float) -> Density:
        """The density for an item that fits by chance with probability `rest` (0 to 1, exclusive).

        Each other probability p is read as a + (1 - a) `rest`: the trait decides with probability a, and
        otherwise chance does. a stays as in this density. So an item that does not fit has the same
        likelihood ratio, 1 - a, whatever it states.
        """
        factor = (1.0 - rest) / (1.0 - self.rest)
        return replace(
            self,
            rest=rest,
            own=1.0 - (1.0 - self.own) * factor,
            forged=1.0 - (1.0 - self.forged) * factor,
            vendor=None if self.vendor is None else 1.0 - (1.0 - self.vendor) * factor,
            reseller=None if self.reseller is None else 1.0 - (1.0 - self.reseller) * factor,
        )


SHARED = Density(family="infrastructure", own=0.52, rest=0.50, forged=0.52, vendor=0.52, reseller=0.52)
"""Values that many customers share: a likelihood ratio of 1.04 at most."""
# A sign-up or control address in a range that the actor is known to own.
OWN_RANGE = Density(
    family="infrastructure", own=0.60, rest=0.003, forged=0.003, vendor=0.003, reseller=0.003, is_hard=True
)
# Members send from an address in a range that the actor is known to own. Others can send through a machine
# there (a proxy, a machine broken into), so it is not hard: it shows an exit, and not control.
EXIT_IN_OWN_RANGE = Density(
    family="infrastructure", own=0.60, rest=0.003, forged=0.05, vendor=0.03, reseller=0.03
)
# An address in a range that the actor is known to rent.
RENTED_RANGE = Density(family="infrastructure", own=0.60, rest=0.04, forged=0.20, vendor=0.10, reseller=0.10)
# A sign-up or control address in a range of which it is not said whether the actor owns or rents it.
UNSTATED_RANGE = Density(
    family="infrastructure", own=0.60, rest=0.01, forged=0.05, vendor=0.03, reseller=0.03, is_hard=True
)
# Cards issued in the actor's country: of one country stated and one observed.
CARD_COUNTRY = Density(family="payment", own=0.70, rest=0.15, forged=0.50, vendor=0.30, reseller=0.30)
# Cards of a payment processor that the actor uses: of one stated and one observed.
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
# Requests for a capability that the actor seeks; `rest` is more where many classes are stated or sought.
CAPABILITY = Density(family="purpose", own=0.85, rest=0.45, forged=0.80)
# A campaign that ends before a release of the actor; `rest` is more where the actor releases often.
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
TRACES: frozenset[EvidenceFamily] = frozenset({"infrastructure", "payment", "history", "tools"})
"""Families of traces that an operator who hides himself leaves out together."""
MAX_CHANCE = 0.98
"""Largest probability of a fit by chance that is computed, since the models for it are approximations."""
RELEASE_WITHIN_DAYS = 180
"""Most days from the campaign's last exchange to a release of the actor that fits. Chosen: a distilled model
is tuned within months.
"""
LARGEST_CALENDAR_LOG10 = 0.7
"""Largest log10 likelihood ratio of a working calendar that fits: a fifth of mankind shares a zone."""
ACTS_OF_STRANGERS = 0.1
"""Probability that the acts of control are those of contractors or of a seller of accounts, whose calendar is
another. It bounds how much a calendar that does not fit speaks against the actor. Chosen.
"""
HOURS_IMITATED = 0.5
"""Probability that whoever imitates the actor keeps its hours too. Chosen."""
