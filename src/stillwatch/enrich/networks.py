"""Finds the network, autonomous system and class of an address.

Overlapping prefixes are converted once into disjoint ranges, where the longest prefix has priority, so that a
look-up is one binary search. Lists are the user's own (`read`) or the small bundled ones of hosting and VPN
ranges (`bundled`).
"""

from __future__ import annotations

import csv
import hashlib
import ipaddress
import socket
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.enrich.lists import bundled_list
from stillwatch.errors import InputError, Problem

ALIASES = {
    "datacenter": "hosting",
    "dc": "hosting",
    "isp": "residential",
    "cellular": "mobile",
    "proxy": "relay",
}
"""Class by other names of it in lists."""
NETWORK = ("network", "cidr", "prefix", "ip")
"""Accepted names of columns, here and below; the first one present is used."""
ASN = ("asn", "autonomous_system_number")  # names of the column with the number of an autonomous system
# Names of the column with the name of a network.
NAME = ("name", "autonomous_system_organization", "organization", "note")
CLASS = ("class", "list", "type")  # names of the column with the class of a network


@dataclass(frozen=True, slots=True)
class Network:
    """What lists say about a prefix: number of the autonomous system, class and name; None or empty where
    unknown.
    """

    prefix: str
    asn: int | None = None
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Networks:
    """Sorted disjoint ranges by IP version. `number` is the number of prefixes from which they were made."""

    starts: Mapping[int, Sequence[int]]
    ends: Mapping[int, Sequence[int]]
    known: Mapping[int, Sequence[Network]]
    number: int

    def of(self, address: str) -> Network | None:
        """The longest listed prefix that contains an address or a range; None for an invalid address or one
        that is not listed.
        """
        try:
            one = ipaddress.ip_network(address.strip(), strict=False)
        except ValueError:
            return None
        low = int(one.network_address)
        at = bisect_right(self.starts[one.version], low) - 1
        if at < 0 or self.ends[one.version][at] < low:
            return None
        return self.known[one.version][at]

    @property
    def digest(self) -> str:
        """A digest of the lists' content."""
        whole = hashlib.blake2b(digest_size=8)
        for version in (4, 6):
            for start, one in zip(self.starts[version], self.known[version], strict=True):
                whole.update(f"{start} {one}".encode())
        return whole.hexdigest()

    def fill(self, rows: pa.Table) -> pa.Table:
        """Rows of exchanges in which null values of `asn` are filled from `client_ip`; each distinct address
        is looked up once.
        """
        if not self.number or rows["asn"].null_count == 0 or rows["client_ip"].null_count == rows.num_rows:
            return rows
        coded = pc.dictionary_encode(rows["client_ip"]).combine_chunks()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.chunk(0)
        found = [self.of(address) for address in coded.dictionary.to_pylist()]
        asns = pa.array([None if one is None else one.asn for one in found], pa.int64())
        filled = pc.coalesce(rows["asn"], asns.take(coded.indices))
        return rows.set_column(rows.schema.get_field_index("asn"), rows.schema.field("asn"), filled)


@cache
def from_files(paths: tuple[str, ...]) -> Networks:
    """Networks of files, each given as `FILE` or `CLASS=FILE`. Raises `InputError` where one cannot
    be read.
    """
    some: list[Network] = []
    for one in paths:
        kind, mark, rest = one.partition("=")
        some += read(Path(rest), kind) if mark and not Path(one).exists() else read(Path(one))
    return networks_of(some)


def networks_of(some: Iterable[Network]) -> Networks:
    """Networks from prefixes that may overlap: the longest has priority. Entries of equal prefixes are
    merged; the fields of later entries have priority.
    """
    by: dict[int, dict[tuple[int, int], Network]] = {4: {}, 6: {}}
    for one in some:
        version, place = _place(one.prefix)
        old = by[version].get(place)
        by[version][place] = one if old is None else _inherit(old, one)
    starts, ends, known = {}, {}, {}
    for version, held in by.items():
        starts[version], ends[version], known[version] = _disjoint(held, 32 if version == 4 else 128)
    return Networks(starts, ends, known, sum(len(held) for held in by.values()))


def _place(prefix: str) -> tuple[int, tuple[int, int]]:
    """IP version of a prefix, its first address as a number, and its negative length. `ipaddress` takes
    thirty times as long, a second for the bundled list.
    """
    address, _, length = prefix.partition("/")
    version, family, bits = (6, socket.AF_INET6, 128) if ":" in address else (4, socket.AF_INET, 32)
    fixed = int(length) if length else bits
    free = bits - fixed
    return version, (int.from_bytes(socket.inet_pton(family, address)) >> free << free, -fixed)


