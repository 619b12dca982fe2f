"""HTTP server of a provider that serves a set for private matching (`share.matching`).

| request | answer |
|---|---|
| `POST /match/sessions` | the blinded elements times the server's key, in another order |
| `GET /match/sets/{set}` | the tags of the set |
| `POST /match/sessions/{id}/order` | the order, if this side has consented to reveal |
| `POST /match/sessions/{id}/openings` | takes the common values; checked against commitment and set |

Limits per peer: `MOST_ASKED` values a session, `SESSIONS_A_DAY`, one new set a day and `SETS_A_MONTH` new
sets in 30 days. Each session needs a new nonce. After an order was disclosed, the peer must send the openings
before it can start another session. Every session is recorded in the journal.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from stillwatch.memory.record import now
from stillwatch.share import matching, oprf
from stillwatch.share.access import Door, Refused, body_of
from stillwatch.share.sets import CANONICAL, MOST_ASKED, canonical
from stillwatch.share.state import SharingState

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

SESSIONS_A_DAY = 4
"""Most sessions of a peer within 24 hours."""
SETS_A_MONTH = 4
"""Most new sets of a peer within 30 days."""
MOST_BYTES = 64 << 20
"""Most bytes of a request."""
HEX = re.compile(r"[0-9a-f]{64}")  # 32 bytes in hexadecimal digits
LONGEST_PURPOSE = 200
"""Most characters of a purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLimits:
    """Limits of one peer: values per session, sessions per day, and new sets in 30 days."""

    values: int = MOST_ASKED
    sessions_a_day: int = SESSIONS_A_DAY
    sets_a_month: int = SETS_A_MONTH


def app(state: SharingState, prepared: matching.Prepared, limits: PeerLimits | None = None) -> Starlette:
    """The ASGI application that serves a prepared set; `limits` None means the defaults."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    bounds, door = limits or PeerLimits(), Door(state)

    def route(
        path: str,
        method: str,
        act: Callable[[SharingState, matching.Prepared, PeerLimits, str, dict[str, Any], str], Any],
    ) -> Route:
        """A route whose requests need a valid token and are answered by `act` in a thread."""

        async def endpoint(request: Request) -> Response:
            """Answer a request with bytes or JSON."""
            try:
                peer = door.peer(request)
                body = await _json(request) if method == "POST" else {}
                answer = await run_in_threadpool(
                    act, state, prepared, bounds, peer, body, request.path_params.get("name", "")
                )
            except Refused as why:
                return _refusal(why)
            if isinstance(answer, bytes):
                return Response(answer, media_type="application/octet-stream")
            return JSONResponse(answer)

        return Route(path, endpoint, methods=[method])

    def _refusal(why: Refused) -> Response:
        """A refusal as a response."""
        headers = {} if why.retry_after is None else {"Retry-After": str(why.retry_after)}
        return JSONResponse({"title": why.title, "description": why.detail}, why.status, headers)

    return Starlette(
        routes=[
            route("/match/sessions", "POST", _begin),
            route("/match/sets/{name}", "GET", _tags),
            route("/match/sessions/{name}/order", "POST", _order),
            route("/match/sessions/{name}/openings", "POST", _open),
        ]
    )


async def _json(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object. Raises `Refused` for anything else."""
    try:
        found = orjson.loads(await body_of(request, MOST_BYTES))
    except orjson.JSONDecodeError:
        raise Refused(400, "the request is no JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "the request is no JSON object")
    return found


def _begin(
    state: SharingState,
    prepared: matching.Prepared,
    limits: PeerLimits,
    peer: str,
    body: dict[str, Any],
    _name: str,
) -> dict[str, Any]:
    """Start a session: check and record it, and evaluate the blinded elements."""
    commitment, nonce, purpose = (str(body.get(name, "")) for name in ("commitment", "nonce", "purpose"))
    if not HEX.fullmatch(commitment) or not HEX.fullmatch(nonce):
        raise Refused(400, "`commitment` and `nonce` are 64 hexadecimal digits")
    if not 0 < len(purpose.strip()) <= LONGEST_PURPOSE:
        raise Refused(400, "`purpose` is missing", f"1 to {LONGEST_PURPOSE} characters")
    whole = _whole(body.get("elements"))
    facts = {
        "peer": peer,
        "size": len(whole) // oprf.ELEMENT,
        "commitment": commitment,
        "set": prepared.name,
        "purpose": purpose,
    }
    try:
        elements = _elements(whole, limits)
        name, seed = _admitted(state, limits, facts, nonce)
    except Refused as why:
        state.journal.add("match refused", {**facts, "why": why.title})
        raise
    try:
        answer = matching.answer(prepared, elements, seed)
    except oprf.NotAnElement:
        state.journal.add("match refused", {**facts, "why": "no element of the group"})
        raise Refused(400, "what was sent is no element of ristretto255") from None
    state.journal.add("match", {**facts, "session": name})
    return {
        "session": name,
        "set": prepared.name,
        "set_size": len(prepared.pairs),
        "elements": base64.b64encode(b"".join(answer)).decode(),
    }


def _whole(text: object) -> bytes:
    """The decoded elements. Raises `Refused` for invalid base64 and for a wrong length."""
    try:
        whole = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "`elements` is no base64") from None
    if not whole or len(whole) % oprf.ELEMENT:
        raise Refused(400, "`elements` is no sequence of elements", f"{oprf.ELEMENT} bytes each")
    return whole


