"""Keys that mark campaigns' answers, and the commitment to them before a suspect is tested.

One master secret per provider. The key of a mark is HKDF-SHA256 (RFC 5869) of the master over the mark's
name, the campaign and the epoch, so no key needs to be stored, one campaign's key reveals nothing of
another's, and a new epoch has a new key. Decoys are keys that never marked anything, derived from the same
master under a label of their own. The rank of a true key among them is a p-value without further
assumptions.
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
from stillwatch.stats.arrays import Uints

FORMAT = "stillwatch-keyring-1"  # name and version of the format of a keyring
MAX_CONTEXT = 8  # tokens of context that a key may have at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A key in use: its mark, campaign and epoch (from 1), the time of issue (`since`, ISO 8601, UTC), the
    width of its context in tokens, and the mark's strength.
    """

    mark: str
    campaign: str
    epoch: int
    since: str
    width: int
    strength: float

    @property
    def name(self) -> str:
        """Public name of the key: mark/campaign/epoch."""
        return f"{self.mark}/{self.campaign}/{self.epoch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """A master secret and the keys issued under it; immutable."""

    master: bytes
    issued: tuple[Issued, ...] = ()

    def key(self, mark: str, campaign: str, epoch: int) -> Uints:
        """The key of a mark, campaign and epoch: two 64-bit words."""
        return self._derive(f"mark\x00{mark}\x00{campaign}\x00{epoch}", 16).view(np.uint64)

    def key_of(self, one: Issued) -> Uints:
        """The secret key of an issued entry: two 64-bit words."""
        return self.key(one.mark, one.campaign, one.epoch)

    def decoys(self, mark: str, number: int) -> Uints:
        """`number` keys that never marked anything, shape (number, 2).

        A shorter list is a prefix of a longer one.
        """
        blocks = [
            self._derive(f"decoy\x00{mark}\x00{block}", 8160) for block in range(-(-number * 16 // 8160))
        ]
        words = np.concatenate(blocks).view(np.uint64) if blocks else np.empty(0, np.uint64)
        return np.asarray(words.reshape(-1, 2)[:number])

    def secret(self, purpose: str) -> bytes:
        """32 bytes derived for a purpose other than marking; they reveal nothing of the master or of any
        key.
        """
        return self._derive(f"secret\x00{purpose}", 32).tobytes()

    def issue(
        self, mark: str, campaign: str, *, since: str, width: int, strength: float
    ) -> tuple[Keyring, Issued]:
        """Issue the next epoch of a campaign's key; returns the new keyring and the entry."""
        epoch = 1 + max((i.epoch for i in self.issued if (i.mark, i.campaign) == (mark, campaign)), default=0)
        one = Issued(mark=mark, campaign=campaign, epoch=epoch, since=since, width=width, strength=strength)
        return replace(self, issued=(*self.issued, one)), one

    def current(self, mark: str, campaign: str) -> Issued:
        """The latest key of a mark issued to a campaign; raises `UsageError` where there is none."""
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
        """SHA-256 (hex) over the names and digests of all keys issued and the digests of the first thousand
        decoys of each mark.

        Publication binds the provider to its keys and reveals none of them.
        """
        parts = [hashlib.sha256(self.key_of(one).tobytes()).hexdigest() for one in self.issued]
        marks = sorted({one.mark for one in self.issued})
        parts += [hashlib.sha256(self.decoys(mark, 1000).tobytes()).hexdigest() for mark in marks]
        return hashlib.sha256("\n".join([*(one.name for one in self.issued), *parts]).encode()).hexdigest()

    def _derive(self, info: str, length: int) -> npt.NDArray[np.uint8]:
        """Bytes that are derived from the master key (HKDF, RFC 5869, with SHA-256)."""
        pseudo_random = hmac.digest(b"stillwatch", self.master, "sha256")
        out, block = b"", b""
        for counter in range(1, -(-length // 32) + 1):
            block = hmac.digest(pseudo_random, block + info.encode() + bytes([counter]), "sha256")
            out += block
        return np.frombuffer(out[:length], np.uint8)

    def write(self, path: Path) -> None:
        """Write the keyring as JSON, readable by its owner only; the file is replaced atomically."""
        held = {"format": FORMAT, "master": self.master.hex(), "issued": [asdict(one) for one in self.issued]}
        with atomic(path, private=True) as temporary:
            temporary.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")


@contextmanager
def held(path: Path) -> Iterator[Keyring]:
    """Lock the keyring at `path` and yield it, or a new one where the file is missing.

    Other processes wait for the lock. Read, change and write a keyring within one such block, so that no
    key is lost.
    """
    with lock(path.with_name(f".{path.name}.lock"), wait=True):
        yield read(path) if path.exists() else new()


def new() -> Keyring:
    """A keyring with a new master secret from the operating system and no keys."""
    return Keyring(master=secrets.token_bytes(32))


def read(path: Path) -> Keyring:
    """Read a keyring; raises `InputError` where the file is not a keyring."""
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
    """Check one key's entry and return it; raises `ValueError` or `TypeError`."""
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
            value.encode()  # raises for a lone surrogate
    one = Issued(**held)  # type: ignore[arg-type]  # checked above; another field is a TypeError
    if one.epoch < 1 or not 1 <= one.width <= MAX_CONTEXT:
        raise ValueError("a key's epoch or width is out of range")
    return one
