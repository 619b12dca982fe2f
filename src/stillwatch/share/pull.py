"""Reads the content of other servers: TAXII 2.1 collections and MISP events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from stillwatch.errors import InputError, Problem
from stillwatch.foreign import visible
from stillwatch.share.client import PeerServer
from stillwatch.share.received import MOST_OBJECTS, objects_of
from stillwatch.share.taxii import MEDIA

MOST_PAGES = 1000
"""Most pages of a collection that are read."""
HEADERS = {"Accept": MEDIA, "Content-Type": MEDIA}  # headers of every request to a peer's server


class Taxii:
    """Client of a peer's TAXII 2.1 server. URLs of another host are refused, since a token is valid for one
    server only.
    """

    def __init__(self, server: PeerServer, *, basic: bool = False) -> None:
        self._server, self._basic = server, basic

    def _ask(self, method: str, url: str, body: object = None) -> Any:  # noqa: ANN401  foreign JSON
        """Send a request; returns the TAXII resource. Raises `InputError` for a URL of another host and for
        an answer that is no JSON object.
        """
        if url.startswith(("http://", "https://")) and urlsplit(url)[:2] != urlsplit(self._server.url)[:2]:
            raise InputError(
                Problem(
                    fact="the server names an address of another host",
                    where=self._server.url,
                    found=visible(url),
                )
            )
        found = self._server.send(method, url, body, HEADERS, basic=self._basic).json()
        if not isinstance(found, dict):
            raise InputError(Problem(fact="the answer is no TAXII resource", where=visible(url)))
        return found

    def root(self) -> str:
        """Path or URL of the default API root, or of the first one. Raises `InputError` where the server
        names none.
        """
        found = self._ask("GET", "/taxii2/")
        roots = found.get("api_roots") or []
        root = found.get("default") or (roots[0] if isinstance(roots, list) and roots else None)
        if not isinstance(root, str):
            raise InputError(Problem(fact="the server names no API root", where=self._server.url))
        root = root if root.startswith("http") else f"/{root.strip('/')}/"
        return root if root.endswith("/") else f"{root}/"

    def collections(self, root: str) -> list[dict[str, Any]]:
        """The collections of an API root, as TAXII describes them."""
        found = self._ask("GET", f"{root}collections/").get("collections", [])
        return (
            [one for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]
            if isinstance(found, list)
            else []
        )

    def objects(self, root: str, collection: str, added_after: str | None = None) -> Iterator[Any]:
        """Yield the objects of a collection in their latest versions, page by page; with `added_after` (a
        TAXII timestamp), only those added later.

        Raises `InputError` for more than `MOST_PAGES` pages or `MOST_OBJECTS` objects, and for an invalid
        answer.
        """
        base = f"{root}collections/{quote(collection, safe='')}/objects/?limit=1000"
        base += f"&added_after={quote(added_after)}" if added_after else ""
        url, number = base, 0
        for _page in range(MOST_PAGES):
            found = self._ask("GET", url)
            some = objects_of({"objects": found.get("objects", [])}, url)
            number += len(some)
            if number > MOST_OBJECTS:
                break
            yield from some
            if not found.get("more"):
                return
            if not isinstance(found.get("next"), str):
                raise InputError(
                    Problem(fact="more pages are promised and `next` is missing", where=visible(url))
                )
            url = f"{base}&next={quote(found['next'], safe='')}"
        raise InputError(
            Problem(
                fact="the collection is too large",
                where=visible(base),
                expected=f"at most {MOST_OBJECTS:,} objects",
            )
        )

    def write(self, root: str, collection: str, objects: list[dict[str, Any]]) -> Any:  # noqa: ANN401  foreign JSON
        """Write objects into a collection; returns the status resource of the server."""
        return self._ask(
            "POST", f"{root}collections/{quote(collection, safe='')}/objects/", {"objects": objects}
        )


def misp_events(server: PeerServer, days: int) -> list[Any]:
    """Events of a MISP server published within the last `days` days (`/events/restSearch`), including deleted
    attributes.
    """
    asked = {
        "returnFormat": "json",
        "published": True,
        "timestamp": f"{days}d",
        "deleted": [0, 1],
        "limit": 1000,
    }
    headers = {"Accept": "application/json", "Authorization": server.token}
    return objects_of(server.send("POST", "/events/restSearch", asked, headers).json(), server.url)


def readable(collection: dict[str, Any]) -> bool:
    """Whether the server permits reading a collection."""
    return collection.get("can_read") is True


def inbox_of(collections: list[dict[str, Any]]) -> str | None:
    """The identifier of the first collection that may be written to, which takes feedback; None where there
    is none.
    """
    return next((one["id"] for one in collections if one.get("can_write") is True), None)
