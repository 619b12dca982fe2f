"""Compiles a policy's conditions, written in CEL (Common Expression Language).

A condition can use the facts in `rules.FACTS`, comparisons, and the functions `size`, `startsWith`,
`endsWith`, `contains` and `matches`. There are no loops, so that the run time is linear in the condition's
length; regular expressions are matched in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stillwatch.errors import Problem
from stillwatch.policy.rules import FACTS, Condition
from stillwatch.suggestions import did_you_mean

MAX_LENGTH = 500  # most characters of a condition: chosen
CALLS = frozenset({"size", "startsWith", "endsWith", "contains", "matches", "@in"})
"""Functions that a condition may call."""
TEXT = re.compile(r"(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')")
"""A string literal in a condition."""
PATH = re.compile(r"(?<![\w.])(" + "|".join(FACTS) + r")\s*\.\s*([A-Za-z_]\w*)")
"""A fact in a condition, such as `account.plan`."""


def compiled(text: str, where: str) -> tuple[Condition | None, bool, list[Problem]]:
    """Compile a condition. `where` names its place in messages.

    Returns the condition as a function of the facts, whether it uses facts of the request, and the problems
    found. With problems, the function is None.
    """
    import cel

    if len(text) > MAX_LENGTH:
        return None, False, [_problem(where, f"{len(text)} characters", f"at most {MAX_LENGTH}")]
    flat, named = _flat(text)
    try:
        program = cel.compile(flat)
    except ValueError as error:
        return None, False, [_problem(where, " ".join(str(error).split())[:160], "an expression in CEL")]
    problems = [
        _problem(
            where, f"a call of `{name}`", f"comparisons, and calls of {', '.join(sorted(CALLS - {'@in'}))}"
        )
        for name in program.functions()
        if not name.startswith(("_", "!", "-")) and name not in CALLS
    ]
    problems += [
        _problem(where, f"`{name}`", ", ".join(f"{of}.*" for of in FACTS), did_you_mean(name, FACTS))
        for name in program.variables()
        if name not in named
    ]
    problems += [
        _problem(where, f"`{of}.{name}`", ", ".join(FACTS[of]), did_you_mean(name, FACTS[of]))
        for of, name in named.values()
        if name not in FACTS[of]
    ]
    if problems:
        return None, False, problems

    def holds(facts: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether the condition holds for these facts."""
        return program.execute({short: facts[of][name] for short, (of, name) in named.items()}) is True

    try:
        given = program.execute({short: FACTS[of][name] for short, (of, name) in named.items()})
    except Exception as error:  # noqa: BLE001  whatever the library raises, the condition cannot be computed
        return (
            None,
            False,
            [_problem(where, f"{type(error).__name__}: {str(error)[:120]}", "types that can be compared")],
        )
    if not isinstance(given, bool):
        return None, False, [_problem(where, f"a value of type {type(given).__name__}", "true or false")]
    return holds, any(of == "request" for of, _name in named.values()), []


def _flat(text: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """The expression with each fact as one name (`account.plan` as `account__plan`), and group and fact by
    that name.

    Evaluation of a flat name takes a third of the time of a nested one (`benchmarks/guard.py core`).
    """
    named: dict[str, tuple[str, str]] = {}

    def short(found: re.Match[str]) -> str:
        """The fact's one name, which is also recorded in `named`."""
        name = f"{found[1]}__{found[2]}"
        named[name] = (found[1], found[2])
        return name

    parts = TEXT.split(text)  # every second part is a literal
    flat = "".join(part if place % 2 else PATH.sub(short, part) for place, part in enumerate(parts))
    return flat, named


def _problem(where: str, found: str, expected: str, fix: str = "") -> Problem:
    """The problem of a condition that cannot be used."""
    return Problem(
        fact="`when` cannot be used as a condition", where=where, found=found, expected=expected, fix=fix
    )
