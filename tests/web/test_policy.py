"""Who may do what: every operation x every role x own, foreign and unknown objects, over HTTP.

Rule: the table of ``service/policy.py`` is what happens; what is out of reach looks as if it were not there.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import Engine, event

from tallystick.bootstrap import Opened
from tallystick.service import accounts
from tallystick.service.policy import PUBLIC, RULES, TABLE, Reach, scopes_of
from tallystick.store.identities import Role, Scope
from tallystick.web.app import API, create_app
from web.conftest import trusting_no_authority
from web.objects import DISPUTE, UNKNOWN, Objects, Unknown, numbers, open_account
from web.support import Api, problem

WALLET = "0x" + "71c3" * 10
ACTING = (Role.PARTY, Role.LENDER, Role.PROVIDER)
STATEMENT = b"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>1</Id><Acct><Id><Othr><Id>1</Id></Othr></Id></Acct></Stmt></BkToCstmrStmt></Document>"""

Ask = Callable[[Any], tuple[str, str, Any]]
"""From an :class:`Objects`, or an ``Unknown``, to method, path and body."""


def invoice(found: Objects | Unknown) -> dict[str, Any]:
    number = f"M-{next(numbers)}"
    content = {
        "invoiceNumber": number,
        "issueDate": "2026-01-02",
        "dueDate": "2026-02-01",
        "currency": "EUR",
        "payableAmount": "100.00",
    }
    named = {"issuer": found.party, "counterparty": found.counterparty, "deal": found.deal}
    return {"kind": "INVOICE", **named, "content": content}


def new_party(_found: Objects | Unknown) -> dict[str, Any]:
    return {"name": "New", "identifiers": [f"ERP:{next(numbers)}"]}


def new_organisation(_found: Objects | Unknown) -> dict[str, Any]:
    return {"name": f"New {next(numbers)}", "role": "lender"}


def new_member(found: Objects | Unknown) -> dict[str, Any]:
    subject = {"issuer": "https://login.example.com", "subject": f"person {next(numbers)}"}
    return {"name": "New", "organisation": found.organisation, **subject}


def signed_elsewhere(found: Objects | Unknown) -> dict[str, Any]:
    """An acknowledgement of nothing, signed by nobody: whose it is comes first."""
    issuer = found.party if found.party.startswith("0x") else found.deal
    struct = {"issuer": issuer, "counterparty": f"0x{'00' * 32}", "kind": 15, "deal": f"0x{'00' * 32}"}
    times = {"parent": f"0x{'00' * 32}", "contentRoot": f"0x{'06' * 32}", "occurredAt": 1, "issuedAt": 1}
    return {"evidence": {**struct, **times}, "signatures": "0x" + "07" * 65, "disclosures": []}


UPLOAD = hashlib.sha256(json.dumps("raw").encode()).hexdigest()
CANCELLED = {"correctionType": "cancelled"}
WRITE_OFF = {"currency": "EUR", "amount": "100.00", "reason": "insolvent"}

