"""Values that people labelled honest, in the form in which the detector takes them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import ibis.expr.types as ir
import pyarrow as pa

from stillwatch.contract.summaries import Summaries, labelled_marks, without
from stillwatch.engine.connect import Engine
from stillwatch.memory.labels import VALUES, LabelsInForce

# Schema of values that a label declares honest.
VALUE = pa.schema({"kind": pa.string(), "value": pa.string()})
# Schema of values by which a label marks accounts as an explanation's.
MARK = pa.schema({"explanation": pa.string(), "kind": pa.string(), "value": pa.string()})
SHARE_OF_EXCHANGES = 0.5  # least share of an account's exchanges that show a mark; chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Excused:
    """Values labelled honest or allowed: all of them by kind and value, and those that are the mark of an
    explanation by explanation, kind and value.
    """

    values: frozenset[tuple[str, str]] = frozenset()
    marks: frozenset[tuple[str, str, str]] = frozenset()

    @classmethod
    def of(cls, labels: LabelsInForce) -> Excused:
        """The values of labels in force."""
        values, marks = set(), set()
        for one in labels.labels:
            if one.kind not in VALUES or not one.is_sparing:
                continue
            named, _equals, value = one.target.partition("=")
            explanation, _colon, kind = named.rpartition(":")
            values.add((kind, value))
            if one.kind == "mark" and explanation:
                marks.add((explanation, kind, value))
        return cls(values=frozenset(values), marks=frozenset(marks))

    def applied(self, engine: Engine, summaries: Summaries) -> Summaries:
        """The summaries with these values excused: they are no sightings, and accounts that show a mark
        carry it.
        """
        if not self.values:
            return summaries
        values = self._loaded(engine)
        marks = engine.load("excused_marks", _table(self.marks, MARK))
        return replace(
            summaries,
            sightings=engine.keep("sightings_left", without(summaries.sightings, values)),
            excused=values,
            labelled=engine.keep("labelled", labelled_marks(summaries, marks, SHARE_OF_EXCHANGES)),
        )

    def left(self, engine: Engine, sightings: ir.Table) -> ir.Table:
        """Sightings (account, kind, value) without the values that people labelled honest."""
        return without(sightings, self._loaded(engine)) if self.values else sightings

    def _loaded(self, engine: Engine) -> ir.Table:
        """The excused values as a table of the engine."""
        return engine.load("excused", _table(self.values, VALUE))


def _table(rows: Collection[tuple[str, ...]], schema: pa.Schema) -> pa.Table:
    """The rows, sorted, as a table."""
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in sorted(rows)], schema)
