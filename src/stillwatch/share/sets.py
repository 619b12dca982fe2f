"""Sets of values for matching: canonical forms, files, and the values of results or sketches.

A set is a table of `kind` and `value`, sorted and without duplicates. Two providers match only where both
write a value in the same form, so every value is first brought into the canonical form of its kind.
"""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.contract.observations import BANDS
from stillwatch.engine.files import atomic
from stillwatch.enrich import domains
from stillwatch.errors import InputError, Problem, unknown
from stillwatch.export.content import MAX_OTHERS_SHARE, read_content
from stillwatch.export.terms import Terms
from stillwatch.foreign import described
from stillwatch.readers.recognise import KEY_ID
from stillwatch.results.folder import read_table

KindValue = tuple[str, str]

PROMPT_FAMILY = "prompt_family"
"""Kind of a phrase, or of a MinHash band of a prompt, under a joint key."""
FEWEST_ACCOUNTS = 3
"""Fewest accounts that must show a prompt family. Text that only one or two accounts show is their own."""
MAX_VALUE_BYTES = 512
"""Most bytes of a value, as in the contract."""
MOST_ASKED = 25_000
"""Most values in a session of matching."""
MOST_VALUES = 2_000_000
"""Most values of a set. Chosen: twice the size for which the time is stated."""
LEAST_PREFIX = {4: 24, 6: 48}
"""Length of a `client_prefix` by IP version."""


def _text(value: str) -> str:
    """The text without surrounding whitespace."""
    return value.strip()


def _lower(value: str) -> str:
    """The text in lower case, without surrounding whitespace."""
    return value.strip().lower()


def _domain(value: str) -> str:
    """The domain in lower case and IDNA form, without a final dot."""
    return value.strip().rstrip(".").lower().encode("idna").decode("ascii")


def _address(value: str) -> str:
    """The IP address in canonical form; IPv4-mapped IPv6 becomes IPv4."""
    address = ipaddress.ip_address(value.strip())
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _prefix(value: str) -> str:
    """The network of an address or range: /24 (IPv4), /48 (IPv6), or wider where the range is."""
    network = ipaddress.ip_network(value.strip(), strict=False)
    length = min(network.prefixlen, LEAST_PREFIX[network.version])
    return str(network.supernet(new_prefix=length) if length < network.prefixlen else network)


CANONICAL: dict[str, Callable[[str], str]] = {
    "client_prefix": _prefix,
    "signup_address": _address,
    "email_domain": _domain,
    "payment_fingerprint": _text,
    "tls_fingerprint": _lower,
    "user_agent": _text,
    PROMPT_FAMILY: _text,
}
"""Function to the canonical form, by kind of value. A `payment_fingerprint` matches only between providers
with the same payment processor.
"""


def canonical(kind: str, value: str) -> str:
    """The value in the canonical form of its kind. Raises `UsageError` for an unknown kind, `ValueError` for
    an invalid value.
    """
    if kind not in CANONICAL:
        raise unknown("kind of value", kind, CANONICAL)
    found = CANONICAL[kind](value)
    if not found or len(found.encode()) > MAX_VALUE_BYTES:
        raise ValueError("empty, or too long")
    return found


def encoded(pair: KindValue) -> bytes:
    """A pair of kind and canonical value as bytes; different pairs have different bytes."""
    return "\x1f".join(pair).encode()


def read_set(path: Path) -> list[KindValue]:
    """The pairs in a CSV file with columns `kind` and `value`, in canonical form, sorted and without
    duplicates.

    Raises `InputError` with all invalid rows, up to ten; no row is skipped silently.
    """
    problems: list[Problem] = []
    found: set[KindValue] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            _check_head(path, next(rows, []))
            for number, row in enumerate(rows, 2):
                if not row:
                    continue
                try:
                    kind, value = row
                    found.add((kind, canonical(kind, value)))
                except (ValueError, UnicodeError) as error:
                    problems.append(_bad_row(path, number, row, error))
                    if len(problems) >= 10:
                        break
                if len(found) > MOST_VALUES:
                    raise InputError(
                        Problem(
                            fact="the set is too large",
                            where=str(path),
                            expected=f"at most {MOST_VALUES:,} values",
                        )
                    )
    except UnicodeDecodeError:
        raise InputError(
            Problem(
                fact="the file is no UTF-8 text", where=str(path), expected="CSV with columns kind and value"
            )
        ) from None
    except csv.Error as error:
        raise InputError(Problem(fact="the file is no CSV", where=str(path), found=str(error))) from None
    if problems:
        raise InputError(*problems)
    if not found:
        raise InputError(Problem(fact="the set holds no value", where=str(path)))
    return sorted(found)


def _check_head(path: Path, head: Sequence[str]) -> None:
    """Raise `InputError` where the header is not `kind,value`."""
    if [name.strip().lower() for name in head] != ["kind", "value"]:
        raise InputError(
            Problem(
                fact="the first line does not name the columns `kind` and `value`",
                where=f"{path}, row 1",
                found=described(",".join(head)),
                expected="kind,value",
                fix="stillwatch match values RESULTS --out SET.csv",
            )
        )


def _bad_row(path: Path, number: int, row: Sequence[str], error: Exception) -> Problem:
    """The problem of an invalid row; the value itself is not shown."""
    return Problem(
        fact="a row has no valid value of its kind",
        where=f"{path}, row {number:,}, column `value`",
        found=f"{len(row)} columns" if len(row) != 2 else described(row[1]),
        expected=f"kind,value with a kind of {', '.join(CANONICAL)}",
        why=type(error).__name__,
    )


