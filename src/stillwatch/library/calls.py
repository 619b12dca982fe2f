"""The public functions `scan`, `sketch`, `simulate` and `score`; arguments have the names of the command
line's options.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

from stillwatch.errors import Problem, UsageError
from stillwatch.flows import content_blind
from stillwatch.flows import scan as scanning
from stillwatch.flows import score as scoring
from stillwatch.library.results import Results
from stillwatch.progress import Progress, silent
from stillwatch.readers.limits import Limits, limits_of
from stillwatch.simulate import worlds

AnyPath = str | PathLike[str]
AnyPaths = AnyPath | Iterable[AnyPath]


def paths_of(given: AnyPaths) -> list[str]:
    """One path or several as a list of strings. Raises `UsageError` for an empty list, and for an item that
    is empty or no path.
    """
    names = [given] if isinstance(given, str | PathLike) else list(given)
    wrong = next((one for one in names if not isinstance(one, str | PathLike) or not fspath(one)), None)
    if not names or wrong is not None:
        raise UsageError(
            Problem(
                fact="no logs are named" if not names else "this is no path",
                found="" if not names else type(wrong).__name__,
                expected="a file, a folder or a glob, as text or Path, or several of them",
                fix='stillwatch.scan("logs/")',
            )
        )
    return [str(fspath(one)) for one in names]


def several(given: str | Iterable[str]) -> tuple[str, ...]:
    """One string or several as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


def optional_path(given: AnyPath | None) -> Path | None:
    """`given` as a `Path`; None stays None."""
    return None if given is None else Path(given)


def limits(given: Mapping[str, str | int] | None) -> Limits:
    """Reading limits from sizes by name, such as `{"line": "64MB"}`; limits that are not named have their
    defaults.
    """
    return limits_of(f"{name}={size}" for name, size in (given or {}).items())


def check_rate(fdr: float) -> float:
    """`fdr`, unchanged. Raises `UsageError` where it is not above 0 and below 1."""
    if not 0 < fdr < 1:
        raise UsageError(
            Problem(fact="`fdr` is no rate", found=str(fdr), expected="above 0 and below 1, such as 0.01")
        )
    return fdr


def _at_least(name: str, value: int, least: int) -> int:
    """The value. Raises `UsageError` where it is less than `least`."""
    if value < least:
        raise UsageError(
            Problem(fact=f"`{name}` is out of range", found=str(value), expected=f"{least} or more")
        )
    return value


