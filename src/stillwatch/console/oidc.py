"""Sign-in by OpenID Connect: the authorization-code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

Rules:
    State, nonce and code verifier are random, kept in memory for ten minutes, used once, and bound to the
    browser by a cookie. The ID token's signature, issuer, audience, times and nonce are checked. A person
    exists here before he signs in so; the provider grants no role.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from stillwatch.errors import Problem, UsageError
from stillwatch.share.access import Refused
from stillwatch.share.serving import is_loopback

VALID_S, PENDING = 600.0, 1000  # seconds and number of sign-ins that may be under way: chosen
TIMEOUT_S, LEEWAY_S = 10.0, 60  # seconds for an answer of the provider, and tolerated difference of clocks
SIGNED_WITH = ["RS256", "ES256", "PS256", "EdDSA"]  # algorithms of ID tokens; none and HMAC are refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The console as a client of a provider. `back` is the address to which browsers come back.

    Raises `UsageError` for an issuer that is not reached over TLS, unless it is on this machine.
    """

    issuer: str
    client_id: str
    secret: str
    back: str
    scope: str = "openid profile email"

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise UsageError(
                Problem(
                    fact="`--oidc-issuer` is no https address", found=self.issuer[:80], expected="https://"
                )
            )


class IdentityProvider:
    """An identity provider; what it publishes of itself is read at the first sign-in."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._pending: OrderedDict[str, tuple[str, str, str, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._published: dict[str, Any] = {}

    def begin(self) -> tuple[str, str]:
        """The address to send a browser to, and the value of its cookie."""
        from authlib.common.security import generate_token

        verifier, nonce, mark = generate_token(48), secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        with self._session() as session:
            address, state = session.create_authorization_url(
                self._of("authorization_endpoint"), code_verifier=verifier, nonce=nonce
            )
        with self._lock:
            self._pending[mark] = (state, nonce, verifier, time.monotonic() + VALID_S)
            while len(self._pending) > PENDING:
                self._pending.popitem(last=False)
        return address, mark

    def end(self, mark: str, query: str) -> tuple[str, list[str]]:
        """The subject of a sign-in (issuer and subject), and names by which the provider vouches for it: the
        preferred user name, and the address where it is verified, of the ID token or else of the provider's
        address for claims. Raises `Refused` (403).
        """
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError
        from requests.exceptions import RequestException

        with self._lock:
            state, nonce, verifier, until = self._pending.pop(mark, ("", "", "", 0.0))
        if not state or until < time.monotonic():
            raise Refused(403, "this sign-in is out of date", "begin again")
        try:
            with self._session(state) as session:
                token = session.fetch_token(
                    self._of("token_endpoint"),
                    authorization_response=f"{self.client.back}?{query}",
                    code_verifier=verifier,
                    timeout=TIMEOUT_S,
                )
                claims = self._claims(str(token.get("id_token") or ""), nonce)
                names = _names(claims) or _names(self._user_info(session, claims["sub"]))
        except (AuthlibBaseError, JoseError, RequestException, ValueError, KeyError, TypeError):
            raise Refused(403, "the identity provider did not vouch for this sign-in") from None
        return f"{self.client.issuer} {claims['sub']}", names

    def _user_info(self, session: Any, subject: str) -> dict[str, Any]:  # noqa: ANN401  no types
        """The claims that a provider gives at its own address and not in the ID token (OpenID Connect Core
        1.0, section 5.3); none where it has no such address. Raises `ValueError` for another subject's.
        """
        if "userinfo_endpoint" not in self._published:
            return {}
        claims = session.get(self._of("userinfo_endpoint"), timeout=TIMEOUT_S).json()
        if not isinstance(claims, dict) or claims.get("sub") != subject:
            raise ValueError("claims of another subject")
        return claims

    def _claims(self, text: str, nonce: str) -> dict[str, Any]:
        """The claims of a valid ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""
        from joserfc import jwt
        from joserfc.jwk import KeySet

        with self._session() as session:
            keys = KeySet.import_key_set(
                session.get(self._of("jwks_uri"), timeout=TIMEOUT_S, withhold_token=True).json()
            )
        held = jwt.decode(text, keys, algorithms=SIGNED_WITH)
        rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.client.issuer},
            aud={"essential": True, "value": self.client.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        rules.validate(held.claims)
        return dict(held.claims)

    def _of(self, name: str) -> str:
        """An address that the provider publishes (OpenID Connect Discovery 1.0). Raises `Refused` (503)."""
        from requests.exceptions import RequestException

        if not self._published:
            try:
                with self._session() as session:
                    place = f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration"
                    published = session.get(place, timeout=TIMEOUT_S, withhold_token=True).json()
            except (RequestException, ValueError):
                raise Refused(503, "the identity provider cannot be reached") from None
            if not isinstance(published, dict) or published.get("issuer") != self.client.issuer:
                raise Refused(503, "the identity provider names another issuer")
            self._published = published
        return str(self._published[name])

    def _session(self, state: str | None = None) -> Any:  # noqa: ANN401  the library has no types
        """A session of the OAuth library for one sign-in."""
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self.client.client_id,
            self.client.secret,
            scope=self.client.scope,
            redirect_uri=self.client.back,
            code_challenge_method="S256",
            state=state,
        )


def _names(claims: Mapping[str, Any]) -> list[str]:
    """Names in claims by which a person may be known here."""
    names = [str(claims.get("preferred_username") or "")]
    if claims.get("email_verified") is True:
        names.append(str(claims.get("email") or ""))
    return [name for name in names if name]
