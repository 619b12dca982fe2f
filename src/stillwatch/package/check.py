"""Verify a package: every file, the signature, the time stamp, the tree and the numbers.

Independent of `alone.py`, which third parties run: here the cryptography comes from libraries, and only the
arithmetic of the numbers is shared.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stillwatch.errors import InputError, Problem, StateError
from stillwatch.package import alone
from stillwatch.package.alone import (
    DOSSIERS,
    LAST_LINE,
    MANIFEST,
    PUBLIC,
    ROWS,
    SKETCHES,
    STAMP,
    STATEMENT,
    SUMS,
    TABLES,
    TREE,
)
from stillwatch.package.canonical import canonical
from stillwatch.package.commitment import salt
from stillwatch.package.make import FORMAT, archive, sums
from stillwatch.package.merkle import Tree, includes, leaf_hash
from stillwatch.package.signing import IN_TOTO, opened, public_key, signed_by
from stillwatch.package.stamp import fault_of, time_of


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A file that differs from what was written, and how."""

    file: str
    what: str


@dataclass(slots=True, kw_only=True)
class Verification:
    """Result of a verification; `faults` is empty where nothing was changed.

    `signed_by` is the name of the verified key and `stamped_at` the time of the time stamp, None without
    one. `numbers` and `of_dossiers` count numbers that were derived from the tables, `of_sketches` those that
    a scan of the sketches gave, and `near` those of them that agree within the tolerance only; `not_derived`
    lists what was not derived.
    """

    path: str
    kind: str = "package"
    level: str | None = None
    root: str | None = None
    signed_by: str | None = None
    stamped_at: str | None = None
    numbers: int = 0
    of_dossiers: int = 0
    of_sketches: int = 0
    near: list[Fault] = field(default_factory=list)
    not_derived: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed."""
        return not self.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the verifier trusts: the file of the public key that should have signed, and a file of
    certificates of time-stamping authorities.
    """

    public: Path | None = None
    authorities: Path | None = None


def check(path: Path, trust: Trust) -> Verification:
    """Verify the package at `path`, a folder or a .zip; raises `StateError` where there is no package."""
    return checked(path, trust)[0]


def checked(path: Path, trust: Trust) -> tuple[Verification, Mapping[str, bytes]]:
    """As `check`, and the content of the files that were verified, by name."""
    verdict = Verification(path=str(path))
    files = _read(path, verdict.faults)
    if not verdict.faults and not files.keys() & {SUMS, STATEMENT, MANIFEST}:
        raise StateError(
            Problem(
                fact=f"`{path}` is no package",
                where=str(path),
                expected=f"a folder or .zip that `stillwatch package` wrote, with `{SUMS}`, `{STATEMENT}` "
                f"and `{MANIFEST}`",
                fix="stillwatch package RESULTS --level sealed --out PATH",
            )
        )
    listed = _listed(files, verdict.faults)
    is_changed = any(one.file == STATEMENT for one in verdict.faults)
    statement = _statement(files, trust, verdict)
    if not is_changed:  # a changed statement is not evidence about other files
        _subjects(files, statement, verdict)
    _stamp(files, trust, listed, statement, verdict)
    first: dict[str, Fault] = {}  # a file that differs is named once, by the first check that noticed it
    for one in verdict.faults:
        first.setdefault(one.file, one)
    verdict.faults = sorted(first.values())
    if not verdict.faults:
        _content(files, statement, verdict)
    return verdict, files


def _read(path: Path, faults: list[Fault]) -> dict[str, bytes]:
    """Content of the files of the package at `path`, by name. Adds to `faults` what is no plain file, and
    what was changed around the files of an archive.

    Raises `StateError` where `path` does not exist.
    """
    if path.is_dir():
        files = {}
        for one in sorted(path.rglob("*")):
            name = one.relative_to(path).as_posix()
            if one.is_symlink() or not (one.is_file() or one.is_dir()):
                faults.append(Fault(name, "it is no plain file"))
            elif one.is_file():
                files[name] = one.read_bytes()
        return files
    if not path.is_file():
        raise StateError(
            Problem(fact=f"`{path}` does not exist", where=str(path), expected="a package, or a log of seals")
        )
    return _unzipped(path.name, path.read_bytes(), faults)


