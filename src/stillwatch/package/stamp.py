"""Time stamps of RFC 3161: an authority's signed statement that a digest existed at a time."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.errors import InputError, Problem, Unreachable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TIMEOUT_S = 30  # seconds to wait for the authority
MOST_BYTES = 1 << 20  # most bytes of a response that are read


def stamped(content: bytes, authority: str) -> bytes:
    """Request a time stamp of `content` from the authority at that address; returns the response.

    Raises `Unreachable` where there is no response, or none that is a time stamp of this content.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    if not authority.startswith(("http://", "https://")):
        raise _no_stamp(authority, "no address of http or https")
    query = TimestampRequestBuilder(content, HashAlgorithm.SHA256).build().as_bytes()
    headers = {"Content-Type": "application/timestamp-query"}
    request = urllib.request.Request(authority, query, headers)  # noqa: S310  the scheme was checked
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            held: bytes = answer.read(MOST_BYTES)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _no_stamp(authority, type(error).__name__) from None
    if (fault := fault_of(held, content, None)) is not None:
        raise _no_stamp(authority, fault)
    return held


def fault_of(stamp: bytes, content: bytes, roots: Path | None) -> str | None:
    """What is wrong with a time stamp of `content`, as a clause; None where nothing is.

    The signature is checked only with `roots`, a PEM file of trusted certificates.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        held = decode_timestamp_response(stamp)
        if held.tst_info.message_imprint.message != hashlib.sha256(content).digest():
            return "it is a time stamp of something else"
    except ValueError as error:
        return f"it is no time stamp ({type(error).__name__})"
    if roots is None:
        return None
    builder = VerifierBuilder()
    for one in _certificates(roots):
        builder = builder.add_root_certificate(one)
    try:
        builder.build().verify_message(held, content)
    except (VerificationError, ValueError):
        return "it is not signed by an authority that the certificates lead to"
    return None


def time_of(stamp: bytes) -> str:
    """The stamp's time, ISO 8601 in UTC."""
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(stamp).tst_info.gen_time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _certificates(roots: Path) -> list[Certificate]:
    """The certificates of a file. Raises `InputError` where it holds none."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return list(load_pem_x509_certificates(roots.read_bytes()))
    except (OSError, ValueError) as error:
        raise InputError(
            Problem(
                fact="these are no certificates",
                where=str(roots),
                found=type(error).__name__,
                expected="a PEM file",
            )
        ) from None


def _no_stamp(authority: str, found: str) -> Unreachable:
    """The error of an authority that gives no time stamp."""
    return Unreachable(
        Problem(
            fact="the time-stamping authority gave no time stamp",
            where=authority,
            found=found,
            fix="try again, or leave --timestamp out",
        )
    )
