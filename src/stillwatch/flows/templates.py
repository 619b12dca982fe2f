"""Signatures of known campaigns with the templates of their requests, from the observations of a store, and
the sketch of a single request under the store's key.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.results import MEMBERS
from stillwatch.errors import Problem, StateError
from stillwatch.results.folder import read_table
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.keys import KEY_VARIABLE, Key, of_secret
from stillwatch.sketch.observe import observe
from stillwatch.store.store import HEAD, SECRET
from stillwatch.successors.contact import ShownValue, Signature, learn, prefix_of, values_of

MOST_OTHERS = 10_000
"""Accounts that are no members, of which values are counted: a random sample of more. It bounds the weight of
one family at 4."""
SHOWN: Mapping[str, str] = {
    "tls_fingerprint": "tls_fingerprint",
    "user_agent": "user_agent",
    "client_address": "client_ip",
    "asn": "asn",
}
"""Column of observations by kind of value."""
# Column of phrases by kind of template.
TEMPLATES: Mapping[str, str] = {"prompt_template": "phrases", "system_prompt": "system_phrases"}
TEXTS = ("prompt", "system_prompt")  # columns of a request from which phrases are made


def signatures(results: Path, store: Path, excused: Collection[ShownValue] = frozenset()) -> list[Signature]:
    """Signatures of a results folder's campaigns from the exchanges of a store, without values that people
    labelled honest (`excused`).

    Raises `StateError` where a table cannot be read.
    """
    table = read_table(results, MEMBERS)
    members = dict(zip(table["account_id"].to_pylist(), table["campaign_id"].to_pylist(), strict=True))
    try:
        parts = sorted((store / "observations").glob("date=*/*.parquet"))
        seen = pa.concat_tables([pq.read_table(part, columns=["account_id"]) for part in parts])
        counted = _chosen(pc.unique(seen["account_id"]).to_pylist(), members)
        pairs = pa.concat_tables([shown for part in parts for shown in _shown(part, counted)])
        stated = ACCOUNTS.conform(pq.read_table(store / f"{ACCOUNTS.name}.parquet"))
    except (OSError, pa.ArrowException) as error:
        raise StateError(
            Problem(
                fact="the store's observations cannot be read",
                where=str(store),
                found=type(error).__name__,
                fix="stillwatch scan LOGS --store KEPT --out RESULTS",
            )
        ) from error
    rows = pairs.group_by(["account_id", "kind", "value"]).aggregate([("exchanges", "sum")])
    return learn(
        (one for one in _sightings(rows, stated, set(counted.to_pylist()), members) if one[1] not in excused),
        members,
    )


def _chosen(accounts: Sequence[str], members: Collection[str]) -> pa.Array:
    """The members, and at most `MOST_OTHERS` of the other accounts, by a digest of their names."""
    others = sorted(set(accounts) - set(members), key=lambda name: hashlib.sha256(name.encode()).digest())
    return pa.array([*members, *others[:MOST_OTHERS]], pa.string())


def _shown(part: Path, counted: pa.Array) -> Iterator[pa.Table]:
    """Tables of account, kind, value and number of exchanges, of one part of the observations."""
    rows = pq.read_table(part, columns=["account_id", *SHOWN.values(), *TEMPLATES.values()])
    rows = rows.filter(pc.is_in(rows["account_id"], counted)).combine_chunks()
    for kind, column in (*SHOWN.items(), *TEMPLATES.items()):
        accounts, values = rows["account_id"], rows[column]
        if kind in TEMPLATES:
            accounts, values = accounts.take(pc.list_parent_indices(values)), pc.list_flatten(values)
        table = pa.table({"account_id": accounts, "value": values.cast(pa.string())})
        each = (
            table.filter(pc.is_valid(table["value"]))
            .group_by(["account_id", "value"])
            .aggregate([([], "count_all")])
        )
        yield pa.table(
            {
                "account_id": each["account_id"],
                "kind": pa.array([kind] * each.num_rows, pa.string()),
                "value": each["value"],
                "exchanges": each["count_all"],
            }
        )


def _sightings(
    rows: pa.Table, stated: pa.Table, counted: Collection[str], members: Collection[str]
) -> Iterator[tuple[str, ShownValue]]:
    """Account and value, as often as an exchange of a member shows it and once for other accounts."""
    for row in rows.to_pylist():
        account, value = row["account_id"], (row["kind"], row["value"])
        for _turn in range(row["exchanges_sum"] if account in members and row["kind"] in TEMPLATES else 1):
            yield account, value
        if row["kind"] == "client_address":
            yield account, ("client_prefix", prefix_of(row["value"]))
    for row in stated.to_pylist():
        if row["account_id"] in counted:
            for value in values_of(row):
                yield row["account_id"], value


def key_of_store(store: Path) -> Key:
    """The key of a store's digests: of the variable `STILLWATCH_KEY`, or the store's own.

    Raises `StateError` where the store is of another key or of another version of the sketch.
    """
    try:
        head = json.loads((store / HEAD).read_bytes())
        given = os.environ.get(KEY_VARIABLE)
        secret = (store / SECRET).read_bytes().strip() if given is None else given.encode()
        key = of_secret(secret, str(store))
        if (head["key_id"], head["sketch_version"]) == (key.name, VERSION):
            return key
        found = f"key {head['key_id']}, version {head['sketch_version']}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = type(error).__name__
    raise StateError(
        Problem(
            fact="the store is not of this key and version of the sketch",
            where=str(store),
            found=found,
            why="templates of requests can be compared under one key only",
            fix=f"set `{KEY_VARIABLE}` as for the scan, or stillwatch scan LOGS --store NEW --out RESULTS",
        )
    )


def sketched(request: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """Phrases of a request's prompt and system prompt, as columns of observations."""
    row = {
        "exchange_id": "",
        "timestamp": datetime.now(UTC),
        "account_id": request["account_id"],
        "model": request.get("model") or "",
        **{name: request.get(name) for name in TEXTS},
    }
    table = EXCHANGES.conform(pa.Table.from_pylist([row], pa.schema([EXCHANGES.arrow.field(n) for n in row])))
    (drawn,) = observe([table], key, cores=1)
    return dict(drawn.select(list(TEMPLATES.values())).to_pylist()[0])
