"""People, passwords, one-time codes, sessions and API tokens; passkeys are in `passkeys`.

Rules:
    Of passwords, session and API tokens only digests are stored. A one-time code is accepted once. A person
    is created with a one-time secret, by which he sets password and second factor himself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from sqlalchemy import Connection, delete, exists, insert, select, update

from stillwatch.console.database import Database, one
from stillwatch.console.roles import ROLES, Caller, Role, at_most
from stillwatch.console.schema import PASSKEYS, PEOPLE, SESSIONS, TOKENS
from stillwatch.errors import Problem, UsageError

SCRYPT = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 1 << 26}  # RFC 7914; about 0.1 s and 32 MiB a check
MIN_PASSWORD, MAX_PASSWORD = 12, 200  # characters: chosen after NIST SP 800-63B, which asks for at least 8
STEP_S, DIGITS, DRIFT = 30, 6, 1  # RFC 6238: seconds of a step, digits, steps of clock drift allowed
INVITED_S = 86_400.0  # seconds for which a set-up secret is valid: chosen
IDLE_S, LONGEST_S = 3_600.0, 43_200.0  # seconds after which a session ends, unused and in all: chosen
FRESH_S = 900.0  # seconds since the sign-in within which a way in may be added: chosen
SEEN_S = 60.0  # seconds between two updates of a session's last use
# Start of an API token, by which scanners for secrets find it.
TOKEN_PREFIX = "swc_"  # noqa: S105  by which scanners for secrets find API tokens
ReadClock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A valid session: who, the token that forms carry, and the time of the sign-in."""

    actor: Caller
    csrf: str
    digest: str
    opened_at: float


def digest_of(secret: str) -> str:
    """SHA-256 of a random secret, under which it is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hashed(password: str) -> str:
    """A password under scrypt with a random salt, as text."""
    salt = secrets.token_bytes(16)
    key = hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)
    return f"{salt.hex()}:{key.hex()}"


def matches(password: str, held: str | None) -> bool:
    """Whether a password is the stored one. Without a stored one the work is done all the same, so that the
    time does not tell.
    """
    salt, _colon, key = (held or f"{'00' * 16}:{'00' * 64}").partition(":")
    found = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **SCRYPT)
    return hmac.compare_digest(found, bytes.fromhex(key)) and held is not None


def code_at(secret: str, step: int) -> str:
    """The one-time code of a step: HOTP (RFC 4226, section 5.3) of the time step of RFC 6238."""
    key = base64.b32decode(secret)
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    place = digest[-1] & 15
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(code: str, secret: str, after: int, now: float) -> int | None:
    """The time step of a valid code that is later than the step `after`; None for any other code."""
    step = int(now // STEP_S)
    for candidate in range(step - DRIFT, step + DRIFT + 1):
        if candidate > after and hmac.compare_digest(code_at(secret, candidate), code.strip()):
            return candidate
    return None


def totp_secret() -> str:
    """A new random secret of 160 bits, in base 32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def totp_address(name: str, secret: str) -> str:
    """The address that authenticator programs read (`otpauth:`)."""
    return f"otpauth://totp/Stillwatch:{quote(name)}?secret={secret}&issuer=Stillwatch"


