"""Provenance of the results as W3C PROV-JSON, and the software installed when the package was made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import metadata

from stillwatch import __version__
from stillwatch.package.canonical import Json

PREFIX = "https://stillwatch.example/package/"  # start of the identifiers in the provenance


def provenance(
    inputs: Sequence[str], outputs: Mapping[str, str], version: str, signer: str | None
) -> dict[str, Json]:
    """PROV-JSON from log files (their digests) through the scan to the results and the package.

    `outputs` maps names to digests; `signer` is the name of the key, None without one. It contains no
    times: the time of the package is shown by a time stamp.
    """
    logs = {f"sw:input-{digest[:16]}": digest for digest in inputs}
    results = {f"sw:{name}": digest for name, digest in sorted(outputs.items())}
    agents: dict[str, Json] = {
        "sw:scanner": {"prov:type": "prov:SoftwareAgent", "sw:version": version},
        "sw:packager": {"prov:type": "prov:SoftwareAgent", "sw:version": __version__},
    }
    if signer is not None:
        agents["sw:signer"] = {"sw:keyid": signer}
    used = [("sw:scan", name) for name in logs] + [("sw:package", name) for name in results]
    made = [("sw:scan", name) for name in results] + [("sw:package", "sw:this-package")]
    did = [("sw:scan", "sw:scanner"), ("sw:package", "sw:packager")]
    did += [("sw:package", "sw:signer")] if signer is not None else []
    whole: dict[str, Json] = {
        "prefix": {"prov": "http://www.w3.org/ns/prov#", "sw": PREFIX},
        "entity": {name: {"sw:sha256": digest} for name, digest in (logs | results).items()}
        | {"sw:this-package": {}},
        "activity": {"sw:scan": {}, "sw:package": {}},
        "agent": agents,
        "used": _relations("u", used, "prov:activity", "prov:entity"),
        "wasGeneratedBy": _relations("g", [(b, a) for a, b in made], "prov:entity", "prov:activity"),
        "wasAssociatedWith": _relations("a", did, "prov:activity", "prov:agent"),
        "wasDerivedFrom": _relations(
            "d", [("sw:this-package", name) for name in results], "prov:generatedEntity", "prov:usedEntity"
        ),
    }
    return whole


def _relations(letter: str, pairs: Sequence[tuple[str, str]], one: str, other: str) -> Json:
    """Relations of the provenance between pairs of identifiers."""
    return {f"_:{letter}{number}": {one: a, other: b} for number, (a, b) in enumerate(pairs, 1)}


def installed() -> dict[str, str]:
    """Installed version by name of Stillwatch and of all packages that it requires, directly or
    indirectly.
    """
    found = {"stillwatch": __version__}
    waiting = ["stillwatch"]
    while waiting:
        try:
            needs = metadata.requires(waiting.pop()) or []
        except metadata.PackageNotFoundError:
            continue
        for need in needs:
            name = re.split(r"[^\w.-]", need, maxsplit=1)[0]
            if "extra ==" in need or name in found:
                continue
            try:
                found[name] = metadata.version(name)
                waiting.append(name)
            except metadata.PackageNotFoundError:
                continue  # of another platform
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))
