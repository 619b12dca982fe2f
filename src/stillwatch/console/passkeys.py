"""Passkeys of people: their registration, sign-in and removal (Web Authentication Level 2).

Rules:
    The authenticator verifies its user at each sign-in, so that a passkey alone is two factors. A challenge
    is random, kept in memory for five minutes, used once, and bound to the browser by a cookie. Only the
    public key is stored. A signature whose counter did not rise is refused.
"""

from __future__ import annotations

import ipaddress
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, select, update

from stillwatch.console.database import Database, one, put, rows
from stillwatch.console.people import PeopleStore, Session, digest_of
from stillwatch.console.schema import PASSKEYS, PEOPLE, SESSIONS
from stillwatch.share.access import Refused

VALID_S, PENDING = 300.0, 1000  # seconds and number of ceremonies that may be under way: chosen
MAX_PASSKEYS = 20  # passkeys of one person: chosen
HANDLE = "stillwatch person"  # beginning of the identifier under which an authenticator keeps a person's key


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """The site to which passkeys belong: the domain (`name`) and the origin that browsers report."""

    name: str
    origin: str

    @property
    def host(self) -> str:
        """Domain and port, as the header `Host` has them."""
        return self.origin.partition("://")[2]


def relying_party(url: str) -> RelyingParty | None:
    """The site of an address at which browsers reach the console; the loopback address is `localhost`. None
    where browsers make no passkeys: for other IP addresses, and without TLS beyond this machine.
    """
    parts = urlsplit(url)
    name = (parts.hostname or "").lower()
    try:
        if not ipaddress.ip_address(name).is_loopback:
            return None
        name = "localhost"
    except ValueError:
        pass
    if not name or (parts.scheme != "https" and name != "localhost"):
        return None
    usual = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return RelyingParty(name=name, origin=f"{parts.scheme}://{name}{port}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ceremony:
    """A registration (of a person, by a session or a set-up secret) or a sign-in that is under way."""

    challenge: bytes
    person_id: int | None
    setup: str
    until: float


class Passkeys:
    """Passkeys of a database's people, for one site."""

    def __init__(self, database: Database, people: PeopleStore, site: RelyingParty) -> None:
        self._database, self._people, self.site = database, people, site
        self._pending: OrderedDict[str, _Ceremony] = OrderedDict()
        self._lock = threading.Lock()

    # ------------------------------------------------------------------------------------- registration

    def begin(self, person: Mapping[str, Any], setup: str = "") -> tuple[str, str]:
        """Begin to register a passkey of a person (a row of `people`); `setup` is the set-up secret where
        that is the way in. Returns the mark for the browser's cookie, and the options for it (JSON).
        """
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers import base64url_to_bytes
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        with self._database.reading() as db:
            held = rows(db, select(PASSKEYS.c.credential).where(PASSKEYS.c.person_id == person["id"]))
        if len(held) >= MAX_PASSKEYS and not setup:
            raise Refused(409, f"a person has at most {MAX_PASSKEYS} passkeys", "remove one first")
        options = generate_registration_options(
            rp_id=self.site.name,
            rp_name="Stillwatch",
            user_id=_handle(person["id"]),
            user_name=str(person["name"]),
            timeout=int(1000 * VALID_S),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[]
            if setup
            else [PublicKeyCredentialDescriptor(id=base64url_to_bytes(row["credential"])) for row in held],
        )
        return self._kept(options.challenge, person["id"], setup), options_to_json(options)

    def end(self, mark: str, answer: Mapping[str, Any], name: str, person_id: int | None) -> dict[str, Any]:
        """End a registration: store the passkey under a name, and return its number and its person's name.

        `person_id` is that of the session; None for a registration by a set-up secret, which replaces every
        other way in of the person. Raises `Refused` (403, 409).
        """
        from webauthn import verify_registration_response
        from webauthn.helpers import bytes_to_base64url

        under_way = self._taken(mark)
        if under_way.person_id is None or (person_id is None) != bool(under_way.setup):
            raise Refused(403, "this registration is out of date", "begin again")
        if person_id is not None and under_way.person_id != person_id:
            raise Refused(403, "this registration is of another person")
        verified = self._verified(verify_registration_response, under_way, answer)
        credential = bytes_to_base64url(verified.credential_id)
        with self._database.writing() as db:
            if under_way.setup:
                _replace_ways_in(db, under_way)
            if one(db, select(PASSKEYS.c.id).where(PASSKEYS.c.credential == credential)):
                raise Refused(409, "this passkey is registered already")
            number = put(
                db,
                PASSKEYS,
                person_id=under_way.person_id,
                name=name,
                credential=credential,
                public_key=verified.credential_public_key,
                sign_count=verified.sign_count,
                created_at=self._people.clock(),
            )
            person = db.scalar(select(PEOPLE.c.name).where(PEOPLE.c.id == under_way.person_id))
        return {"passkey": number, "name": str(person)}

    # ------------------------------------------------------------------------------------------ sign-in

    def begin_sign_in(self) -> tuple[str, str]:
        """Begin a sign-in; returns the mark for the browser's cookie, and the options for it (JSON)."""
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers.structs import UserVerificationRequirement

        options = generate_authentication_options(
            rp_id=self.site.name,
            timeout=int(1000 * VALID_S),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return self._kept(options.challenge, None, ""), options_to_json(options)

    def end_sign_in(self, mark: str, answer: Mapping[str, Any]) -> tuple[str, Session] | None:
        """A new session's token and the session for a valid signature; None for any other."""
        from webauthn import verify_authentication_response
        from webauthn.helpers import base64url_to_bytes

        under_way = self._taken(mark)
        with self._database.reading() as db:
            query = select(PASSKEYS).join(PEOPLE, PEOPLE.c.id == PASSKEYS.c.person_id)
            held = one(
                db, query.where(PASSKEYS.c.credential == str(answer.get("id", "")), ~PEOPLE.c.disabled)
            )
        if under_way.person_id is not None or held is None:
            return None
        try:
            verified = self._verified(
                verify_authentication_response,
                under_way,
                answer,
                credential_public_key=held["public_key"],
                credential_current_sign_count=held["sign_count"],
            )
            handle = answer["response"].get("userHandle")
            if handle is not None and base64url_to_bytes(str(handle)) != _handle(held["person_id"]):
                return None
        except (Refused, ValueError, KeyError, TypeError, AttributeError):
            return None
        with self._database.writing() as db:
            used = db.execute(
                update(PASSKEYS)
                .where(PASSKEYS.c.id == held["id"], PASSKEYS.c.sign_count == held["sign_count"])
                .values(sign_count=verified.new_sign_count, used_at=self._people.clock())
            )
            person = one(db, select(PEOPLE).where(PEOPLE.c.id == held["person_id"], ~PEOPLE.c.disabled))
            return self._people.open(db, person) if used.rowcount and person else None

    # --------------------------------------------------------------------------------- what is under way

    def _kept(self, challenge: bytes, person_id: int | None, setup: str) -> str:
        """The mark under which a new ceremony is kept."""
        mark, until = secrets.token_urlsafe(24), time.monotonic() + VALID_S
        with self._lock:
            self._pending[mark] = _Ceremony(
                challenge=challenge, person_id=person_id, setup=setup, until=until
            )
            while len(self._pending) > PENDING:
                self._pending.popitem(last=False)
        return mark

    def _taken(self, mark: str) -> _Ceremony:
        """The ceremony of a mark, once. Raises `Refused` (403) where it is not under way."""
        with self._lock:
            found = self._pending.pop(mark, None)
        if found is None or found.until < time.monotonic():
            raise Refused(403, "this request is out of date", "begin again")
        return found

    def _verified(
        self,
        verify: Callable[..., Any],
        under_way: _Ceremony,
        answer: Mapping[str, Any],
        **more: Any,  # noqa: ANN401  arguments of the library
    ) -> Any:  # noqa: ANN401  a result of the library
        """What `verify`, a check of the library, returns for the browser's answer to a ceremony. Raises
        `Refused` (403) where the check does not hold.
        """
        from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
        from webauthn.helpers.exceptions import WebAuthnException

        wrong = (WebAuthnException, InvalidKey, UnsupportedAlgorithm, ValueError, KeyError, TypeError)
        try:
            return verify(
                credential=dict(answer),
                expected_challenge=under_way.challenge,
                expected_rp_id=self.site.name,
                expected_origin=self.site.origin,
                require_user_verification=True,
                **more,
            )
        except (*wrong, AttributeError, IndexError):
            raise Refused(403, "the passkey's answer does not hold", "begin again") from None


def _handle(person_id: int) -> bytes:
    """The identifier under which an authenticator keeps a person's passkey; it says nothing about him."""
    return f"{HANDLE} {person_id}".encode()


def _replace_ways_in(db: Connection, under_way: _Ceremony) -> None:
    """Use a set-up secret up, and remove every other way in of its person. Raises `Refused` (403)."""
    person_id = under_way.person_id
    changed = db.execute(
        update(PEOPLE)
        .where(PEOPLE.c.id == person_id, PEOPLE.c.invited == digest_of(under_way.setup), ~PEOPLE.c.disabled)
        .values(password=None, totp=None, invited=None, invited_until=None)
    )
    if not changed.rowcount:
        raise Refused(403, "this set-up link was used already")
    db.execute(delete(PASSKEYS).where(PASSKEYS.c.person_id == person_id))
    db.execute(delete(SESSIONS).where(SESSIONS.c.person_id == person_id))
