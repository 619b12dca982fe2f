"""What can a person ask for?"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb

import click

from stillwatch import __version__
from stillwatch.cli.exits import DONE
from stillwatch.cli.groups import CommandGroup
from stillwatch.cli.logs import LEVELS, log_to_standard_error, tell
from stillwatch.cli.output import print_json
from stillwatch.cli.stops import Stops, ignore_signals
from stillwatch.errors import EngineError, MissingExtra, Problem, StillwatchError, UsageError

# One line about each command for the overview of `stillwatch --help`.
COMMANDS = {
    "demo": "make a world with known campaigns, scan it, and compare",
    "inspect": "say what a scan would read of logs, and write nothing",
    "scan": "find campaigns in logs",
    "simulate": "write the tables of a world with known truth",
    "score": "compare results with the truth",
    "evaluate": "measure how well campaigns are seen, on worlds of known truth",
    "report": "write report.html again from a results folder",
    "export": "write results in a form that other programs read",
    "attribute": "compare who may have directed campaigns, and say what is missing to name anybody",
    "dossier": "write a campaign's dossier for counsel: HTML, PDF, letters, numbers",
    "label": "say that an account, a group or a value is honest or a campaign's",
    "allow": "let the guard do nothing to an account, a group or a value",
    "labels": "list, export and import labels",
    "policy": "check a policy, preview what it would do, approve it, roll it out, undo it",
    "guard": "decide on requests at a gateway, by results, labels and a policy",
    "console": "serve pages and an API in which a team works on campaigns and leads",
    "share": "decide and log what leaves, check what is received, and withdraw what was wrong",
    "taxii": "serve campaigns to peers by TAXII 2.1, and pull theirs",
    "match": "learn how many values two providers have in common, without showing the rest",
    "taken": "say what campaigns took, by capability, and what it may be worth",
    "watch": "follow a growing log and report campaigns as they appear",
    "sketch": "sketch logs where the text is, so that only digests leave",
    "prove": "test whether a model was trained on answers that were served",
    "probe": "refuse some requests at random, and test whether one hand holds a group's accounts",
    "effect": "say how far a campaign fell after an action, and who took up its work",
    "package": "write results as a package that others can verify",
    "verify": "say whether a package or a log of seals is as it was made",
    "seal": "add digests of files to a log that is only ever added to",
    "lab": "measure on models of your own what answers, marks and defences are worth",
    "formats": "list the log formats that can be read as they are",
    "signals": "list the signals, what each sees and what could mimic it",
}


EXTRAS = {
    "confluent_kafka": "streams",
    "google": "otlp",
    "grpc": "grpc",
    "nats": "streams",
    "opentelemetry": "otlp",
    "peft": "lab",
    "pandas": "pandas",
    "polars": "polars",
    "pyspark": "spark",
    "redis": "streams",
    "sklearn": "evaluate",
    "tokenizers": "lab",
    "torch": "lab",
    "transformers": "lab",
    "typst": "dossier",
    "authlib": "server",
    "cel": "server",
    "httptools": "server",
    "joserfc": "server",
    "multipart": "server",
    "pg8000": "server",
    "pydantic": "server",
    "python_multipart": "server",
    "requests": "server",
    "sqlalchemy": "server",
    "starlette": "server",
    "uvicorn": "server",
    "uvloop": "server",
    "webauthn": "server",
    "rbcl": "share",
    "opendp": "share",
    "cryptography": "package",
    "rfc3161_client": "package",
    "adlfs": "cloud",
    "aiohttp": "cloud",
    "deltalake": "tables",
    "fsspec": "cloud",
    "gcsfs": "cloud",
    "pyiceberg": "tables",
    "s3fs": "cloud",
}
"""Packages that are not always installed, and the extra that brings each."""


class Lazy(CommandGroup):
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
    r"""The command with its help's `\b` as click wants it: docstrings are raw, so it stands there as two
    letters.
    """
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    for part in getattr(command, "commands", {}).values():
        unwrapped(part)
    return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stillwatch")
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="warning",
    show_default=True,
    help="What is logged on standard error: from this level on.",
)
@click.option("--log-json", is_flag=True, help="Log, and report errors, as JSON lines on standard error.")
def cli(log_level: str, log_json: bool) -> None:
    r"""Find campaigns that harvest a language model's answers through its API.

    \b
    Examples:
      stillwatch demo
      stillwatch scan logs/ --out results/
      stillwatch scan 'logs/*.jsonl.gz' --map timestamp=received_at --out results/
      stillwatch --log-level info --log-json scan logs/
    """
    log_to_standard_error(log_level, as_json=log_json)


unwrapped(cli)


def main() -> None:
    """Run a command, and end with its exit code.

    The codes are those of `stillwatch.cli.exits`. Whatever happens, a person reads what it was and what to
    do.
    """
    stops = Stops()
    with stops.watched():
        code = _run(stops)
    sys.exit(code)


def program() -> None:
    """What a shell starts: `main`. A signal that arrives while the interpreter takes itself down changes
    nothing any more.
    """
    try:
        main()
    finally:
        ignore_signals()


def _run(stops: Stops) -> int:
    """Run the command of the process's arguments; returns the exit code."""
    as_json = "--json" in sys.argv
    log_to_standard_error(
        "warning", as_json="--log-json" in sys.argv
    )  # before options are read, which may fail
    try:
        result = cli(standalone_mode=False, obj=stops, prog_name="stillwatch")
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _failed(_usage(error), as_json)
    except (KeyboardInterrupt, click.Abort):
        return _stopped(stops)
    except BrokenPipeError:
        to_nobody()
        return DONE
    except Exception as error:  # noqa: BLE001  the last one who could say what happened
        # A library may turn an interrupt into an error of its own.
        return _stopped(stops) if stops.first else _failed(_as_stillwatch_error(error), as_json)
    return result if isinstance(result, int) else DONE