def scan(
    logs: AnyPaths,
    *,
    out: AnyPath | None = None,
    fdr: float = 0.01,
    map: Mapping[str, str] | None = None,  # noqa: A002  the word of the command line
    accounts: AnyPath | None = None,
    releases: AnyPath | None = None,
    seed: int = 0,
    memory: str = "auto",
    format: str = "auto",  # noqa: A002  as `map`
    store: AnyPath | None = None,
    engine: Literal["duckdb", "spark"] = "duckdb",
    spark_master: str = "local[*]",
    shards: int = 1,
    networks: str | Iterable[str] = (),
    limit: Mapping[str, str | int] | None = None,
    without: str | Iterable[str] = (),
    labels: AnyPaths = (),
    show_prompts: bool = False,
    profile: bool = False,
    with_peer: AnyPath | None = None,
    progress: Progress = silent,
) -> Results:
    """Find the campaigns in logs, as `stillwatch scan` does.

    Args:
        logs: A file, a folder or a glob, or several of them, as text or `Path`.
        out: Results folder. None for a temporary one, which is removed with the object that is returned.
        fdr: False-discovery rate over reported campaigns, above 0 and below 1.
        map: Names of columns in the logs, keyed by the contract's column names.
        accounts: Account table. None to look for one beside the logs.
        releases: Table of model releases. None to look for one beside the logs.
        seed: Seed of the clustering and of random comparison groups, 0 or more.
        memory: Memory limit of the database, such as `"4GB"`; `"auto"` for a share of the machine's memory.
        format: Name of the log format, as in `stillwatch formats`; `"auto"` to recognise it.
        store: Folder that keeps observations and daily summaries; a later scan reads only new log files.
        engine: `"duckdb"`, in this process, or `"spark"`.
        spark_master: URL of Spark's master; used with `engine="spark"`.
        shards: Number of shards in which accounts are clustered, 1 or more.
        networks: Lists of networks, each as `[CLASS=]FILE`.
        limit: Largest sizes allowed when a file is read, such as `{"line": "64MB"}`.
        without: Names of signals or explanations to leave out.
        labels: Folders whose labels are shown, besides those of `out`.
        show_prompts: Whether to write a few prompts of each campaign into the results.
        with_peer: File of values in common with a peer, as `stillwatch match` writes it.
        profile: Whether to write duration and memory of every stage to `manifest.json`.
        progress: Called with a stage's name, the amount done and the total amount.

    Returns:
        The results; `campaigns`, `members`, `exchanges`, `evidence` and `leads` are tables.

    Raises:
        UsageError: An argument is out of range or names something that does not exist.
        InputError: No log can be read.
        StateError: `out` exists and is neither empty nor a results folder.

    Example:
        >>> import stillwatch
        >>> result = stillwatch.scan("logs/", fdr=0.01)  # a day of twelve accounts that share nothing
        >>> len(result.campaigns), len(result.leads)
        (0, 0)
    """
    if engine not in ("duckdb", "spark"):
        raise UsageError(Problem(fact=f"no engine is called `{engine}`", expected="duckdb, spark"))
    options = scanning.Options(
        names=dict(map or {}),
        accounts=optional_path(accounts),
        releases=optional_path(releases),
        fdr=check_rate(fdr),
        seed=_at_least("seed", seed, 0),
        memory=memory,
        show_prompts=show_prompts,
        profile=profile,
        without=frozenset(several(without)),
        log_format=format,
        networks=several(networks),
        engine=engine,
        spark_master=spark_master,
        shards=_at_least("shards", shards, 1),
        store=optional_path(store),
        limits=limits(limit),
        with_peer=optional_path(with_peer),
        labels=tuple(Path(one) for one in paths_of(labels)) if labels else (),
    )
    return _results_of_scan(paths_of(logs), optional_path(out), options, progress)


def _results_of_scan(
    paths: list[str], out: Path | None, options: scanning.Options, progress: Progress
) -> Results:
    """Scan into `out`, or into a temporary folder that is removed with the results, or at once where the
    scan fails.
    """
    if out is not None:
        scanning.scan(paths, out, options, progress)
        return Results(out)
    owned = tempfile.TemporaryDirectory(prefix="stillwatch-")
    try:
        folder = Path(owned.name) / "results"
        scanning.scan(paths, folder, options, progress)
        return Results(folder, owned)
    except BaseException:
        owned.cleanup()
        raise


