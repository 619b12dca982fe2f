"""Marks that several innocent explanations use.

`members` are positions of accounts in the arrays of `Traits`. A function returns one entry per member: a
label (-1 where the account does not carry the mark, else a number that members with the same value have in
common), a Boolean, or a share. An account with too little data to decide carries the mark.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import expit

from stillwatch.signals.traits import Traits
from stillwatch.stats.arrays import Bools, Floats, Ints
from stillwatch.stats.factorize import Same, codes
from stillwatch.stats.membership import log_beta_binomial

# Beta law of a person's share of exchanges in the quietest eight hours of the day: chosen; 3 to 10 % in chat
# logs.
NIGHTS = (2.0, 30.0)
# Beta law of that share for programs that run day and night: at most 1/3 by definition of the quietest third.
NO_NIGHTS = (6.0, 18.0)
LEAST_POSTERIOR_NO_NIGHTS = 0.8  # posterior probability above which an account has no nights
EM_TURNS = 12  # iterations of expectation-maximisation
LEAST_CLOCK_CONCENTRATION = 0.5  # `Traits.minute` from which an account sends by the clock
LEAST_DAY_CONCENTRATION = 0.8  # `Traits.hourly` from which an account sends at one time of the day
LEAST_SHARE_REPEATED = 0.3  # share of an account's exchanges whose text other members sent too
SHARE_OF_EXCHANGES = 0.5  # share of an account's exchanges that must show its program, template or place
LEAST_SHARE_OWN_PROGRAM = 0.9  # share of a program's users that must be members for it to be the members' own
LEAST_SHARE_FULL_DAYS = 0.5  # share of an account's days on which it reaches its usual limit
SIGNUP_EVENT_H = 36  # hours before and after the median sign-up within which sign-ups belong to one event
SHORT_LIFE_H = 96  # hours of activity, at most, of an account made for one event


def everyone(members: Ints) -> Ints:
    """The label 0 for every member."""
    return np.zeros(len(members), np.int64)


def where(marked: Bools) -> Ints:
    """The label 0 where `marked`, else -1."""
    return np.where(marked, 0, -1).astype(np.int64)


def alike(traits: Traits, members: Ints, *kinds: str, least: float = SHARE_OF_EXCHANGES) -> Ints:
    """One label for each combination of most frequent values of `kinds` that two or more members have.

    A member needs a value of every kind, each in at least a share `least` of its exchanges; others have -1.
    """
    return _alike(Same(traits), Same(members), kinds, least)


@lru_cache(maxsize=16)  # several explanations use one mark of one group
def _alike(compared: Same[Traits], group: Same[Ints], kinds: tuple[str, ...], least: float) -> Ints:
    """`alike`, cached by the identity of its arguments."""
    traits, members = compared.array, group.array
    known = np.ones(len(members), bool)
    key = np.zeros(len(members), np.int64)
    for kind in kinds:
        value = traits.value[kind][members]
        known &= (value >= 0) & (traits.share[kind][members] >= least)
        code, number = codes(value)
        key = codes(key * (number + 1) + code)[0]
    holders = np.bincount(key[known], minlength=len(members) + 1)
    return np.where(known & (holders[key] > 1), key, -1).astype(np.int64)


def exclusive(traits: Traits, members: Ints, kind: str, least: float = LEAST_SHARE_OWN_PROGRAM) -> Ints:
    """One label for each value of `kind` that two or more members mostly show, and other accounts hardly do:
    at least a share `least` of the accounts that mostly show the value must be members. "Mostly" is a share
    `SHARE_OF_EXCHANGES` of an account's exchanges.
    """
    labels = alike(traits, members, kind)
    value = traits.value[kind]
    shown = np.bincount(
        value[(value >= 0) & (traits.share[kind] >= SHARE_OF_EXCHANGES)],
        minlength=int(value.max(initial=0)) + 1,
    )
    mine = value[members]
    inside = np.bincount(mine[labels >= 0], minlength=len(shown))
    own = inside >= least * np.maximum(shown, 1)
    return np.where((labels >= 0) & own[np.maximum(mine, 0)], labels, -1).astype(np.int64)


def largest(labels: Ints, most: int = 1) -> Ints:
    """`labels` with only the `most` most frequent ones kept; the others become -1."""
    found, holders = np.unique(labels[labels >= 0], return_counts=True)
    kept = found[np.argsort(-holders, kind="stable")[:most]]
    return np.where(np.isin(labels, kept), labels, -1).astype(np.int64)


def one_coupon(traits: Traits, members: Ints) -> Bools:
    """Whether a member has no known payment instrument, or the one that most members share, as where an event
    gives out one code.
    """
    code = traits.value["payment_fingerprint"][members]
    return np.asarray((code < 0) | (largest(alike(traits, members, "payment_fingerprint")) >= 0))


def signed_up_together(traits: Traits, members: Ints) -> Bools:
    """Whether a member was created within `SIGNUP_EVENT_H` hours of the members' median sign-up, or its
    sign-up is unknown.
    """
    created = traits.created[members]
    if not np.isfinite(created).any():
        return np.ones(len(members), bool)
    return np.asarray(~(np.abs(created - np.nanmedian(created)) > SIGNUP_EVENT_H))


def human(traits: Traits, members: Ints) -> Bools:
    """Whether a member is inactive at night as a person is: its count in the quietest eight hours of the day
    fits `NIGHTS` rather than `NO_NIGHTS`.

    Both are beta-binomial laws. The share of members without nights is estimated by
    expectation-maximisation, so the other members count as evidence about each one. A member has nights
    unless the posterior probability that it has none exceeds `LEAST_POSTERIOR_NO_NIGHTS`.
    """
    return _human(Same(traits), Same(members))


@lru_cache(maxsize=16)
def _human(compared: Same[Traits], group: Same[Ints]) -> Bools:
    """`human`, cached by the identity of its arguments."""
    traits, members = compared.array, group.array
    known = np.isfinite(traits.quiet[members])
    n, quiet = traits.exchanges[members][known], traits.quiet[members][known]
    ratio = log_beta_binomial(quiet, n, *NO_NIGHTS) - log_beta_binomial(quiet, n, *NIGHTS)
    share = 0.5
    sleepless = np.zeros(len(n))
    for _turn in range(EM_TURNS):
        sleepless = expit(ratio + np.log(share / (1.0 - share)))
        share = float(np.clip((sleepless.sum() + 1.0) / (len(n) + 2.0), 0.01, 0.99))
    out = np.ones(len(members), bool)
    out[known] = sleepless <= LEAST_POSTERIOR_NO_NIGHTS
    return out


def clocked(traits: Traits, members: Ints) -> Bools:
    """Whether a member sends by the clock: at one minute of the hour or quarter hour, or one time of day."""
    return np.asarray(
        (traits.minute[members] >= LEAST_CLOCK_CONCENTRATION)
        | (traits.hourly[members] >= LEAST_DAY_CONCENTRATION)
    )


def repeats(traits: Traits, members: Ints) -> Floats:
    """Share of each member's exchanges whose text at least one other member sent too."""
    return _repeats(Same(traits), Same(members))


