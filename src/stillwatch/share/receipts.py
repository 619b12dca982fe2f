"""Receipts of withdrawals: STIX notes that list objects with their versions, signed where the writer has a
key.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from stillwatch.export.values import NAMESPACE
from stillwatch.package.canonical import canonical
from stillwatch.package.signing import Signer, envelope, opened, signed_by

RECEIPT = "application/vnd.stillwatch.receipt+json"  # type of the note that a receipt is
ABSTRACT = "Receipt of a withdrawal"  # title of the note by which a receipt is recognised


def receipt(writer: str, versions: Sequence[tuple[str, str]], at: str, key: Signer | None) -> dict[str, Any]:
    """A STIX note by `writer` that these withdrawn versions (pairs of object identifier and version) were
    received and carried out at the time `at`. `key` signs it; None leaves it unsigned.
    """
    objects = sorted(f"{name} {version}" for name, version in versions)
    content = envelope(RECEIPT, canonical({"at": at, "objects": objects, "writer": writer}), key)
    return {
        "type": "note",
        "spec_version": "2.1",
        "id": f"note--{uuid.uuid5(NAMESPACE, f'receipt|{writer}|{objects}')}",
        "created": at,
        "modified": at,
        "abstract": ABSTRACT,
        "content": content.decode(),
        "object_refs": sorted({name for name, _version in versions}),
    }


def read_receipt(note: dict[str, Any], public: bytes | None) -> dict[str, Any] | None:
    """The objects with versions in a receipt, and `is_signed`: whether the public key `public` signed it,
    None where there is no signature or no key.

    Returns None for a note that is no receipt.
    """
    if note.get("abstract") != ABSTRACT:
        return None
    content = str(note.get("content")).encode()
    try:
        held, name, _sig = opened(content, RECEIPT)
        is_signed = None if name is None or public is None else signed_by(public, content, RECEIPT)
        return {"objects": [str(one) for one in held["objects"]], "is_signed": is_signed}
    except (ValueError, KeyError, TypeError):
        return None
