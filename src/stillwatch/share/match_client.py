"""The asking side of private set matching: one session with a provider that serves a set (`share.matching`,
`share.match_server`).
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from stillwatch.engine.files import atomic
from stillwatch.errors import InputError, Problem
from stillwatch.share import matching, oprf
from stillwatch.share.client import PeerServer
from stillwatch.share.sets import KindValue

FORM = "stillwatch-intersection-1"  # name and version of the format of an intersection's file


def ask(server: PeerServer, pairs: Sequence[KindValue], purpose: str, session: Path | None) -> dict[str, Any]:
    """Count how many of these values the peer also has; returns the session's name, the sizes of both sets,
    and `in_common`.

    `session` is a file for the session's secrets, readable by its owner only, which `reveal` needs later;
    None keeps nothing. Raises `InputError` for an invalid answer and where the peer refuses, `Unreachable`
    where it does not answer.
    """
    sent = matching.ask(pairs)
    answer = server.send(
        "POST", "/match/sessions",
        {
            "commitment": sent.tree.root.hex(), "nonce": secrets.token_hex(32), "purpose": purpose,
            "elements": base64.b64encode(b"".join(sent.elements())).decode(),
        },
    ).json()  # fmt: skip
    try:
        name, of_set, size = str(answer["session"]), str(answer["set"]), int(answer["set_size"])
        whole = base64.b64decode(answer["elements"], validate=True)
        answered = [whole[at : at + oprf.ELEMENT] for at in range(0, len(whole), oprf.ELEMENT)]
        tags = server.send("GET", f"/match/sets/{of_set}").body
        if not of_set.isalnum() or not name.isalnum() or len(tags) != size * oprf.TAG:
            raise ValueError("sizes disagree")
        places = matching.matched(sent, answered, tags)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise _odd(server, error) from None
    if session is not None:
        kept = {
            "session": name,
            "pairs": sent.pairs,
            "blind": sent.blind.hex(),
            "seed": sent.seed.hex(),
            "places": places,
        }
        with atomic(session, private=True) as temporary:
            temporary.write_bytes(orjson.dumps(kept))
    return {"session": name, "asked": len(pairs), "served": size, "in_common": len(places)}


def reveal(server: PeerServer, session: Path, out: Path, peer: str) -> int:
    """Learn which values are in common, disclose them to the peer, and write them to `out`; returns their
    number.

    `session` is the file that `ask` wrote. Raises `InputError` where the peer has not consented, where the
    file is no session, and where the answer contradicts the earlier count.
    """
    try:
        kept = orjson.loads(session.read_bytes())
        pairs = tuple((str(kind), str(value)) for kind, value in kept["pairs"])
        sent = matching.AskerSecrets(
            pairs=pairs, blind=bytes.fromhex(kept["blind"]), seed=bytes.fromhex(kept["seed"])
        )
        name, places = str(kept["session"]), [int(place) for place in kept["places"]]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            Problem(
                fact="the file is no session",
                where=str(session),
                found=type(error).__name__,
                fix="stillwatch match ask SET.csv --keep FILE",
            )
        ) from None
    try:
        seed = bytes.fromhex(server.send("POST", f"/match/sessions/{name}/order", {}).json()["order"])
        if len(seed) != matching.SEED:
            raise ValueError("length")
        found = matching.openings(sent, places, seed)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _odd(server, error) from None
    opened = [
        {
            "kind": one.pair[0], "value": one.pair[1], "index": one.index, "salt": one.salt.hex(),
            "proof": [step.hex() for step in one.proof],
        }
        for one in found
    ]  # fmt: skip
    server.send("POST", f"/match/sessions/{name}/openings", {"openings": opened})
    write_intersection(out, peer, name, [one.pair for one in found])
    return len(found)


def write_intersection(out: Path, peer: str, session: str, pairs: Sequence[KindValue]) -> None:
    """Write the values that two providers have in common, for `stillwatch scan --with-peer`; the file is
    readable by its owner only.
    """
    whole = {
        "format": FORM,
        "peer": peer,
        "session": session,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "values": [{"kind": kind, "value": value} for kind, value in sorted(pairs)],
    }
    with atomic(out, private=True) as temporary:
        temporary.write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2))


def _odd(server: PeerServer, error: Exception) -> InputError:
    """The error for an answer that violates the protocol."""
    return InputError(
        Problem(
            fact="the answer of the server is not as the protocol says",
            where=server.url,
            found=type(error).__name__,
        )
    )
