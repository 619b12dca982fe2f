"""Private set matching: the steps of both sides, as functions from bytes to bytes.

The *asking* side has a set X, the *serving* side has a set Y and a secret key k.

1. The asker draws a scalar a and sends a·H(x) for its values in a random order, with a commitment to the set:
   the root of a Merkle tree over salted values.
2. The server multiplies each by k and returns them in another random order, with the tags of k·H(y) for its
   own values.
3. The asker multiplies by 1/a and compares tags. It learns how many of its values the server has, not
   which, since it does not know the order (De Cristofaro, Gasti and Tsudik 2012; ristretto255 as in RFC
   9497).
4. If both sides consent, the server discloses the order, and the asker learns which values are in common and
   opens only those from its commitment. The server accepts only values that were committed to and that are in
   its own set.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stillwatch.engine.files import atomic
from stillwatch.package import merkle
from stillwatch.share import oprf
from stillwatch.share.sets import KindValue, encoded

SEED = 32
"""Bytes of a seed, of salts or of an order."""
NAME_OF_SET = 16
"""Hexadecimal digits of a set's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A set to serve: its key, its values, and their tags, concatenated in sorted order, so that the order
    reveals nothing.
    """

    key: bytes
    pairs: frozenset[KindValue]
    tags: bytes

    @property
    def name(self) -> str:
        """A name of this set under this key, from a digest of the tags."""
        return hashlib.sha256(self.tags).hexdigest()[:NAME_OF_SET]


def prepare(pairs: Sequence[KindValue]) -> Prepared:
    """The set with its tags under a new random key. The time is proportional to the number of values."""
    key = oprf.random_scalar()
    tags = sorted(oprf.tags_of(key, [encoded(pair) for pair in pairs]))
    return Prepared(key=key, pairs=frozenset(pairs), tags=b"".join(tags))


@dataclass(frozen=True, kw_only=True)
class AskerSecrets:
    """The asker's secrets of one session: its values in the order sent, the blinding scalar, and the seed of
    the salts.
    """

    pairs: tuple[KindValue, ...]
    blind: bytes
    seed: bytes

    def salt(self, index: int) -> bytes:
        """The salt of the value at this index, 32 bytes."""
        return hmac.digest(self.seed, b"salt %d" % index, "sha256")

    @cached_property
    def tree(self) -> merkle.Tree:
        """The Merkle tree over the salted values; its root is the commitment."""
        return merkle.Tree([leaf(pair, self.salt(at)) for at, pair in enumerate(self.pairs)])

    def elements(self) -> list[bytes]:
        """The blinded elements to send, 32 bytes each."""
        return oprf.blinded(self.blind, [encoded(pair) for pair in self.pairs])


def ask(pairs: Sequence[KindValue]) -> AskerSecrets:
    """New secrets for a session over this set, with the values in random order."""
    order = list(pairs)
    secrets.SystemRandom().shuffle(order)
    return AskerSecrets(pairs=tuple(order), blind=oprf.random_scalar(), seed=secrets.token_bytes(SEED))


def leaf(pair: KindValue, salt: bytes) -> bytes:
    """The commitment to one value. Without the salt, nobody can test a guess."""
    return merkle.leaf_hash(salt + encoded(pair))


def shuffled(size: int, seed: bytes) -> list[int]:
    """The server's permutation for a seed: for each place in the answer, the place in the request."""
    return sorted(range(size), key=lambda at: hmac.digest(seed, b"order %d" % at, "sha256"))


def answer(prepared: Prepared, elements: Sequence[bytes], seed: bytes) -> list[bytes]:
    """The blinded elements times the server's key, permuted by the seed. Raises `oprf.NotAnElement`."""
    done = oprf.evaluated(prepared.key, elements)
    return [done[at] for at in shuffled(len(done), seed)]


def matched(sent: AskerSecrets, answered: Sequence[bytes], tags: bytes) -> list[int]:
    """Places in the answer whose values the server has. `answered` are the elements, `tags` the concatenated
    tags of the server's set.

    Raises `oprf.NotAnElement`, and `ValueError` where the length is wrong.
    """
    if len(answered) != len(sent.pairs) or len(tags) % oprf.TAG:
        raise ValueError("the answer has another length")
    theirs = {tags[at : at + oprf.TAG] for at in range(0, len(tags), oprf.TAG)}
    mine = oprf.evaluated(oprf.inverted(sent.blind), answered)
    return [at for at, one in enumerate(mine) if oprf.tag(one) in theirs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One common value with its index, its salt, and the Merkle proof that it was committed to."""

    pair: KindValue
    index: int
    salt: bytes
    proof: tuple[bytes, ...]


def openings(sent: AskerSecrets, places: Sequence[int], seed: bytes) -> list[Opening]:
    """The openings of the values at these places of the answer; `seed` is the disclosed seed of the order."""
    order, tree = shuffled(len(sent.pairs), seed), sent.tree
    return [
        Opening(pair=sent.pairs[at], index=at, salt=sent.salt(at), proof=tuple(tree.inclusion(at)))
        for at in sorted(order[place] for place in places)
    ]


def is_opening(one: Opening, prepared: Prepared, commitment: bytes, size: int) -> bool:
    """Whether the value is among the `size` values of the commitment and in the server's own set."""
    is_committed = merkle.includes(leaf(one.pair, one.salt), one.index, size, one.proof, commitment)
    return is_committed and one.pair in prepared.pairs


def kept(folder: Path, pairs: Sequence[KindValue]) -> Prepared | None:
    """The prepared set in this folder; None where there is none, or where it is of other values."""
    try:
        head = json.loads((folder / "set.json").read_bytes())
        tags = (folder / "tags").read_bytes()
        if head["digest"] != _digest(pairs) or head["tags"] != hashlib.sha256(tags).hexdigest():
            return None
        return Prepared(key=(folder / "key").read_bytes(), pairs=frozenset(pairs), tags=tags)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(folder: Path, pairs: Sequence[KindValue], prepared: Prepared) -> None:
    """Write a prepared set into this folder, readable by its owner only: the key, the tags and a digest of
    the values, but not the values.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    head = {"digest": _digest(pairs), "tags": hashlib.sha256(prepared.tags).hexdigest()}
    for name, content in (
        ("tags", prepared.tags),
        ("key", prepared.key),
        ("set.json", json.dumps(head).encode()),
    ):
        with atomic(folder / name, private=True) as temporary:
            temporary.write_bytes(content)


def _digest(pairs: Sequence[KindValue]) -> str:
    """SHA-256 of the sorted pairs."""
    whole = hashlib.sha256()
    for pair in sorted(pairs):
        whole.update(encoded(pair) + b"\n")
    return whole.hexdigest()
