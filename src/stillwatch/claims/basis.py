"""On what basis a claim stands, by the rows of a results folder that carry it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from stillwatch.contract.results import Basis

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
"""Group tests of what one party does with accounts. The others see how alike accounts are, which a common
cause makes too.
"""
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
"""Evidence from which a test counts as speaking for something; its negative, against. As for first facts
of the report.
"""

Row = Mapping[str, Any]


def tests_for(evidence: Iterable[Row]) -> list[Row]:
    """Rows of group tests of control that speak for it, the strongest first."""
    some = [
        row
        for row in evidence
        if row["kind"] in CONTROL_TESTS and row["log10_likelihood_ratio"] >= CLEAR_LOG10
    ]
    return sorted(some, key=lambda row: (-row["log10_likelihood_ratio"], row["kind"]))


def tests_against(evidence: Iterable[Row]) -> list[Row]:
    """Rows of group tests, of control and of likeness, that speak against, the strongest first."""
    known = CONTROL_TESTS | LIKENESS_TESTS
    some = [row for row in evidence if row["kind"] in known and row["log10_likelihood_ratio"] <= -CLEAR_LOG10]
    return sorted(some, key=lambda row: (row["log10_likelihood_ratio"], row["kind"]))


def likeness(evidence: Iterable[Row]) -> list[Row]:
    """Rows that show that members are alike: tests of likeness, and values that members share; the
    strongest first.
    """
    some = [
        row
        for row in evidence
        if row["kind"] not in CONTROL_TESTS and row["log10_likelihood_ratio"] >= CLEAR_LOG10
    ]
    return sorted(some, key=lambda row: (-row["log10_likelihood_ratio"], row["kind"]))


def basis_of_control(evidence: Iterable[Row]) -> Basis:
    """`measured` where a test of control speaks for it, `inferred` where members are only alike, `not
    shown` where neither is so.
    """
    rows = list(evidence)
    if tests_for(rows):
        return "measured"
    return "inferred" if likeness(rows) else "not shown"
