"""Are conversations that one member began continued by other members?"""

from __future__ import annotations

from functools import lru_cache

import ibis.expr.types as ir
import numpy as np
from ibis import _
from scipy import sparse
from scipy.sparse import csgraph

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.arrays import Bools, Floats, Ints
from stillwatch.stats.evalues import binomial_log_e
from stillwatch.stats.factorize import Same, codes, distinct

FEWEST_ACCOUNTS, FEWEST_OTHERS = 8, 40  # members, and other accounts, that are needed
SEVERAL = 2  # accounts with which a member must share conversations in order to count
# Accounts of a circle that keeps its conversations to itself, at most: a family, a team of students or of
# colleagues. Members of a circle of so few do not count.
LARGEST_CIRCLE = 10
# The null's bound: its least value, its factor on the share of other accounts, and the value above which
# nothing is tested.
FLOOR, ENRICHMENT, LARGEST_BOUND = 0.05, 3.0, 0.9
MOST_HOLDERS = 50  # accounts from which a conversation is too crowded to count
# A client that numbers its conversations, or draws their ids from a short range, gives one id to unrelated
# conversations. An id is taken for such where at least `NAME_HOLDERS` members and a share `NAME_SHARE` of
# those that share any id have it, or where nobody else began it within `WITHIN_H` hours.
NAME_HOLDERS, NAME_SHARE = 8, 0.5
WITHIN_H = 24  # most hours between two accounts' start of a conversation that they share
# Shares of a member's shared ids, crowded ones or ones begun apart, from which the member is left out.
CROWDED, APART = 0.2, 0.5