def _elements(whole: bytes, limits: PeerLimits) -> list[bytes]:
    """The elements of 32 bytes each. Raises `Refused` where there are too many or one occurs twice."""
    if len(whole) > limits.values * oprf.ELEMENT:
        raise Refused(413, "too many values", f"at most {limits.values:,} in a session")
    elements = [whole[at : at + oprf.ELEMENT] for at in range(0, len(whole), oprf.ELEMENT)]
    if len(set(elements)) < len(elements):
        raise Refused(400, "an element stands twice")
    return elements


def _admitted(
    state: SharingState, limits: PeerLimits, facts: Mapping[str, Any], nonce: str
) -> tuple[str, bytes]:
    """Record a new session described by `facts`; returns its name and seed. Raises `Refused` where a limit or
    rule forbids it.
    """
    peer, commitment = facts["peer"], facts["commitment"]
    seed, name = secrets.token_bytes(matching.SEED), secrets.token_hex(16)
    with state.whole():
        before = state.rows(
            "SELECT at, commitment, nonce, consent, opened FROM sessions WHERE peer = ? ORDER BY at", (peer,)
        )
        if any(row["nonce"] == nonce for row in before):
            raise Refused(409, "this nonce was used before")
        if any(row["consent"] == "told" and row["opened"] is None for row in before):
            raise Refused(403, "an earlier intersection was not opened", "send its openings first")
        if sum(row["at"] > _ago(days=1) for row in before) >= limits.sessions_a_day:
            raise Refused(429, "too many sessions", f"at most {limits.sessions_a_day} a day", 86_400)
        first: dict[str, str] = {}
        for row in before:
            first.setdefault(row["commitment"], row["at"])
        if commitment not in first:
            if any(at > _ago(days=1) for at in first.values()):
                raise Refused(429, "another set was asked within a day", "one new set a day", 86_400)
            if sum(at > _ago(days=30) for at in first.values()) >= limits.sets_a_month:
                raise Refused(429, "too many sets", f"at most {limits.sets_a_month} in 30 days", 86_400)
        state.write(
            "INSERT INTO sessions (id, peer, nonce, at, commitment, size, set_id, seed, purpose) VALUES (?, "
            "?, ?, ?, ?, ?, ?, ?, ?)",
            (name, peer, nonce, now(), commitment, facts["size"], facts["set"], seed.hex(), facts["purpose"]),
        )
    return name, seed