def to_nobody() -> None:
    """Send what is still to be printed nowhere, since nobody reads standard output any more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stopped(stops: Stops) -> int:
    """Print which signal stopped the command; returns the exit code."""
    click.echo(stops.message, err=True)
    return stops.exit_code


AS_OTHERS_SAY = {
    "sketch": (
        ("stillwatch scan ", "stillwatch sketch "),
        ("--out RESULTS", "--key-file KEY --out SKETCHES"),
    ),
    "watch": (("stillwatch scan ", "stillwatch watch "), ("--out RESULTS", "--state STATE")),
}
"""Changes that make a fix for `scan` one for another command that reads logs as `scan` does."""


def _for_this_command(error: StillwatchError) -> StillwatchError:
    """The error with fixes that work for the command that prints them."""
    command = next((word for word in sys.argv[1:] if word in COMMANDS), "")
    problems_here = []
    for problem in error.problems:
        fix = problem.fix
        for before, after in AS_OTHERS_SAY.get(command, ()) if fix.startswith("stillwatch scan ") else ():
            fix = fix.replace(before, after)
        problems_here.append(replace(problem, fix=fix))
    return type(error)(*problems_here)


def _failed(error: StillwatchError, as_json: bool) -> int:
    """Print an error, as JSON too where that was asked for; returns the exit code."""
    error = _for_this_command(error)
    if as_json:
        print_json(error.as_json())
    tell(error)
    return error.exit_code


def _usage(error: click.ClickException) -> StillwatchError:
    """An error of click's as one of our own. Its text begins with a capital and ends with a stop; ours do
    neither.
    """
    text = " ".join(error.format_message().split()).replace("'", "`")
    fact, _stop, rest = text.partition(". (")
    fact = fact.rstrip(".") or "the command line cannot be read"
    context = getattr(error, "ctx", None)
    hint = rest.rstrip(")?. ")
    path = context.command_path if context is not None else "stillwatch"
    fix = f"{hint[0].lower()}{hint[1:]}?" if hint else f"{path} --help"
    return UsageError(Problem(fact=f"{fact[0].lower()}{fact[1:]}", fix=fix))


def _as_stillwatch_error(error: Exception) -> StillwatchError:
    """An error as the person who ran the command can use it."""
    if isinstance(error, StillwatchError):
        return error
    if isinstance(error, ImportError) and (name := (error.name or "").partition(".")[0]) in EXTRAS:
        fact = f"this needs the package `{name}`, which is not installed"
        return MissingExtra(Problem(fact=fact, fix=f"pip install 'stillwatch[{EXTRAS[name]}]'"))
    if isinstance(error, MemoryError):
        return EngineError(
            Problem(
                fact="the machine's memory does not suffice", fix="give less with --memory, or more machine"
            )
        )
    if isinstance(error, OSError):
        return StillwatchError(_refused(error))
    return StillwatchError(_unforeseen(error))


def _unforeseen(error: Exception) -> Problem:
    """An error that is a fault of the program. Its text may hold customers' text and is not shown; its
    kind and place are.
    """
    ours = [
        frame for frame in extract_tb(error.__traceback__) if f"{os.sep}stillwatch{os.sep}" in frame.filename
    ]
    places = [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in ours[-3:]]
    return Problem(
        fact="the program met a case that it does not handle",
        where=", ".join(places),
        found=type(error).__name__,
        fix=f"report it with these lines and the version, {__version__}; what is finished is kept",
    )


def _refused(error: OSError) -> Problem:
    """What the operating system would not do: a full disk, a folder that may not be written."""
    facts = {
        errno.ENOSPC: (
            "no space is left on the disk",
            "free some, or choose another disk; what is finished is kept",
        ),
        errno.EDQUOT: (
            "the disk quota is used up",
            "free some, or choose another disk; what is finished is kept",
        ),
        errno.EACCES: ("permission is denied", "choose another path, or another user"),
        errno.EPERM: ("permission is denied", "choose another path, or another user"),
        errno.EROFS: ("the file system cannot be written", "choose another path"),
        errno.EFBIG: (
            "a file would exceed the size that is allowed",
            "ulimit -f unlimited; what is finished is kept",
        ),
        errno.EMFILE: ("too many files are open", "ulimit -n 65536"),
    }
    fact, fix = facts.get(error.errno or 0, ("a file could not be read or written", ""))
    found = (error.strerror or str(error).splitlines()[0] if str(error) else type(error).__name__)[:200]
    return Problem(fact=fact, where=str(error.filename or ""), found=found, fix=fix)
