"""Tokens of a real issuer over HTTP: what is good, all that is not, and an issuer that rotates or is gone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from identity.issuer import AUDIENCE, NOW, Issuer, issuing
from tallystick.errors import IssuerUnavailable, Unauthenticated
from tallystick.identity.openid import FRESH_SECONDS, REFETCH_SECONDS, STALE_SECONDS, OpenIdIssuer
from tallystick.protocol.types import Timestamp


class Clock:
    """Both clocks in the test's hands."""

    def __init__(self) -> None:
        self.time = NOW
        self.elapsed = 1_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served() -> Iterator[tuple[Issuer, ThreadingHTTPServer]]:
    with issuing() as found:
        yield found


@pytest.fixture
def issuer(served: tuple[Issuer, ThreadingHTTPServer]) -> Issuer:
    return served[0]


@pytest.fixture
def trusted(issuer: Issuer, clock: Clock) -> OpenIdIssuer:
    return trusting(issuer.url, clock)


def trusting(url: str, clock: Clock) -> OpenIdIssuer:
    return OpenIdIssuer(url, AUDIENCE, lambda: Timestamp(clock.time), elapsed=lambda: clock.elapsed)


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    """A token that no library would make."""
    body = f"{encoded(header)}.{encoded(claims)}"
    made = b"" if secret is None else hmac.digest(secret, body.encode(), hashlib.sha256)
    return f"{body}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def claims(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return {"iss": issuer.url, "aud": AUDIENCE, "sub": "person 1", "iat": NOW, "exp": NOW + 300, **changes}


def test_alg_none_is_no_signature(trusted: OpenIdIssuer, issuer: Issuer) -> None:
    """In any spelling: RFC 8725, section 2.1."""
    for alg in ("none", "None", "NONE", "nOnE", "", None, 1, ["RS256"]):
        with pytest.raises(Unauthenticated):
            trusted.subject(forged({"alg": alg, "kid": "rsa-1"}, claims(issuer), None))
    assert issuer.asked == []


def test_a_public_key_is_no_secret(trusted: OpenIdIssuer, issuer: Issuer) -> None:
    """HS256 with the RSA key as PEM, DER or JWK as its secret: RFC 8725, section 2.1."""
    public = issuer.keys["rsa-1"].public_key()
    secrets = [
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        json.dumps(issuer.jwks()[0]).encode(),
    ]
    for secret in secrets:
        for alg in ("HS256", "RS256", "ES256"):
            with pytest.raises(Unauthenticated):
                trusted.subject(forged({"alg": alg, "kid": "rsa-1"}, claims(issuer), secret))


def test_a_key_is_good_for_its_own_kind_alone(trusted: OpenIdIssuer, issuer: Issuer) -> None:
    """ES256 does not name the RSA key, nor RS256 the other; nor ES256 a key of another curve."""
    issuer.keys["ec-384"] = ec.generate_private_key(ec.SECP384R1())
    header = {"alg": "ES256", "kid": "rsa-1"}
    with pytest.raises(Unauthenticated, match="no such key"):
        trusted.subject(forged(header, claims(issuer), b"x" * 32))
    with pytest.raises(Unauthenticated):
        trusted.subject(forged({"alg": "ES256", "kid": "ec-384"}, claims(issuer), b"x" * 32))
    assert trusted.subject(issuer.token("ec-384", "ES384")) == "person 1"


def test_a_token_does_not_bring_its_key(trusted: OpenIdIssuer, issuer: Issuer) -> None:
    """What it names as jwk, jku or x5u is not read: RFC 8725, section 3.10."""
    stranger = rsa.generate_private_key(65537, 2048)
    numbers = stranger.public_key().public_numbers()
    n = base64.urlsafe_b64encode(numbers.n.to_bytes(256, "big")).decode().rstrip("=")
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "kid": "rsa-1"}
    for headers in ({"jwk": jwk}, {"jku": f"{issuer.url}/mine"}, {"x5u": f"{issuer.url}/mine"}):
        with pytest.raises(Unauthenticated):
            trusted.subject(issuer.token(key=stranger, headers=headers))
    assert "/mine" not in issuer.asked


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example.com"},
        {"aud": ["https://other.example.com"]},
        {"aud": AUDIENCE + "/"},
        {"aud": None},
        {"iss": "https://other.example.com"},
        {"iss": None},
        {"exp": NOW - 31},
        {"exp": None},
        {"nbf": NOW + 31},
        {"iat": NOW + 31},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
    ],
    ids=str,
)
def test_a_token_is_for_us_from_them_and_now(trusted: OpenIdIssuer, issuer: Issuer, changes: dict[str, Any]) -> None:
    """Another audience or issuer, expired, not yet good, or one of them missing: refused."""
    with pytest.raises(Unauthenticated):
        trusted.subject(issuer.token(**changes))