def _ago(*, days: int) -> str:
    """The time this many days ago, in the database's format."""
    return (
        (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )


def _tags(
    _state: SharingState,
    prepared: matching.Prepared,
    _limits: PeerLimits,
    _peer: str,
    _body: dict[str, Any],
    name: str,
) -> bytes:
    """The tags of the set. Raises `Refused` for another set than the one served."""
    if name != prepared.name:
        raise Refused(404, "this set is not served", "begin a new session")
    return prepared.tags


def _session(state: SharingState, prepared: matching.Prepared, peer: str, name: str) -> dict[str, Any]:
    """The row of a session of this peer. Raises `Refused` where there is none or its set is no
    longer served.
    """
    rows = state.rows("SELECT * FROM sessions WHERE id = ? AND peer = ?", (name, peer))
    if not rows:
        raise Refused(404, "no such session")
    if rows[0]["set_id"] != prepared.name:
        raise Refused(410, "the set of this session is not served any more", "begin a new session")
    return rows[0]


def _order(
    state: SharingState,
    prepared: matching.Prepared,
    _limits: PeerLimits,
    peer: str,
    _body: dict[str, Any],
    name: str,
) -> dict[str, Any]:
    """Disclose the seed of a session's order. Raises `Refused` where this side has not consented."""
    row = _session(state, prepared, peer, name)
    if row["consent"] is None:
        raise Refused(403, "this side has not consented to reveal", f"stillwatch match consent {name}")
    state.write("UPDATE sessions SET consent = 'told' WHERE id = ?", (name,))
    state.journal.add("match order told", {"peer": peer, "session": name})
    return {"order": row["seed"]}


def _open(
    state: SharingState,
    prepared: matching.Prepared,
    _limits: PeerLimits,
    peer: str,
    body: dict[str, Any],
    name: str,
) -> dict[str, Any]:
    """Take the openings of a session. Raises `Refused` where one is not in both sets."""
    row = _session(state, prepared, peer, name)
    if row["consent"] != "told":
        raise Refused(403, "the order of this session was not told")
    if row["opened"] is not None:
        raise Refused(409, "the openings of this session were sent before")
    commitment, size = bytes.fromhex(row["commitment"]), int(row["size"])
    found = [_opening(one) for one in _list(body.get("openings"), size)]
    bad = sum(not matching.is_opening(one, prepared, commitment, size) for one in found)
    if bad:
        state.journal.add(
            "match refused", {"peer": peer, "session": name, "why": f"{bad} openings do not hold"}
        )
        raise Refused(422, "an opening is no value of both sets", f"{bad} of {len(found)}")
    pairs = sorted({one.pair for one in found})
    state.write("UPDATE sessions SET opened = ? WHERE id = ?", (orjson.dumps(pairs).decode(), name))
    state.journal.add("match opened", {"peer": peer, "session": name, "values": len(pairs)})
    return {"values": len(pairs)}


def _list(found: object, most: int) -> list[Any]:
    """The openings as a list. Raises `Refused` for anything else and for more than `most`."""
    if not isinstance(found, list) or len(found) > most:
        raise Refused(400, "`openings` is no list of values of the session")
    return found


def _opening(one: Any) -> matching.Opening:  # noqa: ANN401  foreign JSON
    """An opening from JSON. Raises `Refused` for an invalid one."""
    try:
        kind, value = str(one["kind"]), str(one["value"])
        if kind not in CANONICAL or canonical(kind, value) != value:
            raise ValueError(kind)
        return matching.Opening(
            pair=(kind, value), index=int(one["index"]), salt=bytes.fromhex(one["salt"]),
            proof=tuple(bytes.fromhex(step) for step in one["proof"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise Refused(400, "an opening is not as it must be", "kind, value, index, salt, proof") from None
