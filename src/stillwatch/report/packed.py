"""Members of campaigns and leads, packed for the page's script as compressed columns of numbers and bits.

One block holds all groups: four bytes with the length of a JSON header, the header, and arrays to which the
header refers by offset and type. The block is compressed by gzip and written in base64 with `-` and `_`, so
that no part of it resembles an address. `workbench.js` reads it; `unpack` is the inverse for tests.
"""

from __future__ import annotations

import gzip
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.report.plots import DAY, HOUR
from stillwatch.report.reading import ResultTables
from stillwatch.report.values import Shared
from stillwatch.stats.arrays import Ints

# Widths of a bar of the timeline in hours, of which the first that fits is used.
WIDTHS = (HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY, 91 * DAY, 364 * DAY)
MAX_BINS, FEW_BINS, MANY_MEMBERS = (
    120,
    48,
    5_000,
)  # most bins of time of one group; fewer for groups of many members, to keep the page small
MAX_PACKED = 250_000  # members on one page, all groups together; chosen: about 20 MB
NEVER = 0  # minutes since 1970 that stand for an unknown time

Array = npt.NDArray[Any]


@dataclass(slots=True)
class ArrayBlock:
    """Consecutive arrays, each at a multiple of four bytes."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, array: Array) -> list[object]:
        """Append an array; returns its type, its offset after the header in bytes, and its length."""
        kind = {"u1": "u1", "u2": "u2", "u4": "u4", "f4": "f4"}[array.dtype.str[1:]]
        data = array.astype(f"<{kind}").tobytes()
        at = self.size
        data += b"\x00" * (-len(data) % 4)
        self.parts.append(data)
        self.size += len(data)
        return [kind, at, len(array)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedGroup:
    """A campaign or lead for the script: its id on the page, name, members and shared values."""

    anchor: str
    name: str
    is_lead: bool
    members: pa.Table  # account_id, and of a campaign score and exchanges
    shared: Sequence[Shared] = ()


def pack(results: ResultTables, groups: Sequence[PackedGroup]) -> tuple[str, dict[str, int]]:
    """The block as base64, and the number of packed members by anchor.

    Members beyond `MAX_PACKED` are left out.
    """
    block, heads, held, room = ArrayBlock(), [], {}, MAX_PACKED
    for group in groups:
        some = group.members.slice(0, room)
        room -= len(some)
        held[group.anchor] = len(some)
        if len(some):
            heads.append(_head(results, group, some, block))
    header = json.dumps({"groups": heads}, ensure_ascii=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    whole = len(header).to_bytes(4, "little") + header + b"".join(block.parts)
    return urlsafe_b64encode(gzip.compress(whole, 6, mtime=0)).decode(), held


def unpack(text: str) -> tuple[dict[str, Any], bytes]:
    """The header of a block, and the bytes of its arrays."""
    whole = gzip.decompress(urlsafe_b64decode(text))
    length = int.from_bytes(whole[:4], "little")
    return json.loads(whole[4 : 4 + length]), whole[4 + length :]


def _head(results: ResultTables, group: PackedGroup, members: pa.Table, block: ArrayBlock) -> dict[str, Any]:
    """The description of a group for the script: its columns and where they are in the block."""
    names = [str(name) for name in members["account_id"].to_pylist()]
    place = {name: i for i, name in enumerate(names)}
    head: dict[str, Any] = {"anchor": group.anchor, "name": group.name, "lead": group.is_lead, "names": names}
    if not group.is_lead:
        head["score"] = block.add(members["score"].to_numpy().astype(np.float32))
        head["exchanges"] = block.add(members["exchanges"].to_numpy().astype(np.uint32))
    profiles = results.of("profiles", group.name)
    if profiles is not None and len(profiles):
        head |= _profiles(profiles, place, block, is_lead=group.is_lead)
    attributed = None if group.is_lead else results.of("exchanges", group.name)
    if attributed is not None and len(attributed):
        head |= _times(attributed, names, block)
    if group.shared:
        head["values"] = _values(results.of("links", group.name), group.shared, place, block)
    return head


def _profiles(
    table: pa.Table, place: Mapping[str, int], block: ArrayBlock, *, is_lead: bool
) -> dict[str, Any]:
    """Columns of owner, creation, exchanges and marks; for a lead also first and last exchange, as no
    exchange is attributed to it.
    """
    at, rows = _places(table["account_id"], place)
    n = len(place)

    def column(values: Array, dtype: str) -> list[object]:
        """The values of the group's accounts, in their order, as a packed column."""
        out = np.zeros(n, dtype)
        out[at] = values[rows]
        return block.add(out)

    def minutes(name: str) -> list[object]:
        """A column of times in minutes."""
        return column(_minutes(table[name]), "u4")

    head: dict[str, Any] = {
        "owner": column(table["owner"].fill_null(-1).to_numpy().astype(np.int64) + 1, "u4"),
        "created": minutes("created_at"),
        "all": column(table["exchanges"].to_numpy(), "u4"),
    }
    if is_lead:
        head |= {"first": minutes("first_seen"), "last": minutes("last_seen")}
    return head | {"marks": _marks(table, place, block)}


