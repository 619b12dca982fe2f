"""The worlds that an evaluation is made of.

A matrix is a TOML file of tables `[worlds.NAME]` with `scenario`, `seeds`, and optionally `scale`, `fdr`,
`without` (signals left out), `changes` (fields of the scenario or, as `campaign.FIELD`, of its plans),
`baselines` (compare with other methods, tuned on that many further seeds), `without_each` (one more world
for every signal, without it) and `monitor` (count false alarms, looking every so many hours). A list where
one value is expected makes one world of each; two lists make all pairs.

With `crowds` in place of `scenario` a world is honest: an ordinary crowd with groups of innocent
explanations in it. `crowds` is "each" (one world per explanation), a number (that many explanations, drawn
by seed) or a list of names (all of them in every world); `accounts` and `days` are the world's size, and
`leave_out = true` removes the world's explanations from the scan.

With `cases` a world is that many blind cases of attribution for each seed; nothing is scanned
(`evaluate.blind`).
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.errors import InputError, Problem, UsageError
from stillwatch.signals.registry import all_explanations, all_group_tests, all_indicators
from stillwatch.simulate.worlds import FieldValue, change, find_scenario

# Keys of an entry of a matrix that simulates scenarios.
FIELDS = ("scenario", "seeds", "scale", "fdr", "without", "changes", "baselines", "monitor", "without_each")
# Keys of an entry that simulates honest crowds.
OF_CROWDS = ("crowds", "seeds", "accounts", "days", "fdr", "without", "leave_out")
OF_CASES = ("cases", "seeds")  # keys of an entry that draws blind cases of attribution
SHOWN = (
    "page.py",
    "summary.py",
    "accusations.py",
    "flow.py",
    "compare.py",
    "matrix.py",
)  # modules that only present outcomes; a change of them does not void stored outcomes
TUNING = 1001  # the first seed on which baselines are tuned
MIN_GROUP = 15  # accounts of a group in an honest world; chosen, small for a class or a team
MOST_IN_GROUPS = 0.6  # share of an honest world's accounts that all groups together may have; chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One world to simulate, scan and compare; the unit that is repeated, resumed and run in parallel."""

    world: str
    scenario: str = ""  # empty where `crowds` are given
    seed: int
    scale: float = 1.0
    fdr: float = 0.01
    without: tuple[str, ...] = ()
    changes: tuple[tuple[str, FieldValue], ...] = ()
    prompts: str = ""
    times: str = ""
    baselines: bool = False
    tunes: bool = False  # only baselines are run on it
    monitor: int = 0
    crowds: tuple[str, ...] = ()  # explanations whose groups are in an honest world
    accounts: int = 0  # of an honest world
    days: int = 0  # of an honest world; drawn where 0
    leave_out: bool = False  # whether the scan goes without the explanations in `crowds`
    cases: int = 0  # blind cases of attribution, in place of a world

    @property
    def name(self) -> str:
        """Name of the outcome's file: world, seed, and a digest of the cell and of the package's source."""
        spec = json.dumps(asdict(self), sort_keys=True) + source_digest()
        world = re.sub("[^A-Za-z0-9.-]+", "_", self.world)
        return f"{world}-{self.seed}-{hashlib.sha256(spec.encode()).hexdigest()[:12]}"


@cache
def source_digest() -> str:
    """SHA-256 (hex) of the package's source, less the modules that only present results.

    It is part of every cell's name, so that outcomes of another version are not reused.
    """
    state = hashlib.sha256()
    root = Path(str(files("stillwatch")))
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in ("cli", "report") and path.name not in SHOWN:
            state.update(path.read_bytes())
    return state.hexdigest()


def built_in() -> dict[str, str]:
    """Description of each built-in matrix, the first comment line of its file, by name."""
    folder = files("stillwatch.evaluate") / "matrices"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return {n[:-5]: (folder / n).read_text().splitlines()[0].lstrip("# ") for n in names}


