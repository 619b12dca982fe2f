"""The state folder of sharing: peers and their tokens, sessions, released objects and received indicators.

    share.sqlite     the tables
    journal.jsonl    releases, accesses, sessions and retractions (`share.journal`)
    set/             the set that is served for matching, prepared under its key

Only the owner can read the folder and its files. Of a token, only the SHA-256 is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from stillwatch.errors import Problem, StateError, UsageError, unknown
from stillwatch.memory.record import now
from stillwatch.share.journal import Journal

# Files of the state: database, and log of what was shared.
DATABASE, JOURNAL = "share.sqlite", "journal.jsonl"
VERSION = 1  # of the database's schema
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""Valid names of peers and collections."""
TOKEN_BYTES = 32  # random bytes of a token
# Statements that create the tables of the state's database.
SCHEMA = """
CREATE TABLE IF NOT EXISTS peers (name TEXT PRIMARY KEY, token_sha256 TEXT UNIQUE NOT NULL,
    since TEXT NOT NULL, until TEXT, public_key BLOB);
CREATE TABLE IF NOT EXISTS collections (
    id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, title TEXT NOT NULL, tlp TEXT NOT NULL,
    inbox INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS access (peer TEXT NOT NULL, collection TEXT NOT NULL, PRIMARY KEY (peer,
    collection));
CREATE TABLE IF NOT EXISTS objects (
    number INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, version TEXT NOT NULL,
    spec_version TEXT NOT NULL, added TEXT NOT NULL, body BLOB NOT NULL, source TEXT NOT NULL,
    UNIQUE (collection, id, version));
CREATE TABLE IF NOT EXISTS statuses (id TEXT PRIMARY KEY, peer TEXT NOT NULL, collection TEXT NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS served (
    peer TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL, version TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (peer, collection, id, version));
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, peer TEXT NOT NULL, nonce TEXT NOT NULL, at TEXT NOT NULL,
    commitment TEXT NOT NULL, size INTEGER NOT NULL,
    set_id TEXT NOT NULL, seed TEXT NOT NULL, purpose TEXT NOT NULL, consent TEXT, opened TEXT,
    UNIQUE (peer, nonce));
CREATE TABLE IF NOT EXISTS received (
    source TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, version TEXT NOT NULL,
    tlp TEXT NOT NULL,
    grade TEXT NOT NULL, confidence INTEGER NOT NULL, valid_until TEXT NOT NULL, at TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL, accounts INTEGER, PRIMARY KEY (source, id, kind, value));
"""


class SharingState:
    """The state folder, created where it does not exist. It can be used by several threads and processes at
    the same time.

    Raises `StateError` for a folder that holds something else, a database that cannot be read, or another
    version.
    """

    def __init__(self, folder: Path) -> None:
        if folder.is_dir() and any(folder.iterdir()) and not (folder / DATABASE).exists():
            raise StateError(
                Problem(
                    fact=f"`{folder}` exists and is no state of sharing",
                    where=str(folder),
                    expected=f"a new or empty folder, or one with `{DATABASE}`",
                    fix="give another --state",
                )
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.journal = Journal(folder / JOURNAL)
        path = folder / DATABASE
        path.touch(mode=0o600)
        self._busy = threading.RLock()
        try:
            self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
            self._base.row_factory = sqlite3.Row
            (version,) = self._base.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                raise StateError(
                    Problem(
                        fact="the state is of another version",
                        where=str(path),
                        found=str(version),
                        expected=str(VERSION),
                    )
                )
            self._base.executescript(f"PRAGMA journal_mode=WAL; PRAGMA user_version={VERSION}; {SCHEMA}")
        except sqlite3.DatabaseError as error:
            raise StateError(
                Problem(fact="the state cannot be read", where=str(path), found=str(error))
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._base.close()

    def rows(self, query: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of an SQL query; `values` are bound to its parameters."""
        with self._busy:
            return [dict(row) for row in self._base.execute(query, values).fetchall()]

    def write(self, query: str, values: Sequence[object] = ()) -> int:
        """Execute an SQL statement; returns the number of changed rows."""
        with self._busy:
            return self._base.execute(query, values).rowcount

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Context manager: a transaction, rolled back on an exception."""
        with self._busy:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    # ------------------------------------------------------------------------------------------- peers

    def add_peer(self, name: str, collections: Sequence[str] = (), public_key: bytes | None = None) -> str:
        """Issue a new token to a peer, which replaces an earlier one, and grant access to collections.
        Returns the token; only its digest is stored.

        `public_key` (Ed25519, 32 bytes) verifies the peer's receipts. Raises `UsageError` for an invalid name
        and for a collection that does not exist.
        """
        check_name("peer", name)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self.whole():
            known = {row["name"]: row["id"] for row in self.rows("SELECT name, id FROM collections")}
            for one in collections:
                if one not in known:
                    raise unknown("collection", one, known)
            self.write(
                "INSERT INTO peers (name, token_sha256, since, public_key) VALUES (?, ?, ?, ?) ON CONFLICT "
                "(name) DO UPDATE SET "
                "token_sha256 = excluded.token_sha256, until = NULL, public_key = "
                "coalesce(excluded.public_key, public_key)",
                (name, _digest(token), now(), public_key),
            )
            for one in collections:
                self.write("INSERT OR IGNORE INTO access VALUES (?, ?)", (name, known[one]))
        self.journal.add("peer", {"peer": name, "collections": sorted(collections), "action": "token given"})
        return token

    def end_peer(self, name: str) -> None:
        """Revoke a peer's token. Raises `UsageError` for a peer that does not exist."""
        if not self.write(
            "UPDATE peers SET until = ?, token_sha256 = ? WHERE name = ?", (now(), f"ended {name}", name)
        ):
            raise unknown("peer", name, self.peers())
        self.journal.add("peer", {"peer": name, "action": "token taken back"})

    def peers(self) -> list[str]:
        """Names of all peers, sorted."""
        return [row["name"] for row in self.rows("SELECT name FROM peers ORDER BY name")]

    def peer_of(self, token: str) -> str | None:
        """The name of the peer with this valid token; None where there is none."""
        digest = _digest(token)
        for row in self.rows("SELECT name, token_sha256 FROM peers WHERE until IS NULL"):
            if hmac.compare_digest(row["token_sha256"], digest):
                return str(row["name"])
        return None


def check_name(what: str, name: str) -> None:
    """Raise `UsageError` where `name` is no valid name of a peer or a collection; `what` names the thing in
    the message.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            Problem(
                fact=f"this is no name of a {what}",
                found=repr(name)[:80],
                expected="a-z, 0-9 and -, at most 63 characters",
            )
        )


def _digest(token: str) -> str:
    """SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
