"""Matching sessions of peers with the set that is served here: list, consent, and opened values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from stillwatch.errors import Problem, StateError, unknown
from stillwatch.share.match_client import write_intersection
from stillwatch.share.state import SharingState


def listed(state: SharingState) -> list[dict[str, Any]]:
    """All sessions, the oldest first, with their states."""
    rows = state.rows(
        "SELECT id, peer, at, size, commitment, purpose, consent, opened FROM sessions ORDER BY at"
    )
    return [
        {
            "session": row["id"],
            "peer": row["peer"],
            "at": row["at"],
            "size": row["size"],
            "commitment": row["commitment"],
            "purpose": row["purpose"],
            "state": _state_of(row),
        }
        for row in rows
    ]


def _state_of(row: dict[str, Any]) -> str:
    """How far a session went, as text."""
    if row["opened"] is not None:
        return "opened"
    return {None: "size only", "told": "order told, not opened"}.get(row["consent"], "consented")


def consent(state: SharingState, session: str, approver: str) -> None:
    """Record the consent to disclose a session's order. Raises `UsageError` for a session that does not
    exist.
    """
    row = _row(state, session)
    if row["consent"] is None:
        state.write("UPDATE sessions SET consent = 'given' WHERE id = ?", (session,))
    state.journal.add("match consent", {"session": session, "peer": row["peer"], "approver": approver})


def opened(state: SharingState, session: str, out: Path) -> int:
    """Write the values that the peer opened to `out`; returns their number. Raises `StateError` where it has
    opened none yet.
    """
    row = _row(state, session)
    if row["opened"] is None:
        raise StateError(
            Problem(
                fact="the peer has not opened this session",
                where=session,
                found=_state_of(row),
                fix=f"stillwatch match consent {session}",
            )
        )
    pairs = [(str(kind), str(value)) for kind, value in orjson.loads(row["opened"])]
    write_intersection(out, row["peer"], session, pairs)
    return len(pairs)


def _row(state: SharingState, session: str) -> dict[str, Any]:
    """The session's row in the database. Raises `UsageError` for a session that does not exist."""
    rows = state.rows("SELECT * FROM sessions WHERE id = ?", (session,))
    if not rows:
        raise unknown(
            "session",
            session,
            [row["id"] for row in state.rows("SELECT id FROM sessions ORDER BY at DESC LIMIT 10")],
        )
    return rows[0]