def _marks(table: pa.Table, place: Mapping[str, int], block: ArrayBlock) -> list[dict[str, Any]]:
    """For each explanation whose mark a member carries: its name and the members as bits; most members
    first.
    """
    carried: dict[str, list[int]] = {}
    for name, marks in zip(table["account_id"].to_pylist(), table["marks"].to_pylist(), strict=True):
        at = place.get(name)
        if at is not None:
            for mark in marks:
                carried.setdefault(mark, []).append(at)
    order = sorted(carried, key=lambda mark: (-len(carried[mark]), mark))
    return [{"name": mark, "bits": block.add(_bits(carried[mark], len(place)))} for mark in order]


def _times(attributed: pa.Table, names: Sequence[str], block: ArrayBlock) -> dict[str, Any]:
    """First and last attributed exchange of each member (minutes since 1970), and its exchanges in equal
    bins of time.
    """
    if attributed["account_id"].null_count == len(attributed):
        return {}
    which = pc.index_in(attributed["account_id"], pa.array(names, attributed.schema.field("account_id").type))
    known = pc.is_valid(which)
    who = which.filter(known).to_numpy().astype(np.int64)
    when = attributed["timestamp"].filter(known).to_numpy().astype("datetime64[s]").astype(np.int64)
    n = len(names)
    if not len(who):
        return {}
    first, last = np.full(n, np.iinfo(np.int64).max), np.zeros(n, np.int64)
    np.minimum.at(first, who, when)
    np.maximum.at(last, who, when)
    begin, end = int(when.min()), int(when.max()) + 1
    most = FEW_BINS if n > MANY_MEMBERS else MAX_BINS
    width = next((w for w in WIDTHS if (end - begin // w * w) / w <= most), WIDTHS[-1])
    begin = begin // width * width
    bins = (end - begin + width - 1) // width
    counts = np.bincount(who * bins + (when - begin) // width, minlength=n * bins)
    return {
        "first": block.add(np.where(last > 0, first // 60, NEVER).astype(np.uint32)),
        "last": block.add((last // 60).astype(np.uint32)),
        "begin": begin,
        "width": width,
        "bins": bins,
        "counts": block.add(np.minimum(counts, 65_535).astype(np.uint16)),
    }


def _values(
    links: pa.Table | None, shared: Sequence[Shared], place: Mapping[str, int], block: ArrayBlock
) -> list[dict[str, Any]]:
    """For each shared value: its labels, and the members that show it as bits."""
    number = {(one.kind, one.value): i for i, one in enumerate(shared)}
    holders: list[list[int]] = [[] for _ in shared]
    if links is not None:
        for account, kind, value in zip(
            *(links[name].to_pylist() for name in ("account_id", "kind", "value")), strict=True
        ):
            at, which = place.get(account), number.get((kind, value))
            if at is not None and which is not None:
                holders[which].append(at)
    return [
        {
            "kind": one.kind,
            "value": one.value,
            "words": one.kind_words,
            "label": one.label,
            "opaque": one.is_opaque,
            "about": one.about,
            "others": one.others,
            "log10": round(one.log10, 3),
            "bits": block.add(_bits(who, len(place))),
        }
        for one, who in zip(shared, holders, strict=True)
    ]


def _places(names: pa.ChunkedArray, place: Mapping[str, int]) -> tuple[Ints, Ints]:
    """Positions of these accounts among the members, and the matching rows of the table."""
    at = np.array([place.get(name, -1) for name in names.to_pylist()], np.int64)
    rows = np.flatnonzero(at >= 0)
    return at[rows], rows


def _minutes(moments: pa.ChunkedArray) -> Ints:
    """Minutes since 1970; `NEVER` for nulls."""
    seconds = moments.cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64()).fill_null(0).to_numpy()
    minutes: Ints = np.maximum(seconds // 60, NEVER)
    return minutes


def _bits(who: Sequence[int], n: int) -> npt.NDArray[np.uint8]:
    """Bit array of length `n`, packed with the lowest bit first: bit i is set for every i in `who`."""
    flags = np.zeros(n, bool)
    flags[np.array(who, np.int64)] = True
    return np.packbits(flags, bitorder="little")