@pytest.mark.parametrize("changes", [{"exp": "soon"}, {"exp": True}, {"nbf": []}, {"iat": -1}, {"sub": 7}], ids=str)
def test_a_claim_is_of_its_form(trusted: OpenIdIssuer, issuer: Issuer, changes: dict[str, Any]) -> None:
    """Whatever stands in a claim, it is a refusal and no crash."""
    key = issuer.keys["rsa-1"]
    head, body = encoded({"alg": "RS256", "kid": "rsa-1"}), encoded(claims(issuer, **changes))
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    made = key.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(Unauthenticated):
        trusted.subject(f"{head}.{body}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}")


@pytest.mark.parametrize("headers", [{"crit": ["x"], "x": 1}, {"typ": "logout+jwt"}, {"typ": 7}], ids=str)
def test_a_header_asks_for_nothing_special(trusted: OpenIdIssuer, issuer: Issuer, headers: dict[str, Any]) -> None:
    """An extension that must be understood, and a token of another purpose, are refused."""
    with pytest.raises(Unauthenticated):
        trusted.subject(forged({"alg": "RS256", "kid": "rsa-1", **headers}, claims(issuer), b"x"))


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "..", "a.b.c.d", "é.é.é", "x" * 8193, "." * 100])
def test_what_is_no_token_is_refused(trusted: OpenIdIssuer, issuer: Issuer, token: str) -> None:
    """Before the issuer is asked anything."""
    with pytest.raises(Unauthenticated):
        trusted.subject(token)
    assert issuer.asked == []


def test_a_changed_token_is_refused(trusted: OpenIdIssuer, issuer: Issuer) -> None:
    """Other claims under the same signature."""
    head, _, signature = issuer.token().split(".")
    with pytest.raises(Unauthenticated):
        trusted.subject(f"{head}.{encoded(claims(issuer, sub='person 2'))}.{signature}")


def test_a_short_rsa_key_and_a_key_for_encryption_are_not_used(trusted: OpenIdIssuer, issuer: Issuer) -> None:
    """A key of 1,024 bits, of use enc, or with another algorithm of its own, checks nothing."""
    issuer.keys["short"] = rsa.generate_private_key(65537, 1024)
    first = issuer.jwks()[0]
    issuer.extra = [{**first, "kid": "enc", "use": "enc"}, {**first, "kid": "ps", "alg": "PS256"}]
    for kid in ("short", "enc", "ps"):
        with pytest.raises(Unauthenticated):
            trusted.subject(issuer.token(kid, key=issuer.keys.get(kid, issuer.keys["rsa-1"])))
    assert trusted.subject(issuer.token("ps", "PS256", key=issuer.keys["rsa-1"])) == "person 1"


@pytest.mark.parametrize(
    ("kid", "algorithm"), [("rsa-1", "RS256"), ("rsa-1", "PS512"), ("ec-1", "ES256"), ("ed-1", "EdDSA")]
)
def test_a_good_token_tells_its_subject(trusted: OpenIdIssuer, issuer: Issuer, kid: str, algorithm: str) -> None:
    """RSA, elliptic curve and Edwards curve; the audience one of several; the clocks half a minute apart."""
    issuer.keys["ed-1"] = ed25519.Ed25519PrivateKey.generate()
    assert trusted.subject(issuer.token(kid, algorithm)) == "person 1"
    assert trusted.subject(issuer.token(kid, algorithm, aud=["other", AUDIENCE], sub="Zoë")) == "Zoë"
    assert trusted.subject(issuer.token(kid, algorithm, exp=NOW - 29, iat=NOW + 30, nbf=NOW + 30)) == "person 1"
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]


def test_without_a_key_id_the_only_fitting_key_is_meant(trusted: OpenIdIssuer, issuer: Issuer) -> None:
    """One RSA key: it. Two: nobody knows which."""
    assert trusted.subject(issuer.token(None)) == "person 1"
    other = OpenIdIssuer(issuer.url, AUDIENCE, lambda: Timestamp(NOW))
    issuer.keys["rsa-9"] = rsa.generate_private_key(65537, 2048)
    with pytest.raises(Unauthenticated):
        other.subject(issuer.token(None))


