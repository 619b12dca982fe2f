"""Do the members use one program, which would explain that they act and ask alike?"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.signals.sharing import own_values
from stillwatch.stats.codes import codes

KINDS = ("system_prompt", "user_agent", "tls_fingerprint", "client_prefix")
NETWORK, MAIL = "asn", "email_domain"  # of one institution its people have both; many have one of them
FEWEST = 8
SHARE, RARER = 0.4, 3.0


def main_values(summaries: Summaries) -> ir.Table:
    """Account × kind: the value of each kind that an account shows most, its network together with its mail domain."""
    seen = summaries.sightings.filter(_.kind.isin((*KINDS, NETWORK))).group_by(
        ["account_id", "kind", "value"]
    )
    counted = seen.agg(exchanges=_.exchanges.sum())
    order = ibis.window(group_by=["account_id", "kind"], order_by=[ibis.desc("exchanges"), "value"])
    first = counted.mutate(place=ibis.row_number().over(order)).filter(_.place == 0)
    mail = summaries.sightings.filter(_.kind == MAIL).group_by("account_id").agg(domain=_.value.min())
    house = first.filter(_.kind == NETWORK).inner_join(mail, "account_id")
    return ibis.union(
        first.filter(_.kind != NETWORK).select("account_id", "exchanges", value=_.kind + "\x1f" + _.value),
        house.select("account_id", "exchanges", value=_.kind + "\x1f" + _.value + "\x1f" + _.domain),
    )


@group_test(
    family="place",
    rows=main_values,
    sample_null=own_values,
    measures="share of members that mostly show one system prompt, user agent, TLS fingerprint or address range, or have one "
    "mail domain on one network",
    null="none is tested: this speaks against a candidate only. Where two in five members mostly use one program or come "
    "from one range or institution, and other accounts three times more rarely do, joint timing and a common purpose have a cause",
    innocent=("the users of a popular tool", "an office or a campus"),
    evaded_by="nothing: an operator with one program, range or institution is judged by control alone",
    source="design, innocent look-alikes",
    reads=(
        "observations.user_agent",
        "observations.tls_fingerprint",
        "observations.asn",
        "accounts.email_domain",
    ),
)
def common_client(rows: Columns, member: Mask) -> Finding | None:
    value = np.asarray(rows["value"], np.int64)
    account = np.asarray(rows["account"])
    size, rest = (codes(account[side])[1] for side in (member, ~member))
    if size < FEWEST or rest < FEWEST:
        return None
    mine = np.bincount(value[member], minlength=int(value.max()) + 1) / size
    others = np.bincount(value[~member], minlength=len(mine)) / rest
    shared = np.where(mine > RARER * others, mine, 0.0)
    # Of values that as many members show, the one that fewest others do; values have no order of their own.
    best = int(np.lexsort((-others, shared))[-1])
    if mine[best] < SHARE or mine[best] <= RARER * others[best]:
        return None
    return Finding(
        log_e=0.0,
        value=f"{100 * mine[best]:.0f} %",
        accounts=round(mine[best] * size),
        exchanges=int(np.asarray(rows["exchanges"])[member & (value == best)].sum()),
        statement=f"{100 * mine[best]:.0f} % of members mostly use one program or address range or are of one institution, which {100 * others[best]:.1f} % "
        "of other accounts do: acting and asking alike may come of that",
        silences=("timing",),
    )
