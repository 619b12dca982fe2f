"""Marks that several innocent explanations have in common.

Each function gives one label a member: -1 where the account does not carry the mark, else a number that
accounts marked by the same value have in common. An account of which too little is known to tell carries the
mark.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from stillwatch.signals.traits import Floats, Ints, Traits
from stillwatch.stats.factorize import Same, codes
from stillwatch.stats.membership import log_beta_binomial

Bools = npt.NDArray[np.bool_]

NIGHTS = (
    2.0,
    30.0,
)  # beta law of the share of exchanges in the quietest eight hours, of people: chosen; 3 to 10 % in chat logs
NO_NIGHTS = (
    6.0,
    18.0,
)  # the same of programs that never sleep, whose quietest third of the day has at most a third
LEAST_POSTERIOR_NO_NIGHTS = 0.8  # posterior probability from which an account has no nights
EM_TURNS = 12
LEAST_CLOCK_CONCENTRATION = 0.5  # concentration within the hour from which a program keeps a clock
# concentration of the hours of the day from which an account has a time of the day
LEAST_DAY_CONCENTRATION = 0.8
LEAST_SHARE_REPEATED = 0.3  # share of an account's exchanges whose text other members sent too
SHARE_OF_EXCHANGES = 0.5  # share of an account's exchanges that show its program, template or place
# share of the accounts with a client string that are members, from which it is a program of their own
LEAST_SHARE_OWN_PROGRAM = 0.9
LEAST_SHARE_PARTLY = 0.2  # share of its exchanges in which an account shows a program of the members' own
LEAST_SHARE_FULL_DAYS = 0.5  # share of an account's days on which it reaches its usual limit
SIGNUP_EVENT_H = 36  # hours around the median sign-up in which people sign up for one event
SHORT_LIFE_H = 96  # hours of activity of somebody who came for an event


def everyone(members: Ints) -> Ints:
    """One label for all."""
    return np.zeros(len(members), np.int64)


def where(marked: Bools) -> Ints:
    """One label for the accounts that are marked."""
    return np.where(marked, 0, -1).astype(np.int64)


def alike(traits: Traits, members: Ints, *kinds: str, least: float = SHARE_OF_EXCHANGES) -> Ints:
    """One label for each combination of values of `kinds` that two members or more mostly show."""
    return _alike(Same(traits), Same(members), kinds, least)


@lru_cache(maxsize=16)  # several explanations ask for one mark of one group
def _alike(told: Same[Traits], group: Same[Ints], kinds: tuple[str, ...], least: float) -> Ints:
    traits, members = told.array, group.array
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
    """One label for each value of a kind that two members or more show most, and that other accounts of the
    log do not: at least a share `least` of the accounts that show it most must be members. A share
    `LEAST_SHARE_PARTLY` of an account's exchanges suffices.
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
    """These labels, without those of all but the `most` that most members have."""
    found, holders = np.unique(labels[labels >= 0], return_counts=True)
    kept = found[np.argsort(-holders, kind="stable")[:most]]
    return np.where(np.isin(labels, kept), labels, -1).astype(np.int64)


def one_coupon(traits: Traits, members: Ints) -> Bools:
    """Whether an account has no payment instrument, or the one that most members have: an event gives out
    one code.
    """
    code = traits.value["payment_fingerprint"][members]
    return np.asarray((code < 0) | (largest(alike(traits, members, "payment_fingerprint")) >= 0))


def signed_up_together(traits: Traits, members: Ints) -> Bools:
    """Whether an account was made within `SIGNUP_EVENT_H` of the median sign-up of the members, or its
    sign-up is not known.
    """
    created = traits.created[members]
    if not np.isfinite(created).any():
        return np.ones(len(members), bool)
    return np.asarray(~(np.abs(created - np.nanmedian(created)) > SIGNUP_EVENT_H))


def human(traits: Traits, members: Ints) -> Bools:
    """Whether an account has a person's nights: its count in the quietest eight hours of its day fits
    `NIGHTS` and not `NO_NIGHTS`.

    Both are beta-binomial laws; the share of accounts without nights is estimated among the members
    (expectation-maximisation), so that a group of programs is known by its total before each account is. An
    account has nights unless the posterior probability that it has none exceeds `LEAST_POSTERIOR_NO_NIGHTS`.
    """
    return _human(Same(traits), Same(members))


@lru_cache(maxsize=16)
def _human(told: Same[Traits], group: Same[Ints]) -> Bools:
    traits, members = told.array, group.array
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
    """Whether an account's moments keep a clock: one minute of the hour or quarter, or one time of the
    day.
    """
    return np.asarray(
        (traits.minute[members] >= LEAST_CLOCK_CONCENTRATION)
        | (traits.hourly[members] >= LEAST_DAY_CONCENTRATION)
    )


def repeats(traits: Traits, members: Ints) -> Floats:
    """Share of each member's exchanges whose text at least one other member sent too."""
    return _repeats(Same(traits), Same(members))


@lru_cache(maxsize=16)
def _repeats(told: Same[Traits], group: Same[Ints]) -> Floats:
    traits, members = told.array, group.array
    inside = np.zeros(len(traits.exchanges), bool)
    inside[members] = True
    mine = inside[traits.text_account]
    who, what = traits.text_account[mine], traits.text[mine]
    code, number = codes(what)
    holders = np.bincount(code, minlength=number)
    several = np.bincount(who[holders[code] > 1], minlength=len(inside))
    return several[members] / np.maximum(traits.exchanges[members], 1.0)


def short_lived(traits: Traits, members: Ints) -> Bools:
    """Whether an account signed up shortly before its first exchange and was active for a few days only."""
    began = np.fmax(traits.first[members] - traits.created[members], 0.0)
    return np.asarray(
        (traits.last[members] - traits.first[members] <= SHORT_LIFE_H) & ~(began > SHORT_LIFE_H)
    )


def owners(traits: Traits, members: Ints) -> Ints:
    """One label for each declared owner of two members or more."""
    _distinct, label, holders = np.unique(traits.owner[members], return_inverse=True, return_counts=True)
    return np.where(holders[label] > 1, label, -1).astype(np.int64)


def either(first: Ints, second: Ints) -> Ints:
    """The labels of `first`, and those of `second` for accounts that have none there."""
    later = np.where(second >= 0, second + first.max(initial=-1) + 1, -1)
    return np.where(first >= 0, first, later).astype(np.int64)