def test_a_rotated_key_is_found_and_the_old_one_ends(trusted: OpenIdIssuer, issuer: Issuer, clock: Clock) -> None:
    """A new key id is looked for at once; the old key is good until the keys are fetched anew."""
    old = issuer.token()
    trusted.subject(old)
    issuer.rotate()
    clock.elapsed += REFETCH_SECONDS
    assert trusted.subject(issuer.token("rsa-2")) == "person 1"
    with pytest.raises(Unauthenticated, match="no such key"):
        trusted.subject(old)


def test_unknown_key_ids_make_few_requests(trusted: OpenIdIssuer, issuer: Issuer, clock: Clock) -> None:
    """Whoever sends a thousand tokens of invented key ids makes the issuer answer once in 30 seconds."""
    trusted.subject(issuer.token())
    for number in range(1000):
        clock.elapsed += 0.03
        with pytest.raises(Unauthenticated):
            trusted.subject(forged({"alg": "RS256", "kid": f"k{number}"}, claims(issuer), b"x"))
    assert len(issuer.asked) <= 4


def test_an_issuer_that_is_gone_is_no_fault_of_the_token(
    served: tuple[Issuer, ThreadingHTTPServer], clock: Clock
) -> None:
    """Its keys are good for a day; an unknown key id, and everything after that day, is unavailable, never refused."""
    issuer, server = served
    trusted = trusting(issuer.url, clock)
    good, other = issuer.token(), issuer.token("rsa-1", headers={"kid": "rsa-7"})
    trusted.subject(good)
    server.shutdown()
    server.server_close()
    clock.elapsed += FRESH_SECONDS
    assert trusted.subject(good) == "person 1"
    with pytest.raises(IssuerUnavailable) as caught:
        trusted.subject(other)
    assert caught.value.todo
    with pytest.raises(Unauthenticated):
        trusted.subject(issuer.token(exp=NOW - 100))
    clock.elapsed += STALE_SECONDS
    with pytest.raises(IssuerUnavailable):
        trusted.subject(good)
    fresh = trusting(issuer.url, clock)
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            fresh.subject(good)


DISCOVERY = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DISCOVERY, (302, {"Location": "/elsewhere"}, b"")),
        ("/jwks", (307, {"Location": "/elsewhere"}, b"")),
        (DISCOVERY, (500, {}, b"")),
        (DISCOVERY, (200, {}, b"<html>")),
        (DISCOVERY, (200, {}, b"[]")),
        (DISCOVERY, (200, {}, b"[" * 100_000)),
        (DISCOVERY, (200, {}, b'{"issuer": "https://other.example.com", "jwks_uri": "https://x"}')),
        (DISCOVERY, (200, {}, b" " * 300_000)),
        ("/jwks", (200, {}, b'{"keys": []}')),
        ("/jwks", (200, {}, b'{"keys": {}}')),
        ("/jwks", (200, {}, b'{"keys": [7, {"kty": "oct", "k": "eA"}, {"kty": "RSA", "n": 1}]}')),
        ("/jwks", (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b\x08\x00")),
    ],
)
def test_an_answer_that_can_not_be_used_is_none(
    trusted: OpenIdIssuer, issuer: Issuer, path: str, answer: tuple[int, dict[str, str], bytes]
) -> None:
    """A redirect is not followed; what is too large, of another form, or of another issuer is not believed."""
    issuer.answers[path] = answer
    with pytest.raises(IssuerUnavailable):
        trusted.subject(issuer.token())
    assert "/elsewhere" not in issuer.asked


@pytest.mark.parametrize("uri", ["http://keys.example.com/jwks", "file:///etc/passwd", "ftp://x/jwks", 7, None])
def test_keys_come_over_https(trusted: OpenIdIssuer, issuer: Issuer, uri: object) -> None:
    """Or from this machine: keys that come in the clear are anybody's."""
    issuer.answers[DISCOVERY] = (200, {}, json.dumps({"issuer": issuer.url, "jwks_uri": uri}).encode())
    with pytest.raises(IssuerUnavailable):
        trusted.subject(issuer.token())


def test_many_threads_fetch_once(trusted: OpenIdIssuer, issuer: Issuer) -> None:
    """Whoever comes first fetches; the others wait for it."""
    token, found = issuer.token(), []
    threads = [threading.Thread(target=lambda: found.append(trusted.subject(token))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["person 1"] * 20
    assert issuer.asked == [DISCOVERY, "/jwks"]
