"""An append-only log of sealed files; its heads show later that no entry was changed, left out or added
afterwards.

The log is one file of canonical JSON lines. `{"entry": {...}}` is a file: its name, size and SHA-256.
`{"head": {...}, "proof": [...], "sha256": ..., "signature": {...}}` ends each call: the number and the
Merkle root of all entries so far, the time, the proof that the tree contains that of the head before as a
prefix (RFC 9162), the digest of the log up to here, and, with a key, the DSSE envelope of the head. A
witness (a regulator, a newspaper, a time-stamping authority) that keeps a head can verify later that the
log still begins with the same entries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.engine.files import atomic, lock, sha256
from stillwatch.errors import InputError, Problem, StateError
from stillwatch.package.canonical import Json, canonical
from stillwatch.package.check import Fault, Trust, Verification
from stillwatch.package.merkle import Tree, consistent, leaf_hash
from stillwatch.package.signing import HEAD, Signer, envelope, opened, public_key, signed_by

FORMAT = "stillwatch-seals-1"  # name and version of the format of a log of seals


@dataclass(slots=True, kw_only=True)
class SealLog:
    """The lines of a log's entries, its heads, and faults of the file."""

    entries: list[bytes] = field(default_factory=list)
    heads: list[dict[str, Any]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # line of each head, from 1
    faults: list[Fault] = field(default_factory=list)

    @property
    def tree(self) -> Tree:
        """The Merkle tree over all entries."""
        return Tree([leaf_hash(line) for line in self.entries])


def seal(paths: Sequence[Path], log: Path, key: Signer | None, now: datetime | None = None) -> dict[str, Any]:
    """Add files to the log and append a new head.

    A file that the log contains with the same name and content is not added again.

    Args:
        paths: files, and folders whose files are all added.
        log: the log's file; created where missing.
        key: signs the head; None for none.
        now: time of the head; None for the present.

    Returns:
        `log`, `added` (number of files), `changed` (names that the log had with other content), `head`, and
            `signed`.

    Raises:
        StateError: where the log is damaged; nothing is added to it.
        InputError: for a path that does not exist.
    """
    files = list(_files(paths, log))
    with lock(log.with_name(f".{log.name}.lock"), wait=True):
        before = log.read_bytes() if log.exists() else b""
        held = read(before, log.name)
        faults = held.faults + faults_of(held, log.name)
        if faults:
            raise StateError(
                *(Problem(fact=f"the log of seals was changed: {one.what}", where=one.file) for one in faults)
            )
        known: dict[str, str] = {}
        for line in held.entries:
            entry = json.loads(line)["entry"]
            known[entry["name"]] = entry["sha256"]
        lines, changed = [], []
        for name, path in files:
            digest = sha256(path)
            if known.get(name) == digest:
                continue
            if name in known:
                changed.append(name)
            known[name] = digest
            lines.append(canonical({"entry": {"name": name, "sha256": digest, "size": path.stat().st_size}}))
        earlier = len(held.entries)
        held.entries += lines
        tree = held.tree
        moment = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        head: dict[str, Json] = {"at": moment, "format": FORMAT, "root": tree.root.hex(), "size": tree.size}
        written: dict[str, Json] = {
            "head": head,
            "proof": [step.hex() for step in tree.consistency(earlier)] if earlier else [],
        }
        if key is not None:
            written["signature"] = json.loads(envelope(HEAD, canonical(head), key))
        body = before + b"".join(line + b"\n" for line in lines)
        written["sha256"] = _digest(body, written)
        with atomic(log) as temporary:
            temporary.write_bytes(body + canonical(written) + b"\n")
    return {"log": str(log), "added": len(lines), "changed": changed, "head": head, "signed": key is not None}


def _digest(before: bytes, head: dict[str, Json]) -> str:
    """SHA-256 (hex) of the log up to a head's line, and of that line without the digest."""
    others = {name: value for name, value in head.items() if name != "sha256"}
    return hashlib.sha256(before + canonical(others)).hexdigest()


def _files(paths: Sequence[Path], log: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each file; a name is relative to the parent of the path that was given. Raises
    `InputError` for a missing path.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise InputError(
            *(
                Problem(fact=f"`{path}` does not exist", where=str(path), expected="a file or folder")
                for path in missing
            )
        )
    for path in paths:
        whole = path.resolve()
        for one in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            if one.is_file() and one not in (log.resolve(), log.resolve().with_name(f".{log.name}.lock")):
                yield (one.relative_to(whole.parent).as_posix(), one)


def read(content: bytes, name: str) -> SealLog:
    """Parse a log; lines that are not lines of a log are listed in `faults`."""
    log, at = SealLog(), 0
    for number, line in enumerate(content.splitlines(), 1):
        before, at = content[:at], at + len(line) + 1
        try:
            held = json.loads(line)
            if canonical(held) != line:
                raise ValueError("no canonical form")
            if held.keys() == {"entry"} and held["entry"].keys() == {"name", "sha256", "size"}:
                log.entries.append(line)
            elif isinstance(held["head"]["size"], int) and isinstance(held["proof"], list):
                bytes.fromhex(held["head"]["root"] + "".join(held["proof"]))
                if held["sha256"] != _digest(before, held):
                    raise ValueError("the digest of another log")
                log.heads.append(held)
                log.places.append(number)
            else:
                raise ValueError("neither an entry nor a head")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.faults.append(Fault(name, f"line {number} is no line of a log ({type(error).__name__})"))
    if (
        content
        and not log.faults
        and (not content.endswith(b"\n") or log.places[-1:] != [len(content.splitlines())])
    ):
        log.faults.append(Fault(name, "it does not end with a head"))
    return log


def faults_of(log: SealLog, name: str) -> list[Fault]:
    """Faults of heads: a wrong root, no consistency with the head before, a time before it, or a signature
    of another head.
    """
    faults = []
    leaves = [leaf_hash(line) for line in log.entries]
    size, root, moment = 0, Tree([]).root, ""
    for place, held in zip(log.places, log.heads, strict=True):
        head, proof = held["head"], [bytes.fromhex(step) for step in held["proof"]]
        tree = Tree(leaves[: head["size"]])
        if tree.size != head["size"] or tree.root.hex() != head["root"]:
            faults.append(Fault(name, f"the head in line {place} is not of the entries before it"))
        elif not consistent(size, root, tree.size, tree.root, proof):
            faults.append(Fault(name, f"the head in line {place} does not follow from the one before it"))
        elif str(head.get("at", "")) < moment:
            faults.append(Fault(name, f"the head in line {place} is dated before the one before it"))
        if "signature" in held and not _is_of(held):
            faults.append(Fault(name, f"the signature in line {place} is of another head"))
        size, root, moment = head["size"], tree.root, str(head.get("at", ""))
    return faults


def _is_of(held: dict[str, Any]) -> bool:
    """Whether a signature's content is the head that it stands beside."""
    try:
        return opened(canonical(held["signature"]), HEAD)[0] == held["head"]
    except ValueError:
        return False


def check_log(path: Path, trust: Trust, witnessed: Path | None) -> Verification:
    """Verify a log and, with `witnessed`, that it begins with the entries of the head in that file.

    The file contains what `stillwatch seal --json` printed, or the head alone; raises `InputError` for
    other content.
    """
    log = read(path.read_bytes(), path.name)
    verdict = Verification(path=str(path), kind="log", faults=log.faults or faults_of(log, path.name))
    if log.heads:
        verdict.root = log.heads[-1]["head"]["root"]
        verdict.notes.append(
            f"{len(log.entries)} entries, {len(log.heads)} heads, the last of "
            f"{log.heads[-1]['head'].get('at')}"
        )
    if trust.public is not None:
        public = public_key(trust.public, trust.public.read_bytes())
        for place, held in zip(log.places, log.heads, strict=True):
            if "signature" not in held or not signed_by(public, canonical(held["signature"]), HEAD):
                verdict.faults.append(
                    Fault(path.name, f"the head in line {place} is not signed with this key")
                )
    if witnessed is None:
        verdict.notes.append(
            "it agrees with itself; that it was not written anew shows a head that someone else kept: give "
            "--head"
        )
    elif not verdict.faults:
        head = _head(witnessed)
        begun = Tree([leaf_hash(line) for line in log.entries[: head["size"]]])
        if begun.size != head["size"] or begun.root.hex() != head["root"]:
            verdict.faults.append(
                Fault(path.name, "it does not begin with the entries of the head that was kept")
            )
        else:
            verdict.notes.append(f"its first {head['size']} entries are those of the head that was kept")
    return verdict


def _head(path: Path) -> dict[str, Any]:
    """A head that a witness kept: the output of `stillwatch seal --json`, or the head alone; raises
    `InputError` otherwise.
    """
    try:
        held = json.loads(path.read_bytes())
        head = held.get("head", held)
        if isinstance(head["size"], int) and isinstance(head["root"], str):
            return dict(head)
        found = "other types"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        found = type(error).__name__
    raise InputError(
        Problem(
            fact="this is no head of a log",
            where=str(path),
            found=found,
            expected="what `stillwatch seal --json` printed",
        )
    )


def is_log(path: Path) -> bool:
    """Whether the file is a log of seals rather than an archive."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(1) in (b"{", b"")
