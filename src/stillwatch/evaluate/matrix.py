"""Which worlds is an evaluation made of?

A matrix is a TOML file of tables `[worlds.NAME]` with `scenario`, `seeds`, and optionally `scale`, `fdr`, `without`
(signals left out) and `changes` (fields of the scenario or, as `campaign.FIELD`, of its plans).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from stillwatch.errors import InputError, Problem
from stillwatch.simulate.worlds import Value, change, find_scenario

FIELDS = ("scenario", "seeds", "scale", "fdr", "without", "changes", "about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One world to be made, scanned and compared; the unit that is repeated, resumed and run in parallel."""

    world: str
    scenario: str
    seed: int
    scale: float = 1.0
    fdr: float = 0.01
    without: tuple[str, ...] = ()
    changes: tuple[tuple[str, Value], ...] = ()
    prompts: str = ""

    @property
    def name(self) -> str:
        """Of its file: the world, the seed, and a digest of all that would change its outcome."""
        spec = json.dumps(asdict(self), sort_keys=True) + source_digest()
        return f"{self.world}-{self.seed}-{hashlib.sha256(spec.encode()).hexdigest()[:12]}"


@cache
def source_digest() -> str:
    """Digest of the package itself: the outcome of another version is not this one's."""
    state = hashlib.sha256()
    root = Path(str(files("stillwatch")))
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in ("cli", "report", "evaluate"):
            state.update(path.read_bytes())
    return state.hexdigest()


def built_in() -> dict[str, str]:
    """Name → first comment line of each matrix that comes with the package."""
    folder = files("stillwatch.evaluate") / "matrices"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return {n[:-5]: (folder / n).read_text().splitlines()[0].lstrip("# ") for n in names}


def read_matrix(name: str, *, seeds: int | None = None, prompts: Path | None = None) -> list[Cell]:
    """Cells of a built-in matrix or of a TOML file; `seeds` shortens or lengthens every world's list.

    Raises `InputError` for a file that is not a matrix, `UsageError` for a scenario or change that is not there.
    """
    path = Path(name)
    if name in built_in():
        text = (files("stillwatch.evaluate") / "matrices" / f"{name}.toml").read_text()
    elif path.is_file():
        text = path.read_text()
    else:
        raise InputError(
            Problem(
                fact=f"no matrix is called `{name}`",
                found="no file of that name either",
                expected=", ".join(f"`{n}`" for n in built_in()) + ", or a TOML file",
                fix="stillwatch evaluate --matrix standard --out evaluation/",
            )
        )
    try:
        worlds = tomllib.loads(text)["worlds"]
        cells = [c for world, spec in worlds.items() for c in _cells(world, spec, seeds, prompts)]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            Problem(
                fact=f"`{name}` is not a matrix",
                where=name,
                found=f"{type(error).__name__}: {error}",
                expected="tables [worlds.NAME] with " + ", ".join(f"`{f}`" for f in FIELDS),
            )
        ) from error
    for cell in cells:
        change(find_scenario(cell.scenario), dict(cell.changes))
    return cells


def _cells(world: str, spec: Mapping[str, object], seeds: int | None, prompts: Path | None) -> list[Cell]:
    unknown = sorted(set(spec) - set(FIELDS))
    if unknown:
        raise ValueError(f"[worlds.{world}] has no `{unknown[0]}`")
    number = seeds or int(str(spec.get("seeds", 1)))
    changes = spec.get("changes", {})
    without = spec.get("without", ())
    if not isinstance(changes, Mapping) or not isinstance(without, list | tuple):
        raise TypeError(f"[worlds.{world}] `changes` is a table, `without` a list")
    return [
        Cell(
            world=world,
            scenario=str(spec["scenario"]),
            seed=seed,
            scale=float(str(spec.get("scale", 1.0))),
            fdr=float(str(spec.get("fdr", 0.01))),
            without=tuple(str(name) for name in without),
            changes=tuple(sorted(changes.items())),
            prompts=str(prompts.resolve()) if prompts else "",
        )
        for seed in range(1, number + 1)
    ]
