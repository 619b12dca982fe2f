"""`scan`, `sketch`, `simulate` and `score`, with the words of the command line."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

from stillwatch.errors import Problem, UsageError
from stillwatch.flows import content_blind as blind
from stillwatch.flows import scan as scanning
from stillwatch.flows import score as scoring
from stillwatch.library.results import Results
from stillwatch.readers.limits import Limits, limits_of
from stillwatch.simulate import worlds

Name = str | PathLike[str]
Names = Name | Iterable[Name]
Progress = Callable[[str, int, int], None]


def paths_of(given: Names) -> list[str]:
    """One path or several as a list of texts. Raises `UsageError` where there is none, or where one is no
    path.
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
    """One text or several as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


def optional_path(given: Name | None) -> Path | None:
    """A path, None where none is given."""
    return None if given is None else Path(given)


def limits(given: Mapping[str, str | int] | None) -> Limits:
    """Limits by name, such as `{"line": "64MB"}`."""
    return limits_of(f"{name}={size}" for name, size in (given or {}).items())


def check_rate(fdr: float) -> float:
    """The false-discovery rate. Raises `UsageError` where it is not above 0 and below 1."""
    if not 0 < fdr < 1:
        raise UsageError(
            Problem(fact="`fdr` is no rate", found=str(fdr), expected="above 0 and below 1, such as 0.01")
        )
    return fdr


def _at_least(name: str, value: int, least: int) -> int:
    if value < least:
        raise UsageError(
            Problem(fact=f"`{name}` is out of range", found=str(value), expected=f"{least} or more")
        )
    return value


def scan(
    logs: Names,
    *,
    out: Name | None = None,
    fdr: float = 0.01,
    map: Mapping[str, str] | None = None,  # noqa: A002  the word of the command line
    accounts: Name | None = None,
    releases: Name | None = None,
    seed: int = 0,
    memory: str = "auto",
    format: str = "auto",  # noqa: A002  as `map`
    store: Name | None = None,
    engine: Literal["duckdb", "spark"] = "duckdb",
    spark_master: str = "local[*]",
    shards: int = 1,
    networks: str | Iterable[str] = (),
    limit: Mapping[str, str | int] | None = None,
    without: str | Iterable[str] = (),
    labels: Names = (),
    show_prompts: bool = False,
    profile: bool = False,
    with_peer: Name | None = None,
    progress: Progress = scanning.silent,
) -> Results:
    """Find the campaigns in logs, as `stillwatch scan` does.

    Args:
        logs: A file, a folder or a glob, or several of them, as text or `Path`.
        out: Results folder. None for a temporary one, which is removed with the object that is returned.
        fdr: False-discovery rate over reported campaigns, above 0 and below 1.
        map: Your name for a column of the contract, by the contract's name.
        accounts: Account table, where it does not lie beside the logs.
        releases: Table of model releases, where it does not lie beside the logs.
        seed: Of the clustering and of random comparison groups, 0 or more.
        memory: Memory of the database, such as `"4GB"`; `"auto"` for a part of the machine's.
        format: Name of the log format, as in `stillwatch formats`; `"auto"` to recognise it.
        store: Folder that keeps what was read, so that the next scan reads only what is new.
        engine: `"duckdb"`, in this process, or `"spark"`.
        spark_master: Spark's master.
        shards: In how many shards accounts are clustered, 1 or more.
        networks: `[CLASS=]FILE` lists of networks.
        limit: What one file may cost, such as `{"line": "64MB"}`.
        without: Names of signals or explanations to leave out.
        labels: Folders whose labels are shown, besides those of `out`.
        show_prompts: Whether to write a few prompts of each campaign into the results.
        with_peer: File of values in common with a peer, as `stillwatch match` writes it.
        profile: Whether `manifest.json` says how long every stage took and how much memory it needed.
        progress: Called with a stage's name, what is done of it, and what it is in all.

    Returns:
        The results, with `campaigns`, `members`, `exchanges`, `evidence` and `leads` as tables.

    Raises:
        UsageError: An argument is out of range or names something that does not exist.
        InputError: No log can be read.
        StateError: `out` holds something that no scan wrote.

    Example:
        >>> import stillwatch
        >>> result = stillwatch.scan("logs/", fdr=0.01)  # doctest: +SKIP
        >>> result.campaign("C1").members.to_pandas()  # doctest: +SKIP
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
    paths = paths_of(logs)
    if out is not None:
        scanning.scan(paths, Path(out), options, progress)
        return Results(Path(out))
    owned = tempfile.TemporaryDirectory(prefix="stillwatch-")
    try:
        folder = Path(owned.name) / "results"
        scanning.scan(paths, folder, options, progress)
        return Results(folder, owned)
    except BaseException:
        owned.cleanup()
        raise


