"""The column `peer_match` of the account table: accounts with a value in common with a peer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import ibis.expr.types as ir
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.engine.connect import Engine
from stillwatch.errors import InputError, Problem
from stillwatch.share.match_client import FORM
from stillwatch.share.sets import PROMPT_FAMILY, KindValue, canonical, marks
from stillwatch.signals.registry import all_indicators
from stillwatch.store.store import Store

COLUMN = "peer_match"  # column of accounts that says whether a peer has a value of the account
MOST_BYTES = 256 << 20  # largest size of a file of values in common


def read_intersection(path: Path) -> tuple[str, list[KindValue]]:
    """The peer's name and the values in common, as pairs of kind and value, from a file of `stillwatch
    match`. Raises `InputError` for any other file.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("too large")
        found = orjson.loads(path.read_bytes())
        if found["format"] != FORM:
            raise ValueError("another format")
        return str(found["peer"]), [
            (str(one["kind"]), canonical(str(one["kind"]), str(one["value"]))) for one in found["values"]
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            Problem(
                fact="this is no file of values in common with a peer",
                where=str(path),
                found=type(error).__name__,
                fix="stillwatch match reveal SESSION --url URL --token-file FILE --peer NAME --out "
                "COMMON.json",
            )
        ) from None


def flagged(engine: Engine, store: Store, accounts: pa.Table, path: Path) -> pa.Table:
    """The account table with the peer's name in `peer_match` of each account that has a value of the file at
    `path`; null for others. Missing accounts are added.

    A value of an account's own columns (card, sign-up address, domain) flags only one of the accounts that
    have it, since group tests count such values already. Raises `InputError` where the file is not one of
    `stillwatch match`, and for prompt families under another key.
    """
    peer, pairs = read_intersection(path)
    by_kind: dict[str, set[str]] = defaultdict(set)
    for kind, value in pairs:
        by_kind[kind].add(value)
    families = by_kind.pop(PROMPT_FAMILY, set())
    parts = [store.path(part) for part in store.parts if part.rows]
    names = _of_families(parts, families, store.key_id, path)
    if parts:
        tables = {
            "accounts": engine.load("accounts_of_peer", accounts),
            "observations": engine.read_parts(parts),
        }
        names |= _of_indicators(tables, by_kind)
    return _with_flag(accounts, sorted(names), peer)


def _of_indicators(tables: Mapping[str, ir.Table], by_kind: Mapping[str, set[str]]) -> set[str]:
    """Accounts with one of the wanted values of an indicator, by kind."""
    found: set[str] = set()
    for unit in all_indicators():
        wanted = by_kind.get(unit.card.name)
        if not wanted:
            continue
        table = tables[unit.card.table]
        rows = table.select("account_id", value=unit.value(table)).distinct()
        rows = rows.filter(rows.value.notnull())
        raw = [
            value
            for value in rows.select("value").distinct().to_pyarrow().column(0).to_pylist()
            if _in(unit.card.name, value, wanted)
        ]
        if not raw:
            continue
        shown = rows.filter(rows.value.isin(raw))
        if unit.card.table == "accounts":
            shown = shown.group_by("value").agg(account_id=shown.account_id.min())
        found |= set(shown.select("account_id").to_pyarrow().column(0).to_pylist())
    return found


def _in(kind: str, value: str, wanted: set[str]) -> bool:
    """Whether a value is one of the wanted, in its canonical form; False for a value without one."""
    try:
        return canonical(kind, value) in wanted
    except (ValueError, UnicodeError):
        return False


def _of_families(parts: Sequence[Path], wanted: set[str], key_id: str, path: Path) -> set[str]:
    """Accounts with one of the `wanted` prompt families. Raises `InputError` where these are under another
    key.
    """
    if not wanted:
        return set()
    other = sorted({value.partition(":")[0] for value in wanted} - {key_id})
    if other:
        raise InputError(
            Problem(
                fact="prompt families are of another key", where=str(path), found=other[0], expected=key_id,
                fix="stillwatch sketch LOGS --key-file JOINT.key --out SKETCHES, then scan SKETCHES",
            )
        )  # fmt: skip
    found: set[str] = set()
    for part in parts:
        for table in marks(pq.ParquetFile(part).read(), key_id):
            hit = pc.is_in(table.column("value"), pa.array(sorted(wanted), pa.string()))
            found |= set(table.filter(hit).column("account_id").to_pylist())
    return found


def _with_flag(accounts: pa.Table, names: Sequence[str], peer: str) -> pa.Table:
    """The account table with `peer` in `peer_match` of the accounts `names`; missing accounts are added."""
    known = accounts.column("account_id").to_pylist()
    new = sorted(set(names) - set(known))
    rows = ACCOUNTS.conform(accounts)
    if new:
        rows = pa.concat_tables(
            [rows, ACCOUNTS.conform(pa.table({"account_id": pa.array(new, pa.string())}))]
        )
    hit = pc.is_in(rows.column("account_id"), pa.array(list(names), pa.string()))
    flag = pc.if_else(hit, pa.scalar(peer), pa.scalar(None, pa.string()))
    return rows.set_column(rows.column_names.index(COLUMN), ACCOUNTS.arrow.field(COLUMN), flag)
