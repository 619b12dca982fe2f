"""Roles and permissions: which role may see and do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "analyst", "lead", "counsel", "administrator"]
ROLES: tuple[Role, ...] = get_args(Role)  # all roles, those with fewer permissions first
Permission = Literal[
    "see", "names", "text", "work", "label", "bulk", "approve", "appeals", "decide", "audit", "manage"
]
PERMISSIONS: dict[Permission, tuple[str, frozenset[Role]]] = {
    "see": ("read the queue, campaigns, leads and their numbers", frozenset(ROLES)),
    "names": (
        "see names of accounts and values that they share; without it both are numbers",
        frozenset({"analyst", "lead", "counsel", "administrator"}),
    ),
    "text": (
        "reveal the words of texts for a time, with a reason (break glass)",
        frozenset({"analyst", "lead", "counsel"}),
    ),
    "work": ("assign, lock, set due times, write notes, views and stories", frozenset({"analyst", "lead"})),
    "label": ("label accounts, groups and values", frozenset({"analyst", "lead"})),
    "bulk": ("label many accounts at once and undo it", frozenset({"analyst", "lead"})),
    "approve": ("approve what another person asked for", frozenset({"lead"})),
    "appeals": ("invite an account to appeal, and read appeals", frozenset({"analyst", "lead", "counsel"})),
    "decide": ("decide appeals and re-audits", frozenset({"lead", "counsel"})),
    "audit": ("read the audit log", frozenset({"lead", "counsel", "administrator"})),
    "manage": ("manage people, tokens of others and webhooks, import scans", frozenset({"administrator"})),
}
"""Each permission: what it allows, and the roles that have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who acts: number and name of a person, the role, and how he came in (`session`, `token`, `appeal`)."""

    person_id: int
    name: str
    role: Role | None
    via: str

    def may(self, permission: Permission) -> bool:
        """Whether the actor's role has a permission."""
        return self.role is not None and self.role in PERMISSIONS[permission][1]


CUSTOMER = Caller(person_id=0, name="customer", role=None, via="appeal")
"""Whoever holds the link of an appeal: no role and no permission."""


def at_most(role: Role, other: Role) -> bool:
    """Whether every permission of `role` is one of `other`'s."""
    return all(other in roles for _what, roles in PERMISSIONS.values() if role in roles)