def _unzipped(name: str, data: bytes, faults: list[Fault]) -> dict[str, bytes]:
    """The files of an archive; what cannot be read is added to `faults`."""
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as held:
            for one in held.infolist():
                if one.compress_type != zipfile.ZIP_STORED:
                    raise zipfile.BadZipFile("compressed")
                try:
                    files[one.filename] = held.read(one)
                except zipfile.BadZipFile:
                    faults.append(Fault(one.filename, "its content or its entry in the archive was changed"))
                    files[one.filename] = b""
    except (
        zipfile.BadZipFile,
        ValueError,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OverflowError,
    ):
        faults.append(Fault(name, "the archive cannot be read"))
    if not faults and archive(files) != data:
        faults.append(Fault(name, "the archive around its files is not as it was written"))
    return files


def _listed(files: Mapping[str, bytes], faults: list[Fault]) -> bool:
    """Compare the files with `SHA256SUMS`; returns whether that list is intact."""
    if SUMS not in files:
        faults.append(Fault(SUMS, "it is missing"))
        return False
    body, mark, _digest = files[SUMS].rpartition(LAST_LINE.encode())
    whole = body + LAST_LINE.encode() + hashlib.sha256(body).hexdigest().encode() + b"\n"
    if not mark or whole != files[SUMS]:
        faults.append(Fault(SUMS, "its last line is not the digest of the others"))
        return False
    digests = {line[66:]: line[:64] for line in body.decode("utf-8", "replace").splitlines()}
    _compare(files, digests, {SUMS}, faults, "its content was changed")
    if sums({name: content for name, content in files.items() if name != SUMS}) != files[SUMS] and not faults:
        faults.append(Fault(SUMS, "it does not list the files in the form that it has"))
    return True


def _compare(
    files: Mapping[str, bytes],
    digests: Mapping[str, str],
    besides: set[str],
    faults: list[Fault],
    changed: str,
) -> None:
    """Add a fault for each file that is missing, added or differs from its digest."""
    faults += [Fault(name, "it is missing") for name in sorted(digests.keys() - files.keys())]
    faults += [Fault(name, "it was added") for name in sorted(files.keys() - digests.keys() - besides)]
    for name in sorted(digests.keys() & files.keys()):
        if hashlib.sha256(files[name]).hexdigest() != digests[name]:
            faults.append(Fault(name, changed))


def _statement(files: Mapping[str, bytes], trust: Trust, verdict: Verification) -> dict[str, Any]:
    """The statement, after a check of its signature; empty where it cannot be read."""
    try:
        statement, name, signature = opened(files.get(STATEMENT, b""), IN_TOTO)
        verdict.level, verdict.root = statement["predicate"]["level"], statement["predicate"]["root"]
    except (ValueError, KeyError, TypeError) as error:
        verdict.faults.append(Fault(STATEMENT, f"it cannot be read ({type(error).__name__})"))
        return {}
    if trust.public is None and signature is None and PUBLIC not in files:
        verdict.notes.append(
            "not signed: whoever changed it could have made it anew; compare the root with the one you were "
            "given"
        )
        return statement
    if trust.public is None and any(one.file == PUBLIC for one in verdict.faults):
        return statement  # the signature cannot be checked with a changed key
    public = _public(files, trust)
    if public is None or not signed_by(public, files[STATEMENT], IN_TOTO):
        verdict.faults.append(Fault(STATEMENT, "it is not signed with the key that should have signed it"))
        return statement
    verdict.signed_by = name
    if trust.public is None:
        verdict.notes.append(
            "the key is the package's own: compare its name with the signer's, or give --public-key"
        )
    return statement


def _public(files: Mapping[str, bytes], trust: Trust) -> bytes | None:
    """The public key that should have signed: the trusted one, else that in the package; None without one."""
    if trust.public is not None:
        return public_key(trust.public, trust.public.read_bytes())
    try:
        return public_key(Path(PUBLIC), files[PUBLIC])
    except (KeyError, InputError):
        return None


def _subjects(files: Mapping[str, bytes], statement: Mapping[str, Any], verdict: Verification) -> None:
    """Compare the files with those named in the statement."""
    if not statement:
        return
    try:
        digests = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
        besides = {SUMS, STATEMENT} | ({STAMP} if statement["predicate"]["timestamp"] else set())
    except (KeyError, TypeError):
        verdict.faults.append(Fault(STATEMENT, "it is no statement about a package"))
        return
    _compare(files, digests, besides, verdict.faults, "it is not the file that the statement names")
    verdict.faults += [Fault(name, "it is missing") for name in sorted(besides - files.keys())]


def _stamp(
    files: Mapping[str, bytes],
    trust: Trust,
    listed: bool,
    statement: Mapping[str, Any],
    verdict: Verification,
) -> None:
    """Check the time stamp, if any."""
    if STAMP not in files or not statement or any(one.file in (STAMP, STATEMENT) for one in verdict.faults):
        return
    fault = fault_of(files[STAMP], files[STATEMENT], trust.authorities)
    if fault is not None:
        verdict.faults.append(Fault(STAMP, fault))
        return
    verdict.stamped_at = time_of(files[STAMP])
    if trust.authorities is None:
        believed = "" if listed else ", and its own list of digests cannot be believed"
        verdict.notes.append(f"who signed the time stamp was not checked{believed}: give --tsa-certificates")


