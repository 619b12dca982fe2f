"""A TAXII 2.1 server (OASIS standard of 10 June 2021) over the state of sharing.

| request | section |
|---|---|
| `GET /taxii2/` | 4.1 discovery |
| `GET /shared/` | 4.2 API root |
| `GET /shared/status/{id}/` | 4.3 status |
| `GET /shared/collections/` and `/{id}/` | 5.1, 5.2 |
| `GET /shared/collections/{id}/manifest/` | 5.3 |
| `GET`, `POST /shared/collections/{id}/objects/` | 5.4, 5.5 |
| `GET`, `DELETE /shared/collections/{id}/objects/{object}/` | 5.6, 5.7 |
| `GET /shared/collections/{id}/objects/{object}/versions/` | 5.8 |

A peer can read the collections that it has access to, and write into the inbox. Peers cannot delete objects.
The journal records every request; the database records which versions of objects each peer was served.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from stillwatch.memory.record import now
from stillwatch.share.access import Door, Refused, body_of
from stillwatch.share.release import INBOX, SPEC, add_collection, collection_id, put, version_of
from stillwatch.share.state import SharingState

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MEDIA = "application/taxii+json;version=2.1"  # media type of TAXII
STIX_MEDIA = "application/stix+json;version=2.1"  # media type of STIX
ROOT = "shared"  # path of the API root
PAGE = 1000
"""Most objects of a page."""
MOST_BYTES = 8 << 20
"""Most bytes of a request."""
MOST_PATH = 400
"""Most characters of a request's path that the journal records."""
MOST_POSTED = 1000
"""Most objects of a request."""
WRITABLE = frozenset(
    {"sighting", "opinion", "note", "identity", "indicator", "observed-data", "marking-definition"}
)
"""Types of objects that a peer may write into the inbox."""
# An identifier of a STIX object.
IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{2,250}--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")  # a time in UTC as STIX writes it

