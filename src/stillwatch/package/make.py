"""Make a package from a results folder."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from stillwatch import __version__
from stillwatch.contract import results as contract
from stillwatch.engine.files import atomic, sha256
from stillwatch.errors import InputError, Problem, StateError, UsageError
from stillwatch.package import alone
from stillwatch.package.alone import DOSSIERS, LAST_LINE, PUBLIC, ROWS, STAMP, STATEMENT, SUMS, TABLES, TREE
from stillwatch.package.canonical import Json, canonical
from stillwatch.package.commitment import CommittedTable, commit, line, salt
from stillwatch.package.levels import COMMITTED, WITHHELD, Level, keyed, rows_of
from stillwatch.package.merkle import Tree
from stillwatch.package.provenance import installed, provenance
from stillwatch.package.pseudonyms import Pseudonyms
from stillwatch.package.signing import IN_TOTO, Signer, derived, envelope, key_name, public_pem, signer
from stillwatch.package.stamp import stamped
from stillwatch.results.folder import MANIFEST, read_table, whole_or_nothing

FORMAT = "stillwatch-package-1"  # name and version of the format of a package
NUMBERS = "numbers.json"
"""File of a dossier with the query that counts each of its numbers."""
PREDICATE = "https://stillwatch.example/package/v1"  # type of the statement that is signed (in-toto)
OVERVIEW = "overview.json"  # file of the results folder with the overview
PAGE = "report.html"  # can be rendered again, so it may differ from the file that the scan wrote
# Keys of the overview that a package shows.
SHOWN_OVERVIEW = (
    "accounts",
    "candidates",
    "compared",
    "duplicates",
    "exchanges",
    "fdr",
    "first_seen",
    "last_seen",
    "leads",
    "quarantined",
    "seed",
)
SHOWN_PARAMETERS = (
    "engine",
    "fdr",
    "format",
    "limits",
    "memory",
    "shards",
    "show_prompts",
    "without",
)  # others may contain paths


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceResults:
    """A results folder whose tables are those that the scan wrote.

    `outputs` maps file names to SHA-256 digests.
    """

    folder: Path
    manifest: dict[str, Any]
    overview: dict[str, Any]
    outputs: Mapping[str, str]
    tables: Mapping[str, pa.Table]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the digests of all outputs but the page; identifies the results."""
        return hashlib.sha256(canonical({n: d for n, d in self.outputs.items() if n != PAGE})).hexdigest()


Sketcher = Callable[[SourceResults, Pseudonyms, bytes], tuple[Pseudonyms, dict[str, bytes]]]
"""A function that makes sketches of the log of results under pseudonyms and a secret of 32 bytes; it returns
the pseudonyms, with the accounts whose order is kept, and the files by name (`flows.keyed_log`).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request for a package.

    `key` signs, None for none. `only` is the id of the account or exchange to show. `timestamp` is the
    address of a time-stamping authority. `dossiers` are dossiers of the same results (folder or
    `numbers.json`) to include. `log` makes sketches of the whole log to include, None for none.
    """

    level: Level
    key: Signer | None = None
    only: str | None = None
    timestamp: str | None = None
    dossiers: tuple[Path, ...] = ()
    log: Sketcher | None = None


def package(results: Path, out: Path, order: Order) -> dict[str, Any]:
    """Write a package of the results at `out`: a folder or, if its name ends with `.zip`, an archive.

    Returns:
        `level`, `root` and `size` of the tree, `signed_by` (None without a key), `statement_sha256`,
            `path`, and the names of `files`.

    Raises:
        StateError: where `results` is not a results folder or was changed since the scan, or `out` exists.
        InputError: for an account or exchange without rows.
    """
    _is_free(out)
    files, about = contents(read_results(results), order)
    if out.suffix == ".zip":
        try:
            whole = archive(files)
        except zipfile.LargeZipFile:
            raise StateError(
                Problem(
                    fact="the package is too large for an archive",
                    where=str(out),
                    fix=f"--out {out.with_suffix('')}",
                )
            ) from None
        with atomic(out) as temporary:
            temporary.write_bytes(whole)
    else:
        with whole_or_nothing(out) as folder:
            for name, content in files.items():
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(content)
    return about | {"path": str(out), "files": sorted(files)}


