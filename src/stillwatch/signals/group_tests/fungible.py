"""Are the members exchangeable, so that the kind of a request does not depend on the member that sends it?"""

from __future__ import annotations

import numba
import numpy as np
import pyarrow as pa

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.arrays import Floats, Ints
from stillwatch.stats.factorize import codes
from stillwatch.stats.mixtures import one_mixture_log_e

FEWEST_HOLDERS = 8  # accounts that must show a phrase for it to be a kind of work
LARGEST_SHARE_OF_HOLDERS = 0.5  # share of all accounts from which a phrase is too common to be a kind of work
KINDS_OF_WORK, FEWEST_KINDS = 24, 2  # kinds of work of a group that are compared, at most and at least
FEWEST_TIMES = 2  # tested hours with the group's own kinds of work that a member needs in order to count
FEWEST_ACCOUNTS = 8  # members with enough data that the test needs
LARGEST_SHARE_OF_ONE_KIND = 0.9  # share of one kind in the group's work above which nothing is compared
# Times as often as other accounts that the group must send a kind of work for it to be the group's own. The
# words of groups of ordinary people, by country or trade, are three to nine times as frequent as elsewhere.
LEAST_SPECIFICITY = 10.0
LEAST_SHARE_OF_WORK = 0.005  # share of the group's work that a kind of work must exceed


def kinds_of_work(summaries: Summaries) -> pa.Table:
    """Account × half × kind of work: number of hours in which the account sent it (column `exchanges`).

    The kind of work of an account's hour is one phrase of its prompts in that hour: the phrase with the most
    exchanges per account that shows it. The words of a task are repeated, common turns of speech are not.
    Ties are broken by counts and hours first, so that they hardly depend on the key of the digests.
    """
    phrases = summaries.phrases
    holders, exchanges, when = _shown(
        phrases.starts,
        phrases.account,
        phrases.hour,
        phrases.exchanges,
        phrases.kind,
        phrases.kind_of("prompt_template"),
        phrases.end,
    )
    shared = (holders >= FEWEST_HOLDERS) & (holders < LARGEST_SHARE_OF_HOLDERS * phrases.accounts)
    values = np.flatnonzero(shared)
    order = np.lexsort(
        (values, when[values], exchanges[values], holders[values], exchanges[values] / holders[values])
    )
    rank = np.full(len(holders), -1, np.int64)
    rank[values[order]] = np.arange(len(values))
    work, account, half = _work(
        phrases.starts,
        phrases.account,
        phrases.hour,
        phrases.half,
        phrases.visit,
        phrases.visits,
        rank,
        phrases.end,
    )
    sent = np.flatnonzero(work >= 0)
    key = (account[sent].astype(np.int64) * 2 + half[sent]) * max(len(values), 1) + work[sent]
    key, times = np.unique(key, return_counts=True)
    of, work = np.divmod(key, max(len(values), 1))
    return pa.table(
        {
            "account_id": phrases.names.take(pa.array(of // 2)),
            "half": of % 2,
            "work": work,
            "exchanges": times.astype(np.int64),
        }
    )


@numba.njit(cache=True, nogil=True)
def _shown(starts, account, hour, exchanges, kind, wanted, end):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """For each value, counted before the hour `end`: its number of accounts, its exchanges and the sum of its
    rows' hours; 0 for values of other kinds than `wanted`.
    """
    values = len(starts) - 1
    holders, sums, when = np.zeros(values, np.int64), np.zeros(values, np.int64), np.zeros(values, np.int64)
    for v in range(values):
        if kind[v] != wanted:
            continue
        last = -1
        for row in range(starts[v], starts[v + 1]):
            if hour[row] < end:
                if account[row] != last:
                    holders[v] += 1
                    last = account[row]
                sums[v] += exchanges[row]
                when[v] += hour[row]
    return holders, sums, when


@numba.njit(cache=True, nogil=True)
def _work(starts, account, hour, half, visit, visits, rank, end):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """For each pair of account and hour (`visit`) before `end`: the highest rank of its values (-1 where none
    has a rank), its account, and its half of the data.
    """
    best, who, of = np.full(visits, -1, np.int64), np.zeros(visits, np.int32), np.zeros(visits, np.int8)
    for v in range(len(starts) - 1):
        if rank[v] < 0:
            continue
        for row in range(starts[v], starts[v + 1]):
            if hour[row] < end and rank[v] > best[visit[row]]:
                place = visit[row]
                best[place], who[place], of[place] = rank[v], account[row], half[row]
    return best, who, of


def own_work(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null: members share six templates with preferences of an intraclass correlation of
    0.1; every other account has its own template.
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
    measures="whether all members send one mixture of the kinds of work that are their own, as if the sender "
    "were drawn at random",
    null="members prefer some of the group's kinds of work (an intraclass correlation of at least 0.1) or "
    "keep a rota (counts "
    "that vary at most 0.6 times as much as random draws)",
    innocent=(
        "players of one game whose events choose the template",
        "people who try the prompts of one list at random",
        "shifts that draw from one queue",
    ),
    evaded_by="accounts that each do one kind of work, at the price of being told apart by it",
    source="exchangeability of identities (de Finetti 1937); Wasserman, Ramdas and Balakrishnan 2020 "
    "(universal inference)",
    reads=("observations.phrases",),
)
def fungible(rows: Columns, member: Mask) -> Outcome:
    """Whether all members send one mixture of the kinds of work, or why that cannot be tested."""
    account, accounts = codes(np.asarray(rows["account"])[member])
    if accounts < FEWEST_ACCOUNTS:
        return NoFinding(
            f"fewer than {FEWEST_ACCOUNTS} members show a phrase that {FEWEST_HOLDERS} accounts and less "
            f"than {100 * LARGEST_SHARE_OF_HOLDERS:.0f} % of all show"
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
            f"the group has fewer than {FEWEST_KINDS} kinds of work that make up "
            f"{100 * LEAST_SHARE_OF_WORK:.1f} % of its work and that it sends {LEAST_SPECIFICITY:.0f} times "
            f"as often as others"
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
            f"fewer than {FEWEST_ACCOUNTS} members send work of the group's own kinds in {FEWEST_TIMES} of "
            f"the hours that are tested"
        )
    return Finding(
        log_e=one_mixture_log_e(counts, learned[most] + 0.5),
        value=f"{len(most)} kinds of work",
        accounts=enough,
        exchanges=int(counts.sum()),
        statement=f"{enough} members send {len(most)} kinds of work, which others hardly send, in one "
        f"mixture: which member sends a request "
        "tells nothing of what is asked, where people and programs prefer some work to other",
    )


def _usual(rows: Columns, work: Ints, kinds: int, some: Mask) -> Floats:
    """Share of each kind of work, averaged over the accounts of the rows `some`.

    Every account has the same weight, so that a few busy members outside the candidate do not make the
    group's work look usual among others.
    """
    account, accounts = codes(np.asarray(rows["account"])[some])
    times = np.asarray(rows["exchanges"], float)[some]
    shares = times / np.maximum(np.bincount(account, weights=times, minlength=accounts), 1.0)[account]
    return np.bincount(work[some], weights=shares, minlength=kinds) / max(accounts, 1)
