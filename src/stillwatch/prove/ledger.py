"""Record of the marks that were served, and to which accounts.

An issued key has no effect until answers bear it. Every path that marks (`prove mark`, an engine, a
gateway) writes one line per answer: account, campaign, mark, epoch, width, strength, time, whether the
answer bears the mark, and a digest of the answer. An answer that is not in the ledger counts as not served;
the absence of its mark from a suspect is no evidence.

Rules: digests are keyed by the keyring's master, so that nobody else can test guesses at texts. Every line
carries a code over itself and the line before, under the same master, so that a changed, missing or
inserted line is detected. A file has one writer at a time.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from stillwatch.engine.files import OWNER, lock
from stillwatch.errors import InputError, Problem
from stillwatch.prove.keyring import Issued, Keyring

FORMAT = "stillwatch-ledger-1"  # name and version of the format of a ledger
START = "0" * 64  # code before the first line
TAIL = 1 << 16  # bytes at the end in which the last line is searched for; a line has a few hundred
# Keys of a ledger's line, with the types of their values.
FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": str,
    "account_id": str,
    "mark": str,
    "campaign": str,
    "epoch": int,
    "width": int,
    "strength": (int, float),
    "at": str,
    "is_marked": bool,
    "answer": str,
    "code": str,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One answer that was served under a key; `is_marked` is false where the marking of that key left it
    unchanged.

    `at` is ISO 8601 in UTC; `answer` is a keyed digest (hex).
    """

    account_id: str
    mark: str
    campaign: str
    epoch: int
    width: int
    strength: float
    at: str
    is_marked: bool
    answer: str

    @property
    def key(self) -> str:
        """The key's name, as `Issued.name` gives it."""
        return f"{self.mark}/{self.campaign}/{self.epoch}"


@dataclass(slots=True)
class Served:
    """Answers that a ledger shows for one key.

    `marked` and `unmarked` are digests of answers with and without the mark, each once; `accounts` received
    them; `first` and `last` are times (ISO 8601, UTC; "" without an entry).
    """

    marked: set[str] = field(default_factory=set)
    unmarked: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    first: str = ""
    last: str = ""

    def share(self, answers: int) -> float:
        """Marked share of the answers served to the campaign.

        The denominator is `answers`, the number available, or the number in the ledger where that is
        larger.
        """
        every = max(answers, len(self.marked | self.unmarked), 1)
        return len(self.marked) / every


@dataclass(slots=True)
class Ledger:
    """Entries by key name, their number, and faults of the files as sentences."""

    served: dict[str, Served] = field(default_factory=dict)
    entries: int = 0
    faults: list[str] = field(default_factory=list)


def beside(keyring: Path) -> Path:
    """Default path of a keyring's ledger."""
    return keyring.with_name(f"{keyring.name.removesuffix('.json')}.ledger.jsonl")


def entry(
    ring: Keyring, issued: Issued, account_id: str, answer: str | Sequence[int], *, is_marked: bool
) -> LedgerEntry:
    """The ledger's entry for one answer at the present time.

    `answer` is text, or token ids where an engine has no text; only its keyed digest is kept.
    """
    content = (
        answer.encode("utf-8", "surrogatepass")
        if isinstance(answer, str)
        else json.dumps(list(answer)).encode()
    )
    return LedgerEntry(
        account_id=account_id,
        mark=issued.mark,
        campaign=issued.campaign,
        epoch=issued.epoch,
        width=issued.width,
        strength=issued.strength,
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        is_marked=is_marked,
        answer=hmac.digest(ring.secret("ledger of answers"), content, "sha256").hex(),
    )


def append(path: Path, ring: Keyring, entries: Iterable[LedgerEntry]) -> None:
    """Append entries to a ledger; a missing file is created, readable by its owner only. Other writers
    wait.
    """
    secret = ring.secret("ledger of lines")
    with lock(path.with_name(f".{path.name}.lock"), wait=True):
        before, cut = _last(path)
        lines = []
        for one in entries:
            held = {"format": FORMAT, **asdict(one)}
            before = _code(secret, before, held)
            lines.append(json.dumps({**held, "code": before}) + "\n")
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, OWNER)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(("\n" if cut else "") + "".join(lines))


def read(paths: Iterable[Path], ring: Keyring) -> Ledger:
    """Read ledgers written under a keyring.

    Lines that are no entries, that another keyring wrote, or that do not follow the line before are listed
    in `faults` and not counted. Raises `InputError` where a file cannot be read at all.
    """
    out = Ledger()
    secret = ring.secret("ledger of lines")
    for path in paths:
        before = START
        bad: dict[str, list[int]] = {}
        for number, held in _lines(path):
            if not _is_entry(held):
                bad.setdefault("no line of a ledger", []).append(number)
                continue
            code = held.pop("code")
            follows = hmac.compare_digest(code, _code(secret, before, held))
            before = code
            if not follows:
                bad.setdefault(
                    "not as it was written, not after the line before it, or of another keyring", []
                ).append(number)
                continue
            del held["format"]
            _count(out, LedgerEntry(**held))
        out.faults += [
            f"{path.name}: {len(some):,} {'line' if len(some) == 1 else 'lines'} {why}: "
            f"{', '.join(map(str, some[:10]))}{', ...' if len(some) > 10 else ''}"
            for why, some in bad.items()
        ]
    return out


def _count(out: Ledger, one: LedgerEntry) -> None:
    """Add an entry to the ledger's counts."""
    out.entries += 1
    here = out.served.setdefault(one.key, Served())
    (here.marked if one.is_marked else here.unmarked).add(one.answer)
    here.accounts.add(one.account_id)
    here.first = min(here.first or one.at, one.at)
    here.last = max(here.last, one.at)


def _lines(path: Path) -> Iterator[tuple[int, object]]:
    """Number and content of each line; None for a line that is no JSON. Raises `InputError` where the file
    cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield number, json.loads(line)
                    except (ValueError, RecursionError):
                        yield number, None
    except OSError as error:
        raise InputError(
            Problem(fact="the ledger could not be read", where=str(path), found=type(error).__name__)
        ) from None


def _is_entry(held: object) -> TypeGuard[dict[str, Any]]:
    """Whether the content of a line is an entry."""
    if not isinstance(held, dict) or set(held) != set(FIELDS) or held["format"] != FORMAT:
        return False
    return all(isinstance(held[name], kind) for name, kind in FIELDS.items()) and held["code"].isascii()


def _code(secret: bytes, before: str, held: Mapping[str, Any]) -> str:
    """The code of an entry in the chain: HMAC-SHA256 (hex) of the code before and the content."""
    return hmac.digest(secret, f"{before}\n{json.dumps(held, sort_keys=True)}".encode(), "sha256").hex()


def _last(path: Path) -> tuple[str, bool]:
    """Code of the last whole line (`START` without one), and whether the file ends within a line."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - TAIL, 0))
            tail = file.read()
    except FileNotFoundError:
        return START, False
    for line in reversed(tail.splitlines()):
        try:
            held = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if _is_entry(held):
            return str(held["code"]), not tail.endswith(b"\n")
    return START, bool(tail) and not tail.endswith(b"\n")
