"""Pseudonyms of accounts and shared values in a keyed package.

All are made with HMAC-SHA256 over kind and value under one key, so equal values of one kind have equal
pseudonyms and nobody without the key can test a guess. A scan of sketches under pseudonyms computes the same
results, because they keep the form that a signal reads:

| kind | pseudonym |
|---|---|
| addresses | IPv6 addresses in 4000::/2, which is assigned to nobody; equal prefixes stay equal, 46 bits |
| autonomous systems | a number of 32 bits (a permutation: four rounds of a Feistel network) |
| mail domains | 80 bits as hex, in capitals as the value is or is not |
| all others | 80 bits as hex |
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

ROUNDS = 4  # of the Feistel network: Luby and Rackoff 1988 need four for a strong permutation
LARGEST_ASN = 2**32 - 1
OF_PREFIX, OF_ADDRESS = 3, 8  # groups of 16 bits in a prefix and in an address


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonyms:
    """Pseudonyms under a secret `key`. `accounts` holds those of accounts whose order is kept."""

    key: bytes = field(repr=False)
    accounts: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: str, value: str) -> str:
        """The pseudonym of a value. `kind` is `account`, `organization`, `exchange`, `model`, or the name of
        an indicator.
        """
        if kind == "account" and value in self.accounts:
            return self.accounts[value]
        if kind == "client_prefix":
            return ":".join(self._groups(kind, value, OF_PREFIX))
        if kind == "client_address":
            own = self._groups(kind, value, OF_ADDRESS - OF_PREFIX)
            return ":".join((self.of("client_prefix", prefix_of(value)), *own))
        if kind == "signup_address":
            return ":".join(self._groups(kind, value, OF_ADDRESS))
        if kind == "asn" and value.isdecimal() and int(value) <= LARGEST_ASN:
            return str(self._permuted(kind, int(value)))
        if kind == "email_domain" and value != value.lower():
            return self._capitals(self._hex(kind, value.lower()), self._digest(kind, value))
        return self._hex(kind, value)

    def keeping_order(self, groups: Collection[Collection[str]]) -> Pseudonyms:
        """Pseudonyms in which the accounts of each group are sorted as their names are.

        Of accounts of one declared owner the first one counts, so their order is part of the results.
        """
        several = [sorted(group) for group in groups if len(group) > 1]
        kept = {
            name: hidden
            for group in several
            for name, hidden in zip(group, sorted(self._hex("account", one) for one in group), strict=True)
        }
        return replace(self, accounts=kept)

    def _digest(self, kind: str, value: str) -> bytes:
        """HMAC-SHA256 of kind and value, 32 bytes."""
        return hmac.digest(self.key, f"{kind}\x00{value}".encode(), "sha256")

    def _hex(self, kind: str, value: str) -> str:
        """The first 80 bits of `_digest`, as hex."""
        return self._digest(kind, value)[:10].hex()

    def _groups(self, kind: str, value: str, number: int) -> list[str]:
        """Groups of an IPv6 address, none of them 0, so that its text is not shortened."""
        digest = self._digest(kind, value)
        groups = [1 + int.from_bytes(digest[2 * n : 2 * n + 2]) % 0xFFFF for n in range(number)]
        if number != OF_ADDRESS - OF_PREFIX:  # the first groups of an address
            groups[0] = 0x4000 | groups[0] & 0x3FFF
        return [f"{one:x}" for one in groups]

    def _permuted(self, kind: str, number: int) -> int:
        """A number of 32 bits in the place of another, by a Feistel network under the key."""
        left, right = number >> 16, number & 0xFFFF
        for one in range(ROUNDS):
            mixed = int.from_bytes(self._digest(kind, f"{one} {right}")[:2])
            left, right = right, left ^ mixed
        return left << 16 | right

    @staticmethod
    def _capitals(text: str, digest: bytes) -> str:
        """The text with some letters in capitals, at least one where it has a letter."""
        bits = int.from_bytes(digest)
        changed = "".join(one.upper() if bits >> place & 1 else one for place, one in enumerate(text))
        return changed if changed != text else text.upper()


def prefix_of(address: str) -> str:
    """The prefix of an address as the indicator `client_prefix` states it."""
    return ":".join(address.split(":")[:OF_PREFIX]) if ":" in address else re.sub(r"\.\d+$", ".0/24", address)