def read_matrix(
    name: str, *, seeds: int | None = None, prompts: Path | None = None, times: Path | None = None
) -> list[Cell]:
    """Cells of a built-in matrix or of a TOML file.

    Args:
        name: name of a built-in matrix, or path of a TOML file.
        seeds: number of seeds of every world in place of the file's own.
        prompts: file of real prompts for all cells.
        times: file of real arrival rates for all cells.

    Raises:
        InputError: for a file that is not a matrix.
        UsageError: for an unknown scenario, change or explanation, and for `times` with honest worlds,
            which have arrivals of their own.
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
        cells = [c for world, spec in worlds.items() for c in _cells(world, spec, seeds)]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            Problem(
                fact=f"`{name}` is not a matrix",
                where=name,
                found=f"{type(error).__name__}: {error}",
                expected="tables [worlds.NAME] with "
                + ", ".join(f"`{f}`" for f in FIELDS)
                + "; or, of honest worlds, with "
                + ", ".join(f"`{f}`" for f in OF_CROWDS)
                + "; or, of cases of attribution, with "
                + ", ".join(f"`{f}`" for f in OF_CASES),
            )
        ) from error
    text, rates = (str(path.resolve()) if path else "" for path in (prompts, times))
    cells = [replace(cell, prompts=text, times=rates) for cell in cells]
    for cell in cells:
        if not cell.crowds and not cell.cases:
            change(find_scenario(cell.scenario), dict(cell.changes))
        elif times and cell.crowds:
            raise UsageError(
                Problem(
                    fact="honest worlds take no arrival rates",
                    found=f"`--times` with [worlds.{cell.world}] of `crowds`",
                    fix=f"stillwatch evaluate --matrix {name}",
                )
            )
    return cells


def _crowd_cells(world: str, spec: Mapping[str, object], seeds: int | None) -> list[Cell]:
    """Cells of honest worlds: one for each seed, and for each explanation where `crowds` is "each"."""
    unknown = sorted(set(spec) - set(OF_CROWDS))
    if unknown:
        raise ValueError(f"[worlds.{world}] of `crowds` has no `{unknown[0]}`")
    without, leave_out = spec.get("without", ()), spec.get("leave_out", False)
    if not isinstance(without, list | tuple) or not isinstance(leave_out, bool):
        raise TypeError(f"[worlds.{world}] `without` is a list, `leave_out` true or false")
    one = Cell(
        world=world,
        seed=0,
        fdr=float(str(spec.get("fdr", 0.01))),
        without=tuple(str(signal) for signal in without),
        accounts=int(str(spec["accounts"])),
        days=int(str(spec.get("days", 0))),
        leave_out=leave_out,
    )
    cells = [
        replace(one, seed=seed, crowds=names)
        for seed in range(1, (seeds or int(str(spec.get("seeds", 1)))) + 1)
        for names in _crowd_names(world, spec["crowds"], seed)
    ]
    largest = max(len(cell.crowds) for cell in cells)
    if one.days < 0 or one.accounts * MOST_IN_GROUPS < MIN_GROUP * largest:
        raise ValueError(
            f"[worlds.{world}] needs `accounts` of {int(np.ceil(MIN_GROUP * largest / MOST_IN_GROUPS))} at "
            f"least, `days` of 0 or more"
        )
    return cells


def _crowd_names(world: str, given: object, seed: int) -> list[tuple[str, ...]]:
    """The explanations of each world with this seed, one tuple per world."""
    known = [one.card.name for one in all_explanations()]
    if given == "each":
        return [(name,) for name in known]
    if isinstance(given, int) and not isinstance(given, bool) and 0 < given <= len(known):
        chosen = np.random.default_rng([seed, *world.encode()]).choice(known, given, replace=False)
        return [tuple(sorted(chosen.tolist()))]
    if not isinstance(given, list) or not given or len({str(name) for name in given}) < len(given):
        raise ValueError(
            f'[worlds.{world}] `crowds` is "each", a number from 1 to {len(known)}, or a list of different '
            f"names"
        )
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            raise UsageError(
                Problem(
                    fact=f"no explanation is called `{name}`",
                    where=f"[worlds.{world}] `crowds`",
                    found=f"`{name}`",
                    expected=f"`{near[0]}`" if near else ", ".join(f"`{one}`" for one in known),
                    fix="stillwatch signals",
                )
            )
    return [tuple(given)]


def _blind_cells(world: str, spec: Mapping[str, object], seeds: int | None) -> list[Cell]:
    """Cells of blind cases: one for each seed."""
    unknown = sorted(set(spec) - set(OF_CASES))
    if unknown:
        raise ValueError(f"[worlds.{world}] of `cases` has no `{unknown[0]}`")
    cases = int(str(spec["cases"]))
    if cases < 1:
        raise ValueError(f"[worlds.{world}] `cases` is 1 or more")
    number = seeds or int(str(spec.get("seeds", 1)))
    return [Cell(world=world, seed=seed, cases=cases) for seed in range(1, number + 1)]


def _cells(world: str, spec: Mapping[str, object], seeds: int | None) -> list[Cell]:
    """The cells of one entry of a matrix, one for each seed. Raises `ValueError` for unknown keys."""
    if "crowds" in spec:
        return _crowd_cells(world, spec, seeds)
    if "cases" in spec:
        return _blind_cells(world, spec, seeds)
    unknown = sorted(set(spec) - set(FIELDS))
    if unknown:
        raise ValueError(f"[worlds.{world}] has no `{unknown[0]}`")
    changes, without = spec.get("changes", {}), spec.get("without", ())
    if not isinstance(changes, Mapping) or not isinstance(without, list | tuple):
        raise TypeError(f"[worlds.{world}] `changes` is a table, `without` a list")
    number = seeds or int(str(spec.get("seeds", 1)))
    tuned = int(str(spec.get("baselines", 0)))
    cells = []
    for name, scenario, scale, chosen in _product(world, spec["scenario"], spec.get("scale", 1.0), changes):
        one = Cell(
            world=name,
            scenario=scenario,
            seed=0,
            scale=scale,
            fdr=float(str(spec.get("fdr", 0.01))),
            without=tuple(str(signal) for signal in without),
            changes=chosen,
            baselines=tuned > 0,
            monitor=int(str(spec.get("monitor", 0))),
        )
        cells += [replace(one, seed=seed) for seed in range(1, number + 1)]
        if spec.get("without_each"):
            units = [test.card.name for test in all_group_tests()] + [u.card.name for u in all_indicators()]
            left = [replace(one, world=f"{name}, no {unit}", without=(unit,)) for unit in units]
            cells += [replace(cell, seed=seed) for cell in left for seed in range(1, number + 1)]
        cells += [replace(one, seed=TUNING + seed, tunes=True, monitor=0) for seed in range(tuned)]
    return cells


Chosen = tuple[tuple[str, FieldValue], ...]


def _product(
    world: str, scenario: object, scale: object, changes: Mapping[str, Any]
) -> Iterator[tuple[str, str, float, Chosen]]:
    """One world for each combination of values from the lists, named by the values chosen."""
    given = {"scenario": scenario, "scale": scale} | {name: changes[name] for name in sorted(changes)}
    several = [name for name, value in given.items() if isinstance(value, list)]
    for choice in itertools.product(*(v if isinstance(v, list) else [v] for v in given.values())):
        one = dict(zip(given, choice, strict=True))
        words = [f"{name.rpartition('.')[2]} {one[name]}" for name in several]
        rest = tuple((name, value) for name, value in one.items() if name not in ("scenario", "scale"))
        yield ", ".join([world, *words]), str(one["scenario"]), float(one["scale"]), rest
