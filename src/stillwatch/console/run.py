"""Runs the console as a process."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sqlalchemy import func, select, update

from stillwatch.console.app import Handlers, build
from stillwatch.console.console import Console
from stillwatch.console.database import Database
from stillwatch.console.oidc import Client, IdentityProvider
from stillwatch.console.pages import DEMO
from stillwatch.console.passkeys import relying_party
from stillwatch.console.people import PeopleStore
from stillwatch.console.roles import Role
from stillwatch.console.schema import CASES, PEOPLE
from stillwatch.errors import InputError, Problem, UsageError
from stillwatch.share.serving import Address
from stillwatch.share.serving import serve as run
from stillwatch.stats.intervals import of_share

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from stillwatch.progress import Progress

CONNECTIONS = 512  # most open connections: browsers hold several each
DEMO_NAME = "demo lead"  # name of the person who is signed in to the demonstration
Ready = Callable[[str, str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where the console listens, the address at which browsers reach it (empty: the same), and issuer, client
    and file of the secret of an identity provider.
    """

    address: Address
    public_url: str = ""
    oidc: tuple[str, str, Path] | None = None

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it over TLS."""
        return self.address.certificate is not None or self.public_url.startswith("https://")


def add_person(state: Path, url: str | None, name: str, role: str) -> str:
    """Add a person to the console of a state; returns the path of the set-up page."""
    with closing(Database(state, url)) as database:
        return f"/set-up/{PeopleStore(database).invite(name, cast('Role', role))}"


def serve(
    state: Path,
    folders: Sequence[Path],
    url: str | None,
    chosen: Serving,
    ready: Ready,
    demo: Progress | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. `ready` is called with the address, the link to the tour (empty without
    a demo) and the number of cases. `demo` reports the progress of making the demo; None: no demo.
    """
    if chosen.public_url and not chosen.public_url.startswith(("https://", "http://")):
        raise UsageError(Problem(fact="`--public-url` is no address", expected="https://HOST"))
    if demo is not None and not (state / "demo" / "results" / "campaigns.parquet").is_file():
        from stillwatch.flows.demo import demo as make_demo  # brings the whole detector

        make_demo(state / "demo", 1, demo)
    more = [state / "demo" / "results"] if demo is not None else []
    console = Console(state, [*folders, *more], url)
    try:
        console.refresh()
        if console.faults and not _cases(console):
            raise InputError(Problem(fact=console.faults[0], fix="stillwatch scan LOGS --out RESULTS"))
        app = Handlers(console, secure=chosen.is_secure, provider=_provider(chosen))
        if demo is not None:
            app.demo_key = _demo(console)
        console.start()
        of_share(1, 2)  # brings SciPy, so that the first page need not wait for it

        def serves(address: str) -> None:
            """Take passkeys for the address, and report it, the link to the tour and the number of cases."""
            app.take_passkeys(relying_party(chosen.public_url or address))
            tour = f"{address}demo/{app.demo_key}" if app.demo_key else ""
            ready(address, tour, _cases(console))

        run(cast("Starlette", build(app)), chosen.address, serves, CONNECTIONS)
    finally:
        console.close()


def _provider(chosen: Serving) -> IdentityProvider | None:
    """The identity provider of the options; None where none is named."""
    if chosen.oidc is None:
        return None
    issuer, client, file = chosen.oidc
    address = chosen.address
    scheme = "https" if address.certificate else "http"
    here = chosen.public_url or f"{scheme}://{address.host}:{address.port}"
    secret = file.read_text(encoding="utf-8").strip()
    return IdentityProvider(
        Client(issuer=issuer, client_id=client, secret=secret, back=f"{here.rstrip('/')}/oidc/back")
    )


def _cases(console: Console) -> int:
    """Number of cases in the database."""
    with console.database.reading() as db:
        return int(db.scalar(select(func.count()).select_from(CASES)) or 0)


def _demo(console: Console) -> str:
    """The key of the demo's link, after the person of the demo was made."""
    console.people.invite(DEMO_NAME, "lead")
    with console.database.writing() as db:
        db.execute(
            update(PEOPLE)
            .where(PEOPLE.c.name == DEMO_NAME)
            .values(subject=DEMO, invited=None, invited_until=None)
        )
    return secrets.token_urlsafe(24)