ASK: dict[str, Ask] = {
    "recordEvidence": lambda found: ("POST", "/v1/evidence", invoice(found)),
    "recordEvidenceInBulk": lambda found: ("POST", "/v1/evidence/bulk", [invoice(found)]),
    "importDocuments": lambda _: ("POST", "/v1/imports", "no document, which is an outcome"),
    "importStatements": lambda found: ("POST", f"/v1/statements?party={found.party}&dryRun=true", STATEMENT),
    "listImports": lambda _: ("GET", "/v1/imports", None),
    "readImport": lambda found: ("GET", f"/v1/imports/{found.job}", None),
    "downloadRejectedRows": lambda found: ("GET", f"/v1/imports/{found.job}/rejected", None),
    "listWaiting": lambda _: ("GET", "/v1/waiting", None),
    "retryWaiting": lambda _: ("POST", "/v1/waiting/retry", None),
    "countersignEvidence": lambda found: ("POST", f"/v1/evidence/{found.waiting}/countersignature", None),
    "acknowledgeEvidence": lambda found: ("POST", f"/v1/evidence/{found.invoiced}/acknowledgement", {}),
    "disputeEvidence": lambda found: ("POST", f"/v1/evidence/{found.invoiced}/dispute", DISPUTE),
    "resolveDispute": lambda found: ("POST", f"/v1/evidence/{found.disputed}/resolution", {"outcome": "cancelled"}),
    "correctEvidence": lambda found: ("POST", f"/v1/evidence/{found.billed}/correction", CANCELLED),
    "writeOffInvoice": lambda found: ("POST", f"/v1/evidence/{found.billed}/write-off", WRITE_OFF),
    "signalOnEvidence": lambda found: ("POST", f"/v1/evidence/{found.evidence}/signal", {"responseCode": "IP"}),
    "recordEvidenceLines": lambda found: ("POST", "/v1/evidence/lines", invoice(found)),
    "streamEvents": lambda _: ("GET", "/v1/events?follow=false", None),
    "addWebhook": lambda _: ("POST", "/v1/webhooks", {"url": "https://example.com/"}),
    "listWebhooks": lambda _: ("GET", "/v1/webhooks", None),
    "removeWebhook": lambda found: ("DELETE", f"/v1/webhooks/{found.webhook}", None),
    "rotateWebhookSecret": lambda found: ("POST", f"/v1/webhooks/{found.webhook}/secret", None),
    "listDeliveries": lambda found: ("GET", f"/v1/webhooks/{found.webhook}/deliveries", None),
    "redeliver": lambda found: ("POST", f"/v1/webhooks/{found.webhook}/deliveries/{found.delivery}/redelivery", None),
    "uploadDocument": lambda _: ("PUT", f"/v1/documents/{UPLOAD}", "raw"),
    "listDocuments": lambda _: ("GET", "/v1/documents", None),
    "downloadDocument": lambda found: ("GET", f"/v1/documents/{found.document}", None),
    "downloadAttachment": lambda found: ("GET", f"/v1/evidence/{found.naming}/documents/{found.document}", None),
    "findEvidence": lambda found: ("GET", f"/v1/evidence?party={found.party}", None),
    "readInbox": lambda _: ("GET", "/v1/inbox", None),
    "readEvidence": lambda found: ("GET", f"/v1/evidence/{found.evidence}", None),
    "readReceipt": lambda found: ("GET", f"/v1/evidence/{found.evidence}/receipt", None),
    "certifyEvidence": lambda found: ("GET", f"/v1/evidence/{found.evidence}/certificate", None),
    "listParties": lambda _: ("GET", "/v1/parties", None),
    "readParty": lambda found: ("GET", f"/v1/parties/{found.party}", None),
    "addParty": lambda found: ("POST", "/v1/parties", new_party(found)),
    "addIdentifier": lambda found: (
        "POST",
        f"/v1/parties/{found.party}/identifiers",
        {"identifier": f"ERP:more-{next(numbers)}"},
    ),
    "readHistory": lambda found: ("GET", f"/v1/parties/{found.party}/history", None),
    "readChanges": lambda found: ("GET", f"/v1/parties/{found.party}/changes?since=3", None),
    "downloadBundle": lambda found: ("GET", f"/v1/parties/{found.party}/bundle", None),
    "certifyParty": lambda found: ("GET", f"/v1/parties/{found.party}/certificate", None),
    "verifyBundle": lambda _: ("POST", "/v1/verify", {}),
    "readHealth": lambda _: ("GET", "/v1/health", None),
    "readOwnAccount": lambda _: ("GET", "/v1/account", None),
    "addOrganisation": lambda found: ("POST", "/v1/organisations", new_organisation(found)),
    "listOrganisations": lambda _: ("GET", "/v1/organisations", None),
    "closeOrganisation": lambda found: ("DELETE", f"/v1/organisations/{found.organisation}", None),
    "giveParty": lambda found: ("POST", f"/v1/organisations/{found.organisation}/parties", {"party": found.party}),
    "listKeys": lambda found: ("GET", f"/v1/keys?organisation={found.organisation}", None),
    "issueKey": lambda found: ("POST", "/v1/keys", {"name": "x", "organisation": found.organisation}),
    "rotateKey": lambda found: ("POST", f"/v1/keys/{found.key}/rotation", None),
    "revokeKey": lambda found: ("DELETE", f"/v1/keys/{found.key}", None),
    "readJournal": lambda _: ("GET", "/v1/journal", None),
    "draftTypedData": lambda found: ("POST", "/v1/evidence/typed-data", invoice(found)),
    "readTypedData": lambda found: ("GET", f"/v1/evidence/{found.waiting}/typed-data", None),
    "submitEvidence": lambda found: ("POST", "/v1/evidence/submission", signed_elsewhere(found)),
    "listSigners": lambda found: ("GET", f"/v1/parties/{found.party}/signers", None),
    "addSigner": lambda found: ("POST", f"/v1/parties/{found.own}/signers", {"signer": WALLET}),
    "rotateSigner": lambda found: ("POST", f"/v1/parties/{found.own}/signers/rotation", {}),
    "revokeSigner": lambda found: ("DELETE", f"/v1/parties/{found.own}/signers/{found.signer}", None),
    "stateCompromise": lambda found: (
        "POST",
        f"/v1/parties/{found.own}/signers/{found.signer}/compromise",
        {"since": 0},
    ),
    "listMembers": lambda found: ("GET", f"/v1/members?organisation={found.organisation}", None),
    "addMember": lambda found: ("POST", "/v1/members", new_member(found)),
    "removeMember": lambda found: ("DELETE", f"/v1/members/{found.member}", None),
    "endSession": lambda found: ("DELETE", f"/v1/sessions/{found.session}", None),
    "readTradelines": lambda found: ("GET", f"/v1/parties/{found.party}/tradelines", None),
    "readReceivable": lambda found: ("GET", f"/v1/evidence/{found.evidence}/receivable", None),
    "grantAccess": lambda found: (
        "POST",
        f"/v1/parties/{found.party}/grants",
        {"grantee": "Lender", "until": "2099-12-31"},
    ),
    "listGrants": lambda found: ("GET", f"/v1/parties/{found.party}/grants", None),
    "withdrawAccess": lambda found: ("DELETE", f"/v1/parties/{found.party}/grants/{found.grant}", None),
    "listAccesses": lambda found: ("GET", f"/v1/parties/{found.party}/accesses", None),
    "showAccesses": lambda found: ("GET", f"/v1/parties/{found.party}/accesses/page", None),
    "listReceivedGrants": lambda _: ("GET", "/v1/grants", None),
    "requestErasure": lambda found: (
        "POST",
        "/v1/erasures",
        {"evidence": found.throwaway, "reason": "asked for by law"},
    ),
    "confirmErasure": lambda found: (
        "POST",
        f"/v1/erasures/{found.throwaway}/confirmation",
        {"confirmation": found.erasing},
    ),
    "listErasures": lambda _: ("GET", "/v1/erasures", None),
}
"""How each operation is asked for."""