def read_results(folder: Path) -> SourceResults:
    """Read the tables of a results folder; raises `StateError` where it is not one, or a file differs from
    what the scan wrote.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        outputs = {str(name): str(digest) for name, digest in manifest["outputs"].items()}
        overview = json.loads((folder / OVERVIEW).read_bytes())
        missing = {"inputs", "parameters", "seed", "version"} - manifest.keys()
        if missing or not isinstance(overview, dict):
            raise KeyError(*missing)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            Problem(
                fact=f"`{folder}` is not a results folder",
                where=str(folder),
                found=f"{type(error).__name__} on reading `{MANIFEST}` and `{OVERVIEW}`",
                expected="a folder that `stillwatch scan` wrote",
                fix="stillwatch scan LOGS --out RESULTS",
            )
        ) from None
    names = [
        schema
        for schema in COMMITTED
        if schema is not contract.PROMPTS or f"{schema.name}.parquet" in outputs
    ]
    wanted = {OVERVIEW, *(f"{schema.name}.parquet" for schema in names)}
    now = {
        name: sha256(folder / name) if _is_below(name) and (folder / name).is_file() else ""
        for name in outputs
    }
    changed = sorted((wanted - outputs.keys()) | {n for n, d in outputs.items() if now[n] != d and n != PAGE})
    if changed:
        raise StateError(
            *(
                Problem(
                    fact=f"`{name}` is not the file that the scan wrote",
                    where=str(folder / name),
                    why="a package states what a scan found",
                    fix="stillwatch scan LOGS --out RESULTS",
                )
                for name in changed
            )
        )
    return SourceResults(
        folder=folder,
        manifest=manifest,
        overview=overview,
        outputs={name: digest for name, digest in now.items() if digest},
        tables={schema.name: read_table(folder, schema) for schema in names},
    )


def _is_below(name: str) -> bool:
    """Whether a name in the manifest is a path within the folder."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def contents(results: SourceResults, order: Order) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of the package by name, and its root, size, level, signer and statement digest."""
    secret = secrets.token_bytes(32) if order.key is None else order.key.seed
    secret = derived(secret, results.digest)
    tree, parts = commit(results.tables, secret)
    names = Pseudonyms(key=derived(secret, "pseudonyms"))
    sketches: dict[str, bytes] = {}
    if order.log is not None:
        names, sketches = order.log(results, names, derived(secret, "sketches"))
    files = sketches | _shown(results, order, names, tree, parts)
    name = None if order.key is None else key_name(order.key.public)
    inputs = sorted(set(results.manifest["inputs"].values()))
    files["provenance.json"] = canonical(
        provenance(inputs, results.outputs, results.manifest["version"], name)
    )
    files["lock.txt"] = "".join(f"{one}=={version}\n" for one, version in installed().items()).encode()
    files |= dict(_dossier(path, results) for path in order.dossiers)
    files["verify.py"] = Path(alone.__file__).read_bytes()
    files[alone.MANIFEST] = canonical(_manifest(results, order, tree))
    if order.key is not None:
        files[PUBLIC] = public_pem(order.key.public)
    statement: dict[str, Json] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": one, "digest": {"sha256": hashlib.sha256(files[one]).hexdigest()}}
            for one in sorted(files)
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "level": order.level,
            "root": tree.root.hex(),
            "size": tree.size,
            "timestamp": order.timestamp is not None,
        },
    }
    files[STATEMENT] = envelope(IN_TOTO, canonical(statement), order.key)
    if order.timestamp is not None:
        files[STAMP] = stamped(files[STATEMENT], order.timestamp)
    files[SUMS] = sums(files)
    about = {"level": order.level, "root": tree.root.hex(), "size": tree.size, "signed_by": name}
    return files, about | {"statement_sha256": hashlib.sha256(files[STATEMENT]).hexdigest()}


