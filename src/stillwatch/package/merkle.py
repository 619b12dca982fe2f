"""Merkle trees with proofs of inclusion and of consistency (RFC 6962, section 2.1; RFC 9162, section 2.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf's data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A Merkle tree over hashes of leaves.

    `levels[0]` are the leaves; each level pairs the nodes of the level below, and a last node without a
    partner is copied unchanged, which gives the tree of the RFC.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.levels = [list(leaves)]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            paired = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            self.levels.append(paired + below[len(below) & ~1 :])

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self.levels[0])

    @property
    def root(self) -> bytes:
        """Root hash; for no leaves SHA-256 of the empty string."""
        return self.levels[-1][0] if self.size else hashlib.sha256(b"").digest()

    def inclusion(self, index: int) -> list[bytes]:
        """Inclusion proof of the leaf at `index`: the hashes that lead from it to the root, lowest first.
        Raises `IndexError` without such a leaf.
        """
        if not 0 <= index < self.size:
            raise IndexError(index)
        proof = []
        for level in self.levels[:-1]:
            if index ^ 1 < len(level):
                proof.append(level[index ^ 1])
            index >>= 1
        return proof

    def consistency(self, earlier: int) -> list[bytes]:
        """Consistency proof that the tree of the first `earlier` leaves is a prefix of this tree.

        Raises `IndexError` where `earlier` is not from 1 to the size.
        """
        if not 0 < earlier <= self.size:
            raise IndexError(earlier)
        return _consistency(self.levels[0], earlier, known=True)


def _consistency(leaves: Sequence[bytes], earlier: int, *, known: bool) -> list[bytes]:
    """SUBPROOF of the RFC; `known` says whether the verifier has the root of these leaves."""
    size = len(leaves)
    if earlier == size:
        return [] if known else [Tree(leaves).root]
    split = 1 << (size - 1).bit_length() - 1  # the largest power of two below the size
    if earlier <= split:
        return [*_consistency(leaves[:split], earlier, known=known), Tree(leaves[split:]).root]
    return [*_consistency(leaves[split:], earlier - split, known=False), Tree(leaves[:split]).root]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the hash `leaf` is the leaf at `index` of the tree of this size and root (RFC 9162, section
    2.1.3.2).
    """
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for one in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(one, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, one)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def consistent(earlier: int, first: bytes, later: int, second: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of size `earlier` and root `first` is a prefix of the tree of size `later` and root
    `second` (RFC 9162, section 2.1.4.2).

    The empty tree is a prefix of every tree.
    """
    if earlier == 0 or earlier >= later:
        return not proof and (earlier == 0 or (earlier == later and first == second))
    path = [first, *proof] if earlier & (earlier - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = earlier - 1, later - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, one)
        at, last = at >> 1, last >> 1
    return last == 0 and old == first and new == second
