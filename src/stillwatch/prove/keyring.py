"""Which key marks which campaign's answers, and how is it committed to before anyone is tested?

One master secret per provider. The key of a mark is HKDF-SHA256 (RFC 5869) of the master over the mark's
name, the campaign and the epoch, so no key needs to be stored, a campaign's key says nothing of another's,
and a new epoch is a new key. Decoys, keys that never marked anything, come from the same master under a label
of their own: the rank of a true key among them is a p-value that assumes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stillwatch.engine.files import atomic, lock
from stillwatch.errors import InputError, Problem, UsageError

FORMAT = "stillwatch-keyring-1"
WIDEST = 8  # tokens of context
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A key in use: what it marks, for whom, since when (ISO 8601, UTC), and how strongly."""

    mark: str
    campaign: str
    epoch: int
    since: str
    width: int
    strength: float

    @property
    def name(self) -> str:
        """How the key is spoken of; it gives nothing of it away."""
        return f"{self.mark}/{self.campaign}/{self.epoch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """A master secret and what was issued under it; immutable: `issue` gives a new one."""

    master: bytes
    issued: tuple[Issued, ...] = ()

    def key(self, mark: str, campaign: str, epoch: int) -> Keys:
        """The key of a mark, two words of 64 bits."""
        return self._derive(f"mark\x00{mark}\x00{campaign}\x00{epoch}", 16).view(np.uint64)

    def key_of(self, one: Issued) -> Keys:
        """The key that was issued."""
        return self.key(one.mark, one.campaign, one.epoch)

    def decoys(self, mark: str, number: int) -> Keys:
        """`number` keys that never marked anything, shape (number, 2); a longer list begins with a
        shorter one.
        """
        blocks = [
            self._derive(f"decoy\x00{mark}\x00{block}", 8160) for block in range(-(-number * 16 // 8160))
        ]
        words = np.concatenate(blocks).view(np.uint64) if blocks else np.empty(0, np.uint64)
        return np.asarray(words.reshape(-1, 2)[:number])

    def secret(self, purpose: str) -> bytes:
        """32 bytes for another purpose than marking; they say nothing of the master or of any key."""
        return self._derive(f"secret\x00{purpose}", 32).tobytes()

    def issue(
        self, mark: str, campaign: str, *, since: str, width: int, strength: float
    ) -> tuple[Keyring, Issued]:
        """The next epoch of a campaign's key, and the keyring that holds it."""
        epoch = 1 + max((i.epoch for i in self.issued if (i.mark, i.campaign) == (mark, campaign)), default=0)
        one = Issued(mark=mark, campaign=campaign, epoch=epoch, since=since, width=width, strength=strength)
        return replace(self, issued=(*self.issued, one)), one

    def current(self, mark: str, campaign: str) -> Issued:
        """The last key issued to a campaign; raises `UsageError` where there is none."""
        some = [one for one in self.issued if (one.mark, one.campaign) == (mark, campaign)]
        if not some:
            raise UsageError(
                Problem(
                    fact=f"the keyring holds no key of `{mark}` for `{campaign}`",
                    found=", ".join(one.name for one in self.issued[:10]) or "no keys",
                    fix=f"stillwatch prove key KEYRING --campaign {campaign} --mark {mark}",
                )
            )
        return max(some, key=lambda one: one.epoch)

    def commitment(self) -> str:
        """SHA-256 over the digests of all keys issued and the first thousand decoys: published, it binds
        and reveals nothing.
        """
        parts = [hashlib.sha256(self.key_of(one).tobytes()).hexdigest() for one in self.issued]
        marks = sorted({one.mark for one in self.issued})
        parts += [hashlib.sha256(self.decoys(mark, 1000).tobytes()).hexdigest() for mark in marks]
        return hashlib.sha256("\n".join([*(one.name for one in self.issued), *parts]).encode()).hexdigest()

    def _derive(self, info: str, length: int) -> npt.NDArray[np.uint8]:
        pseudo_random = hmac.digest(b"stillwatch", self.master, "sha256")
        out, block = b"", b""
        for counter in range(1, -(-length // 32) + 1):
            block = hmac.digest(pseudo_random, block + info.encode() + bytes([counter]), "sha256")
            out += block
        return np.frombuffer(out[:length], np.uint8)

    def write(self, path: Path) -> None:
        """Write for the owner's eyes only; whole or not at all."""
        held = {"format": FORMAT, "master": self.master.hex(), "issued": [asdict(one) for one in self.issued]}
        with atomic(path, private=True) as temporary:
            temporary.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")


@contextmanager
def held(path: Path) -> Iterator[Keyring]:
    """The keyring at `path`, or a new one, for as long as the block runs: other processes that want it wait.

    Whoever changes a keyring reads it, and writes it again, within one such block; no key is lost to another
    process.
    """
    with lock(path.with_name(f".{path.name}.lock"), wait=True):
        yield read(path) if path.exists() else new()


def new() -> Keyring:
    """A keyring with a fresh master from the operating system, and no keys yet."""
    return Keyring(master=secrets.token_bytes(32))


def read(path: Path) -> Keyring:
    """A keyring from its file; raises `InputError` where it is none."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["format"] != FORMAT:
            raise ValueError(f"format {held['format']!r}")
        master = bytes.fromhex(held["master"])
        if len(master) != 32:
            raise ValueError(f"a master of {len(master)} bytes")
        return Keyring(master=master, issued=tuple(_issued(one) for one in held["issued"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            Problem(
                fact="this is no keyring",
                where=str(path),
                found=str(error) if isinstance(error, ValueError) else type(error).__name__,
                expected=f"what `stillwatch prove key` writes ({FORMAT})",
                fix=f"stillwatch prove key {path} --campaign NAME",
            )
        ) from None


def _issued(held: dict[str, object]) -> Issued:
    """One key's line, checked; raises `ValueError` or `TypeError`."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "mark": str,
        "campaign": str,
        "since": str,
        "epoch": int,
        "width": int,
        "strength": (int, float),
    }
    for name, kind in kinds.items():
        value = held[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"`{name}` of a key is no {'text' if kind is str else 'number'}")
        if isinstance(value, str):
            value.encode()  # half a surrogate pair is no name
    one = Issued(**held)  # type: ignore[arg-type]  # checked above; another field is a TypeError
    if one.epoch < 1 or not 1 <= one.width <= WIDEST:
        raise ValueError("a key's epoch or width is out of range")
    return one
