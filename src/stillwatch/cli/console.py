"""`stillwatch console`: pages and an API in which a team works on campaigns and leads."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.values import Existing
from stillwatch.errors import Problem, UsageError

DEMO_STATE = Path("stillwatch-console")  # in which the demo is made where no other is named
# Values of `--role`, as `console.roles.ROLES` without that import.
ROLES = ("viewer", "analyst", "lead", "counsel", "administrator")


@click.command()
@click.argument("state", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option(
    "--results",
    "folders",
    type=Existing(file=False),
    multiple=True,
    metavar="DIR",
    help="A results folder to show beside the state's own; repeatable, the oldest first.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; beyond this machine only with TLS.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8791, show_default=True, help="Port; 0 for a free one."
)
@click.option("--tls-cert", type=Existing(folder=False), help="Certificate (PEM).")
@click.option("--tls-key", type=Existing(folder=False), help="Private key of the certificate (PEM).")
@click.option(
    "--public-url",
    metavar="URL",
    default="",
    help="Address at which browsers reach it through a proxy that ends TLS.",
)
@click.option(
    "--database",
    metavar="URL",
    default=None,
    help="postgresql://USER:PASSWORD@HOST/NAME. [default: SQLite in STATE]",
)
@click.option("--add-user", metavar="NAME", help="Add a person, print the set-up link, and end.")
@click.option(
    "--role", type=click.Choice(ROLES), default="analyst", show_default=True, help="Role of --add-user."
)
@click.option("--oidc-issuer", metavar="URL", default="", help="Identity provider (OpenID Connect).")
@click.option("--oidc-client", metavar="ID", default="", help="The console's identifier there.")
@click.option("--oidc-secret-file", type=Existing(folder=False), help="File with the console's secret there.")
@click.option(
    "--demo", is_flag=True, help="Make and scan the demo's world first, and print a link to a tour."
)
@click.option("--json", "as_json", is_flag=True, help="Print where it serves as JSON.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def console(
    state: Path | None,
    folders: tuple[Path, ...],
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    public_url: str,
    database: str | None,
    add_user: str | None,
    role: str,
    oidc_issuer: str,
    oidc_client: str,
    oidc_secret_file: Path | None,
    demo: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""Serve pages and an API in which a team works on the campaigns and leads of STATE, until stopped.

    STATE is the state of a watch or guard, a results folder, or a new folder. The console's database, the
    labels and the audit log are in it. The first person is added by --add-user. With --demo it may be left
    out.

    \b
    Examples:
      stillwatch console team/ --add-user ada --role administrator
      stillwatch console team/ --results results/
      stillwatch console watch/ --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
      stillwatch console --demo
    """
    from stillwatch.console.run import Serving, add_person, serve
    from stillwatch.share.serving import Address

    if state is None and not demo:
        raise UsageError(Problem(fact="STATE is missing", fix="stillwatch console team/"))
    state = state or DEMO_STATE
    if add_user is not None:
        path = add_person(state, database, add_user, role)
        if as_json:
            print_json({"name": add_user, "role": role, "path": path})
            return
        click.echo(
            f"{add_user} ({role}) registers a passkey, or password and code, once, within a day, at {path}"
        )
        return
    if bool(oidc_issuer) != bool(oidc_client) or bool(oidc_issuer) != bool(oidc_secret_file):
        raise UsageError(
            Problem(
                fact="options of the identity provider belong together",
                expected="--oidc-issuer, --oidc-client and --oidc-secret-file, or none",
            )
        )
    chosen = Serving(
        address=Address(host=host, port=port, certificate=tls_cert, key=tls_key),
        public_url=public_url,
        oidc=(oidc_issuer, oidc_client, oidc_secret_file) if oidc_secret_file else None,
    )

    def ready(url: str, tour: str, groups: int) -> None:
        """Print the address, and the link to the tour, once the console answers."""
        if as_json:
            print_json({"url": url, "groups": groups, "tour": tour or None}, on_one_line=True)
            return
        click.echo(f"console serves {groups:,} {'case' if groups == 1 else 'cases'} at {url}")
        if tour:
            click.echo(f"tour: {tour}")

    with bars(quiet=quiet or as_json) as progress:
        serve(state, folders, database, chosen, ready, progress if demo else None)