def _dossier(path: Path, results: SourceResults) -> tuple[str, bytes]:
    """Name and content of the package's file for a dossier.

    Raises `StateError` where it cannot be read or belongs to other results.
    """
    file = path / NUMBERS if path.is_dir() else path
    try:
        dossier = json.loads(file.read_bytes())
        of, name = dossier["results"], str(dossier["campaign_id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            Problem(
                fact=f"`{path}` is no dossier",
                where=str(file),
                found=type(error).__name__,
                expected=f"a folder that `stillwatch dossier` wrote, with `{NUMBERS}`",
                fix="stillwatch dossier RESULTS --campaign ID --out DIR",
            )
        ) from None
    if of != results.digest:
        raise StateError(
            Problem(
                fact=f"`{path}` is a dossier of other results",
                where=str(file),
                expected=f"one of `{results.folder}`",
                fix=f"stillwatch dossier {results.folder} --campaign ID --out DIR",
            )
        )
    label = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
    return f"{DOSSIERS}{label}.json", canonical(dossier)


def sums(files: Mapping[str, bytes]) -> bytes:
    """The content of `SHA256SUMS`, for `sha256sum --check`; its last line is the digest of the others."""
    body = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()
    return body + LAST_LINE.encode() + hashlib.sha256(body).hexdigest().encode() + b"\n"


