"""How much does it say that two accounts share a value?

Fellegi and Sunter (1969): the match weight of agreeing on a value is log10(m/u), with m the chance that two
accounts under one control agree and u the chance that two independent accounts do. With the term-frequency
adjustment (Winkler 2000) u is the prevalence of that very value, so a rare shared value says much and a
common one nothing: what a framework or a popular tool gives to many strangers is subtracted by its prevalence.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

AGREEMENT = 0.5
VALUES_KEPT_PER_ACCOUNT = 40
FEWEST_HOLDERS = 3
PER_ACCOUNT_KINDS = ("prompt_template", "prompt_near_duplicate")


def prevalence(sightings: ir.Table) -> ir.Table:
    """Kind × value: how many accounts show it."""
    return sightings.group_by(["kind", "value"]).agg(holders=_.account_id.nunique())


def links(sightings: ir.Table, accounts: int) -> ir.Table:
    """Account × value edges with their weight in log10 units, for values that at least `FEWEST_HOLDERS` accounts share.

    Of the kinds of which an account has hundreds (phrases, bands) its `VALUES_KEPT_PER_ACCOUNT` most used are kept.
    """
    merged = sightings.group_by(["account_id", "kind", "value"]).agg(exchanges=_.exchanges.sum())
    shared = prevalence(sightings).filter((_.holders >= FEWEST_HOLDERS) & (_.holders < AGREEMENT * accounts))
    rows = merged.join(shared, ["kind", "value"]).mutate(
        weight=(AGREEMENT * accounts / _.holders).log10(),
    )
    many = rows.kind.isin(PER_ACCOUNT_KINDS)
    rank = ibis.row_number().over(
        ibis.window(
            group_by=["account_id", "kind"],
            order_by=[ibis.desc(rows.exchanges * rows.weight), rows.value],
        )
    )
    rows = rows.mutate(rank=rank, many=many).filter(~_.many | (_.rank < VALUES_KEPT_PER_ACCOUNT))
    return rows.select("account_id", "kind", "value", "weight", "exchanges", "holders")
