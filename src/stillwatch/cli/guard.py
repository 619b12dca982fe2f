"""`stillwatch guard`: decide on requests at a gateway."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stillwatch.cli.labelling import author_option
from stillwatch.cli.output import print_json
from stillwatch.cli.values import Existing

MODES = ("shadow", "enforce")  # values of `--mode`


@click.group()
def guard() -> None:
    r"""Decide on requests at a gateway, from results, labels and a policy.

    \b
    Examples:
      stillwatch guard serve --results results/ --mode shadow
      stillwatch guard stop --state results.guard/ --reason "complaints from a class"
      stillwatch guard log --state results.guard/
    """


@guard.command("serve")
@click.option(
    "--results", type=Existing(file=False), required=True, help="Results folder, or a watch's STATE/results."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for decisions, approvals and roll-outs. [default: RESULTS.guard beside the results]",
)
@click.option("--policy", type=Existing(folder=False), help="Policy in TOML. [default: the standard policy]")
@click.option(
    "--accounts", type=Existing(folder=False), help="Account table for plans, programs, age and spend."
)
@click.option(
    "--store",
    type=Existing(file=False),
    help="Store of the scan, or a watch's STATE/store: newcomers are known by their templates too.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="shadow",
    show_default=True,
    help="Whether actions are carried out.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8790, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--grpc-port",
    type=click.IntRange(0, 65535),
    help="Port for the gRPC form of Envoy's ext_authz; 0 takes a free one. [default: not served]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def serve_command(
    results: Path,
    state: Path | None,
    policy: Path | None,
    accounts: Path | None,
    store: Path | None,
    mode: str,
    host: str,
    port: int,
    grpc_port: int | None,
    as_json: bool,
) -> None:
    r"""Serve POST /v1/decide, /adapters/envoy, nginx, litellm and portkey, /healthz and /metrics.

    In shadow mode nothing is refused: each answer says what would be done. Results, labels and policy are
    read again when they change.

    \b
    Examples:
      stillwatch guard serve --results results/
      stillwatch guard serve --results watch/results --state guard/ --policy policy.toml --mode enforce
      stillwatch guard serve --results results/ --grpc-port 8791
    """
    from contextlib import ExitStack

    from stillwatch.flows.newcomers import KnownCampaigns
    from stillwatch.guard.reload import GuardPaths
    from stillwatch.guard.serve import listen, opened, serve, state_beside

    places = GuardPaths(
        results=results, state=state or state_beside(results), policy=policy, accounts=accounts
    )
    known = KnownCampaigns(results, places.state, store)
    with ExitStack() as stack:
        on = stack.enter_context(listen(host, port))
        one = stack.enter_context(opened(places, "enforce" if mode == "enforce" else "shadow", known))
        also: dict[str, int] = {}
        if grpc_port is not None:
            from stillwatch.guard.envoy_grpc import authorization

            also["grpc_port"] = stack.enter_context(authorization(one, host, grpc_port))
        address, taken = on.getsockname()[:2]
        core = one.core
        if as_json:
            print_json(
                {
                    "host": address,
                    "port": taken,
                    "mode": mode,
                    "policy": core.snapshot.policy.title,
                    "members": len(core.snapshot.index),
                    **also,
                },
                on_one_line=True,
            )
        else:
            click.echo(
                f"http://{address}:{taken}: {mode}, policy {core.snapshot.policy.title}, "
                f"{len(core.snapshot.index):,} accounts"
                + "".join(f"; gRPC on port {number}" for number in also.values())
            )
        sys.stdout.flush()
        serve(one, on)


@guard.command("stop")
@click.option("--state", type=Existing(file=False), required=True, help="The guard's state.")
@click.option("--reason", required=True, metavar="TEXT", help="Reason; kept in the record.")
@author_option
@click.option("--json", "as_json", is_flag=True, help="Print the line of the record as JSON.")
def stop_command(state: Path, reason: str, author: str, as_json: bool) -> None:
    """Switch every action off at once; the guard goes on answering `allow`."""
    _switched(state, author, reason, stop=True, as_json=as_json)


@guard.command("go")
@click.option("--state", type=Existing(file=False), required=True, help="The guard's state.")
@click.option("--reason", required=True, metavar="TEXT", help="Reason; kept in the record.")
@author_option
@click.option("--json", "as_json", is_flag=True, help="Print the line of the record as JSON.")
def go_command(state: Path, reason: str, author: str, as_json: bool) -> None:
    """Undo `guard stop`."""
    _switched(state, author, reason, stop=False, as_json=as_json)


def _switched(state: Path, author: str, reason: str, *, stop: bool, as_json: bool) -> None:
    """Turn the kill switch on (`stop`) or off and print the entry of the record."""
    from stillwatch.policy.rollout import kill

    entry = kill(state, author, reason, stop=stop)
    if as_json:
        print_json({"at": entry.at, "kind": entry.kind, "author": entry.author, "code": entry.code})
    else:
        click.echo(
            "every action is switched off" if stop else "actions are carried out again as the policy says"
        )


@guard.command("log")
@click.option("--state", type=Existing(file=False), required=True, help="The guard's state.")
@click.option("--results", type=Existing(file=False), help="Results folder, whose labels are listed too.")
@click.option(
    "--last", type=click.IntRange(min=1), default=20, show_default=True, help="Lines of each file to print."
)
@click.option("--json", "as_json", is_flag=True, help="Print every line as JSON.")
def log_command(state: Path, results: Path | None, last: int, as_json: bool) -> int:
    """Print decisions, approvals, roll-outs, undos and labels, and check that no line was changed. Exits
    with 1 where one was.
    """
    from stillwatch.guard.history import described, every

    lines, faults = every(state, results)
    if as_json:
        print_json({"entries": [one for one, _line in described(lines)], "faults": faults})
    else:
        for _one, line in described(lines)[-last:]:
            click.echo(line)
        for fault in faults:
            click.echo(f"fault: {fault}", err=True)
    return 1 if faults else 0
