"""The basis of the claim of control, from the rows of a results folder that support it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from stillwatch.contract.results import Basis
from stillwatch.contract.table import TableRow

CONTROL_TESTS = frozenset(
    {
        "shared_payment",
        "handoff",
        "trace_coercion",
        "refused_extraction",
        "work_queue",
        "fungible",
        "rotation",
        "load_balance",
        "even_volumes",
    }
)
"""Group tests of control: they measure what one party does with accounts. The others measure how alike
accounts are, which a common cause also produces.
"""
# Group tests that say how alike accounts are, and nothing of control.
LIKENESS_TESTS = frozenset(
    {
        "capability_concentration",
        "even_coverage",
        "even_days",
        "harvest_shape",
        "joint_silence",
        "output_length",
        "prompt_length",
        "regular_gaps",
        "release_pivot",
        "round_the_clock",
        "sessions",
        "shared_signup",
        "signup_bursts",
        "succession",
        "synchrony",
        "written_out",
    }
)
CLEAR_LOG10 = math.log10(20.0)
"""Least log10 e-value of a test that counts as evidence for; at or below its negative, against. As for the
report's first facts.
"""


def tests_for(evidence: Iterable[TableRow]) -> list[TableRow]:
    """Rows of group tests of control with evidence for it, the strongest first."""
    some = [
        row
        for row in evidence
        if row["kind"] in CONTROL_TESTS and row["log10_likelihood_ratio"] >= CLEAR_LOG10
    ]
    return sorted(some, key=lambda row: (-row["log10_likelihood_ratio"], row["kind"]))


def tests_against(evidence: Iterable[TableRow]) -> list[TableRow]:
    """Rows of group tests, of control and of likeness, with evidence against, the strongest first."""
    known = CONTROL_TESTS | LIKENESS_TESTS
    some = [row for row in evidence if row["kind"] in known and row["log10_likelihood_ratio"] <= -CLEAR_LOG10]
    return sorted(some, key=lambda row: (row["log10_likelihood_ratio"], row["kind"]))


def likeness(evidence: Iterable[TableRow]) -> list[TableRow]:
    """Rows that show likeness of members (tests of likeness, shared values), the strongest first."""
    some = [
        row
        for row in evidence
        if row["kind"] not in CONTROL_TESTS and row["log10_likelihood_ratio"] >= CLEAR_LOG10
    ]
    return sorted(some, key=lambda row: (-row["log10_likelihood_ratio"], row["kind"]))


def basis_of_control(evidence: Iterable[TableRow]) -> Basis:
    """Basis of the claim of control.

    `measured` where a test of control supports it, `inferred` where members are only alike, else `not
    shown`.
    """
    rows = list(evidence)
    if tests_for(rows):
        return "measured"
    return "inferred" if likeness(rows) else "not shown"
