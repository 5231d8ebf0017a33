"""Answers as operations of their own: who may give which, and which state forbids one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tallystick.bootstrap import Opened
from tallystick.protocol.types import PartyId, parse_bytes32
from tallystick.service import accounts
from tallystick.store.identities import Role
from web.support import Api, problem

DISPUTE = {"reasonCode": "quantity", "disputedAmount": "10.00", "currency": "EUR"}
CREDITED = {"outcome": "credited", "creditAmount": "10.00", "currency": "EUR"}


@pytest.fixture(scope="module")
def sides(api: Api, opened: Opened) -> dict[str, dict[str, str]]:
    """The headers of an organisation that acts for the supplier alone, and of one for the buyer alone."""
    made = {}
    for role in ("Supplier", "Buyer"):
        party = PartyId(parse_bytes32(api.parties[role], "party"))
        holder = accounts.add_organisation(opened.context, "test", f"Answering {role}", Role.PARTY, [party])
        secret = accounts.issue_key(opened.context, "test", holder.organisation, "test")[1]
        made[role] = {"Authorization": f"Bearer {secret}"}
    return made


class Sides:
    """Asks as the supplier or the buyer."""

    def __init__(self, api: Api, headers: dict[str, dict[str, str]]) -> None:
        self._api = api
        self._headers = headers

    def ask(self, role: str, evidence: str, what: str, body: Any = None) -> httpx.Response:
        return self._api.post(f"/v1/evidence/{evidence}/{what}", body, headers=self._headers[role])

    def done(self, role: str, evidence: str, what: str, body: Any = None) -> str:
        answer = self.ask(role, evidence, what, body)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["evidence"]
        return made


@pytest.fixture
def trade(api: Api, sides: dict[str, dict[str, str]]) -> Sides:
    return Sides(api, sides)


@pytest.mark.parametrize(
    ("role", "what", "body"),
    [
        ("Supplier", "acknowledgement", {}),
        ("Supplier", "dispute", DISPUTE),
        ("Buyer", "correction", {"correctionType": "cancelled"}),
        ("Buyer", "write-off", {"currency": "EUR", "amount": "100.00", "reason": "insolvent"}),
    ],
)
def test_only_whose_turn_it_is_answers(api: Api, trade: Sides, role: str, what: str, body: Any) -> None:
    """The counterparty acknowledges and disputes; the issuer corrects and writes off: 403 for the other side."""
    invoice = api.record(api.invoice())["evidence"]
    found = problem(trade.ask(role, invoice, what, body), 403, "wrong-signer")
    assert "expected an organisation that acts for the" in found["detail"]


@pytest.mark.parametrize(("role", "body"), [("Supplier", {"outcome": "withdrawn"}), ("Buyer", CREDITED)])
def test_a_dispute_is_resolved_by_whom_it_costs_something(api: Api, trade: Sides, role: str, body: Any) -> None:
    """Who disputes withdraws; the other side credits or cancels; neither does the other's part."""
    invoice = api.record(api.invoice())["evidence"]
    dispute = trade.done("Buyer", invoice, "dispute", DISPUTE)
    problem(trade.ask(role, dispute, "resolution", body), 403, "wrong-signer")
    assert trade.done("Buyer" if role == "Supplier" else "Supplier", dispute, "resolution", body)


def test_an_acknowledgement_says_what_it_is_about(api: Api, trade: Sides) -> None:
    """Parties, deal and parent follow from the evidence; the body is the content; a signal goes beside it."""
    invoice = api.record(api.invoice())["evidence"]
    trade.done("Buyer", invoice, "signal", {"responseCode": "IP"})
    made = trade.done("Buyer", invoice, "acknowledgement", {"note": "all there", "acceptedAmount": "100.00"})
    found = api.get(f"/v1/evidence/{made}").json()
    assert found["kind"] == "ACKNOWLEDGEMENT"
    assert found["content"] == {"note": "all there", "acceptedAmount": "100.00"}
    struct = found["struct"]
    assert (struct["parent"], struct["deal"]) == (invoice, api.deal)
    assert (struct["issuer"], struct["counterparty"]) == (api.parties["Buyer"], api.parties["Supplier"])


def test_the_state_that_forbids_an_answer_is_named(api: Api, trade: Sides) -> None:
    """Acknowledged twice, disputed while a dispute is open, resolved twice: 409 with the evidence in the way."""
    invoice = api.record(api.invoice())["evidence"]
    acknowledged = trade.done("Buyer", invoice, "acknowledgement")
    told = problem(trade.ask("Buyer", invoice, "acknowledgement", {}), 409, "duplicate")
    assert acknowledged in told["detail"]
    dispute = trade.done("Buyer", invoice, "dispute", DISPUTE)
    told = problem(trade.ask("Buyer", invoice, "dispute", DISPUTE), 409, "misfit")
    assert dispute in told["detail"]
    resolution = trade.done("Supplier", dispute, "resolution", CREDITED)
    told = problem(trade.ask("Buyer", dispute, "resolution", {"outcome": "withdrawn"}), 409, "misfit")
    assert resolution in told["detail"]
    assert trade.done("Buyer", invoice, "dispute", DISPUTE), "the first one is settled"


