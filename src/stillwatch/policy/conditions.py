"""Conditions of a policy in CEL (Common Expression Language), compiled once.

A condition can name the facts of `rules.FACTS`, compare them, and call `size`, `startsWith`, `endsWith`, `contains` and `matches`. It has no loops,
so that it costs time in proportion to its length; regular expressions are matched in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stillwatch.errors import Problem
from stillwatch.policy.rules import FACTS, Condition
from stillwatch.suggestions import did_you_mean

MAX_LENGTH = 500  # characters of a condition: chosen
CALLS = frozenset({"size", "startsWith", "endsWith", "contains", "matches", "@in"})
TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
PATH = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*\.\s*([A-Za-z_]\w*)")


def compiled(text: str, where: str) -> tuple[Condition | None, bool, list[Problem]]:
    """A condition as a function of the facts, whether it names the request, and what is wrong with it."""
    import cel

    if len(text) > MAX_LENGTH:
        return None, False, [_problem(where, f"{len(text)} characters", f"at most {MAX_LENGTH}")]
    try:
        program = cel.compile(text)
    except ValueError as error:
        return None, False, [_problem(where, " ".join(str(error).split())[:160], "an expression in CEL")]
    problems = [
        _problem(where, f"a call of `{name}`", f"comparisons, and calls of {', '.join(sorted(CALLS - {'@in'}))}")
        for name in program.functions()
        if not name.startswith(("_", "!", "-")) and name not in CALLS
    ]
    problems += _unknown_names(text, program.variables(), where)
    if problems:
        return None, False, problems

    def holds(facts: Mapping[str, Mapping[str, Any]]) -> bool:
        return program.execute(facts) is True

    try:
        given = program.execute(FACTS)
    except Exception as error:  # noqa: BLE001  whatever the library raises, the condition cannot be computed
        return None, False, [_problem(where, f"{type(error).__name__}: {str(error)[:120]}", "types that can be compared")]
    if not isinstance(given, bool):
        return None, False, [_problem(where, f"a value of type {type(given).__name__}", "true or false")]
    return holds, "request" in program.variables(), []


def _unknown_names(text: str, variables: list[str], where: str) -> list[Problem]:
    """Names that are no facts. The expression is looked through as text, since its evaluation passes over parts."""
    bare = TEXT.sub('""', text)
    problems = [
        _problem(where, f"`{name}`", ", ".join(FACTS), did_you_mean(name, FACTS))
        for name in variables
        if name not in FACTS
    ]
    for of, name in PATH.findall(bare):
        if of in FACTS and name not in FACTS[of]:
            problems.append(_problem(where, f"`{of}.{name}`", ", ".join(FACTS[of]), did_you_mean(name, FACTS[of])))
    return problems


def _problem(where: str, found: str, expected: str, fix: str = "") -> Problem:
    return Problem(fact="`when` cannot be used as a condition", where=where, found=found, expected=expected, fix=fix)
