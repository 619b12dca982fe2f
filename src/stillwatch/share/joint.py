"""Sketches for a joint analysis: several providers contribute to one scan, with their accounts under
pseudonyms.

Rules:

* Digests of text use a joint key, which all providers have; whoever runs the scan does not need it.
* Names of accounts, organisations and exchanges are pseudonyms under the provider's own key, which nobody
  else has. They begin with the provider's name, so that accounts of two providers never coincide.
* Payment cards are pseudonyms under the joint key: a card has the same pseudonym at every provider, and
  only holders of that key can test guesses.
* Addresses, programs, mail domains, times and counts are not changed, since the detector reads them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.engine.files import atomic
from stillwatch.errors import InputError, Problem
from stillwatch.results.folder import whole_or_nothing, write_json
from stillwatch.share.sets import sketch_parts
from stillwatch.share.state import check_name
from stillwatch.sketch.keys import Key
from stillwatch.sketch.rename import NewName, renamed

HEAD, ACCOUNTS_FILE = "sketch.json", "accounts.parquet"  # files beside sketches that a scan recognises
NAMED = ("account_id", "organization_id", "exchange_id")
"""Columns of sketches that are replaced by pseudonyms."""
HIDDEN = ("plan", "program", "phone_prefix")
"""Columns of accounts that are removed; no signal reads them."""


def joint(
    sketches: Path, accounts: Path | None, out: Path, provider: str, own: Key, common: Key
) -> dict[str, Any]:
    """Write sketches for a joint analysis into the new folder `out`. A table of pseudonyms and account names
    is written beside it, for the provider only.

    `own` is the provider's key, `common` the joint key. Returns the provider, the numbers of rows and
    accounts, the key's identifier, and the path of the table of names. Raises `UsageError` for an invalid
    provider name, `InputError` for a folder without sketches and for sketches under another key than
    `common`.
    """
    check_name("provider", provider)
    parts = sketch_parts(sketches)
    from stillwatch.readers.recognise import KEY_ID

    names: dict[str, str] = {}
    rows = 0
    with whole_or_nothing(out) as folder:
        for part in parts:
            table = pq.ParquetFile(part).read()
            found = (table.schema.metadata or {}).get(KEY_ID, b"").decode("ascii", "replace")
            if found != common.name:
                raise InputError(
                    Problem(
                        fact="a sketch is under another key",
                        where=str(part),
                        found=found,
                        expected=common.name,
                        fix="stillwatch sketch LOGS --key-file JOINT.key --out SKETCHES",
                    )
                )
            made = _hidden(table, provider, own, names)
            pq.write_table(made, folder / part.name, compression="zstd")
            rows += made.num_rows
        if accounts is not None:
            pq.write_table(
                _accounts(accounts, provider, own, common, names),
                folder / ACCOUNTS_FILE,
                compression="zstd",
            )
        head = {"provider": provider, "rows": rows, "accounts": len(names), "key_id": common.name}
        write_json(folder, HEAD, head)
    mine = out.parent / f"{out.name}.accounts.csv"
    with atomic(mine, private=True) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table_of = csv.writer(file)
        table_of.writerow(("pseudonym", "account_id"))
        table_of.writerows(sorted((hidden, name) for name, hidden in names.items()))
    return {**head, "names": str(mine)}


def _pseudonym(purpose: str, provider: str, key: Key, made: dict[str, str]) -> NewName:
    """The function from a name to its pseudonym for one purpose; adds what it made to `made`."""
    secret = key.of(f"joint {purpose}")

    def name(value: str) -> str:
        """The pseudonym of a name: a keyed digest after the provider's name."""
        made[value] = f"{provider}-{hashlib.blake2b(value.encode(), key=secret, digest_size=10).hexdigest()}"
        return made[value]

    return name


def _hidden(table: pa.Table, provider: str, own: Key, names: dict[str, str]) -> pa.Table:
    """A sketch's rows under pseudonyms; adds the accounts' pseudonyms to `names`."""
    made = {name: _pseudonym(name, provider, own, names if name == "account_id" else {}) for name in NAMED}
    return renamed(table, made)


def _accounts(path: Path, provider: str, own: Key, common: Key, names: dict[str, str]) -> pa.Table:
    """The account table under pseudonyms, without `HIDDEN`; adds the accounts' pseudonyms to `names`."""
    try:
        table = pq.read_table(path)
        table = ACCOUNTS.conform(table)
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        raise InputError(
            Problem(
                fact="the account table cannot be read",
                where=str(path),
                found=type(error).__name__,
                expected="Parquet, as in the contract",
            )
        ) from None
    card = "payment_fingerprint"
    made = {
        "account_id": _pseudonym("account_id", provider, own, names),
        card: _pseudonym(card, "card", common, {}),
    }
    return ACCOUNTS.conform(renamed(table.drop_columns(list(HIDDEN)), made))


def together(folders: Sequence[Path], out: Path) -> dict[str, Any]:
    """Combine the folders of several providers into the new folder `out`, which `stillwatch scan` reads.
    Returns the providers and the numbers of rows and accounts.

    Raises `InputError` for a folder that `joint` did not write, for two folders of one provider, and for
    folders under different keys.
    """
    heads = [_head(folder) for folder in folders]
    for name, what in (
        ("provider", "two folders are of one provider"),
        ("key_id", "the folders are under several keys"),
    ):
        values = [str(head[name]) for head in heads]
        if (len(set(values)) < len(values)) if name == "provider" else (len(set(values)) > 1):
            raise InputError(Problem(fact=what, where=", ".join(map(str, folders)), found=", ".join(values)))
    tables = []
    with whole_or_nothing(out) as folder:
        for head, given in zip(heads, folders, strict=True):
            for part in sorted(given.glob("sketch-*.parquet")):
                shutil.copy2(part, folder / f"sketch-{head['provider']}-{part.name.removeprefix('sketch-')}")
            if (given / ACCOUNTS_FILE).exists():
                tables.append(ACCOUNTS.conform(pq.read_table(given / ACCOUNTS_FILE)))
        if tables:
            pq.write_table(pa.concat_tables(tables), folder / ACCOUNTS_FILE, compression="zstd")
        whole = {
            "providers": [head["provider"] for head in heads], "rows": sum(head["rows"] for head in heads),
            "accounts": sum(head["accounts"] for head in heads), "key_id": heads[0]["key_id"],
        }  # fmt: skip
        write_json(folder, HEAD, whole)
    return whole


def _head(folder: Path) -> dict[str, Any]:
    """The head of a folder that `joint` wrote. Raises `InputError` for any other folder."""
    try:
        found = json.loads((folder / HEAD).read_bytes())
        return {
            "provider": str(found["provider"]),
            "key_id": str(found["key_id"]),
            "rows": int(found["rows"]),
            "accounts": int(found["accounts"]),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            Problem(
                fact="a folder is not what a provider gives into a joint view",
                where=str(folder),
                found=type(error).__name__,
                fix="stillwatch match joint SKETCHES --key-file JOINT.key --own-key OWN.key --provider NAME "
                "--out NEW",
            )
        ) from None
