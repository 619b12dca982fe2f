"""Kinds of reactions of an operator whose accounts are suspended."""

from __future__ import annotations

from typing import Literal, get_args

ReactionKind = Literal["retry", "slow", "replace", "leave"]
REACTIONS: tuple[ReactionKind, ...] = get_args(ReactionKind)  # all kinds of reactions
