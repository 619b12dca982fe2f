"""Judges the sketches in a package again, and compares the results with the package's tables."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch import __version__
from stillwatch.errors import Problem, UsageError
from stillwatch.flows.agreement import PackageRow, compare, compare_overview
from stillwatch.flows.keyed_log import HEAD
from stillwatch.flows.scan import Options, scan
from stillwatch.memory.labels import add_all, of_json
from stillwatch.package import alone
from stillwatch.package.alone import MANIFEST, SKETCHES
from stillwatch.package.check import Fault, Verification, tables_of
from stillwatch.package.levels import KEPT, PSEUDONYMOUS, rows_of
from stillwatch.progress import Progress, silent
from stillwatch.results.folder import TABLES as RESULTS
from stillwatch.results.folder import read_table

AUTHOR = "package"  # of the labels that a package states
MOST_SHARDS = 1_024  # most shards in which a package may have its links clustered: chosen


def rescan(files: Mapping[str, bytes], verdict: Verification, progress: Progress = silent) -> None:
    """Judge the sketches among the files of a package again, and add to its verdict what differs from its
    tables. `files` are those that `package.check.checked` verified.

    Raises `UsageError` where there are no sketches.
    """
    if HEAD not in files:
        raise UsageError(
            Problem(
                fact="the package holds no sketches of the log",
                where=verdict.path,
                why="`--rescan` judges sketches again",
                fix="stillwatch package RESULTS --level keyed --log LOGS --out PATH",
            )
        )
    try:
        manifest = json.loads(files[MANIFEST])
        version = manifest["scan"]["version"]
        _judge_again(files, manifest, verdict, progress)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # signed by whoever made it so
        verdict.faults.append(Fault(MANIFEST, f"its sketches cannot be followed ({type(error).__name__})"))
        return
    if version != __version__:
        verdict.notes.append(
            f"version {version} made the results, and version {__version__} judged the sketches: install the "
            "former where numbers differ"
        )


def _judge_again(
    files: Mapping[str, bytes], manifest: PackageRow, verdict: Verification, progress: Progress
) -> None:
    """Scan the sketches and add the outcome of the comparison to the verdict."""
    stated = tables_of(files)
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as place:
        has_looks = any(row["log10_e"] is not None for row in stated["timeline"])
        overview = _scanned(files, manifest, Path(place), has_looks, progress)
        found = {
            schema.name: [_shown(row) for row in rows_of(read_table(Path(place) / "results", schema))]
            for schema in RESULTS
            if schema.name in stated
        }
    outcome = compare(stated, found)
    compare_overview(manifest["overview"], overview, outcome)
    verdict.of_sketches = outcome.compared
    verdict.near = outcome.near
    verdict.faults += outcome.faults
    verdict.not_derived = alone.FROM_NO_SKETCH
    if not has_looks:
        verdict.notes.append("the results hold no looks, so that none was compared")


def _scanned(
    files: Mapping[str, bytes], manifest: PackageRow, place: Path, has_looks: bool, progress: Progress
) -> dict[str, Any]:
    """Scan the sketches of a package with its parameters into the folder `results` of `place`; returns the
    overview. Raises `ValueError` for names of files in other folders, and more than `MOST_SHARDS` shards.
    """
    given = manifest["scan"]["parameters"]
    if given["shards"] > MOST_SHARDS:
        raise ValueError("shards")
    log = place / "sketches"
    log.mkdir()
    for name, content in files.items():
        if name.startswith(SKETCHES) and name != HEAD:
            plain = name.removeprefix(SKETCHES)
            if plain in ("", ".", "..") or Path(plain).name != plain:
                raise ValueError(SKETCHES)
            (log / plain).write_bytes(content)
    (place / "labels").mkdir()
    honest = [
        of_json(
            one
            | {
                "verdict": "honest",
                "reason": "stated by the package",
                "author": AUTHOR,
                "at": datetime.now(UTC).isoformat(),
            },
            HEAD,
        )
        for one in json.loads(files[HEAD])["honest"]
    ]
    if honest:
        add_all(place / "labels", honest, AUTHOR)
    options = Options(
        names={},
        accounts=log / "accounts.parquet",
        releases=log / "releases.parquet",
        fdr=given["fdr"],
        seed=manifest["scan"]["seed"],
        without=frozenset(given["without"]),
        shards=given["shards"],
        labels=(place / "labels",),
        named=False,
        replay=has_looks,
    )
    return scan([str(log)], place / "results", options, progress)


def _shown(row: PackageRow) -> dict[str, Any]:
    """The columns of a row that a keyed package shows; values are pseudonyms already."""
    return {name: value for name, value in row.items() if name in KEPT | PSEUDONYMOUS}