WITHOUT_OBJECT = {
    "importDocuments",
    "recordEvidenceLines",
    "streamEvents",
    "addWebhook",
    "listWebhooks",
    "uploadDocument",
    "listDocuments",
    "readInbox",
    "listImports",
    "listWaiting",
    "retryWaiting",
    "listParties",
    "addParty",
    "verifyBundle",
    "readHealth",
    "readOwnAccount",
    "addOrganisation",
    "listOrganisations",
    "readJournal",
    "listReceivedGrants",
    "listErasures",
}


@pytest.fixture(scope="session")
def trades(api: Api) -> dict[str, Any]:
    """Two pairs of trading parties that have nothing to do with each other, each with a final invoice."""
    made: dict[str, Any] = {}
    for side in ("own", "foreign"):
        parties = []
        for name in ("seller", "buyer"):
            body = {"name": f"{side} {name}", "identifiers": [f"ERP:{side}-{name}"]}
            parties.append(api.post("/v1/parties", body).json()["party"])
        contract = api.contract(issuer=parties[0], counterparty=parties[1])
        deal = api.record(contract)["deal"]
        body = {"issuer": parties[0], "counterparty": parties[1], "deal": deal}
        evidence = api.record(api.invoice(**body))["evidence"]
        api.final(evidence)
        made[side] = (*parties, deal, evidence)
    return made