TaxiiAnswer = tuple[Any, dict[str, str], int]
"""An answer: body as JSON, headers and HTTP status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxiiRequest:
    """A request: the peer that sends it, the server's base URL, path parameters, query parameters
    and body.
    """

    state: SharingState
    peer: str
    url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


TaxiiAct = Callable[[TaxiiRequest], TaxiiAnswer]
"""Answers a request, or raises `Refused`."""


def app(state: SharingState, *, title: str = "Stillwatch", requests_a_minute: int | None = None) -> Starlette:
    """The ASGI application. It creates the inbox; releases create the other collections. `requests_a_minute`
    None means the default limit.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    add_collection(state, INBOX, "Feedback and receipts", "red", inbox=True)
    door = Door(state) if requests_a_minute is None else Door(state, requests_a_minute)

    async def no_route(_request: Request, error: Exception) -> Response:
        """The answer where no route or method fits, or the program has a fault."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        return _refusal(Refused(status, "not found" if status == 404 else "this cannot be done here"))

    made = Starlette(
        routes=[
            Route(path, _endpoint(state, door, act), methods=[method]) for method, path, act in _acts(title)
        ],
        exception_handlers={404: no_route, 405: no_route, 500: no_route},
    )
    made.router.redirect_slashes = False
    return made


def _acts(title: str) -> list[tuple[str, str, TaxiiAct]]:
    """Method and path of every request that is answered, and the function that answers it."""
    one = f"/{ROOT}/collections/{{collection}}"
    return [
        ("GET", "/taxii2/", lambda request: _discovery(request, title)),
        ("GET", f"/{ROOT}/", lambda request: _root(request, title)),
        ("GET", f"/{ROOT}/status/{{status}}/", _status),
        ("GET", f"/{ROOT}/collections/", _collections),
        ("GET", f"{one}/", _collection),
        ("GET", f"{one}/manifest/", _manifest),
        ("GET", f"{one}/objects/", _objects),
        ("POST", f"{one}/objects/", _post),
        ("GET", f"{one}/objects/{{object}}/", _objects),
        ("DELETE", f"{one}/objects/{{object}}/", _delete),
        ("GET", f"{one}/objects/{{object}}/versions/", _versions),
    ]


def _endpoint(
    state: SharingState, door: Door, act: TaxiiAct
) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """An endpoint that checks peer, rate and media types, answers with `act` in a thread, and records the
    request in the journal whatever comes of it.
    """
    from starlette.concurrency import run_in_threadpool

    async def endpoint(request: Request) -> Response:
        """Answer a request, and record it."""
        peer, status = "", 500
        try:
            peer = door.peer(request)
            _negotiated(request)
            parsed = TaxiiRequest(
                state=state,
                peer=peer,
                url=str(request.base_url),
                path=request.path_params,
                query=request.query_params,
                body=await body_of(request, MOST_BYTES) if request.method == "POST" else b"",
            )
            result = await run_in_threadpool(act, parsed)
            status = result[2]
            return _response(*result)
        except Refused as why:
            status = why.status
            return _refusal(why)
        finally:
            path = request.url.path[:MOST_PATH]
            facts = {"peer": peer, "method": request.method, "path": path, "status": status}
            await run_in_threadpool(state.journal.add, "taxii", facts)

    return endpoint


def _response(body: Any, headers: Mapping[str, str], status: int) -> Response:  # noqa: ANN401  any JSON
    """An answer as a response of the server."""
    from starlette.responses import Response

    return Response(
        orjson.dumps(body, option=orjson.OPT_SORT_KEYS), status, {**headers, "Content-Type": MEDIA}
    )


def _refusal(why: Refused) -> Response:
    """A refusal as an error message of TAXII (section 3.6.1), with the headers that HTTP asks for."""
    headers = {} if why.retry_after is None else {"Retry-After": str(why.retry_after)}
    if why.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="taxii", Basic realm="taxii"'
    fault = {"title": why.title, "http_status": str(why.status), "error_id": secrets.token_hex(8)}
    return _response(fault | ({"description": why.detail} if why.detail else {}), headers, why.status)


def _negotiated(request: Request) -> None:
    """Raise `Refused` where the client does not accept TAXII's media type (406) or sends another one
    (415).
    """
    wanted = [
        part.strip().lower().replace(" ", "") for part in request.headers.get("accept", "*/*").split(",")
    ]
    takes = ("*/*", "application/*", "application/taxii+json", MEDIA)
    if not any(part.split(";q=")[0] in takes for part in wanted):
        raise Refused(406, "this media type is not offered", MEDIA)
    given = request.headers.get("content-type", "").lower().replace(" ", "")
    if request.method == "POST" and given not in ("application/taxii+json", MEDIA):
        raise Refused(415, "this media type is not taken", MEDIA)


def _discovery(request: TaxiiRequest, title: str) -> TaxiiAnswer:
    """Discovery (TAXII 2.1, section 4.1)."""
    root = f"{request.url}{ROOT}/"
    return {"title": title, "default": root, "api_roots": [root]}, {}, 200


def _root(_asked: TaxiiRequest, title: str) -> TaxiiAnswer:
    """The API root (section 4.2)."""
    return {"title": title, "versions": [MEDIA], "max_content_length": MOST_BYTES}, {}, 200


def _readable(request: TaxiiRequest) -> set[str]:
    """Identifiers of the collections that the peer may read."""
    return {
        row["collection"]
        for row in request.state.rows("SELECT collection FROM access WHERE peer = ?", (request.peer,))
    }


def _collections(request: TaxiiRequest) -> TaxiiAnswer:
    """The collections that the peer can see (section 5.1)."""
    mine = _readable(request)
    rows = request.state.rows("SELECT * FROM collections ORDER BY name")
    shown = [_shown(row, row["id"] in mine) for row in rows if row["id"] in mine or row["inbox"]]
    return {"collections": shown}, {}, 200


def _shown(row: Mapping[str, Any], can_read: bool) -> dict[str, Any]:
    """A collection as TAXII describes it."""
    return {
        "id": row["id"],
        "title": row["title"],
        "alias": row["name"],
        "description": f"TLP:{row['tlp'].upper()}",
        "can_read": can_read,
        "can_write": bool(row["inbox"]),
        "media_types": [STIX_MEDIA],
    }


def _place(request: TaxiiRequest, *, read: bool = False, write: bool = False) -> Mapping[str, Any]:
    """The collection in the path, by identifier or alias. Raises `Refused`: 404 for a collection that the
    peer cannot see, 403 for an access that it does not have.
    """
    name = request.path["collection"]
    rows = request.state.rows("SELECT * FROM collections WHERE id = ? OR name = ?", (name, name))
    can_read = bool(rows) and rows[0]["id"] in _readable(request)
    if not rows or not (can_read or rows[0]["inbox"]):
        raise Refused(404, "no such collection")
    if (read and not can_read) or (write and not rows[0]["inbox"]):
        raise Refused(403, "this may not be done in this collection")
    return {**rows[0], "can_read": can_read}


def _collection(request: TaxiiRequest) -> TaxiiAnswer:
    """One collection (section 5.2)."""
    row = _place(request)
    return _shown(row, row["can_read"]), {}, 200


def _selected(request: TaxiiRequest, *, every_version: bool = False) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a page in the order of addition, and whether more follow. Raises `Refused` for an invalid
    parameter.
    """
    place = _place(request, read=True)
    where, values = ["collection = ?"], [place["id"]]
    query = request.query
    if "object" in request.path:
        where.append("id = ?")
        values.append(request.path["object"])
    for name, column in (("id", "id"), ("type", "type"), ("spec_version", "spec_version")):
        given = query.get(f"match[{name}]")
        if given is not None:
            some = given.split(",")
            where.append(f"{column} IN ({','.join('?' * len(some))})")
            values += some
    versions = (query.get("match[version]") or "last").split(",") if not every_version else ["all"]
    if "all" not in versions:
        kinds = {"last": "max", "first": "min"}
        wrong = [one for one in versions if one not in kinds]
        if any(not MOMENT.fullmatch(one) for one in wrong):
            raise Refused(400, "`match[version]` cannot be", "last, first, all or a time")
        parts = [
            f"version = (SELECT {kinds[one]}(version) FROM objects i WHERE i.collection = o.collection AND "
            f"i.id = o.id)"
            for one in versions
            if one in kinds
        ]
        if wrong:
            parts.append(f"version IN ({','.join('?' * len(wrong))})")
            values += wrong
        where.append(f"({' OR '.join(parts)})")
    added_after = query.get("added_after")
    if added_after is not None:
        if not MOMENT.fullmatch(added_after):
            raise Refused(400, "`added_after` is no time", "such as 2026-05-01T00:00:00.000Z")
        where.append("added > ?")
        values.append(_micro(added_after))
    if "next" in query:
        where.append("number > ?")
        values.append(_after(query["next"]))
    limit = _limit(query.get("limit"))
    rows = request.state.rows(
        f"SELECT * FROM objects o WHERE {' AND '.join(where)} ORDER BY number LIMIT ?", (*values, limit + 1)
    )
    return rows[:limit], len(rows) > limit


