"""Did members sign up from the same addresses?"""

from __future__ import annotations

from stillwatch.signals.registry import Columns, Mask, Outcome, group_test
from stillwatch.signals.sharing import attribute, own_values, sharing_finding


@group_test(
    family="place",
    rows=attribute("signup_address"),
    sample_null=own_values,
    measures="sign-up addresses used by more than one member",
    null="a further member repeats a value with probability at most max(0.05, 3 times what as many other "
    "accounts do)",
    innocent=("a campus, an office, a carrier's shared address",),
    evaded_by="one residential address per sign-up",
    source="BotGraph, Zhao et al. 2009",
    reads=("accounts.signup_ip",),
)
def shared_signup(rows: Columns, member: Mask) -> Outcome:
    """Whether members share sign-up addresses more often than others, or why that cannot be tested."""
    return sharing_finding(
        rows,
        member,
        "{members} members signed up from {values} addresses: {repeats} repeat another member's; of as many "
        "other accounts {share} do",
        "a known sign-up address",
    )
