"""Bearer tokens of an OpenID Connect issuer: a signature by one of its keys, for us, now.

::

    token --kid--> key --signature, issuer, audience, times--> subject
                    ^
        JWKS, which the discovery document names; cached

Rules:

- only asymmetric algorithms are taken, and a key only for those of its own kind: a token says ``none``, or HS256 with a
  public key as secret, in vain. What a token names as its own key or its place (``jwk``, ``jku``, ``x5u``) is not read;
- keys are fetched anew when they are ten minutes old, and for a key id that is not known, at most once in 30 seconds;
- an issuer that does not answer is no fault of the token: its keys are good for a day more, and after that nobody is
  told that a token is bad, but to come back later;
- an answer is bounded in time and size, and no redirect is followed.

Source: RFC 7515, 7517, 7518, 7519, 8725 (JWT best current practices); OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import orjson
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from tallystick.errors import IssuerUnavailable, Unauthenticated
from tallystick.protocol.types import Timestamp, clip

FRESH_SECONDS = 600.0
STALE_SECONDS = 86_400.0
REFETCH_SECONDS = 30.0
TIMEOUT_SECONDS = 5.0
LEEWAY_SECONDS = 30
"""By how much the clocks of issuer and server may differ."""
MAX_TOKEN = 8_192
MAX_SUBJECT = 255
"""Characters of a subject. Source: OpenID Connect Core 1.0, section 2."""
MAX_ANSWER_BYTES = 256 * 1024
MAX_KEYS = 100
MIN_RSA_BITS = 2048

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""What is taken, and the kind of key that it needs: kty and crv (RFC 7518 section 3.1, RFC 8037)."""
_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
_LOCAL = ("localhost", "127.0.0.1", "::1")

logger = logging.getLogger("tallystick.identity")


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str | None
    kind: tuple[str, str | None]
    algorithm: str | None
    public: Any


