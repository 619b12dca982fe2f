"""What other servers hold: pages of a TAXII 2.1 server, events of a MISP server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from stillwatch.errors import InputError, Problem
from stillwatch.foreign import visible
from stillwatch.share.client import Server
from stillwatch.share.received import MOST_OBJECTS, objects_of
from stillwatch.share.taxii import MEDIA

MOST_PAGES = 1000
HEADERS = {"Accept": MEDIA, "Content-Type": MEDIA}


class Taxii:
    """A TAXII 2.1 server of a peer. Only addresses of its own host are followed: a token is for one
    server.
    """

    def __init__(self, server: Server, *, basic: bool = False) -> None:
        self._server, self._basic = server, basic

    def _ask(self, method: str, url: str, body: object = None) -> Any:  # noqa: ANN401  foreign JSON
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
        """Path of the default API root, or of the first one."""
        found = self._ask("GET", "/taxii2/")
        roots = found.get("api_roots") or []
        root = found.get("default") or (roots[0] if isinstance(roots, list) and roots else None)
        if not isinstance(root, str):
            raise InputError(Problem(fact="the server names no API root", where=self._server.url))
        root = root if root.startswith("http") else f"/{root.strip('/')}/"
        return root if root.endswith("/") else f"{root}/"

    def collections(self, root: str) -> list[dict[str, Any]]:
        """Its collections."""
        found = self._ask("GET", f"{root}collections/").get("collections", [])
        return (
            [one for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]
            if isinstance(found, list)
            else []
        )

    def objects(self, root: str, collection: str, added_after: str | None = None) -> Iterator[Any]:
        """Objects of a collection, the last version of each, page by page. Raises `InputError` for a
        server that never ends.
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
        """Write objects; returns the status that the server tells."""
        return self._ask(
            "POST", f"{root}collections/{quote(collection, safe='')}/objects/", {"objects": objects}
        )


def misp_events(server: Server, days: int) -> list[Any]:
    """Events of a MISP server that were published within these days (`/events/restSearch`), deleted
    attributes among them.
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
    """Whether objects of a collection may be read, and are named as the standard says."""
    return collection.get("can_read") is True


def inbox_of(collections: list[dict[str, Any]]) -> str | None:
    """The identifier of the collection that takes feedback: the first that may be written to."""
    return next((one["id"] for one in collections if one.get("can_write") is True), None)
