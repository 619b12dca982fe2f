"""Reads the content of a TLS client's fingerprint.

JA4 (FoxIO, 2023; the TLS client fingerprint is BSD-3-Clause) is readable: protocol, version, whether a server
name was sent, numbers of ciphers and extensions, the first application protocol, then two digests. JA3
(Salesforce, 2017) is an MD5, or the text that was digested.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache

from stillwatch.enrich.lists import bundled_list

# A JA4 fingerprint: transport, version, SNI, counts, ALPN and two digests.
JA4 = re.compile(
    r"([tqd])(13|12|11|10|s3|s2|d1|d2|d3|00)([di])(\d\d)(\d\d)([0-9a-z]{2})_([0-9a-f]{12})_([0-9a-f]{12})"
)
JA3_DIGEST = re.compile(r"[0-9a-f]{32}")  # a JA3 fingerprint as MD5
# A JA3 fingerprint as text: version, ciphers, extensions, curves and point formats.
JA3_TEXT = re.compile(r"\d+,(?:\d+(?:-\d+)*)?,(?:\d+(?:-\d+)*)?,(?:\d+(?:-\d+)*)?,(?:\d+(?:-\d+)*)?")
TRANSPORTS = {"t": "TCP", "q": "QUIC", "d": "DTLS"}  # transport by the first letter of a JA4 fingerprint
# Version of TLS by its two characters in a JA4 fingerprint.
VERSIONS = {"13": "TLS 1.3", "12": "TLS 1.2", "11": "TLS 1.1", "10": "TLS 1.0", "s3": "SSL 3", "s2": "SSL 2",
            "d1": "DTLS 1.0", "d2": "DTLS 1.2", "d3": "DTLS 1.3", "00": "unknown"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """The content of a client hello according to its fingerprint. `kind` is `ja4` or `ja3`. Unknown fields
    are empty or None, as all are for a JA3 digest.
    """

    kind: str
    digest: str
    transport: str = ""
    version: str = ""
    names_server: bool | None = None
    ciphers: int | None = None
    extensions: int | None = None
    protocol: str = ""
    client: str = ""


def parse(fingerprint: str) -> Greeting | None:
    """The content of a fingerprint; None for text that is neither JA4 nor JA3."""
    text = fingerprint.strip().lower()
    match = JA4.fullmatch(text)
    if match:
        transport, version, named, ciphers, extensions, protocol = match.groups()[:6]
        return Greeting(
            kind="ja4",
            digest=text,
            transport=TRANSPORTS[transport],
            version=VERSIONS[version],
            names_server=named == "d",
            ciphers=int(ciphers),
            extensions=int(extensions),
            protocol="" if protocol == "00" else protocol,
            client=clients().get(text, ""),
        )
    if JA3_DIGEST.fullmatch(text):
        return Greeting(kind="ja3", digest=text)
    if JA3_TEXT.fullmatch(text):
        version, ciphers, extensions = text.split(",")[:3]
        return Greeting(
            kind="ja3",
            digest=hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
            version={"771": "TLS 1.2", "770": "TLS 1.1", "769": "TLS 1.0", "768": "SSL 3"}.get(version, ""),
            ciphers=len(ciphers.split("-")) if ciphers else 0,
            extensions=len(extensions.split("-")) if extensions else 0,
        )
    return None


@cache
def clients() -> dict[str, str]:
    """Client by JA4 fingerprint (`data/SOURCES.md`); fingerprints of several clients are left out."""
    table = bundled_list("ja4_clients")
    held: dict[str, set[str]] = {}
    for fingerprint, client in zip(table["ja4"].to_pylist(), table["client"].to_pylist(), strict=True):
        if fingerprint and client:
            held.setdefault(fingerprint, set()).add(client)
    return {fingerprint: next(iter(some)) for fingerprint, some in held.items() if len(some) == 1}
