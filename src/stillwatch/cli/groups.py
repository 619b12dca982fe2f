"""Groups of commands that name the nearest command for one that does not exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from stillwatch.errors import unknown

Command = TypeVar("Command", bound=Callable[..., Any])  # a command's function, as decorators pass it on


class CommandGroup(click.Group):
    """A group whose unknown commands are answered with the nearest known one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant. Raises `UsageError` for a name that the group does not have."""
        known = self.list_commands(ctx)
        if not ctx.resilient_parsing and args[0] not in known and not args[0].startswith("-"):
            words = ctx.command_path
            raise unknown("command", args[0], known, f"{words} --help")
        return super().resolve_command(ctx, args)