def write_set(path: Path, pairs: Iterable[KindValue]) -> int:
    """Write the pairs, sorted and without duplicates, into a file that only its owner can read; returns their
    number.
    """
    whole = sorted(set(pairs))
    with atomic(path, private=True) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("kind", "value"))
        writer.writerows(whole)
    return len(whole)


def values_of_results(results: Path) -> tuple[list[KindValue], int]:
    """Values that members of campaigns share and few others show, including payment fingerprints; and the
    number of values withheld.

    Raises `StateError` where a table cannot be read.
    """
    content = read_content(results, Terms(with_accounts=True))
    pairs = {
        (one.kind, canonical(one.kind, one.value))
        for campaign in content.campaigns
        for one in campaign.indicators
    }
    return sorted(pairs), len(content.withheld)


def values_of_accounts(path: Path) -> list[KindValue]:
    """Payment fingerprints, sign-up addresses and mail domains of an account table (Parquet, as in the
    contract).

    Mail domains that are open to anybody are left out.
    """
    columns = {
        "payment_fingerprint": "payment_fingerprint",
        "signup_ip": "signup_address",
        "email_domain": "email_domain",
    }
    table = pq.read_table(path, columns=[name for name in columns if name in pq.read_schema(path).names])
    pairs: set[KindValue] = set()
    for name in table.column_names:
        for value in set(table.column(name).to_pylist()) - {None, ""}:
            kind = columns[name]
            if kind == "email_domain" and domains.is_open_to_all(value):
                continue
            try:
                pairs.add((kind, canonical(kind, value)))
            except (ValueError, UnicodeError):
                continue  # an invalid value, which cannot match
    return sorted(pairs)


def sketch_parts(sketches: Path) -> list[Path]:
    """The files of a folder of sketches, sorted. Raises `InputError` where there are none."""
    parts = sorted(sketches.glob("sketch-*.parquet"))
    if not parts:
        raise InputError(
            Problem(
                fact="the folder holds no sketches", where=str(sketches), expected="sketch-*.parquet",
                fix="stillwatch sketch LOGS --key-file JOINT.key --out SKETCHES",
            )
        )  # fmt: skip
    return parts


def prompt_families(sketches: Path, results: Path | None = None) -> tuple[list[KindValue], int]:
    """Prompt families in a folder of sketches: phrases and MinHash bands that at least `FEWEST_ACCOUNTS`
    accounts show, under the key of the sketches; and the number of families left out by `MOST_ASKED`.

    A band stands for nearly equal prompts, a phrase for four words of a template (`sketch.digest`). Both
    providers make sketches with one joint key (`stillwatch sketch --key-file JOINT`); each value contains the
    key's public name, so that values under two keys never match. With `results`, at least `FEWEST_ACCOUNTS`
    members of campaigns must show a family, and other accounts may be at most `MAX_OTHERS_SHARE` of those
    that show it; of more than `MOST_ASKED` families, those that most members show are taken.
    Raises `InputError` for a folder without sketches.
    """
    parts = sketch_parts(sketches)
    members = (
        None
        if results is None
        else read_table(results, contract.MEMBERS).column("account_id").combine_chunks()
    )
    seen: list[pa.Table] = []
    for part in parts:
        name = (pq.read_schema(part).metadata or {}).get(KEY_ID, b"").decode("ascii", "replace")
        seen += marks(pq.ParquetFile(part).read(), name)
    every = pa.concat_tables(seen).group_by(["value", "account_id"]).aggregate([])
    inside = every if members is None else every.filter(pc.is_in(every.column("account_id"), members))
    held = inside.group_by("value").aggregate([("account_id", "count")])
    held = held.filter(pc.greater_equal(held.column("account_id_count"), FEWEST_ACCOUNTS))
    if members is not None:
        all_of = (
            every.group_by("value").aggregate([("account_id", "count")]).rename_columns(["value", "every"])
        )
        held = held.join(all_of, "value")
        share = pc.divide(
            pc.subtract(held.column("every"), held.column("account_id_count")).cast(pa.float64()),
            held.column("every"),
        )
        held = held.filter(pc.less_equal(share, MAX_OTHERS_SHARE))
    most = MOST_ASKED if members is not None else held.num_rows
    first = held.sort_by([("account_id_count", "descending"), ("value", "ascending")]).slice(0, most)
    pairs = [(PROMPT_FAMILY, value) for value in sorted(first.column("value").to_pylist())]
    return pairs, held.num_rows - len(pairs)


def marks(rows: pa.Table, key_name: str) -> list[pa.Table]:
    """Tables of `account_id` and `value` without duplicates, one for each band and one for phrases, from rows
    of observations. `key_name` is the public name of the key.
    """
    found = []
    columns: list[tuple[str, pa.ChunkedArray, pa.ChunkedArray]] = [
        (str(band), rows.column("account_id"), rows.column(f"band_{band}")) for band in range(BANDS)
    ]
    whole = rows.select(["account_id", "phrases"]).combine_chunks()
    lists = whole.column("phrases").combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    columns.append(
        (
            "p",
            whole.column("account_id").take(pc.list_parent_indices(lists)),
            pa.chunked_array([pc.list_flatten(lists)]),
        )
    )
    for name, accounts, values in columns:
        table = (
            pa.table({"account_id": accounts, "digest": values})
            .group_by(["account_id", "digest"])
            .aggregate([])
        )
        table = table.filter(
            pc.and_kleene(pc.is_valid(table.column("digest")), pc.not_equal(table.column("digest"), 0))
        )
        text = pc.binary_join_element_wise(
            pa.scalar(f"{key_name}:{name}"), table.column("digest").cast(pa.string()), ":"
        )
        found.append(pa.table({"account_id": table.column("account_id"), "value": text}))
    return found