def test_what_was_taken_back_is_not_answered(api: Api, trade: Sides) -> None:
    """An invoice that its issuer cancelled is neither acknowledged nor disputed nor written off nor corrected."""
    invoice = api.record(api.invoice())["evidence"]
    cancelled = trade.done("Supplier", invoice, "correction", {"correctionType": "cancelled"})
    for role, what, body in (
        ("Buyer", "acknowledgement", {}),
        ("Buyer", "dispute", DISPUTE),
        ("Supplier", "write-off", {"currency": "EUR", "amount": "100.00", "reason": "insolvent"}),
        ("Supplier", "correction", {"correctionType": "cancelled"}),
    ):
        told = problem(trade.ask(role, invoice, what, body), 409, "misfit")
        assert cancelled in told["detail"]
    trade.done("Supplier", cancelled, "correction", {"correctionType": "cancelled"})
    assert trade.done("Buyer", invoice, "acknowledgement"), "the cancellation was taken back itself"


def test_a_contract_that_waits_is_not_answered(api: Api, trade: Sides) -> None:
    """Nothing answers what both sides have not signed."""
    waiting = api.record(api.contract(countersigned=False))["evidence"]
    told = problem(trade.ask("Buyer", waiting, "acknowledgement", {}), 409, "misfit")
    assert "awaitingCountersignature" in told["detail"]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("dispute", {**DISPUTE, "disputedAmount": "ten"}),
        ("dispute", {"reasonCode": "quantity"}),
        ("resolution", {"outcome": "ignored"}),
        ("acknowledgement", {"acceptedAmount": 10}),
        ("acknowledgement", {"issuer": "Buyer"}),
        ("signal", {}),
    ],
)
def test_bodies_are_closed_forms(api: Api, trade: Sides, what: str, body: Any) -> None:
    """A value of another form, one that is missing, and a member that is not known are refused by name."""
    invoice = api.record(api.invoice())["evidence"]
    assert problem(trade.ask("Buyer", invoice, what, body), 422, "malformed-input")["errors"]
    assert trade.done("Buyer", invoice, "acknowledgement")


def test_an_answer_takes_a_key_too(api: Api, sides: dict[str, dict[str, str]]) -> None:
    """The same answer again, though a second acknowledgement would be refused."""
    invoice = api.record(api.invoice())["evidence"]
    headers = {**sides["Buyer"], "Idempotency-Key": f"answer {invoice}"}
    first = api.post(f"/v1/evidence/{invoice}/acknowledgement", headers=headers)
    again = api.post(f"/v1/evidence/{invoice}/acknowledgement", headers=headers)
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"


def waiting(api: Api, headers: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The whole inbox by evidence, page by page."""
    found: dict[str, dict[str, Any]] = {}
    path = "/v1/inbox?limit=3"
    while path:
        answer = api.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        found |= {one["evidence"]["evidence"]: one for one in answer.json()}
        path = answer.links.get("next", {}).get("url", "")
    return found


def test_the_inbox_holds_what_waits_with_what_settles_it(
    api: Api, trade: Sides, sides: dict[str, dict[str, str]]
) -> None:
    """A contract, an invoice and a dispute wait for whose turn it is, until the operation named there is called."""
    invoice, other = (api.record(api.invoice())["evidence"] for _ in range(2))
    contract = api.record(api.contract(countersigned=False))["evidence"]
    dispute = trade.done("Buyer", other, "dispute", DISPUTE)
    buyer, supplier = waiting(api, sides["Buyer"]), waiting(api, sides["Supplier"])
    assert {buyer[invoice]["awaits"], buyer[contract]["awaits"]} == {"answer", "countersignature"}
    assert supplier[dispute]["awaits"] == "resolution"
    assert not {invoice, contract} & supplier.keys()
    assert not {other, dispute} & buyer.keys()
    assert buyer[invoice]["party"] == api.parties["Buyer"]
    assert [one["operation"] for one in buyer[invoice]["operations"]] == ["acknowledgeEvidence", "disputeEvidence"]
    for item, role, body in ((buyer[invoice], "Buyer", {}), (supplier[dispute], "Supplier", CREDITED)):
        settles = item["operations"][0]
        answer = httpx.request(
            settles["method"], f"{str(api.base_url).rstrip('/')}{settles['path']}", json=body, headers=sides[role]
        )
        assert answer.is_success, answer.text
    assert api.post(buyer[contract]["operations"][0]["path"], headers=sides["Buyer"]).status_code == 200
    assert not {invoice, contract} & waiting(api, sides["Buyer"]).keys()
    assert dispute not in waiting(api, sides["Supplier"])
