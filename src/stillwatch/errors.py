"""Exceptions of Stillwatch. Each carries a list of `Problem`, from which its text and its JSON are made.

StillwatchError
├── InputError      an input breaks the data contract
├── StateError      a results or state folder is missing, damaged or of another version
├── EngineError     the database failed
├── Unreachable     a stream does not answer
├── MissingExtra    an optional dependency is not installed
├── PluginError     a plugin of another package cannot be used
└── UsageError      arguments are invalid, contradict each other or name something that does not exist
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from stillwatch.foreign import visible
from stillwatch.suggestions import did_you_mean

SHOWN = 10  # most problems that are rendered in full


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault: the fact, its place, the value found, the value expected, the reason and a fix.

    `fact` is one line, starts in lower case, has no full stop, and puts names in backticks; another one
    raises `ValueError`. The other fields may be empty. Text that customers wrote never goes into a problem.
    Names chosen by others (accounts, files) may; `render` escapes them with `foreign.visible`.
    """

    fact: str
    where: str = ""
    found: str = ""
    expected: str = ""
    why: str = ""
    fix: str = ""

    def __post_init__(self) -> None:
        if not self.fact or self.fact.endswith(".") or self.fact[0].isupper():
            raise ValueError(f"a problem's fact is one lower-case line without a full stop: {self.fact!r}")

    def render(self, kind: str = "error") -> str:
        """The problem as text of several lines; empty fields are left out. `kind` is `error` or `warning`."""
        lines = [f"{kind}: {visible(self.fact, None)}"]
        if self.where:
            lines.append(f"  --> {visible(self.where, None)}")
        for name in ("found", "expected", "why", "fix"):
            value = getattr(self, name)
            if value:
                lines.append(f"   | {name:<8} {visible(value, None)}")
        return "\n".join(lines)


class StillwatchError(Exception):
    """Base class of all errors. `problems` holds every problem found, not only the first; `exit_code` is the
    exit status of the command line.
    """

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(self.render())

    def render(self) -> str:
        """The first ten problems as text, and the number of the others."""
        parts = [problem.render() for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            parts.append(f"... and {len(self.problems) - SHOWN} more problems")
        return "\n".join(parts)

    def as_json(self) -> dict[str, object]:
        """The error as a dictionary for JSON: `error`, the class name, and `problems`, a list of their
        fields.
        """
        return {"error": type(self).__name__, "problems": [asdict(problem) for problem in self.problems]}


class InputError(StillwatchError):
    """An input breaks the data contract. Raised before any work is done."""


class StateError(StillwatchError):
    """A folder that an earlier run wrote is missing, damaged, or of another version."""


class EngineError(StillwatchError):
    """The database ran out of memory or disk, or could not read or write a file."""


class Unreachable(StillwatchError):
    """A stream does not answer, or answers with an error. Nothing was read from it; a retry is safe."""


class MissingExtra(StillwatchError):
    """An optional feature was requested and the package that it needs is not installed."""


class PluginError(StillwatchError):
    """A plugin of another package cannot be loaded, or is not of the type and name of its entry point."""


class UsageError(StillwatchError):
    """An argument is invalid, contradicts another one or names something that does not exist."""

    exit_code = 2


def unknown(kind: str, name: str, known: Collection[str], fix: str = "") -> UsageError:
    """A `UsageError` (returned, not raised) for a `name` that is not among the `known` ones.

    Its fix suggests the most similar known name; where none is similar it is `fix`. `kind` says what is
    named, such as `signal`.
    """
    fact = f"no {kind} is called `{name}`"
    return UsageError(Problem(fact=fact, expected=", ".join(known), fix=did_you_mean(name, known) or fix))