def archive(files: Mapping[str, bytes]) -> bytes:
    """A .zip whose bytes depend only on names and contents: stored without compression, with fixed times."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name in sorted(files):
            one = zipfile.ZipInfo(name)
            one.create_system, one.external_attr = 3, 0o100644 << 16
            archive.writestr(one, files[name])
    return made.getvalue()


def _shown(
    results: SourceResults, order: Order, names: Pseudonyms, tree: Tree, parts: list[CommittedTable]
) -> dict[str, bytes]:
    """The files with rows, by name."""
    if order.level == "keyed":
        tables = {name: table for name, table in results.tables.items() if name not in WITHHELD["keyed"]}
        return {
            f"{TABLES}{name}.jsonl": _lines([line(name, keyed(row, names)) for row in rows_of(table)])
            for name, table in tables.items()
        }
    if order.level == "open":
        shown = [part for part in parts if part.name not in WITHHELD["open"]]
        heads: list[Json] = [
            {"name": part.name, "salts": part.key.hex()}
            if part in shown
            else {"name": part.name, "leaves": [leaf.hex() for leaf in part.leaves]}
            for part in parts
        ]
        return {f"{TABLES}{part.name}.jsonl": _lines(part.lines) for part in shown} | {
            TREE: canonical({"tables": heads})
        }
    if order.only is not None:
        return {ROWS: _selected(results, f"{order.level}_id", order.only, tree, parts)}
    return {}


def _selected(
    results: SourceResults, column: str, value: str, tree: Tree, parts: list[CommittedTable]
) -> bytes:
    """The rows with this value in the column, each with its proof, as JSON lines; raises `InputError` where
    there are none.
    """
    rows, accounts = [], set()
    for part in parts:
        table = results.tables[part.name]
        if column in table.column_names:
            places = [number for number, one in enumerate(table.column(column).to_pylist()) if one == value]
            rows += [(part, number) for number in places]
            accounts.update(table.column("account_id").take(pa.array(places, pa.int64())).to_pylist())
    word = column.removesuffix("_id")
    if not rows or len(accounts) > 1:
        raise InputError(
            Problem(
                fact=f"no row of the results is of this {word}"
                if not rows
                else f"{len(accounts)} accounts sent exchanges of this id",
                where=str(results.folder),
                found=repr(value)[:80],
                expected="a member of a campaign or of a lead"
                if word == "account"
                else "an exchange of a campaign, sent by one account",
            )
        )
    return _lines(
        [
            canonical(
                {
                    "index": part.first + number,
                    "line": part.lines[number].decode(),
                    "proof": [step.hex() for step in tree.inclusion(part.first + number)],
                    "salt": salt(part.key, number).hex(),
                }
            )
            for part, number in rows
        ]
    )


def _lines(lines: Any) -> bytes:  # noqa: ANN401  a sequence of bytes
    """The lines, each with a line end."""
    return b"".join(one + b"\n" for one in lines)


def _manifest(results: SourceResults, order: Order, tree: Tree) -> dict[str, Json]:
    """The manifest as a package of this level shows it."""
    manifest, is_open = results.manifest, order.level == "open"
    parameters = {
        name: value for name, value in manifest["parameters"].items() if is_open or name in SHOWN_PARAMETERS
    }
    inputs = manifest["inputs"] if is_open else sorted(set(manifest["inputs"].values()))
    shows = order.level in ("keyed", "open")
    overview = {name: results.overview[name] for name in SHOWN_OVERVIEW if name in results.overview}
    return {
        "format": FORMAT,
        "level": order.level,
        "inputs": inputs,
        "overview": overview if shows else None,
        "results": {"sha256": dict(results.outputs), "digest": results.digest},
        "scan": {"version": manifest["version"], "seed": manifest["seed"], "parameters": parameters},
        "software": {"stillwatch": __version__, "lock": "lock.txt"},
        "tree": {"root": tree.root.hex(), "size": tree.size},
        "withheld": sorted(
            [
                *(f"parameter {name}" for name in manifest["parameters"].keys() - parameters.keys()),
                *(f"table {name}" for name in results.tables.keys() & WITHHELD[order.level]),
            ]
        ),
    }


def _is_free(out: Path) -> None:
    """Raise `StateError` where the path exists and is no empty folder."""
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise StateError(
            Problem(
                fact=f"`{out}` exists",
                where=str(out),
                why="a package is never written over another",
                fix="choose another --out, or remove it",
            )
        )


def order_of(
    level: str | None,
    key: Path | None,
    *,
    account: str | None = None,
    exchange: str | None = None,
    timestamp: str | None = None,
    dossiers: tuple[Path, ...] = (),
    log: Sketcher | None = None,
) -> Order:
    """An order from command-line options.

    Raises `UsageError` for a combination that is not possible, `InputError` for a file that is not a key.
    """
    subjects = {name: one for name, one in (("account", account), ("exchange", exchange)) if one is not None}
    if (level is not None) + len(subjects) != 1:
        raise UsageError(
            Problem(
                fact="a package has a level, or it is of one account or one exchange",
                expected="--level sealed, keyed or open; or --account ID; or --exchange ID",
                fix="stillwatch package RESULTS --level sealed --out PATH",
            )
        )
    if subjects and key is None:
        (name,) = subjects
        raise UsageError(
            Problem(
                fact=f"`--{name}` needs `--key`",
                why="its proofs lead to the root of a package that was made with the same key",
                fix=f"stillwatch package RESULTS --{name} ID --key KEY.pem --out PATH",
            )
        )
    if log is not None and level != "keyed":
        raise UsageError(
            Problem(
                fact="`--log` is for packages of level keyed",
                why="a sealed package shows no row, and an open one goes to whom the log may be shown",
                fix="stillwatch package RESULTS --level keyed --log LOGS --out PATH",
            )
        )
    chosen = cast("Level", level or next(iter(subjects)))
    held = None if key is None else signer(key)
    return Order(
        level=chosen,
        key=held,
        only=subjects.get(chosen),
        timestamp=timestamp,
        dossiers=dossiers,
        log=log,
    )
