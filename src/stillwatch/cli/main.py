"""What can a person ask for?"""

from __future__ import annotations

import errno
import importlib
import json
import sys

import click

from stillwatch import __version__
from stillwatch.errors import Problem, StillwatchError

COMMANDS = {
    "demo": "make a world with known campaigns, scan it, and compare",
    "scan": "find campaigns in logs",
    "simulate": "write the tables of a world with known truth",
    "score": "compare results with the truth",
    "evaluate": "measure how well campaigns are seen, on worlds of known truth",
    "report": "write report.html again from a results folder",
    "taken": "say what campaigns took, by capability, and what it may be worth",
    "watch": "follow a growing log and report campaigns as they appear",
    "sketch": "sketch logs where the text is, so that only digests leave",
    "prove": "test whether a model was trained on answers that were served",
    "lab": "measure on models of your own what answers, marks and defences are worth",
    "formats": "list the log formats that can be read as they are",
    "signals": "list the signals, what each sees and what could mimic it",
}


class Lazy(click.Group):
    """Imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  the name is click's
        """Names in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"stillwatch.cli.{cmd_name}")
        command = getattr(module, cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__file__} defines no command")
        return unwrapped(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def unwrapped(command: click.Command) -> click.Command:
    r"""The command with its help's `\b` as click wants it: docstrings are raw, so it stands there as two letters."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    for part in getattr(command, "commands", {}).values():
        unwrapped(part)
    return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stillwatch")
def cli() -> None:
    r"""Find campaigns that harvest a language model's answers through its API.

    \b
    Examples:
      stillwatch demo
      stillwatch scan logs/ --out results/
      stillwatch scan 'logs/*.jsonl.gz' --map timestamp=received_at --out results/
    """


unwrapped(cli)


def main() -> None:
    """Run a command; 0 done, 1 failure, 2 usage, 130 interrupted."""
    as_json = "--json" in sys.argv
    try:
        cli(standalone_mode=False)
    except StillwatchError as error:
        _tell(error, as_json)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing half-written was left", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        _tell(StillwatchError(_refused(error)), as_json)


def _tell(error: StillwatchError, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(error.as_json()))
    click.echo(error.render(), err=True)
    sys.exit(error.exit_code)


def _refused(error: OSError) -> Problem:
    """What the operating system would not do: a full disk, a folder that may not be written."""
    facts = {
        errno.ENOSPC: ("no space is left on the disk", "free some, or choose another disk; what is finished is kept"),
        errno.EDQUOT: ("the disk quota is used up", "free some, or choose another disk; what is finished is kept"),
        errno.EACCES: ("permission is denied", "choose another path, or another user"),
        errno.EPERM: ("permission is denied", "choose another path, or another user"),
        errno.EROFS: ("the file system cannot be written", "choose another path"),
        errno.EMFILE: ("too many files are open", "ulimit -n 65536"),
    }  # fmt: skip
    fact, fix = facts.get(error.errno or 0, ("a file could not be read or written", ""))
    found = (error.strerror or str(error).splitlines()[0] if str(error) else type(error).__name__)[:200]
    return Problem(fact=fact, where=str(error.filename or ""), found=found, fix=fix)
