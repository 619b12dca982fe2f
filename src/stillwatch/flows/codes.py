"""Numbers in place of enciphered digests, which do not depend on the key.

Clustering reads values in the order of their names, and of values that tie the first is taken. Enciphered digests would
give another order under another key, and with it other groups at the edge. So every digest that the detector compares gets a
number by who showed it and when; digests that agree in all of that are interchangeable. The results show these numbers and
no digests.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from stillwatch.engine.connect import Engine

DIGESTS = ("system_prompt", "request_shape")  # kinds whose values are digests, of which an exchange shows one
PRIME = 2_147_483_647
FACTORS = (
    (1_103_515_245, 747_796_405, 362_437, 69_069),
    (1_664_525_013, 1_540_483_477, 521_288_629, 16_807),
)  # chosen: odd numbers of multiplicative generators


@dataclass(frozen=True, slots=True)
class Codes:
    """Gives numbers to digests; `accounts` has a number for every account."""

    engine: Engine
    accounts: ir.Table

    @classmethod
    def of(cls, engine: Engine, activity: ir.Table) -> Codes:
        """Codes for the accounts of `activity`, numbered by name."""
        names = pc.unique(activity.select("account_id").distinct().to_pyarrow().column("account_id"))
        names = names.sort()
        numbered = pa.table({"account_id": names, "account_number": pa.array(range(len(names)), pa.int64())})
        return cls(engine, engine.load("account_numbers", numbered))

    def coded(self, name: str, rows: ir.Table, column: str, moment: str = "hour") -> ir.Table:
        """`rows` (`account_id`, `column`, `moment`, `exchanges`) with numbers in `column`, for the digests that several accounts show.

        Other digests stay as they are: nothing is compared with them. The codes are kept under `name`.
        """
        several = rows.group_by(column).agg(low=_.account_id.min(), high=_.account_id.max())
        shared = rows.semi_join(several.filter(_.low != _.high), column)
        code = self._codes(name, shared, column, moment)
        kind = rows[column].type()
        both = rows.left_join(code, [(column, "digest")])
        return both.mutate(**{column: _.code.cast(kind).coalesce(_[column])}).select(*rows.columns)

    def coded_sources(self, sources: ir.Table) -> ir.Table:
        """`Summaries.sources` with numbers for all digests in it."""
        for kind in DIGESTS:
            if kind in sources.columns:
                code = self._codes(f"codes_{kind}", sources.filter(_[kind].notnull()), kind, "hour")
                both = sources.left_join(code, [(kind, "digest")])
                sources = both.mutate(**{kind: _.code.cast("string")}).select(*sources.columns)
        return sources

    def _codes(self, name: str, rows: ir.Table, column: str, moment: str) -> ir.Table:
        """`digest` → `code`, from 1 on, by kind, and in it in the order of two sums over the digest's rows that no key enters."""
        known = rows.join(self.accounts, "account_id")
        half = known.half if "half" in rows.columns else ibis.literal(0, "int64")
        facts = (
            known.account_number,
            known[moment].epoch_seconds().cast("int64") // 3600,
            half,
            known.exchanges,
        )
        sums = {}
        for number, factors in enumerate(FACTORS):
            mixed = (
                sum(
                    (
                        fact.cast("int64") % PRIME * factor % PRIME
                        for fact, factor in zip(facts, factors, strict=True)
                    ),
                    ibis.literal(0, "int64"),
                )
                % PRIME
            )
            sums[f"sum_{number}"] = (mixed * mixed % PRIME).sum().cast("int64")
        kind = [known.kind] if "kind" in rows.columns else []
        told = known.group_by([known[column].name("digest"), *kind]).agg(**sums)
        order = ibis.window(order_by=[*(one.get_name() for one in kind), "sum_0", "sum_1", "digest"])
        return self.engine.keep(
            name, told.mutate(code=ibis.row_number().over(order) + 1).select("digest", "code")
        )
