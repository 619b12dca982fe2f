"""Do cards pay for several members that claim to be strangers?"""

from __future__ import annotations

from functools import lru_cache

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.signals.sharing import attribute
from stillwatch.stats.arrays import Ints
from stillwatch.stats.evalues import binomial_log_e
from stillwatch.stats.factorize import Same, codes, distinct

FEWEST_ACCOUNTS, FEWEST_OTHERS = 8, 40  # members, and other accounts, with a known card that are needed
# The null's bound: its least value, its factor on the share of other accounts, and the value above which
# nothing is tested.
FLOOR, ENRICHMENT, LARGEST_BOUND = 0.1, 3.0, 0.9
PUBLIC = 8  # different cards of a mail domain's accounts from which the domain is a public mail service


def rows(summaries: Summaries) -> ir.Table:
    """One row per account with a known card: `value` (the card), `domain` (mail domain, null where unknown)
    and `exchanges`.
    """
    paid = attribute("payment_fingerprint")(summaries)
    mail = (
        summaries.sightings.filter(_.kind == "email_domain").group_by("account_id").agg(domain=_.value.min())
    )
    return paid.left_join(mail, "account_id").select("account_id", "value", "domain", "exchanges")


def strangers(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null: most cards pay for one account, 8 % for two and 2 % for five; the accounts of
    one card are all members or all others.
    """
    cards = accounts * 8
    draw = rng.random(cards)
    held = np.where(draw < 0.02, 5, np.where(draw < 0.1, 2, 1))
    value = np.repeat(np.arange(cards), held)
    n = len(value)
    rows = {"value": value, "domain": np.arange(n), "exchanges": np.full(n, 5), "account": np.arange(n)}
    return rows, value < accounts


@group_test(
    family="ownership",
    rows=rows,
    sample_null=strangers,
    measures="members whose card pays for another member of another mail domain, or of a public one",
    null="a further member's card pays for an earlier member with probability at most max(0.1, 3 times the "
    "share of other "
    "accounts that repeat a card); accounts of one card and one private mail domain are one member",
    innocent=(
        "an employer whose staff use private mail",
        "a voucher that many redeem",
        "one agency that pays for its customers",
        "families",
    ),
    evaded_by="one virtual card per account",
    source="Anthropic, February 2026 (shared payment methods)",
    reads=("accounts.payment_fingerprint", "accounts.email_domain"),
    everyone=True,
)
def shared_payment(rows: Columns, member: Mask) -> Outcome:
    """Whether members share cards more often than others, or why that cannot be tested."""
    value = np.asarray(rows["value"], np.int64)
    claims = _claimed(Same(rows["value"]), Same(rows["domain"]))
    size = int(claims.max(initial=-1)) + 1
    (members, cards), (others, used) = (_held(claims[side], value[side], size) for side in (member, ~member))
    for accounts, fewest, whose in (
        (members, FEWEST_ACCOUNTS, "members"),
        (others, FEWEST_OTHERS, "other accounts"),
    ):
        if accounts < fewest:
            return NoFinding(
                f"fewer than {fewest} {whose} have a known card, accounts of one card and one private mail "
                f"domain counted once"
            )
    usual = 1.0 - used / others
    bound = max(FLOOR, ENRICHMENT * usual)
    if bound > LARGEST_BOUND:
        return NoFinding(
            f"more than {100 * LARGEST_BOUND / ENRICHMENT:.0f} % of other accounts repeat another's card"
        )
    return Finding(
        log_e=binomial_log_e(members - cards, members, bound),
        value=f"{cards} cards over {members} members",
        accounts=int(member.sum()),
        exchanges=int(np.asarray(rows["exchanges"])[member].sum()),
        statement=f"{cards} {'card pays' if cards == 1 else 'cards pay'} for {members} members that claim to "
        f"be strangers; of other accounts "
        f"{100 * usual:.1f} % repeat another's card",
    )


def _held(claim: Ints, card: Ints, size: int) -> tuple[int, int]:
    """Number of different claims, and of different cards; `size` is the number of claims of all accounts."""
    return int((np.bincount(claim, minlength=size) > 0).sum()), int((np.bincount(card) > 0).sum())


@lru_cache(maxsize=1)  # every candidate has the same rows
def _claimed(cards: Same[npt.NDArray[np.generic]], domains: Same[npt.NDArray[np.generic]]) -> Ints:
    """For each row, the number of the person or company that the account claims to be.

    An account with a public mail domain is a claim of its own; other accounts with one card and one domain
    (or no known domain) are one claim.
    """
    card, domain = np.asarray(cards.array, np.int64), np.asarray(domains.array, np.int64)
    known = domain >= 0
    names, number = codes(np.where(known, domain, -1))
    pairs = distinct(card[known] * number + names[known])
    public = np.bincount(pairs % max(number, 1), minlength=number) >= PUBLIC
    together, _claims = codes(card * number + names)
    alone = known & public[names]
    together[alone] = len(card) + np.arange(int(alone.sum()))
    return codes(together)[0]
