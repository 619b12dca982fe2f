"""Give the answers of suspected accounts their mark where the guard asks for it.

`vllm serve MODEL --logits-processors stillwatch.prove.vllm:Marks --middleware stillwatch.prove.doses.Doses`
with `STILLWATCH_KEYRING` naming the keyring's file. The guard names campaign and account of a request with
`hide_reasoning` in the header `x-guard-mark`; `Doses` adds the arguments by which the engine marks the
answer under the campaign's key and writes the ledger. Arguments of a mark that a client sends are removed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

import orjson

from stillwatch.errors import InputError, Problem, UsageError
from stillwatch.guard.adapters import MARK
from stillwatch.guard.asgi import App, Message, Receive, Scope, Send
from stillwatch.prove.keyring import Issued, Keyring, read
from stillwatch.prove.registry import marks

LOG = logging.getLogger(__name__)  # logger of this module
VARIABLE = "STILLWATCH_KEYRING"  # environment variable with the path of the keyring
# Field of a request with the engine's arguments, and the start of the names of ours.
ARGUMENTS, OURS = "vllm_xargs", "stillwatch_"
MAX_BODY = 64 << 20  # bytes of a request that are read: chosen, above what a model reads


class KeyringFile:
    """The keyring at the path in `STILLWATCH_KEYRING`, read again when its file has changed.

    Raises `UsageError` where the variable is not set, and `InputError` where the file is no keyring. A file
    that cannot be read later is named in the log, and the keys read before remain in use.
    """

    def __init__(self) -> None:
        path = os.environ.get(VARIABLE)
        if not path:
            raise UsageError(Problem(fact=f"`{VARIABLE}` is not set", fix=f"export {VARIABLE}=KEYRING.json"))
        self.path = Path(path)
        self._ring, self._at = read(self.path), self._changed()

    def _changed(self) -> tuple[int, int]:
        """Time of change (ns) and inode of the file; zeros where it does not exist."""
        try:
            found = self.path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino

    @property
    def ring(self) -> Keyring:
        """The keyring as its file is now."""
        if (at := self._changed()) != self._at:
            self._at = at
            try:
                self._ring = read(self.path)
            except InputError as error:
                LOG.warning("the keyring %s cannot be read; keys read before are used: %s", self.path, error)
        return self._ring

    def sampling(self, campaign: str) -> Issued | None:
        """The latest key of a campaign by which an engine can mark while it samples; None where there is
        none.
        """
        some = [
            one
            for one in self.ring.issued
            if one.campaign == campaign and one.mark in marks() and not marks()[one.mark].needs_proxy
        ]
        return max(some, key=lambda one: (one.since, one.epoch)) if some else None


class Doses:
    """ASGI middleware of an engine's interface: adds the arguments of a mark to requests that the guard
    selected.
    """

    def __init__(self, app: App) -> None:
        self.app, self.keys = app, KeyringFile()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        messages, content = [], b""
        while len(content) <= MAX_BODY:
            message = await receive()
            messages.append(message)
            content += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        headers = {name.lower(): value for name, value in scope["headers"]}
        changed = self._dosed(content, headers) if len(content) <= MAX_BODY else content
        if changed != content:
            length = (b"content-length", str(len(changed)).encode())
            kept = [pair for pair in scope["headers"] if pair[0].lower() != b"content-length"]
            scope = {**scope, "headers": [*kept, length]}
            messages = [{"type": "http.request", "body": changed, "more_body": False}]
        waiting = iter(messages)

        async def replay() -> Message:
            """The next message: of those that were read already, or else a new one."""
            return next(waiting, None) or await receive()

        await self.app(scope, replay, send)

    def _dosed(self, content: bytes, headers: Mapping[bytes, bytes]) -> bytes:
        """The body of a request with the arguments of its mark and without those that a client sent; other
        bodies are returned as they are.
        """
        if MARK not in headers and OURS.encode() not in content and b"\\u" not in content:
            return content
        try:
            body = orjson.loads(content)
        except orjson.JSONDecodeError:
            return content
        if not isinstance(body, dict):
            return content
        given = body.get(ARGUMENTS)
        before = given if isinstance(given, dict) else {}
        kept = {key: value for key, value in before.items() if not key.startswith(OURS)}
        added = self._arguments(headers[MARK]) if MARK in headers else {}
        if not added and len(kept) == len(before):
            return content
        return orjson.dumps({**body, ARGUMENTS: {**kept, **added}})

    def _arguments(self, header: bytes) -> dict[str, str]:
        """The engine's arguments for the campaign and account that the guard named; none where the campaign
        has no key.
        """
        named = {key: some[0] for key, some in parse_qs(header.decode("latin-1")).items()}
        campaign = named.get("campaign", "")
        issued = self.keys.sampling(campaign)
        if issued is None:
            LOG.warning("no key marks the answers of campaign %r; they are served unmarked", campaign)
            return {}
        return {
            f"{OURS}campaign": campaign,
            f"{OURS}mark": issued.mark,
            f"{OURS}account": named.get("account", ""),
        }
