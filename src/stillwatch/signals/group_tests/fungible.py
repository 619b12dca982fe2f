"""Are the members exchangeable: does it tell nothing of a request which member sends it?"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.codes import codes
from stillwatch.stats.mixtures import one_mixture_log_e

FEWEST_HOLDERS = 8  # accounts that show a phrase
LARGEST_SHARE_OF_HOLDERS = 0.5  # share of the accounts: a phrase of more says nothing of what is asked
KINDS_OF_WORK, FEWEST_KINDS = 24, 2
FEWEST_TIMES = 2  # hours in which an account sends the group's own kinds of work
FEWEST_ACCOUNTS = 8
LARGEST_SHARE_OF_ONE_KIND = 0.9  # of one kind of work: beyond, there is nothing to divide
# Times as often as other accounts the group sends a kind of work, for it to be its own: what a group of ordinary people says more often
# than others, by its country or trade, is three to nine times as frequent.
LEAST_SPECIFICITY = 10.0
LEAST_SHARE_OF_WORK = 0.005  # share of the group's requests that a kind of work has


def kinds_of_work(summaries: Summaries) -> ir.Table:
    """Account × half × kind of work: in how many hours it was sent. The kind of work of an hour is the phrase
    of that hour's prompts that its senders send most often, by exchanges an account: a task's words are sent again and again, common turns
    of speech now and then. Neither the key of the digests nor the names of accounts decide between equal ones.
    """
    marks = summaries.marks.filter(_.kind == "prompt_template")
    holders = marks.group_by("value").agg(
        holders=_.account_id.nunique(), exchanges=_.exchanges.sum(), when=_.hour.epoch_seconds().sum()
    )
    everyone = summaries.halves.aggregate(everyone=_.account_id.nunique())
    shared = holders.filter(_.holders >= FEWEST_HOLDERS).cross_join(everyone)
    shared = shared.filter(_.holders < LARGEST_SHARE_OF_HOLDERS * _.everyone).mutate(
        rank=ibis.row_number().over(
            ibis.window(order_by=[_.exchanges / _.holders, "holders", "exchanges", "when", "value"])
        )
    )
    hours = marks.select("account_id", "half", "hour", "value").join(shared.select("value", "rank"), "value")
    each = hours.group_by(["account_id", "half", "hour"]).agg(work=_["rank"].max())
    return each.group_by(["account_id", "half", "work"]).agg(exchanges=_.count())


def own_work(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """Members that share six templates and prefer some of them, by an intraclass correlation of 0.1, on both halves; other
    accounts have templates of their own.
    """
    n, kinds = accounts * 4, 6
    mixes = rng.dirichlet(np.full(kinds, 9.0 / kinds), n)
    counts = np.stack([[rng.multinomial(12, mix) for mix in mixes] for _half in range(2)])
    half, account, work = np.nonzero(counts)
    times = counts[half, account, work]
    work = np.where(account < accounts, work, kinds + account)
    rows = {"account": account, "half": half, "work": work, "exchanges": times}
    return rows, account < accounts


@group_test(
    family="fungible",
    rows=kinds_of_work,
    sample_null=own_work,
    measures="whether all members send one mixture of the kinds of work that are their own, as if the sender were drawn at random",
    null="members prefer some of the group's kinds of work (an intraclass correlation of at least 0.1) or keep a rota (counts "
    "that vary at most 0.6 times as much as random draws)",
    innocent=(
        "players of one game whose events choose the template",
        "people who try the prompts of one list at random",
        "shifts that draw from one queue",
    ),
    evaded_by="accounts that each do one kind of work, at the price of being told apart by it",
    source="exchangeability of identities (de Finetti 1937); Wasserman, Ramdas and Balakrishnan 2020 (universal inference)",
    reads=("observations.phrases",),
)
def fungible(rows: Columns, member: Mask) -> Outcome:
    account, accounts = codes(np.asarray(rows["account"])[member])
    if accounts < FEWEST_ACCOUNTS:
        return NoFinding(
            f"fewer than {FEWEST_ACCOUNTS} members show a phrase that {FEWEST_HOLDERS} accounts and less than {100 * LARGEST_SHARE_OF_HOLDERS:.0f} % of all show"
        )
    work, kinds = codes(rows["work"])
    first, times = np.asarray(rows["half"]) == 0, np.asarray(rows["exchanges"], float)
    learned = np.bincount(work[first & member], weights=times[first & member], minlength=kinds)
    inside, outside = (_usual(rows, work, kinds, first & side) for side in (member, ~member))
    own = inside > LEAST_SPECIFICITY * outside
    most = np.argsort(-np.where(own, learned, 0.0), kind="stable")[:KINDS_OF_WORK]
    most = most[own[most] & (learned[most] > max(LEAST_SHARE_OF_WORK * learned.sum(), 1.0))]
    if len(most) < FEWEST_KINDS:
        return NoFinding(
            f"the group has fewer than {FEWEST_KINDS} kinds of work that make up {100 * LEAST_SHARE_OF_WORK:.1f} % of its work and that it sends {LEAST_SPECIFICITY:.0f} times as often as others"
        )
    if learned[most].max() > LARGEST_SHARE_OF_ONE_KIND * learned[most].sum():
        return NoFinding(
            f"more than {100 * LARGEST_SHARE_OF_ONE_KIND:.0f} % of the group's own work is of one kind"
        )
    column = np.full(kinds, -1, np.int64)
    column[most] = np.arange(len(most))
    mine = column[work[member]]
    used = ~first[member] & (mine >= 0)
    counts = np.zeros((accounts, len(most)))
    np.add.at(counts, (account[used], mine[used]), times[member][used])
    enough = int((counts.sum(axis=1) >= FEWEST_TIMES).sum())
    if enough < FEWEST_ACCOUNTS:
        return NoFinding(
            f"fewer than {FEWEST_ACCOUNTS} members send work of the group's own kinds in {FEWEST_TIMES} of the hours that are tested"
        )
    return Finding(
        log_e=one_mixture_log_e(counts, learned[most] + 0.5),
        value=f"{len(most)} kinds of work",
        accounts=enough,
        exchanges=int(counts.sum()),
        statement=f"{enough} members send {len(most)} kinds of work, which others hardly send, in one mixture: which member sends a request "
        "tells nothing of what is asked, where people and programs prefer some work to other",
    )


def _usual(rows: Columns, work: npt.NDArray[np.int64], kinds: int, some: Mask) -> npt.NDArray[np.float64]:
    """Mean over accounts of the share that each kind of work has of their work: every account counts alike, so that a few busy
    members that nobody proposed do not make the group's work usual elsewhere.
    """
    account, accounts = codes(np.asarray(rows["account"])[some])
    times = np.asarray(rows["exchanges"], float)[some]
    shares = times / np.maximum(np.bincount(account, weights=times, minlength=accounts), 1.0)[account]
    return np.bincount(work[some], weights=shares, minlength=kinds) / max(accounts, 1)