def _micro(text: str) -> str:
    """A timestamp with microseconds, as times of addition are stored, so that they can be compared
    as text.
    """
    moment = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _limit(text: str | None) -> int:
    """The number of objects on a page, at most `PAGE`. Raises `Refused` for an invalid number."""
    if text is None:
        return PAGE
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise Refused(400, "`limit` is no number of objects", "1 or more")
    return min(int(text[:9]), PAGE)


def _after(text: str) -> int:
    """The object's number in a `next` parameter. Raises `Refused` for an invalid one."""
    try:
        return int(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError):
        raise Refused(400, "`next` is not what this server gave") from None


def _paged(rows: list[dict[str, Any]], more: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """The properties and headers of a page."""
    if not rows:
        return {}, {}
    head: dict[str, Any] = {"more": more}
    if more:
        head["next"] = base64.urlsafe_b64encode(str(rows[-1]["number"]).encode()).decode()
    added = sorted(row["added"] for row in rows)
    return head, {"X-TAXII-Date-Added-First": added[0], "X-TAXII-Date-Added-Last": added[-1]}


def _objects(request: TaxiiRequest) -> TaxiiAnswer:
    """A page of objects (sections 5.4 and 5.6); records which versions were served."""
    rows, more = _selected(request)
    _known(request, rows)
    head, headers = _paged(rows, more)
    at = now()
    with request.state.whole():
        for row in rows:
            request.state.write(
                "INSERT OR IGNORE INTO served VALUES (?, ?, ?, ?, ?)",
                (request.peer, row["collection"], row["id"], row["version"], at),
            )
    return (
        {**head, **({"objects": [orjson.loads(row["body"]) for row in rows]} if rows else {})},
        headers,
        200,
    )


def _known(request: TaxiiRequest, rows: list[dict[str, Any]]) -> None:
    """Raise `Refused` where one object was requested that the collection never held."""
    if "object" in request.path and not rows:
        place = _place(request)
        if not request.state.rows(
            "SELECT 1 FROM objects WHERE collection = ? AND id = ? LIMIT 1",
            (place["id"], request.path["object"]),
        ):
            raise Refused(404, "no such object")


def _manifest(request: TaxiiRequest) -> TaxiiAnswer:
    """A page of the manifest (section 5.3)."""
    rows, more = _selected(request)
    head, headers = _paged(rows, more)
    records = [
        {"id": row["id"], "date_added": row["added"], "version": row["version"], "media_type": STIX_MEDIA}
        for row in rows
    ]
    return {**head, **({"objects": records} if rows else {})}, headers, 200


def _versions(request: TaxiiRequest) -> TaxiiAnswer:
    """Versions of an object (section 5.8)."""
    rows, more = _selected(request, every_version=True)
    _known(request, rows)
    head, headers = _paged(rows, more)
    return {**head, **({"versions": [row["version"] for row in rows]} if rows else {})}, headers, 200


def _delete(request: TaxiiRequest) -> TaxiiAnswer:
    """Refuse to delete objects (section 5.7)."""
    _place(request)
    raise Refused(403, "objects are not deleted by peers", "what is withdrawn is revoked")


def _post(request: TaxiiRequest) -> TaxiiAnswer:
    """Add the valid objects of an envelope to the inbox (section 5.5); the answer is a status resource."""
    place = _place(request, write=True)
    try:
        found = orjson.loads(request.body)
        objects = found["objects"]
        if not isinstance(objects, list):
            raise TypeError("objects")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Refused(422, "this is no envelope", '{"objects": [...]}') from None
    if len(objects) > MOST_POSTED:
        raise Refused(413, "too many objects", f"at most {MOST_POSTED:,} in a request")
    good, successes, failures = [], [], []
    for one in objects:
        why = _why_not(one)
        if why:
            name = one.get("id") if isinstance(one, dict) else None
            failures.append({"id": str(name)[:300], "version": now(), "message": why})
        else:
            good.append(("", one))
            successes.append({"id": one["id"], "version": version_of(one, now())})
    put(request.state, place["id"], good, request.peer)
    status = {
        "id": str(_uuid()),
        "status": "complete",
        "request_timestamp": now(),
        "total_count": len(objects),
        "success_count": len(successes),
        "failure_count": len(failures),
        "pending_count": 0,
        "successes": successes,
        "failures": failures,
    }
    request.state.write(
        "INSERT INTO statuses VALUES (?, ?, ?, ?)",
        (status["id"], request.peer, place["id"], orjson.dumps(status)),
    )
    return status, {}, 202


def _uuid() -> str:
    """A new random identifier."""
    import uuid

    return str(uuid.uuid4())


def _why_not(one: Any) -> str:  # noqa: ANN401  foreign JSON
    """Why an object is rejected; empty where it is accepted."""
    if not isinstance(one, dict) or not IDENTIFIER.fullmatch(str(one.get("id"))):
        return "no STIX object with an identifier"
    if one.get("type") not in WRITABLE or not one["id"].startswith(f"{one['type']}--"):
        return f"type is none of {', '.join(sorted(WRITABLE))}"
    if one.get("spec_version") != SPEC:
        return f"spec_version is not {SPEC}"
    for name in ("created", "modified"):
        if not (name in one or one["type"] == "marking-definition") or not MOMENT.fullmatch(
            str(one.get(name, "2026-01-01T00:00:00Z"))
        ):
            return f"{name} is no time"
    try:
        orjson.dumps(one)
    except orjson.JSONEncodeError:
        return "it cannot be written again"
    return ""


def _status(request: TaxiiRequest) -> TaxiiAnswer:
    """The status of an earlier request of this peer (section 4.3)."""
    rows = request.state.rows(
        "SELECT body FROM statuses WHERE id = ? AND peer = ?", (request.path["status"], request.peer)
    )
    if not rows:
        raise Refused(404, "no such status")
    return orjson.loads(rows[0]["body"]), {}, 200


def inbox(state: SharingState) -> list[dict[str, Any]]:
    """Objects that peers wrote into the inbox, each with peer and time, the oldest first."""
    rows = state.rows(
        "SELECT source, added, body FROM objects WHERE collection = ? ORDER BY number",
        (collection_id(INBOX),),
    )
    return [{"peer": row["source"], "at": row["added"], "object": orjson.loads(row["body"])} for row in rows]