@lru_cache(maxsize=16)
def _repeats(compared: Same[Traits], group: Same[Ints]) -> Floats:
    """`repeats`, cached by the identity of its arguments."""
    traits, members = compared.array, group.array
    inside = np.zeros(len(traits.exchanges), bool)
    inside[members] = True
    mine = inside[traits.text_account]
    who, what = traits.text_account[mine], traits.text[mine]
    code, number = codes(what)
    holders = np.bincount(code, minlength=number)
    several = np.bincount(who[holders[code] > 1], minlength=len(inside))
    return several[members] / np.maximum(traits.exchanges[members], 1.0)


def short_lived(traits: Traits, members: Ints) -> Bools:
    """Whether a member was active for at most `SHORT_LIFE_H` hours, and signed up at most that long before
    its first exchange or at an unknown time.
    """
    began = np.fmax(traits.first[members] - traits.created[members], 0.0)
    return np.asarray(
        (traits.last[members] - traits.first[members] <= SHORT_LIFE_H) & ~(began > SHORT_LIFE_H)
    )


def owners(traits: Traits, members: Ints) -> Ints:
    """One label for each declared owner that has two or more members; -1 for other members."""
    _distinct, label, holders = np.unique(traits.owner[members], return_inverse=True, return_counts=True)
    return np.where(holders[label] > 1, label, -1).astype(np.int64)


def either(first: Ints, second: Ints) -> Ints:
    """The labels of `first`, and for members without one those of `second`, renumbered to be distinct."""
    later = np.where(second >= 0, second + first.max(initial=-1) + 1, -1)
    return np.where(first >= 0, first, later).astype(np.int64)


def with_labels(traits: Traits, members: Ints, explanation: str, labels: Ints) -> Ints:
    """`labels`, in which members with one value that people labelled as this explanation's mark have one
    label: the most frequent one that they have already, or a new one.
    """
    if explanation not in traits.labelled:
        return labels
    said, out = traits.labelled[explanation][members], labels.copy()
    for value in np.unique(said[said >= 0]):
        mine = said == value
        own = labels[mine & (labels >= 0)]
        out[mine] = np.bincount(own).argmax() if len(own) else out.max(initial=-1) + 1
    return out
