"""A real OpenID Connect issuer over HTTP: discovery, JWKS, and tokens signed by keys that it rotates."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE = "https://ledger.example.com"
NOW = 1_767_225_600

_RSA = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def _base64url(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).decode().rstrip("=")


class Issuer:
    """Answers at ``url``; ``keys`` are its private keys by id, ``asked`` the paths that were asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: dict[str, Any] = {"rsa-1": _RSA[0], "ec-1": ec.generate_private_key(ec.SECP256R1())}
        self.extra: list[Mapping[str, Any]] = []
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, Mapping[str, str], bytes]] = {}

    def jwks(self) -> list[Mapping[str, Any]]:
        """Its public keys as JWK."""
        return [*(self._jwk(kid, key) for kid, key in self.keys.items()), *self.extra]

    def _jwk(self, kid: str, key: Any) -> Mapping[str, Any]:
        common = {"kid": kid, "use": "sig"}
        if isinstance(key, rsa.RSAPrivateKey):
            numbers = key.public_key().public_numbers()
            size = (key.key_size + 7) // 8
            return {**common, "kty": "RSA", "n": _base64url(numbers.n, size), "e": _base64url(numbers.e, 3)}
        if isinstance(key, ed25519.Ed25519PrivateKey):
            raw = key.public_key().public_bytes_raw()
            x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
            return {**common, "kty": "OKP", "crv": "Ed25519", "x": x}
        point = key.public_key().public_numbers()
        size = (key.key_size + 7) // 8
        curve = {32: "P-256", 48: "P-384", 66: "P-521"}[size]
        return {**common, "kty": "EC", "crv": curve, "x": _base64url(point.x, size), "y": _base64url(point.y, size)}

    def rotate(self) -> None:
        """Another RSA key in the place of the first."""
        del self.keys["rsa-1"]
        self.keys["rsa-2"] = _RSA[1]

    def token(
        self,
        kid: str | None = "rsa-1",
        algorithm: str = "RS256",
        *,
        key: Any = None,
        headers: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A token for us, good for five minutes from ``NOW``; a claim of None is left out."""
        told = {"iss": self.url, "aud": AUDIENCE, "sub": "person 1", "iat": NOW, "exp": NOW + 300, **claims}
        head = {**({} if kid is None else {"kid": kid}), **(headers or {})}
        signing = key if key is not None else self.keys[kid or "rsa-1"]
        return jwt.encode({n: v for n, v in told.items() if v is not None}, signing, algorithm, headers=head)

    def answer(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        """What is answered at ``path``."""
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return 200, {}, json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}).encode()
        return (200, {}, json.dumps({"keys": self.jwks()}).encode()) if path == "/jwks" else (404, {}, b"")


@contextmanager
def issuing() -> Iterator[tuple[Issuer, ThreadingHTTPServer]]:
    """An issuer that answers until the block ends, or its server is closed."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = issuer.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield issuer, server
    finally:
        server.shutdown()
        server.server_close()