def sketch(
    logs: Names,
    out: Name,
    *,
    key_file: Name,
    rekey: Name | None = None,
    release: str = "",
    map: Mapping[str, str] | None = None,  # noqa: A002  the word of the command line
    format: str = "auto",  # noqa: A002  as `map`
    limit: Mapping[str, str | int] | None = None,
    progress: Progress = scanning.silent,
) -> dict[str, Any]:
    """Write sketches of logs, which hold digests in place of text, as `stillwatch sketch` does.

    Args:
        logs: As for `scan`; with `rekey`, a folder of sketches.
        out: New folder for the sketches.
        key_file: File with a secret of at least 16 bytes.
        rekey: File with the older secret of the sketches in `logs`, which are put under the new one.
        release: Name of the receiver whose sketches get a key of their own.
        map: As for `scan`.
        format: As for `scan`.
        limit: As for `scan`.
        progress: As for `scan`.

    Returns:
        What was read: `rows`, `quarantined`, `unread`, `key_id`, `release`, `inputs`.

    Raises:
        InputError: No log can be read, or the secret is too short.
        UsageError: An argument names something that does not exist.
    """
    key = blind.read_key(Path(key_file)).for_release(release)
    paths = paths_of(logs)
    if rekey is not None:
        if len(paths) > 1:
            raise UsageError(
                Problem(
                    fact="`rekey` takes one folder of sketches", found=f"{len(paths)} paths", expected="one"
                )
            )
        return blind.rekey(Path(paths[0]), Path(out), blind.read_key(Path(rekey)), key)
    return blind.sketch(
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
    out: Name,
    *,
    seed: int = 1,
    scale: float = 1.0,
    rate: float = 1.0,
    prompts: Name | None = None,
    times: Name | None = None,
    reaction: Literal["retry", "slow", "replace", "leave"] | None = None,
    action_day: float | None = None,
    caught: float = 1.0,
    progress: Progress = scanning.silent,
) -> worlds.World:
    """Write the tables of a world with known truth, as `stillwatch simulate` does; no request is sent.

    Args:
        scenario: Name of the world, such as `"demo"` or `"stealth-1"`.
        out: Folder for `exchanges.parquet`, `accounts.parquet`, `releases.parquet` and `truth.parquet`.
        seed: The same seed gives the same tables.
        scale: Multiplies accounts and exchanges, above 0.
        rate: Multiplies exchanges alone, above 0.
        prompts: File with real text to use for prompts.
        times: File with real arrival rates for honest applications.
        reaction: What operators do after every campaign's accounts are suspended; None for no action.
        action_day: Day of the action, from 0; None for the middle of the world.
        caught: Share of a campaign's accounts that the action suspends, above 0 and at most 1.
        progress: As for `scan`.

    Returns:
        Totals, and for every planted campaign its kind, accounts and exchanges.

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


def score(results: Results | Name, truth: Name, *, logs: Name | None = None) -> dict[str, Any]:
    """Compare results with a table of the truth, as `stillwatch score` does.

    Args:
        results: What `scan` or `open_results` returned, or a results folder.
        truth: Table of `exchange_id`, `account_id` and `campaign_id`, which is null for honest exchanges.
        logs: The logs, where they are not where the scan read them.

    Returns:
        Precision and recall of accounts and exchanges, false campaigns, and a row for each planted campaign.

    Raises:
        InputError: `truth` is no such table.
        StateError: `results` is no results folder.
    """
    folder = results.folder if isinstance(results, Results) else Results(Path(results)).folder
    return scoring.score(folder, Path(truth), optional_path(logs))
