"""Values of options that several commands take."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from stillwatch.errors import InputError, Problem, UsageError

SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([KMGT]i?B)", re.IGNORECASE)  # a size: number and unit


def memory_size(text: str) -> str:
    """`4GB`, `1500MB` or `auto`, as the database takes it; raises `UsageError` for anything else."""
    found = SIZE.fullmatch(text.strip())
    if text == "auto":
        return text
    if not found or float(found[1]) == 0:
        raise UsageError(
            Problem(
                fact="`--memory` is no amount of memory",
                found=repr(text)[:60],
                expected="auto, or a number with its unit, such as 4GB or 1500MB",
            )
        )
    return f"{found[1]}{found[2]}"


class Existing(click.Path):
    """A file or folder that must be there. One that is not is bad input and no wrong usage, as for every
    path of a log.
    """

    def __init__(self, *, file: bool = True, folder: bool = True) -> None:
        super().__init__(exists=True, file_okay=file, dir_okay=folder, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:  # noqa: ANN401  as click's
        """The path. Raises `InputError` where it is not there, or a file where a folder is meant."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            kind = " or ".join(["file"] * self.file_okay + ["folder"] * self.dir_okay)
            fact = f"is not a {kind} that can be read" if Path(value).exists() else "does not exist"
            raise InputError(
                Problem(fact=f"`{value}` {fact}", where=str(value), expected=f"a {kind}")
            ) from None


Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def completing(names: Callable[[], Iterable[str]]) -> Completion:
    """A completion of an option's value by names, which are made only when a shell asks."""

    def complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        """The names that begin with what was typed."""
        return [CompletionItem(name) for name in names() if name.startswith(begun)]

    return complete


def format_names() -> list[str]:
    """Names that `--format` takes."""
    from stillwatch.readers.recognise import CONTRACT
    from stillwatch.readers.registry import all_formats

    return ["auto", CONTRACT, *(one.name for one in all_formats())]


def signal_names() -> list[str]:
    """Names of all signals and explanations."""
    from stillwatch.signals.registry import all_explanations, all_group_tests, all_indicators

    signals = [one.card.name for one in all_indicators()] + [one.card.name for one in all_group_tests()]
    return signals + [one.card.name for one in all_explanations()]


def scenario_names() -> list[str]:
    """Names of simulated worlds."""
    from stillwatch.simulate.worlds import SCENARIOS

    return list(SCENARIOS)


def matrix_names() -> list[str]:
    """Names of the matrices that come along."""
    from stillwatch.evaluate.matrix import built_in

    return list(built_in())


def exporter_names() -> list[str]:
    """Names of exporters."""
    from stillwatch.export.registry import all_exporters

    return [one.name for one in all_exporters()]


def mark_names() -> list[str]:
    """Names of marks in answers."""
    from stillwatch.prove.registry import marks

    return list(marks())


def way_names() -> list[str]:
    """Ways in which students of the lab learn; a list of its own, since naming them there needs PyTorch."""
    return ["answers", "reasoning", "logprobs", "reward"]


def column_names() -> list[str]:
    """Columns that `--map` takes."""
    from stillwatch.contract.exchanges import EXCHANGES

    return list(EXCHANGES.names)
