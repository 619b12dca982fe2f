"""Receipts of withdrawals: STIX notes whose content names objects and versions, signed where the writer has a key."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from stillwatch.export.values import NAMESPACE
from stillwatch.package.canonical import canonical
from stillwatch.package.signing import Signer, envelope, opened

RECEIPT = "application/vnd.stillwatch.receipt+json"
ABSTRACT = "Receipt of a withdrawal"


def receipt(writer: str, versions: Sequence[tuple[str, str]], at: str, key: Signer | None) -> dict[str, Any]:
    """A note which says that these withdrawals, identifiers with versions, were received and carried out by `writer` at this time."""
    objects = sorted(f"{name} {version}" for name, version in versions)
    content = envelope(RECEIPT, canonical({"at": at, "objects": objects, "writer": writer}), key)
    return {
        "type": "note", "spec_version": "2.1", "id": f"note--{uuid.uuid5(NAMESPACE, f'receipt|{writer}|{objects}')}", "created": at,
        "modified": at, "abstract": ABSTRACT, "content": content.decode(), "object_refs": sorted({name for name, _version in versions}),
    }  # fmt: skip


def read_receipt(note: dict[str, Any]) -> dict[str, Any] | None:
    """Objects with versions and the key id of the signature, as the note names it; None for another note."""
    if note.get("abstract") != ABSTRACT:
        return None
    try:
        held, name, _sig = opened(str(note["content"]).encode(), RECEIPT)
        return {"objects": [str(one) for one in held["objects"]], "signed_by": name}
    except (ValueError, KeyError, TypeError):
        return None