def ask(api: Api, operation: str, found: Objects | Unknown, key: str | None) -> httpx.Response:
    method, path, body = ASK[operation](found)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    sent: dict[str, Any] = {"json": body}
    if isinstance(body, bytes):
        sent, headers["Content-Type"] = {"content": body}, "application/xml"
    return httpx.request(method, f"{str(api.base_url).rstrip('/')}{path}", headers=headers, timeout=60, **sent)


def same_but_for_names(answer: httpx.Response, found: Objects | Unknown) -> dict[str, Any]:
    """The problem in ``answer`` without what differs by the name that was asked for."""
    told: dict[str, Any] = answer.json()
    del told["instance"]
    for value in (one for one in vars(found).values() if isinstance(one, str)):
        told["detail"] = told["detail"].replace(value, "NAME")
    return told


def test_the_table_has_every_operation_and_this_test_asks_for_each(api: Api) -> None:
    """A route that is not in the table would be denied to all; a line without a route would promise something."""
    routes = {route.operation_id for router in API for route in router.routes if isinstance(route, APIRoute)}
    assert routes == RULES.keys() == ASK.keys()
    assert all(set(rule.reach) == set(Role) for rule in RULES.values())
    document = api.get("/v1/openapi.json").json()
    secured = {
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if operation.get("security") == [{"apiKey": []}]
    }
    assert secured == RULES.keys()
    every = {one["operationId"] for item in document["paths"].values() for one in item.values()}
    assert every - secured == set(PUBLIC)


@pytest.mark.parametrize("operation", ASK)
def test_nobody_may_do_anything(api: Api, opened: Opened, keys: Any, trades: dict[str, Any], operation: str) -> None:
    """Without a key, with a text that is none, with a wrong secret, a revoked or closed one: 401."""
    found = Objects(api, opened, trades["own"], None)
    revoked = open_account(opened, Role.AUDITOR, [])
    accounts.revoke_key(opened.context, "test", revoked.key.split("_")[1])
    closed = open_account(opened, Role.OPERATOR, [])
    accounts.close_organisation(opened.context, "test", closed.organisation)
    bad = [None, "secret", keys.group[:-1] + ("a" if keys.group[-1] != "a" else "b"), revoked.key, closed.key]
    for key in bad:
        answer = ask(api, operation, found, key)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    told = [ask(api, operation, found, key).json()["detail"] for key in bad[2:]]
    assert len(set(told)) == 1


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("operation", ASK)
def test_each_role_reaches_what_the_table_says(
    api: Api, opened: Opened, trades: dict[str, Any], operation: str, role: Role
) -> None:
    """Not at all: 403 whatever it is asked about. Its own: others' is as unknown. All: own and others' alike."""
    acting = role in ACTING
    actor = open_account(opened, role, [trades["own"][0]] if acting else [])
    rule = RULES[operation]
    own = Objects(api, opened, trades["own"], actor)
    foreign = Objects(api, opened, trades["foreign"], None)
    if rule.reach[role] is Reach.NONE:
        for found in (own, foreign, UNKNOWN):
            problem(ask(api, operation, found, actor.key), 403, "not-entitled")
        return
    if rule.scope is not None:
        others = [scope for scope in scopes_of(role) if scope is not rule.scope]
        _, lesser = accounts.issue_key(opened.context, "test", actor.organisation, "lesser", others)
        problem(ask(api, operation, own, lesser), 403, "not-entitled")
    if operation not in WITHOUT_OBJECT:
        unknown = ask(api, operation, UNKNOWN, actor.key)
        problem(unknown, 404, "not-found")
        if rule.reach[role] in (Reach.OWN, Reach.GRANTED):
            denied = ask(api, operation, foreign, actor.key)
            assert same_but_for_names(denied, foreign) == same_but_for_names(unknown, UNKNOWN)
        else:
            assert ask(api, operation, foreign, actor.key).is_success
    answer = ask(api, operation, own, actor.key)
    reached = {("verifyBundle", 422), ("submitEvidence", 422)}
    assert answer.is_success or (operation, answer.status_code) in reached, answer.text


