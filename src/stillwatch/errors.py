"""What can go wrong, as facts about places rather than as prose.

StillwatchError
├── InputError      what was given to read is not what the contract says
├── StateError      a results or state folder is not what this version wrote
├── EngineError     the database could not do its work
├── Unreachable     a stream that is followed does not answer
├── MissingExtra    an optional dependency is not installed
├── PluginError     what another package provides for Stillwatch cannot be used
└── UsageError      the command line asks for something that cannot be
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from stillwatch.foreign import visible
from stillwatch.suggestions import did_you_mean

SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fact about one place, with what was found, what was expected, why, and the fix.

    Rules: `fact` is one line, starts in lower case, has no full stop, and puts names in backticks.
    Text that customers wrote never goes into a problem. Names that others chose may: they are shown by
    `foreign.visible`.
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
        """The problem as a person reads it, several lines; `kind` is `error` or `warning`."""
        lines = [f"{kind}: {visible(self.fact, None)}"]
        if self.where:
            lines.append(f"  --> {visible(self.where, None)}")
        for name in ("found", "expected", "why", "fix"):
            value = getattr(self, name)
            if value:
                lines.append(f"   | {name:<8} {visible(value, None)}")
        return "\n".join(lines)


class StillwatchError(Exception):
    """Carries every problem that was found before work stopped, not only the first."""

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(self.render())

    def render(self) -> str:
        """Ten problems in full, the rest counted."""
        parts = [problem.render() for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            parts.append(f"... and {len(self.problems) - SHOWN} more problems")
        return "\n".join(parts)

    def as_json(self) -> dict[str, object]:
        """The same fields for a program."""
        return {"error": type(self).__name__, "problems": [asdict(problem) for problem in self.problems]}


class InputError(StillwatchError):
    """What was given to read breaks the data contract; nothing was started."""


class StateError(StillwatchError):
    """A folder that an earlier run wrote is missing, damaged, or of another version."""


class EngineError(StillwatchError):
    """The database could not finish: out of memory, out of disk, or a broken connection."""


class Unreachable(StillwatchError):
    """A stream does not answer, or not as such a stream does; nothing was taken, and one may try again."""


class MissingExtra(StillwatchError):
    """An optional part was asked for and its dependency is absent."""


class PluginError(StillwatchError):
    """A unit of another package cannot be loaded, or is not what its entry point says."""


class UsageError(StillwatchError):
    """The options contradict each other or name something that does not exist."""

    exit_code = 2


def unknown(kind: str, name: str, known: Collection[str], fix: str = "") -> UsageError:
    """The error for a name that does not exist, with the nearest one that does, or else with `fix`."""
    fact = f"no {kind} is called `{name}`"
    return UsageError(Problem(fact=fact, expected=", ".join(known), fix=did_you_mean(name, known) or fix))