def sketch(
    logs: AnyPaths,
    out: AnyPath,
    *,
    key_file: AnyPath,
    rekey: AnyPath | None = None,
    release: str = "",
    map: Mapping[str, str] | None = None,  # noqa: A002  the word of the command line
    format: str = "auto",  # noqa: A002  as `map`
    limit: Mapping[str, str | int] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write sketches of logs, as `stillwatch sketch` does. A sketch holds digests in place of text.

    Args:
        logs: As for `scan`; with `rekey`, a folder of sketches.
        out: New folder for the sketches.
        key_file: File with a secret of at least 16 bytes.
        rekey: File with the old secret of the sketches in `logs`, whose digests are enciphered anew with the
            secret of `key_file`.
        release: Name of the receiver, for whom a separate key is derived; empty for the owner's own key.
        map: As for `scan`.
        format: As for `scan`.
        limit: As for `scan`.
        progress: As for `scan`.

    Returns:
        A dictionary with `rows`, `quarantined`, `unread`, `key_id`, `release` and `inputs`.

    Raises:
        InputError: No log can be read, or the secret is too short.
        UsageError: An argument names something that does not exist.

    Example:
        >>> import stillwatch
        >>> done = stillwatch.sketch("logs/", "sketches/", key_file="key")
        >>> done["rows"], done["quarantined"]
        (240, 0)
    """
    key = content_blind.read_key(Path(key_file)).for_release(release)
    paths = paths_of(logs)
    if rekey is not None:
        if len(paths) > 1:
            raise UsageError(
                Problem(
                    fact="`rekey` takes one folder of sketches", found=f"{len(paths)} paths", expected="one"
                )
            )
        return content_blind.rekey(Path(paths[0]), Path(out), content_blind.read_key(Path(rekey)), key)
    return content_blind.sketch(
        paths,
        Path(out),
        key,
        dict(map or {}),
        format,
        lambda done, total: progress("sketch", done, total),
        limits(limit),
    )


def simulate(
    scenario: str,
    out: AnyPath,
    *,
    seed: int = 1,
    scale: float = 1.0,
    rate: float = 1.0,
    prompts: AnyPath | None = None,
    times: AnyPath | None = None,
    reaction: Literal["retry", "slow", "replace", "leave"] | None = None,
    action_day: float | None = None,
    caught: float = 1.0,
    progress: Progress = silent,
) -> worlds.World:
    """Write simulated logs with planted campaigns, as `stillwatch simulate` does. No request is sent.

    Args:
        scenario: Name of the scenario, such as `"demo"` or `"stealth-1"`.
        out: Folder for `exchanges.parquet`, `accounts.parquet`, `releases.parquet` and `truth.parquet`.
        seed: Seed of all random numbers; the same seed gives the same tables.
        scale: Factor on the numbers of accounts and exchanges, above 0.
        rate: Factor on the number of exchanges alone, above 0.
        prompts: File with real text to use for prompts. None for generated text.
        times: File with real arrival rates for honest applications. None for generated ones.
        reaction: Operators' reaction after accounts of every campaign are suspended; None for no suspension.
        action_day: Day of the suspension, counted from 0; None for the middle of the simulated time.
        caught: Share of a campaign's accounts that are suspended, above 0 and at most 1.
        progress: As for `scan`.

    Returns:
        Totals of the logs, and kind, accounts and exchanges of every planted campaign.

    Raises:
        UsageError: The scenario does not exist, or a number is out of range.

    Example:
        >>> import stillwatch, tempfile
        >>> world = stillwatch.simulate("stealth-1", tempfile.mkdtemp(), scale=0.01)
        >>> sorted(world.campaigns)
        ['harvest-1']
    """
    acted = None
    if reaction is not None:
        from stillwatch.simulate.reaction import Reaction

        day = worlds.find_scenario(scenario).days / 2 if action_day is None else action_day
        acted = Reaction(kind=reaction, day=day, caught=caught)
    return worlds.simulate(
        scenario,
        seed=seed,
        out=Path(out),
        scale=scale,
        rate=rate,
        prompts=optional_path(prompts),
        times=optional_path(times),
        reaction=acted,
        progress=lambda done, total: progress("simulate", done, total),
    )


def score(results: Results | AnyPath, truth: AnyPath, *, logs: AnyPath | None = None) -> dict[str, Any]:
    """Compare results with the true campaigns, as `stillwatch score` does.

    Args:
        results: Results of `scan` or `open_results`, or the path of a results folder.
        truth: Table of `exchange_id`, `account_id` and `campaign_id`, which is null for honest exchanges.
        logs: Present path of the logs, where they were moved after the scan; None otherwise.

    Returns:
        Precision and recall of accounts and exchanges, false campaigns, and a row for each planted campaign.

    Raises:
        InputError: `truth` cannot be read or lacks a column.
        StateError: `results` is no results folder.

    Example:
        >>> import stillwatch
        >>> scored = stillwatch.score("results/", "truth.parquet")
        >>> scored["false_campaigns"], scored["accounts"]["recall"] > 0.9
        (0, True)
    """
    folder = results.folder if isinstance(results, Results) else Results(Path(results)).folder
    return scoring.score(folder, Path(truth), optional_path(logs))
