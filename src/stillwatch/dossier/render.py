"""Render a document as HTML and PDF/A; the same document gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import tempfile
from base64 import b64encode
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

STANDARD: Literal["a-2a"] = "a-2a"
"""PDF/A-2a (ISO 19005-2, level A: tagged); the engine refuses a document that does not conform."""


def html(document: dict[str, Any]) -> str:
    """The document as one HTML text that needs no other file and has no script."""
    environment = Environment(
        loader=PackageLoader("stillwatch.dossier"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (files("stillwatch.dossier") / "templates" / "document.css").read_text(encoding="utf-8")
    digest = f"sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}"
    return environment.get_template("document.html.j2").render(document=document, style=style, digest=digest)


def pdf(document: dict[str, Any], at: datetime) -> bytes:
    """The document as PDF/A with the date `at`.

    The text is passed to the engine as JSON, so that none of it is read as markup. Raises
    `ModuleNotFoundError` where the engine is not installed.
    """
    import typst

    template = (files("stillwatch.dossier") / "templates" / "document.typ").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="stillwatch-dossier-") as work:
        folder = Path(work)
        (folder / "document.typ").write_text(template, encoding="utf-8")
        (folder / "document.json").write_text(json.dumps(document), encoding="utf-8")
        made = typst.compile(
            str(folder / "document.typ"),
            root=str(folder),
            format="pdf",
            pdf_standards=[STANDARD],
            ignore_system_fonts=True,
            timestamp=int(at.timestamp()),
        )
    return bytes(made)