def _disjoint(
    held: Mapping[tuple[int, int], Network], bits: int
) -> tuple[list[int], list[int], list[Network]]:
    """First and last addresses and entries of disjoint ranges, from prefixes by (first address, -length).
    `bits` is the length of an address.
    """
    starts: list[int] = []
    ends: list[int] = []
    known: list[Network] = []
    open_: list[tuple[int, Network]] = []  # enclosing prefixes with their last address

    def emit(start: int, end: int, one: Network) -> None:
        """Append a range, unless it is empty."""
        if start <= end:
            starts.append(start)
            ends.append(end)
            known.append(one)

    at = 0
    for (start, minus), one in sorted(held.items(), key=lambda item: (item[0][0], -item[0][1])):
        while open_ and open_[-1][0] < start:
            end, outer = open_.pop()
            emit(at, end, outer)
            at = end + 1
        if open_:
            emit(at, start - 1, open_[-1][1])
        merged = _inherit(open_[-1][1], one) if open_ else one
        open_.append((start + (1 << (bits + minus)) - 1, merged))
        at = start
    while open_:
        end, outer = open_.pop()
        emit(at, end, outer)
        at = end + 1
    return starts, ends, known


def _inherit(outer: Network, one: Network) -> Network:
    """The entry of a longer prefix, or a later entry of the same one, with its missing fields taken from
    `outer`.
    """
    return Network(
        one.prefix,
        one.asn if one.asn is not None else outer.asn,
        one.kind or outer.kind,
        one.name or outer.name,
    )


def read(path: Path, kind: str = "") -> list[Network]:
    """The prefixes in a CSV, Parquet or plain text file (one address or prefix a line). `kind` is the class
    of entries without one.

    Columns: one of `network`, `cidr`, `prefix`, `ip`; optionally `asn` (or `autonomous_system_number`),
    `class` (or `list`, `type`), `name` (or `autonomous_system_organization`). Rows without a valid address
    are skipped. Raises `InputError` for a file that cannot be read or has no valid row.
    """
    try:
        rows = list(_rows(path))
    except (OSError, UnicodeDecodeError, pa.ArrowInvalid, csv.Error) as error:
        raise InputError(
            Problem(fact="the list of networks could not be read", where=str(path), found=str(error)[:120])
        ) from None
    out = [one for row in rows if (one := _network(row, kind)) is not None]
    if not out:
        raise InputError(
            Problem(
                fact="no network in this file",
                where=str(path),
                found=", ".join(rows[0]) if rows else "no rows",
                expected="a column `network` with prefixes such as 192.0.2.0/24, or one address a line",
            )
        )
    return out


def _rows(path: Path) -> Iterable[Mapping[str, Any]]:
    """The rows of a list as mappings from column to value; a plain text file has the column `network`."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    lines = path.read_text(encoding="utf-8").splitlines()
    if lines and any(name in lines[0].lower().replace('"', "").split(",") for name in NETWORK):
        return list(csv.DictReader([lines[0].lower(), *lines[1:]]))
    return [{"network": line.split("#")[0].split(";")[0].strip()} for line in lines]


def _network(row: Mapping[str, Any], kind: str) -> Network | None:
    """The network in a row of a list; None where the row has no valid address."""
    prefix = _first(row, NETWORK)
    try:
        net = ipaddress.ip_network(str(prefix or "").strip(), strict=False)
    except ValueError:
        return None
    number = str(_first(row, ASN) or "").upper().removeprefix("AS")
    kind_given = str(_first(row, CLASS) or kind).lower()
    return Network(
        str(net),
        int(number) if number.isdigit() else None,
        ALIASES.get(kind_given, kind_given),
        str(_first(row, NAME) or ""),
    )


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:  # noqa: ANN401  a cell of any file
    """The first non-empty value among these columns; None where there is none."""
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


@cache
def bundled() -> Networks:
    """The bundled hosting and VPN ranges (`data/SOURCES.md`)."""
    table = bundled_list("networks")
    prefixes, kinds = table["network"].to_pylist(), table["class"].to_pylist()
    return networks_of(Network(prefix, None, kind) for prefix, kind in zip(prefixes, kinds, strict=True))


@cache
def systems() -> Mapping[int, tuple[str, str]]:
    """Class and name of hosting and VPN autonomous systems, by number."""
    table = bundled_list("asns")
    rows = table.to_pylist()
    return {row["asn"]: (row["class"], row["name"] or "") for row in rows}