class PeopleStore:
    """People of a database. `clock` returns seconds since 1970; tests replace it."""

    def __init__(self, database: Database, clock: ReadClock = time.time) -> None:
        self._database, self.clock = database, clock

    def invite(self, name: str, role: Role) -> str:
        """Add a person, or give one that exists a new set-up secret, and return the secret.

        Raises `UsageError` for a name or role that cannot be.
        """
        if role not in ROLES or not name.strip() or len(name) > 80 or not name.isprintable():
            raise UsageError(
                Problem(
                    fact="a person has a name of 1 to 80 characters and a role",
                    expected=", ".join(ROLES),
                )
            )
        secret = secrets.token_urlsafe(24)
        now = self.clock()
        values = {
            "role": role,
            "invited": digest_of(secret),
            "invited_until": now + INVITED_S,
            "disabled": False,
        }
        with self._database.writing() as db:
            found = one(db, select(PEOPLE.c.id).where(PEOPLE.c.name == name))
            if found:
                db.execute(update(PEOPLE).where(PEOPLE.c.id == found["id"]).values(values))
                db.execute(delete(SESSIONS).where(SESSIONS.c.person_id == found["id"]))
            else:
                db.execute(insert(PEOPLE).values(name=name, created_at=now, **values))
        return secret

    def invited(self, secret: str) -> dict[str, Any] | None:
        """The person of a valid set-up secret."""
        with self._database.reading() as db:
            found = one(db, select(PEOPLE).where(PEOPLE.c.invited == digest_of(secret), ~PEOPLE.c.disabled))
        return found if found and (found["invited_until"] or 0) > self.clock() else None

    def set_up(self, secret: str, password: str, totp: str, code: str) -> str:
        """Set password and second factor by a set-up secret, once, and remove every other way in; returns
        what is wrong, or nothing.
        """
        person = self.invited(secret)
        if person is None:
            return "this set-up link is not valid any more"
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            return f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters"
        try:
            step = step_of(code, totp, 0, self.clock())
        except (ValueError, TypeError):
            step = None
        if step is None:
            return "the code does not fit: the clock of the telephone may be wrong"
        values = {
            "password": hashed(password),
            "totp": totp,
            "totp_step": step,
            "invited": None,
            "invited_until": None,
        }
        with self._database.writing() as db:
            changed = db.execute(
                update(PEOPLE)
                .where(PEOPLE.c.id == person["id"], PEOPLE.c.invited == digest_of(secret))
                .values(values)
            )
            if changed.rowcount:
                db.execute(delete(PASSKEYS).where(PASSKEYS.c.person_id == person["id"]))
            db.execute(delete(SESSIONS).where(SESSIONS.c.person_id == person["id"]))
        return "" if changed.rowcount else "this set-up link was used already"

    def sign_in(self, name: str, password: str, code: str) -> tuple[str, Session] | None:
        """A new session's token and the session for a valid name, password and code; None otherwise."""
        with self._database.reading() as db:
            person = one(db, select(PEOPLE).where(PEOPLE.c.name == name, ~PEOPLE.c.disabled))
        if not matches(password, person["password"] if person else None) or person is None:
            return None
        step = step_of(code, person["totp"] or totp_secret(), person["totp_step"], self.clock())
        if step is None:
            return None
        with self._database.writing() as db:
            used = db.execute(
                update(PEOPLE)
                .where(PEOPLE.c.id == person["id"], PEOPLE.c.totp_step < step)
                .values(totp_step=step)
            )
            return self.open(db, person) if used.rowcount else None

    def of_subject(self, subject: str) -> tuple[str, Session] | None:
        """A new session for the person bound to a subject of an identity provider; None without one."""
        with self._database.writing() as db:
            person = one(db, select(PEOPLE).where(PEOPLE.c.subject == subject, ~PEOPLE.c.disabled))
            return self.open(db, person) if person else None

    def bind(self, name: str, subject: str) -> bool:
        """Bind a person who has no other way in yet to a subject; returns False where there is none."""
        with self._database.writing() as db:
            changed = db.execute(
                update(PEOPLE)
                .where(
                    PEOPLE.c.name == name,
                    ~PEOPLE.c.disabled,
                    PEOPLE.c.subject.is_(None),
                    PEOPLE.c.password.is_(None),
                    ~exists().where(PASSKEYS.c.person_id == PEOPLE.c.id),
                )
                .values(subject=subject, invited=None, invited_until=None)
            )
        return bool(changed.rowcount)

    def open(self, db: Connection, person: Mapping[str, Any]) -> tuple[str, Session]:
        """A new session of a person within a transaction: its token, and the session."""
        token, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(24), self.clock()
        db.execute(delete(SESSIONS).where(SESSIONS.c.created_at < now - LONGEST_S))
        db.execute(
            insert(SESSIONS).values(
                digest=digest_of(token), person_id=person["id"], csrf=csrf, created_at=now, seen_at=now
            )
        )
        actor = _actor(person, "session")
        return token, Session(actor=actor, csrf=csrf, digest=digest_of(token), opened_at=now)

    def session(self, token: str) -> Session | None:
        """The valid session of a token; its last use is noted."""
        if not token:
            return None
        now, digest = self.clock(), digest_of(token)
        query = (
            select(
                PEOPLE.c.id,
                PEOPLE.c.name,
                PEOPLE.c.role,
                SESSIONS.c.csrf,
                SESSIONS.c.seen_at,
                SESSIONS.c.created_at,
            )
            .join(SESSIONS, SESSIONS.c.person_id == PEOPLE.c.id)
            .where(
                SESSIONS.c.digest == digest,
                SESSIONS.c.seen_at > now - IDLE_S,
                SESSIONS.c.created_at > now - LONGEST_S,
                ~PEOPLE.c.disabled,
            )
        )
        with self._database.reading() as db:
            found = one(db, query)
        if found is None:
            return None
        if found["seen_at"] < now - SEEN_S:
            with self._database.writing() as db:
                db.execute(update(SESSIONS).where(SESSIONS.c.digest == digest).values(seen_at=now))
        actor, opened_at = _actor(found, "session"), found["created_at"]
        return Session(actor=actor, csrf=found["csrf"], digest=digest, opened_at=opened_at)

    def sign_out(self, digest: str) -> None:
        """End a session."""
        with self._database.writing() as db:
            db.execute(delete(SESSIONS).where(SESSIONS.c.digest == digest))

    def of_token(self, token: str) -> Caller | None:
        """Who a valid API token stands for, with the token's role; None also where its owner's role has
        become less than the token's.
        """
        if not token.startswith(TOKEN_PREFIX):
            return None
        query = (
            select(PEOPLE.c.id, PEOPLE.c.name, TOKENS.c.role, PEOPLE.c.role.label("own"))
            .join(TOKENS, TOKENS.c.person_id == PEOPLE.c.id)
            .where(
                TOKENS.c.digest == digest_of(token),
                ~TOKENS.c.revoked,
                TOKENS.c.expires_at > self.clock(),
                ~PEOPLE.c.disabled,
            )
        )
        with self._database.reading() as db:
            found = one(db, query)
        if found is None or not at_most(found["role"], found["own"]):
            return None
        return _actor(found, "token")


def _actor(person: Mapping[str, Any], via: str) -> Caller:
    """The caller that a person's row describes; `via` says how he came in."""
    return Caller(person_id=person["id"], name=person["name"], role=cast("Role", person["role"]), via=via)
