"""Write a dossier: HTML, PDF, letters, and the queries of its numbers."""

from __future__ import annotations

import importlib.util
from datetime import datetime
from pathlib import Path
from typing import Any

from stillwatch.dossier.case import CampaignCase, read_case
from stillwatch.dossier.content import DossierTerms, dossier
from stillwatch.dossier.document import Document, Numbers
from stillwatch.dossier.letters import READERS, letter
from stillwatch.dossier.render import html, pdf
from stillwatch.engine.files import atomic
from stillwatch.errors import MissingExtra, Problem
from stillwatch.package.canonical import canonical
from stillwatch.package.levels import plain
from stillwatch.package.make import NUMBERS

FORMAT = "stillwatch-dossier-1"  # name and version of the format of `dossier.json`
ENGINE = "typst"  # package that typesets the PDF


def write_dossier(
    results: Path,
    campaign: str,
    out: Path,
    *,
    terms: DossierTerms,
    attribution: Path | None = None,
    with_pdf: bool | None = None,
) -> dict[str, Any]:
    """Write the dossier of a campaign into `out`.

    Args:
        results: the results folder.
        campaign: the campaign's id.
        out: folder to write into.
        terms: what the provider adds.
        attribution: folder or file of an attribution; None without one.
        with_pdf: whether to write PDFs; None writes them where the engine is installed.

    Returns:
        The campaign's id, the files written, the number of numbers, whether there is a PDF, and the
            results' digest.

    Raises:
        MissingExtra: where PDFs are requested and the engine is not installed.
        StateError, UsageError, InputError: as `case.read_case`.
    """
    has_engine = importlib.util.find_spec(ENGINE) is not None
    if with_pdf and not has_engine:
        raise MissingExtra(
            Problem(
                fact="a PDF needs the package `typst`",
                fix="pip install 'stillwatch[dossier]', or --no-pdf for HTML alone",
            )
        )
    case = read_case(results, campaign, attribution, terms.producer)
    numbers = Numbers()
    documents: dict[str, Document] = {"dossier": dossier(case, terms, numbers)}
    documents |= {f"letter-{to}": letter(to, case, terms, numbers) for to in READERS}
    footer = f"Stillwatch {case.version} · campaign {case.name} · results {case.digest[:16]}"
    made = {name: one.as_json(footer) for name, one in documents.items()}
    files: dict[str, bytes] = {f"{name}.html": html(one).encode() for name, one in made.items()}
    if has_engine and with_pdf is not False:
        at = datetime.fromisoformat(case.row["last_seen"])
        files |= {f"{name}.pdf": pdf(one, at) for name, one in made.items()}
    files[NUMBERS] = canonical(numbers_file(case, numbers))
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with atomic(out / name) as path:
            path.write_bytes(content)
    return {
        "campaign_id": campaign,
        "files": [str(out / name) for name in sorted(files)],
        "numbers": len(numbers.rows),
        "pdf": "dossier.pdf" in files,
        "results": case.digest,
    }


def numbers_file(case: CampaignCase, numbers: Numbers) -> dict[str, Any]:
    """The query of each number, and the weights from which the probabilities of hypotheses follow, as
    JSON.
    """
    return {
        "format": FORMAT,
        "results": case.digest,
        "campaign_id": case.name,
        "numbers": [
            {"id": row["id"], "value": plain(row["value"]), "how": row["how"]} for row in numbers.rows
        ],
        "attribution": None if case.attribution is None else _weights(case.attribution),
    }


def _weights(attribution: Any) -> dict[str, Any]:  # noqa: ANN401  a part of `attribution.json`
    """Priors, log10 likelihood ratios of each group of items and probabilities, by hypothesis; actors are
    numbered, not named.
    """
    actors = {
        name: n
        for n, name in enumerate(sorted({h["actor"] for h in attribution["hypotheses"] if h["actor"]}), 1)
    }
    keys = {
        one["key"]: f"{one['hypothesis']}: actor {actors[one['actor']]}"
        if one["actor"]
        else one["hypothesis"]
        for one in attribution["hypotheses"]
    }
    return {
        "priors": {keys[one["key"]]: one["prior"] for one in attribution["hypotheses"]},
        "log10_ratios": [
            {keys[key]: ratio for key, ratio in item["log10_by_hypothesis"].items()}
            for item in attribution["items"]
        ],
        "probabilities": {keys[one["key"]]: one["probability"] for one in attribution["hypotheses"]},
    }