def _content(files: Mapping[str, bytes], statement: Mapping[str, Any], verdict: Verification) -> None:
    """Check the tree over the rows that are shown, and the numbers derived from them.

    The files are unchanged here, so a fault was present when the package was made.
    """
    try:
        manifest = json.loads(files[MANIFEST])
        if canonical(manifest) != files[MANIFEST] or manifest["format"] != FORMAT:
            raise ValueError("form")
        root, size = bytes.fromhex(manifest["tree"]["root"]), int(manifest["tree"]["size"])
        if (manifest["level"], manifest["tree"]) != (verdict.level, _tree(statement)):
            verdict.faults.append(Fault(MANIFEST, "level or tree are not those of the statement"))
        needed = {"open": TREE, "account": ROWS, "exchange": ROWS}.get(manifest["level"])
        if needed is not None and needed not in files:
            verdict.faults.append(Fault(needed, "it is missing"))
        if TREE in files:
            _rows_in_tree(files, root, size, verdict.faults)
        _proofs(files.get(ROWS, b""), root, size, verdict.faults)
        _numbers(files, manifest, verdict)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        verdict.faults.append(Fault(MANIFEST, f"it cannot be followed ({type(error).__name__})"))


def _tree(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Root and size of the tree that a statement names."""
    return {name: statement["predicate"][name] for name in ("root", "size")}


def _rows_in_tree(files: Mapping[str, bytes], root: bytes, size: int, faults: list[Fault]) -> None:
    """Add a fault for each table whose rows do not lead to the root."""
    leaves: list[bytes] = []
    shown = set()
    for table in json.loads(files[TREE])["tables"]:
        if "leaves" in table:
            leaves += [bytes.fromhex(one) for one in table["leaves"]]
            continue
        name, key = f"{TABLES}{table['name']}.jsonl", bytes.fromhex(table["salts"])
        shown.add(name)
        leaves += [
            leaf_hash(salt(key, number) + line) for number, line in enumerate(files[name].splitlines())
        ]
    tree = Tree(leaves)
    if (tree.root, tree.size) != (root, size):
        faults.append(Fault(TREE, "the rows do not give the root of the tree"))
    faults += [
        Fault(name, "the tree does not hold it")
        for name in files
        if name.startswith(TABLES) and name not in shown
    ]


def _proofs(rows: bytes, root: bytes, size: int, faults: list[Fault]) -> None:
    """Add a fault for each row whose proof does not lead to the root."""
    for number, text in enumerate(rows.splitlines(), 1):
        row = json.loads(text)
        leaf = leaf_hash(bytes.fromhex(row["salt"]) + row["line"].encode())
        if not includes(leaf, row["index"], size, [bytes.fromhex(step) for step in row["proof"]], root):
            faults.append(Fault(ROWS, f"the proof of row {number} does not lead to the root of the tree"))


def tables_of(files: Mapping[str, bytes]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table in the files of a package, by the table's name."""
    return {
        name.removeprefix(TABLES).removesuffix(".jsonl"): [
            json.loads(line)["row"] for line in content.splitlines()
        ]
        for name, content in files.items()
        if name.startswith(TABLES)
    }


def _numbers(files: Mapping[str, bytes], manifest: Mapping[str, Any], verdict: Verification) -> None:
    """Add a fault for each number that the package's tables do not give."""
    tables = tables_of(files)
    has_sketches = any(name.startswith(SKETCHES) for name in files)
    verdict.not_derived = alone.not_derived(manifest["level"], has_sketches)
    if tables:
        derived = alone.numbers(tables, manifest["overview"])
        verdict.numbers = len(derived)
        verdict.faults += [Fault(*one) for one in alone.wrong(derived)]
        tables["overview"] = [alone.overview_of(manifest["overview"], manifest["inputs"])]
    for name in sorted(one for one in files if one.startswith(DOSSIERS)):
        dossier = json.loads(files[name])
        if dossier["results"] != manifest["results"]["digest"]:
            verdict.faults.append(Fault(name, "it is a dossier of other results"))
        elif tables:
            derived = alone.dossier_numbers(dossier, tables)
            verdict.of_dossiers += len(derived)
            verdict.faults += [Fault(*one) for one in alone.dossier_wrong(name, derived)]
