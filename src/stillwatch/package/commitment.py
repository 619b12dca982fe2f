"""One Merkle tree over every row of the results; its leaves reveal nothing of rows that are not shown.

A leaf is `leaf_hash(salt + line)`, where `line` is the canonical JSON of `{"row": {...}, "table": NAME}`.
The salt of row i of a table is the first 16 bytes of HMAC-SHA256(key of the table, i), so that one row or
table that is shown does not help to guess another. The same results and the same secret give the same tree
at every level.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from stillwatch.package.canonical import Json, canonical
from stillwatch.package.levels import rows_of
from stillwatch.package.merkle import Tree, leaf_hash
from stillwatch.package.signing import derived

SALT = 16  # bytes of a row's salt


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedTable:
    """A table in the tree: the lines of its rows, the key of their salts, and the index of its first leaf."""

    name: str
    lines: Sequence[bytes]
    key: bytes
    first: int

    @property
    def leaves(self) -> list[bytes]:
        """Leaf hashes of the rows."""
        return [leaf_hash(salt(self.key, number) + line) for number, line in enumerate(self.lines)]


def commit(tables: Mapping[str, pa.Table], secret: bytes) -> tuple[Tree, list[CommittedTable]]:
    """The tree over the rows of all tables, sorted by table name, and the parts that it consists of."""
    parts, first = [], 0
    for name in sorted(tables):
        part = CommittedTable(
            name=name,
            lines=[line(name, row) for row in rows_of(tables[name])],
            key=derived(secret, f"salts {name}"),
            first=first,
        )
        first += len(part.lines)
        parts.append(part)
    return Tree([leaf for part in parts for leaf in part.leaves]), parts


def line(table: str, row: dict[str, Json]) -> bytes:
    """A row of a table as canonical JSON."""
    return canonical({"row": row, "table": table})


def salt(key: bytes, number: int) -> bytes:
    """The salt of row `number` of a table, 16 bytes."""
    return hmac.digest(key, number.to_bytes(8, "big"), "sha256")[:SALT]