class OpenIdIssuer:
    """The issuer at the URL ``issuer``, whose tokens for ``audience`` are good; any thread may ask.

    ``now`` tells the time in seconds since 1970; ``elapsed`` a time that only grows.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        now: Callable[[], Timestamp],
        *,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._now = now
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._keys: tuple[_Key, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._failure: str | None = None

    @property
    def issuer(self) -> str:
        """The issuer, as its tokens name it."""
        return self._issuer

    def subject(self, token: str) -> str:
        """Whom ``token`` is of, as the issuer calls them.

        Raises:
            Unauthenticated: it is not good, and why. IssuerUnavailable: nobody can tell as long as the issuer is away.
        """
        if len(token) > MAX_TOKEN:
            raise _refused(f"expected at most {MAX_TOKEN} characters, got {len(token)}")
        header = _header(token)
        algorithm = header["alg"]
        key = self._key(header.get("kid"), algorithm)
        try:
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[algorithm],
                options={
                    "require": ["iss", "aud", "sub", "exp", "iat"],
                    # the times are checked below, by the clock of this installation
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
                audience=self._audience,
                issuer=self._issuer,
            )
        except PyJWTError as error:
            raise _refused(str(error)) from error
        self._check_times(claims)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
            raise _refused("sub: expected 1 to 255 characters")
        return subject

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._now()
        times: dict[str, float] = {}
        for name in ("exp", "iat", "nbf"):
            value = claims.get(name)
            if name == "nbf" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
                raise _refused(f"{name}: expected seconds since 1970")
            times[name] = value
        if now >= times["exp"] + LEEWAY_SECONDS:
            raise _refused("it has expired")
        if times.get("nbf", 0) > now + LEEWAY_SECONDS or times["iat"] > now + LEEWAY_SECONDS:
            raise _refused("it is not good yet")

    # keys

    def _key(self, kid: object, algorithm: str) -> _Key:
        if kid is not None and (not isinstance(kid, str) or len(kid) > MAX_SUBJECT):
            raise _refused("kid: expected text")
        fetched_at = self._fetched_at
        if fetched_at is not None and self._elapsed() - fetched_at < FRESH_SECONDS:
            found = self._find(kid, algorithm)
            if found is not None:
                return found
        with self._lock:
            now = self._elapsed()
            if self._fetched_at is None or now - self._fetched_at >= FRESH_SECONDS:
                self._refresh(now)
            if self._fetched_at is None or now - self._fetched_at >= STALE_SECONDS:
                raise self._unavailable()
            found = self._find(kid, algorithm)
            if found is None:
                self._refresh(now)
                found = self._find(kid, algorithm)
        if found is not None:
            return found
        if self._failure is not None:
            raise self._unavailable()
        raise _refused("kid: the issuer has no such key for that algorithm")

    def _find(self, kid: str | None, algorithm: str) -> _Key | None:
        kind = ALGORITHMS[algorithm]
        fitting = [key for key in self._keys if key.kind == kind and key.algorithm in (None, algorithm)]
        if kid is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.kid == kid), None)

    def _refresh(self, now: float) -> None:
        """Fetch the keys, unless that was tried a moment ago; what is known stays where that fails."""
        if self._tried_at is not None and now - self._tried_at < REFETCH_SECONDS:
            return
        self._tried_at = now
        try:
            self._keys = self._fetched()
            self._fetched_at, self._failure = now, None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            self._failure = str(error) or type(error).__name__
            logger.warning("issuer %s: %s", self._issuer, self._failure)

    def _fetched(self) -> tuple[_Key, ...]:
        """The issuer's keys. Raises ``httpx.HTTPError``, ``ValueError``: no answer, or none of its form."""
        # closed at once: keys are fetched every few minutes, and a connection that is kept grows stale
        with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            document = _get(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != self._issuer:
                raise ValueError(f"expected a document of {self._issuer}, got {clip(document.get('issuer'))}")
            keys = _get(client, _safe(document.get("jwks_uri"))).get("keys")
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise ValueError(f"jwks: expected a list of at most {MAX_KEYS} keys")
        usable = [made for key in keys if isinstance(key, dict) and (made := _usable(key)) is not None]
        if not usable:
            raise ValueError("jwks: expected a key to check signatures with, found none")
        return tuple(usable)

    def _unavailable(self) -> IssuerUnavailable:
        return IssuerUnavailable(
            "The issuer of tokens gives no answer that can be used, so that nobody can tell whether this one is good.",
            todo="Try again later, or use an API key; the server's log says what the issuer answered.",
        )


def _header(token: str) -> Mapping[str, Any]:
    """The header of ``token``, with an algorithm that is taken. Raises ``Unauthenticated``."""
    try:
        header = jwt.get_unverified_header(token)
    except PyJWTError as error:
        raise _refused("expected a signed JSON Web Token") from error
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused(f"alg: expected one of {', '.join(ALGORITHMS)}, got {clip(algorithm)}")
    kind = header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise _refused(f"typ: expected JWT or at+jwt, got {clip(kind)}")
    if "crit" in header:
        raise _refused("crit: expected no extension")
    return header


def _usable(key: Mapping[str, Any]) -> _Key | None:
    """The key that the JWK ``key`` spells, None where it is of another use, or of a kind that is not taken."""
    kind = (key.get("kty"), key.get("crv") if key.get("kty") != "RSA" else None)
    kid, algorithm, operations = key.get("kid"), key.get("alg"), key.get("key_ops", ["verify"])
    if kind not in ALGORITHMS.values() or key.get("use", "sig") != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    if not isinstance(kid, str | None) or not (
        algorithm is None or (isinstance(algorithm, str) and algorithm in ALGORITHMS)
    ):
        return None
    readers: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
    members = {name: value for name, value in key.items() if name in ("kty", "crv", "n", "e", "x", "y")}
    try:
        public = readers[str(kind[0])].from_jwk(members)
    except (PyJWTError, ValueError, KeyError, TypeError):
        return None
    if kind[0] == "RSA" and public.key_size < MIN_RSA_BITS:
        return None
    return _Key(kid, (str(kind[0]), kind[1]), algorithm, public)


def _safe(url: object) -> str:
    """``url`` if it is of https, or of http on this machine. Raises ``ValueError``."""
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)):
        raise ValueError(f"jwks_uri: expected a URL of https, got {clip(url)}")
    return str(url)


def _get(client: httpx.Client, url: str) -> Mapping[str, Any]:
    """The JSON object at ``url``. Raises ``httpx.HTTPError``, ``ValueError``."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    content = b""
    with client.stream("GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}) as answer:
        if answer.status_code != 200:
            raise ValueError(f"{url}: expected 200, got {answer.status_code}")
        for chunk in answer.iter_raw():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                raise ValueError(f"{url}: expected {MAX_ANSWER_BYTES} bytes within {TIMEOUT_SECONDS:g} s, got more")
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{url}: expected JSON") from error
    if not isinstance(found, dict):
        raise ValueError(f"{url}: expected a JSON object")
    return found


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"Authorization: the token is not good: {clip(why)}.", todo="Sign in again, for a new one.")