def test_lists_show_own_parties_and_partners_only(api: Api, opened: Opened, trades: dict[str, Any]) -> None:
    """A seller sees itself and its buyer, and nobody else; the registrar sees everybody."""
    seller, buyer, *_ = trades["own"]
    actor = open_account(opened, Role.PARTY, [seller])
    seen = {party["party"] for party in ask(api, "listParties", UNKNOWN, actor.key).json()}
    assert seen == {seller, buyer}
    registrar = open_account(opened, Role.REGISTRAR, [])
    headers, everybody = {"Authorization": f"Bearer {registrar.key}"}, set[str]()
    path: str | None = "/v1/parties?limit=50"
    while path is not None:
        page = api.get(path, headers=headers)
        everybody |= {party["party"] for party in page.json()}
        path = page.links.get("next", {}).get("url")
    assert {*trades["own"][:2], *trades["foreign"][:2]} <= everybody


def test_a_draft_signs_for_nobody_else(api: Api, opened: Opened, trades: dict[str, Any]) -> None:
    """Whoever acts for the seller alone can't let the buyer's managed key countersign at once."""
    seller, buyer, *_ = trades["own"]
    actor = open_account(opened, Role.PARTY, [seller])
    draft = api.contract(issuer=seller, counterparty=buyer)
    headers = {"Authorization": f"Bearer {actor.key}"}
    problem(api.post("/v1/evidence", draft, headers=headers), 403, "wrong-signer")
    assert api.post("/v1/evidence", {**draft, "countersigned": False}, headers=headers).status_code == 201


def test_a_key_gives_no_more_than_it_has(api: Api, opened: Opened) -> None:
    """A key that may issue keys issues none with scopes that it lacks, and takes over none that has more."""
    actor = open_account(opened, Role.PARTY, [], [Scope.WRITE_ACCOUNTS, Scope.READ_ACCOUNTS])
    headers = {"Authorization": f"Bearer {actor.key}"}
    more, _ = accounts.issue_key(opened.context, "test", actor.organisation, "more")
    wanted = {"name": "x", "scopes": ["evidence:read"]}
    problem(api.post("/v1/keys", wanted, headers=headers), 403, "not-entitled")
    problem(api.post(f"/v1/keys/{more.key}/rotation", headers=headers), 403, "not-entitled")
    made = api.post("/v1/keys", {"name": "x"}, headers=headers).json()
    assert made["scopes"] == ["account:read", "account:write"]


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is asked of any database while the test runs."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        # Not what the other tests' server asks for its worker, streams and webhooks, nor how a connection of the pool
        # is made ready to read.
        is_others = threading.current_thread().name in {"worker", "notifier"} or "status_event" in statement
        if not is_others and not statement.startswith("PRAGMA"):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    "operation",
    [
        *("readEvidence", "readReceipt", "certifyEvidence", "readParty", "readHistory", "downloadBundle"),
        *("readTradelines", "readReceivable", "certifyParty", "listGrants", "listAccesses", "withdrawAccess"),
        "showAccesses",
    ],
)
def test_what_is_denied_takes_the_work_of_what_is_unknown(
    opened: Opened, trades: dict[str, Any], operation: str, statements: list[str]
) -> None:
    """The same statements in the same order are asked of the database, so that no time tells one from the other."""
    from fastapi.testclient import TestClient

    actor = open_account(opened, Role.LENDER, [trades["own"][0]])
    app = create_app(opened.context, idle_seconds=None, check_token=trusting_no_authority)
    seller, _buyer, _deal, evidence = trades["foreign"]
    foreign = Unknown(seller, evidence)
    unknown = Unknown(f"0x{'04' * 32}", f"0x{'05' * 32}")
    asked = []
    with TestClient(app, base_url="http://localhost") as client:
        for found in (unknown, foreign, unknown, foreign):
            statements.clear()
            method, path, _ = ASK[operation](found)
            assert client.request(method, path, headers={"Authorization": f"Bearer {actor.key}"}).status_code == 404
            asked.append(list(statements))
    assert asked[2] == asked[3]
    assert asked[2]


def test_the_table_is_what_the_documentation_shows() -> None:
    """docs/security.md has it word for word."""
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    assert TABLE.strip() in page
