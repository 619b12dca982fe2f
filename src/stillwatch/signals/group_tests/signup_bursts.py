"""Were members created together?"""

from __future__ import annotations

from stillwatch.signals.registry import Columns, Mask, Outcome, group_test
from stillwatch.signals.sharing import attribute, own_values, sharing_finding


@group_test(
    family="place",
    rows=attribute("signup_burst"),
    sample_null=own_values,
    measures="ten-minute blocks in which several members signed up",
    null="a further member repeats a value with probability at most max(0.05, 3 times what as many other "
    "accounts do)",
    innocent=("a class, a hackathon, a launch",),
    evaded_by="sign-ups spread over weeks",
    source="pollinations.ai's published abuse detection, ARCHITECTURE.md (15 registrations in five minutes)",
    reads=("accounts.created_at",),
)
def signup_bursts(rows: Columns, member: Mask) -> Outcome:
    """Whether members signed up at the same times more often than others, or why that cannot be tested."""
    return sharing_finding(
        rows,
        member,
        "{members} members signed up in {values} ten-minute blocks: {repeats} within ten minutes of another "
        "member; of as many other accounts {share} did",
        "a known time of sign-up",
    )