def carried_on(summaries: Summaries) -> ir.Table:
    """Account × conversation that several accounts took part in, sorted by conversation; an account without
    one has one row with a null conversation.

    `begun` is the hour, from 1970, in which the account began it. `partners` is the number of other accounts
    with which the account shares a conversation of fewer than `MOST_HOLDERS` accounts.
    """
    active = summaries.halves.group_by("account_id").agg(exchanges=_.exchanges.sum())
    held = summaries.conversations.group_by(["account_id", "conversation"]).agg(begun=_.first_seen.min())
    held = held.mutate(begun=_.begun.epoch_seconds() // 3600)
    few = held.group_by("conversation").agg(holders=_.count()).filter(_.holders < MOST_HOLDERS)
    small = held.semi_join(few, "conversation")
    small = small.drop("begun")
    met = small.join(small.rename(other="account_id"), "conversation").filter(_.account_id != _.other)
    partners = met.group_by("account_id").agg(partners=_.other.nunique())
    rows = active.left_join(held, "account_id").drop("account_id_right").left_join(partners, "account_id")
    rows = rows.select(
        "account_id",
        "exchanges",
        "begun",
        conversation=_.conversation.cast("string"),
        partners=_.partners.fill_null(0),
    )
    return rows.order_by(["conversation", "account_id"])


def own_conversations(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null: one account in fifty shares a conversation, as a couple with two accounts does,
    members and others alike.
    """
    n = accounts * 8
    conversation = np.where(rng.random(n) < 0.02, rng.integers(0, n // 50 + 1, n), -1)
    order = np.argsort(conversation, kind="stable")
    rows = {
        "account": order,
        "conversation": conversation[order],
        "begun": np.zeros(n),
        "partners": _partners(np.arange(n), conversation, n)[order],
        "exchanges": np.full(n, 5),
    }
    return rows, order < accounts


@group_test(
    family="handoff",
    rows=carried_on,
    sample_null=own_conversations,
    measures="members that carry on conversations together with two or more other members, in a circle of "
    "more than ten",
    null="a member does so with probability at most max(0.05, 3 times the share of other accounts that carry "
    "on conversations with two or more others)",
    innocent=(
        "a shared workspace",
        "a client that numbers its conversations and whose users all begin on one day",
    ),
    evaded_by="keeping every conversation on one account",
    source="relay software: sticky sessions end with a fixed time, a limit or a ban "
    "(Wei-Shaw/claude-relay-service; router-for-me/CLIProxyAPI, issue 5847)",
    reads=("observations.conversation_key",),
    everyone=True,
)
def handoff(rows: Columns, member: Mask) -> Outcome:
    """Whether members continue each other's conversations, or why that cannot be tested."""
    account, conversation = np.asarray(rows["account"], np.int64), np.asarray(rows["conversation"], np.int64)
    size = int(account.max(initial=-1)) + 1
    inside = np.zeros(size, bool)
    inside[account[member]] = True
    present = np.zeros(size, bool)
    present[account] = True
    mine, others = int(inside.sum()), int((present & ~inside).sum())
    if mine < FEWEST_ACCOUNTS:
        return NoFinding(f"the group has fewer than {FEWEST_ACCOUNTS} members")
    if others < FEWEST_OTHERS:
        return NoFinding(f"there are fewer than {FEWEST_OTHERS} other accounts")
    if (conversation < 0).all():
        return NoFinding("no conversation is carried on by several accounts")
    partners = np.zeros(size, np.int64)
    partners[account] = np.asarray(rows["partners"], np.int64)
    among = _partners(account[member], conversation[member], size)
    usual = float((partners[present & ~inside] >= SEVERAL).mean())
    bound = max(FLOOR, ENRICHMENT * usual)
    if bound > LARGEST_BOUND:
        return NoFinding(
            f"more than {100 * LARGEST_BOUND / ENRICHMENT:.0f} % of other accounts share conversations with "
            f"{SEVERAL} or more accounts"
        )
    named = _named(account[member], conversation[member], np.asarray(rows["begun"], float)[member], size)
    heard = inside & ~named
    mine = int(heard.sum())
    if mine < FEWEST_ACCOUNTS:
        return NoFinding(
            f"all but fewer than {FEWEST_ACCOUNTS} members share ids of conversations that a client numbered "
            f"or drew anew"
        )
    large = _circle(Same(rows["account"]), Same(rows["conversation"]), size) > LARGEST_CIRCLE
    handed = int(((among >= SEVERAL) & large & heard).sum())
    return Finding(
        log_e=binomial_log_e(handed, mine, bound),
        value=f"{handed} of {mine} members",
        accounts=handed,
        exchanges=int(np.asarray(rows["exchanges"])[member & heard[account]].sum()),
        statement=f"{handed} of {mine} members carry on conversations together with two or more other "
        f"members, in circles of more than {LARGEST_CIRCLE}; of other accounts "
        f"{100 * usual:.1f} % do so with two or more others",
    )


def _partners(account: Ints, conversation: Ints, size: int) -> Ints:
    """For each of `size` accounts, the number of other accounts with which it shares a conversation.

    `account` and `conversation` are pairs, with -1 for no conversation. Two rows of one conversation count
    where their places in its order differ by less than `MOST_HOLDERS`.
    """
    known = conversation >= 0
    order = np.argsort(conversation[known], kind="stable")
    who, what = account[known][order], conversation[known][order]
    pairs = []
    for step in range(1, MOST_HOLDERS):
        same = np.flatnonzero(what[step:] == what[:-step]) if len(what) > step else np.zeros(0, np.int64)
        if len(same) == 0:
            break
        pairs.append(np.stack([who[same], who[same + step]], axis=1))
    if not pairs:
        return np.zeros(size, np.int64)
    both = np.concatenate(pairs)
    both = both[both[:, 0] != both[:, 1]]
    both = distinct(np.concatenate([both[:, 0] * size + both[:, 1], both[:, 1] * size + both[:, 0]]))
    return np.bincount(both // size, minlength=size)


@lru_cache(maxsize=4)  # every group of one log is asked about the same rows
def _circle(account: Same[Ints], conversation: Same[Ints], size: int) -> Ints:
    """For each of `size` accounts, the number of accounts that it is linked with by shared conversations,
    directly or over others, itself included. Conversations of `MOST_HOLDERS` accounts or more link nobody.
    """
    who, what = account.array, conversation.array
    known = what >= 0
    who, (what, number) = who[known], codes(what[known])
    few = np.bincount(what, minlength=number) < MOST_HOLDERS
    who, what = who[few[what]], what[few[what]]
    held = sparse.coo_matrix((np.ones(len(who), bool), (who, size + what)), shape=(size + number,) * 2)
    _number, circle = csgraph.connected_components(held, directed=False)
    return np.bincount(circle[:size])[circle[:size]].astype(np.int64)


def _named(
    account: Ints,
    conversation: Ints,
    begun: Floats,
    size: int,
) -> Bools:
    """Mask of accounts that share conversation ids with others, but not conversations.

    These are the accounts for which at least a share `CROWDED` of their shared ids have too many holders
    (`NAME_HOLDERS`, `NAME_SHARE`), or at least a share `APART` was begun more than `WITHIN_H` hours apart
    from every other holder's begin.
    """
    known = np.flatnonzero(conversation >= 0)
    order = known[np.lexsort((begun[known], conversation[known]))]
    who, what, when = account[order], codes(conversation[order])[0], begun[order]
    if len(who) == 0:
        return np.zeros(size, bool)
    holders = np.bincount(what)
    shared = holders[what] > 1
    apart = np.where(what[1:] == what[:-1], when[1:] - when[:-1], np.inf)
    nearest = np.minimum(np.append(apart, np.inf), np.insert(apart, 0, np.inf))
    crowded = holders[what] >= max(NAME_HOLDERS, NAME_SHARE * len(distinct(who[shared])))
    of_all, of_crowds, of_strangers = (
        np.bincount(who[some], minlength=size)
        for some in (shared, shared & crowded, shared & (nearest > WITHIN_H))
    )
    return (of_all > 0) & ((of_crowds >= CROWDED * of_all) | (of_strangers >= APART * of_all))
