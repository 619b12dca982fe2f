"""Limits of the guard's servers, and the error where an address is taken."""

from __future__ import annotations

from stillwatch.errors import Problem, StateError

CONNECTIONS = 2048  # most open connections, or calls at a time; further ones are refused
END_S = 2  # seconds that open requests have to finish on shutdown


def cannot_listen(host: str, port: int, why: str) -> StateError:
    """The error where an address cannot be listened on; `why` is the system's reason."""
    return StateError(
        Problem(
            fact=f"{host}:{port} cannot be listened on",
            found=why,
            fix="choose another host or port, or end the program that has it",
        )
    )
