"""Ed25519 keys in files, and DSSE envelopes signed with them (https://github.com/secure-systems-lab/dsse)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.engine.files import atomic
from stillwatch.errors import InputError, Problem
from stillwatch.package.canonical import canonical

IN_TOTO = "application/vnd.in-toto+json"  # media type of a statement about a package
HEAD = "application/vnd.stillwatch.head+json"  # media type of the head of a log of seals


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key: 32 bytes of an Ed25519 seed (RFC 8032)."""

    seed: bytes

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes; deterministic."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def derived(secret: bytes, label: str) -> bytes:
    """32 bytes derived from a secret for the purpose `label` (HKDF-SHA256 of RFC 5869, with one block of
    output).
    """
    return hmac.digest(
        hmac.digest(b"stillwatch-package", secret, "sha256"), label.encode() + b"\x01", "sha256"
    )


def key_name(public: bytes) -> str:
    """Name of a public key: SHA-256 (hex) of its 32 bytes."""
    return hashlib.sha256(public).hexdigest()


def signer(path: Path) -> Signer:
    """Read the private key in a PEM file (PKCS #8); a missing file is created, readable by its owner only.

    Raises `InputError` for a file that is not an Ed25519 private key, and `ModuleNotFoundError` where
    `cryptography` is not installed.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not path.exists():
        fresh = Ed25519PrivateKey.generate()
        pem = fresh.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        with atomic(path, private=True) as temporary:
            temporary.write_bytes(pem)
        return Signer(seed=fresh.private_bytes_raw())
    try:
        held = form.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, type(error).__name__, "private") from None
    if not isinstance(held, Ed25519PrivateKey):
        raise _no_key(path, "a key of another kind", "private")
    return Signer(seed=held.private_bytes_raw())


def public_pem(public: bytes) -> bytes:
    """A public key as a PEM file."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)


def public_key(path: Path, content: bytes) -> bytes:
    """The 32 bytes of the public key in a PEM file, or of the public key that belongs to a private one.

    `path` is for the message only. Raises `InputError` for other content.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    try:
        if b"PRIVATE" in content:
            held = form.load_pem_private_key(content, None)
            if isinstance(held, Ed25519PrivateKey):
                return held.public_key().public_bytes_raw()
        else:
            key = form.load_pem_public_key(content)
            if isinstance(key, Ed25519PublicKey):
                return key.public_bytes_raw()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, type(error).__name__, "public") from None
    raise _no_key(path, "a key of another kind", "public")


def _no_key(path: Path, found: str, kind: str) -> InputError:
    """The error of a file that holds no key."""
    return InputError(
        Problem(
            fact=f"this is no {kind} key of Ed25519",
            where=str(path),
            found=found,
            expected="a PEM file without a passphrase",
            fix="openssl genpkey -algorithm ed25519 -out key.pem",
        )
    )


def envelope(kind: str, payload: bytes, key: Signer | None) -> bytes:
    """A DSSE envelope as canonical JSON; without a key it has no signature."""
    signatures = []
    if key is not None:
        signatures = [{"keyid": key_name(key.public), "sig": _text(key.sign(authenticated(kind, payload)))}]
    return canonical({"payload": _text(payload), "payloadType": kind, "signatures": signatures})


def authenticated(kind: str, payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def opened(content: bytes, kind: str) -> tuple[dict[str, Any], str | None, bytes | None]:
    """An envelope's payload, the key id of its signature, and the signature; the last two are None without
    a signature.

    Raises `ValueError` for content that is not an envelope of that kind in canonical form.
    """
    try:
        held = json.loads(content)
        payload = base64.b64decode(held["payload"], validate=True)
        signatures = held["signatures"]
        name, sig = None, None
        if signatures:
            (one,) = signatures
            name, sig = str(one["keyid"]), base64.b64decode(one["sig"], validate=True)
        found = json.loads(payload)
        if held["payloadType"] != kind or canonical(held) != content or canonical(found) != payload:
            raise ValueError("no canonical form")
    except (KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise ValueError(type(error).__name__) from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found, name, sig


def signed_by(public: bytes, content: bytes, kind: str) -> bool:
    """Whether the envelope has a valid signature of that public key; raises `ValueError` as `opened` does."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    payload, name, sig = opened(content, kind)
    if sig is None or name != key_name(public):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(sig, authenticated(kind, canonical(payload)))
    except InvalidSignature:
        return False
    return True


def _text(data: bytes) -> str:
    """The bytes in base64."""
    return base64.b64encode(data).decode()
