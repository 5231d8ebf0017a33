"""Persons over HTTP: tokens of a real issuer, sessions of a wallet, and what each of them reaches."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from fastapi.testclient import TestClient

from identity.issuer import AUDIENCE, Issuer, issuing
from tallystick.bootstrap import Opened
from tallystick.identity.openid import OpenIdIssuer
from tallystick.service import accounts, members
from tallystick.store.identities import Role, Scope
from tallystick.web.app import create_app
from tallystick.web.identity import SignIn
from web.conftest import trusting_no_authority
from web.support import problem

PUBLIC = "https://ledger.example.com"
WALLET = Account.from_key(b"\x66" * 32)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Issuer, ThreadingHTTPServer]]:
    with issuing() as found:
        yield found


@pytest.fixture(scope="module")
def holder(opened: Opened, served: tuple[Issuer, ThreadingHTTPServer]) -> str:
    """An organisation with a person, who may read evidence, and a wallet."""
    made = accounts.add_organisation(opened.context, "test", "People", Role.LENDER).organisation
    scopes = [Scope.READ_EVIDENCE]
    person = {"issuer": served[0].url, "subject": "person 1", "scopes": scopes}
    members.add_member(opened.context, "test", made, "Ada", **person)  # type: ignore[arg-type]
    address = bytes.fromhex(WALLET.address[2:])
    members.add_member(opened.context, "test", made, "Wallet", address=address)  # type: ignore[arg-type]
    return made


def client_of(opened: Opened, sign_in: SignIn) -> TestClient:
    app = create_app(opened.context, idle_seconds=None, check_token=trusting_no_authority, sign_in_by=sign_in)
    return TestClient(app, base_url="http://localhost")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_is_a_member_with_its_own_scopes(
    opened: Opened, served: tuple[Issuer, ThreadingHTTPServer], holder: str
) -> None:
    """A good token reaches what the role and the member's scopes do; a bad one is 401; a lost issuer 503, with when."""
    issuer, server = served
    clock = opened.context.clock
    trusted = OpenIdIssuer(issuer.url, AUDIENCE, clock.now)
    now = clock.now()
    good = issuer.token(iat=now, exp=now + 300)
    with client_of(opened, SignIn(PUBLIC, trusted)) as client:
        told = client.get("/v1/account", headers=bearer(good)).json()
        assert (told["organisation"]["organisation"], told["scopes"]) == (holder, ["evidence:read"])
        problem(client.get("/v1/keys", headers=bearer(good)), 403, "not-entitled")
        for claims in ({"exp": now - 300}, {"aud": "other"}, {"sub": "person 2"}, {"nbf": now + 300}):
            token = issuer.token(**{"iat": now, "exp": now + 300, **claims})
            refused = client.get("/v1/account", headers=bearer(token))
            problem(refused, 401, "unauthenticated")
            assert refused.headers["www-authenticate"].startswith("Bearer")
    server.shutdown()
    server.server_close()
    away = OpenIdIssuer(issuer.url, AUDIENCE, clock.now)
    with client_of(opened, SignIn(PUBLIC, away)) as client:
        answer = client.get("/v1/account", headers=bearer(good))
        problem(answer, 503, "issuer-unavailable")
        assert answer.headers["retry-after"]
    with client_of(opened, SignIn(PUBLIC)) as client:
        problem(client.get("/v1/account", headers=bearer(good)), 401, "unauthenticated")


def test_a_wallet_signs_in_and_out(opened: Opened, holder: str) -> None:
    """A message, a signature, a session; the same message is good once, and another's session can't be ended."""
    with client_of(opened, SignIn(PUBLIC)) as client:

        def begun(account: Any = WALLET) -> Any:
            asked = client.post("/v1/sign-in/nonce", json={"address": account.address.lower()}).json()
            made = account.sign_message(encode_defunct(text=asked["message"]))
            body = {"message": asked["message"], "signature": "0x" + bytes(made.signature).hex()}
            return body, client.post("/v1/sign-in", json=body)

        body, first = begun()
        assert first.status_code == 201, first.text
        problem(client.post("/v1/sign-in", json=body), 409, "duplicate")
        problem(begun(Account.from_key(b"\x67" * 32))[1], 401, "unauthenticated")
        problem(client.post("/v1/sign-in", json={**body, "signature": "0x" + "00" * 70}), 409, "refused")
        problem(client.post("/v1/sign-in", json={**body, "message": "hello"}), 422, "malformed-input")
        problem(client.post("/v1/sign-in", content=b"x" * 20_000), 413, "too-large")
        token, session = first.json()["token"], first.json()["session"]
        assert client.get("/v1/account", headers=bearer(token)).json()["organisation"]["organisation"] == holder
        foreign = accounts.add_organisation(opened.context, "test", "Others", Role.LENDER).organisation
        _, key = accounts.issue_key(opened.context, "test", foreign, "key")
        problem(client.delete(f"/v1/sessions/{session}", headers=bearer(key)), 404, "not-found")
        assert client.delete(f"/v1/sessions/{session}", headers=bearer(token)).status_code == 204
        problem(client.get("/v1/account", headers=bearer(token)), 401, "unauthenticated")


def test_a_service_without_its_url_signs_no_wallet_in(opened: Opened) -> None:
    """It can't know what a message must be for, and says how to tell it."""
    with client_of(opened, SignIn()) as client:
        answer = client.post("/v1/sign-in/nonce", json={"address": WALLET.address.lower()})
        problem(answer, 409, "refused")
        assert "public_url" in answer.json()["todo"]
