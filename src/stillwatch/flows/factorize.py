"""Numbers in place of enciphered digests, which do not depend on the key.

Clustering reads values in the order of their names, and of values that tie the first is taken. Enciphered
digests would give another order under another key, and with it other groups at the edge. So every digest that
the detector compares gets a number by who showed it and when. Rules:

* Digests that agree in all of that are interchangeable; only among them does the enciphered value decide.
* The order of two digests is settled by the first hour in which they differ, so that a log that ends earlier
  has the same order.
* A number has as many digits as any other, so that the order of numbers is that of their texts.

The results show these numbers and no digests.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _

from stillwatch.engine.connect import Engine

KINDS = ("system_prompt", "request_shape")  # whose values are digests, of which an exchange shows one
FIRST = 10**12  # the least number
HOURS = 64  # of a digest that are compared one by one; beyond them it is their sum
PRIME = 2_147_483_647  # 2^31 - 1: squares of remainders stay within 63 bits
FACTORS = ((747_796_405, 362_437), (1_540_483_477, 521_288_629))  # chosen: large odd numbers


@dataclass(frozen=True, slots=True)
class Codes:
    """Gives numbers to digests; `accounts` has for every account its `place` in the order of names, and
    two numbers.
    """

    engine: Engine
    accounts: ir.Table

    @classmethod
    def of(cls, engine: Engine, activity: ir.Table) -> Codes:
        """Codes for the accounts of `activity`, whose numbers follow from their names alone."""
        names = (
            activity.select("account_id").distinct().order_by("account_id").to_pyarrow().column("account_id")
        )
        states = [hashlib.blake2b(name.encode(), digest_size=16).digest() for name in names.to_pylist()]
        numbers = np.frombuffer(b"".join(states), "<u8").reshape(-1, 2) % PRIME
        columns = {f"number_{i}": numbers[:, i].astype(np.int64) for i in range(2)}
        columns["place"] = np.arange(len(names))
        return cls(engine, engine.load("account_numbers", pa.table({"account_id": names} | columns)))

    def coded(self, name: str, rows: ir.Table, column: str, moment: str = "hour") -> ir.Table:
        """`rows` (`account_id`, `column`, `moment`, `exchanges`) with numbers in `column`, for the digests
        that several accounts show.

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
        for kind in KINDS:
            if kind in sources.columns:
                code = self._codes(f"codes_{kind}", sources.filter(_[kind].notnull()), kind, "hour")
                both = sources.left_join(code, [(kind, "digest")])
                sources = both.mutate(**{kind: _.code.cast("string")}).select(*sources.columns)
        return sources

    def _codes(self, name: str, rows: ir.Table, column: str, moment: str) -> ir.Table:
        """`digest` → `code`, from `FIRST` on, by kind, and in it by the first hour in which two digests
        differ.
        """
        known = rows.join(self.accounts, "account_id")
        kind = [known.kind] if "kind" in rows.columns else []
        half = known.half.cast("int64") if "half" in rows.columns else ibis.literal(0, "int64")
        often = known.exchanges.cast("int64") if moment == "hour" else ibis.literal(0, "int64")
        sums = {}
        for i, (of_half, of_number) in enumerate(FACTORS):
            mixed = (known[f"number_{i}"] + half * of_half + often % PRIME * of_number) % PRIME
            sums[f"sum_{i}"] = (mixed * mixed % PRIME).sum().cast("int64")
        when = (known[moment].epoch_seconds().cast("int64") // 3600).name("when")
        hours = known.group_by([known[column].name("digest"), *kind, when]).agg(**sums)
        names = ["digest", *(one.get_name() for one in kind)]
        place = ibis.row_number().over(ibis.window(group_by=names, order_by="when"))
        said = (
            hours["when"].cast("string").lpad(9, "0")
            + ":"
            + hours.sum_0.cast("string")
            + ":"
            + hours.sum_1.cast("string")
            + ","
        )
        each = hours.mutate(place=place, said=said)
        told = each.group_by(names).agg(
            hours=_.said.collect(where=_.place < HOURS).sort().join(""),
            sum_0=_.sum_0.sum(),
            sum_1=_.sum_1.sum(),
        )
        told = told.mutate(hours=_.hours + "~")  # what ends comes after what goes on, wherever the log is cut
        order = ibis.window(order_by=[*names[1:], "hours", "sum_0", "sum_1", "digest"])
        return self.engine.keep(
            name, told.mutate(code=ibis.row_number().over(order) + FIRST).select("digest", "code")
        )
