"""Numbers in place of enciphered digests, so that results do not depend on the key or on accounts' names.

Clustering processes values in sorted order and breaks ties by that order. The order of enciphered digests
changes with the key, and with it some groups. Therefore each digest that the detector compares is replaced by
a number that depends on the accounts that showed it and on the hours. Rules:

* Digests with equal accounts and hours are ordered by their enciphered values.
* An account is known by what it did in its first hour. Names of accounts matter only where digests do not
  differ otherwise.
* Two digests are ordered by the first hour in which they differ, so a shorter prefix of the log gives the
  same order.
* All numbers have the same number of digits, so numeric and alphabetical order agree.

The results contain these numbers and no digests.
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
from stillwatch.signals.registry import all_indicators

FIRST = 10**12  # smallest number that stands for a digest
HOURS = 64  # first hours of a digest that are compared one by one; for later ones, sums are compared
PRIME = 2_147_483_647  # 2^31 - 1: squares of remainders stay within 63 bits
# Columns of `Summaries.activity` by which an account's first hour differs from others'.
FIRST_HOUR = ("exchanges", "output_log", "words_log", "minute_cos_1", "minute_sin_1")
FACTORS = ((747_796_405, 362_437), (1_540_483_477, 521_288_629))  # chosen: large odd numbers


@dataclass(frozen=True, slots=True)
class Codes:
    """Replaces digests by numbers. `accounts` has one row for each account: `account_id`, a hash of its first
    hour (`number_0`), one of its name (`number_1`), and its `place` in the order of both.
    """

    engine: Engine
    accounts: ir.Table

    @classmethod
    def of(cls, engine: Engine, activity: ir.Table) -> Codes:
        """Codes for the accounts of `activity`."""
        in_order = ibis.row_number().over(ibis.window(group_by="account_id", order_by=["hour", "half"]))
        first = activity.mutate(number=in_order).filter(_.number == 0)
        known = first.select("account_id", "hour", *FIRST_HOUR).order_by("account_id").to_pyarrow()
        names = known.column("account_id")
        hours = zip(
            known.column("hour").cast("int64").to_pylist(),
            *(known.column(name).cast("float64").to_numpy().round(6).tolist() for name in FIRST_HOUR),
            strict=True,
        )
        columns = {
            "number_0": np.array([_hashed(repr(hour)) for hour in hours], np.int64),
            "number_1": np.array([_hashed(name) for name in names.to_pylist()], np.int64),
        }
        columns["place"] = np.empty(len(names), np.int64)
        columns["place"][np.lexsort((columns["number_1"], columns["number_0"]))] = np.arange(len(names))
        return cls(engine, engine.load("account_numbers", pa.table({"account_id": names} | columns)))

    def coded(self, name: str, rows: ir.Table, column: str, moment: str = "hour") -> ir.Table:
        """`rows` with numbers in `column` in place of the digests that several accounts show.

        `rows` has `account_id`, `column`, `moment` (a time) and `exchanges`. Digests of one account are kept,
        since they are not compared. The codes are stored as the temporary table `name`.
        """
        several = rows.group_by(column).agg(low=_.account_id.min(), high=_.account_id.max())
        shared = rows.semi_join(several.filter(_.low != _.high), column)
        code = self._codes(name, shared, column, moment)
        kind = rows[column].type()
        both = rows.left_join(code, [(column, "digest")])
        return both.mutate(**{column: _.code.cast(kind).coalesce(_[column])}).select(*rows.columns)

    def coded_sources(self, sources: ir.Table) -> ir.Table:
        """`Summaries.sources` with numbers in place of all digests."""
        for kind in (unit.card.name for unit in all_indicators() if unit.is_digest and not unit.is_list):
            if kind in sources.columns:
                code = self._codes(f"codes_{kind}", sources.filter(_[kind].notnull()), kind, "hour")
                both = sources.left_join(code, [(kind, "digest")])
                sources = both.mutate(**{kind: _.code.cast("string")}).select(*sources.columns)
        return sources

    def _codes(self, name: str, rows: ir.Table, column: str, moment: str) -> ir.Table:
        """A table of `digest` and `code` (from `FIRST` on), ordered by kind and by the first hour in which
        digests differ.
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
        ordered = each.group_by(names).agg(
            hours=_.said.collect(where=_.place < HOURS).sort().join(""),
            sum_0=_.sum_0.sum(),
            sum_1=_.sum_1.sum(),
        )
        # "~" sorts after digits, so a digest without further hours comes after one with further hours.
        ordered = ordered.mutate(hours=_.hours + "~")
        order = ibis.window(order_by=[*names[1:], "hours", "sum_0", "sum_1", "digest"])
        return self.engine.keep(
            name, ordered.mutate(code=ibis.row_number().over(order) + FIRST).select("digest", "code")
        )


def _hashed(text: str) -> int:
    """A number below `PRIME`."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") % PRIME
