"""Do many cards each pay for several members that claim to be strangers?"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.signals.sharing import attribute
from stillwatch.stats.codes import distinct
from stillwatch.stats.evalues import binomial_log_e, mean_log_e

FEWEST, OTHERS = 3, 40  # cards
FLOOR, ENRICHMENT = 0.1, 3.0
MANY, FLOOR_MANY = 4, 0.02  # mail domains behind one card


def rows(summaries: Summaries) -> ir.Table:
    """Account, its card, and the domain of its mail where one is known."""
    paid = attribute("payment_fingerprint")(summaries)
    mail = (
        summaries.sightings.filter(_.kind == "email_domain").group_by("account_id").agg(domain=_.value.min())
    )
    return paid.left_join(mail, "account_id").select("account_id", "value", "domain", "exchanges")


def _cards(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """Cards pay for one account, one in ten for two, one in fifty for five of other domains; all as often among members."""
    cards = accounts * 8
    draw = rng.random(cards)
    held = np.where(draw < FLOOR_MANY, 5, np.where(draw < FLOOR, 2, 1))
    value = np.repeat(np.arange(cards), held)
    n = len(value)
    rows = {"value": value, "domain": np.arange(n), "exchanges": np.full(n, 5), "account": np.arange(n)}
    return rows, value < accounts


@group_test(
    family="ownership",
    rows=rows,
    sample_null=_cards,
    measures="cards that pay for more than one member, and cards that pay for members of many mail domains",
    null="a member's card pays for a second member with probability at most max(0.1, 3 times the share of other cards "
    "that pay for several accounts), and for members of four mail domains with probability at most max(0.02, 3 times the "
    "share of other cards that do); every card counts once, so that one company's card is one trial",
    innocent=(
        "several companies' accounts in one group",
        "families",
        "one agency that pays for its customers",
    ),
    evaded_by="one virtual card per account",
    source="Anthropic, February 2026 (shared payment methods)",
    reads=("accounts.payment_fingerprint", "accounts.email_domain"),
)
def shared_payment(rows: Columns, member: Mask) -> Finding | None:
    value, domain = np.asarray(rows["value"], np.int64), np.asarray(rows["domain"], np.int64)
    held = np.bincount(value[member])
    among = np.bincount(value[~member])
    mine, others = np.flatnonzero(held), np.flatnonzero(among)
    if len(mine) < FEWEST or len(others) < OTHERS:
        return None
    usual, several = float((among[others] > 1).mean()), int((held[mine] > 1).sum())
    strangers = int((_domains(value[member], domain[member])[mine] >= MANY).sum())
    rarely = float((_domains(value[~member], domain[~member])[others] >= MANY).mean())
    bets = (
        binomial_log_e(several, len(mine), min(max(FLOOR, ENRICHMENT * usual), 0.9)),
        binomial_log_e(strangers, len(mine), min(max(FLOOR_MANY, ENRICHMENT * rarely), 0.9)),
    )
    return Finding(
        log_e=mean_log_e(np.asarray(bets)),
        value=f"{several} of {len(mine)} cards",
        accounts=int(held.sum()),
        exchanges=int(np.asarray(rows["exchanges"])[member].sum()),
        statement=f"{several} of the {len(mine)} cards that pay for {int(held.sum())} members pay for more than one of them, "
        f"{strangers} for members of {MANY} mail domains or more; of other cards {100 * usual:.1f} % pay for more than one "
        f"account, {100 * rarely:.1f} % for accounts of so many domains",
    )


def _domains(card: npt.NDArray[np.int64], domain: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Different mail domains behind each card, by its number."""
    known = domain >= 0
    names = int(domain.max(initial=0)) + 1
    pairs = distinct(card[known] * names + domain[known])
    counted: npt.NDArray[np.int64] = np.bincount(pairs // names, minlength=int(card.max(initial=0)) + 1)
    return counted
