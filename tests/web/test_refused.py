"""Bad evidence is refused with a problem that says expected, got and what to do; nothing of it is kept."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.bootstrap import Opened
from tallystick.protocol import content
from tallystick.protocol.bundle import format_evidence
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.signing import GROUP_ORDER, sign
from tallystick.protocol.types import ZERO32, Address, DealId, EvidenceId, PartyId, Timestamp, parse_hex, to_hex
from web.support import Api, problem

JSON = {"content-type": "application/json"}


def count(api: Api) -> int:
    """How much evidence is kept."""
    return sum(api.get("/v1/health").json()["evidence"].values())


def managed_key(api: Api, role: str) -> Address:
    """The key of the party called ``role``."""
    return Address(parse_hex(api.get(f"/v1/parties/{role}").json()["signers"][-1], "signer"))


def unsigned_invoice(api: Api, opened: Opened) -> tuple[Evidence, EvidenceId, tuple[str, ...]]:
    """An invoice of the supplier that nobody has signed yet, its id, and its content."""
    disclosures = content.make(api.invoice()["content"], os.urandom)
    evidence = Evidence(
        issuer=PartyId(parse_hex(api.parties["Supplier"], "issuer")),
        counterparty=PartyId(parse_hex(api.parties["Buyer"], "counterparty")),
        kind=Kind.INVOICE,
        deal=DealId(parse_hex(api.deal, "deal")),
        parent=EvidenceId(ZERO32),
        content_root=content.content_root([content.digest(item) for item in disclosures]),
        occurred_at=Timestamp(1_767_312_000),
        issued_at=opened.context.clock.now(),
    )
    return evidence, evidence.evidence_id(opened.context.chain.deployment.domain), disclosures


def signed_body(evidence: Evidence, signature: bytes, disclosures: tuple[str, ...]) -> dict[str, Any]:
    return {
        "evidence": format_evidence(evidence),
        "signatures": to_hex(signature),
        "disclosures": list(disclosures),
    }


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"kind": NaN}', b'{"kind": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_a_bad_request(api: Api, body: bytes) -> None:
    """Text that is not JSON, not UTF-8 or endlessly nested is refused before anybody looks at its values."""
    problem(api.post("/v1/evidence", content=body, headers=JSON), 400, "malformed-request")


def test_every_value_that_is_not_of_its_form_is_named(api: Api) -> None:
    """A draft with three mistakes is answered with where each one stands, expected, got and what to do."""
    found = problem(api.post("/v1/evidence", {"kind": "INVOICE", "content": [], "x/y": 1}), 422, "malformed-input")
    assert found["errors"] == [
        {"at": "#/issuer", "expected": "a value", "got": "nothing", "todo": "Add it."},
        {
            "at": "#/content",
            "expected": "an object",
            "got": "[]",
            "todo": "Correct the value; see /v1/openapi.json.",
        },
        {
            "at": "#/x~1y",
            "expected": "no such member",
            "got": "1",
            "todo": "Check its spelling, or remove it.",
        },
    ]


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"kind": "BILL"}, "malformed-input", "expected one of CONTRACT"),
        ({"occurredAt": "yesterday"}, "malformed-input", "ISO 8601"),
        ({"deal": "0x12"}, "malformed-input", "64 lower-case hex digits"),
        ({"content": {"payableAmount": 12.5}}, "malformed-evidence", "float"),
        ({"content": {"invoiceNumber": "1"}}, "malformed-evidence", "issueDate"),
    ],
)
def test_a_malformed_field_is_named(api: Api, changes: dict[str, Any], name: str, said: str) -> None:
    """A field that is not of its form is refused with its name and what was expected."""
    assert said in problem(api.post("/v1/evidence", api.invoice(**changes)), 422, name)["detail"]


def test_an_unknown_party_is_not_found(api: Api) -> None:
    """Evidence of a party that nobody knows is refused, and the answer says where to look."""
    found = problem(api.post("/v1/evidence", api.invoice(counterparty="Nobody")), 404, "not-found")
    assert "Nobody" in found["detail"]
    assert found["todo"]


def test_a_signature_by_a_stranger_is_refused(api: Api, opened: Opened) -> None:
    """Evidence that somebody else signed in the supplier's name is refused: expected and got are named."""
    evidence, evidence_id, disclosures = unsigned_invoice(api, opened)
    before = count(api)
    body = signed_body(evidence, sign(evidence_id, b"\x11" * 32), disclosures)
    assert (
        to_hex(managed_key(api, "Supplier")) in problem(api.post("/v1/evidence", body), 403, "wrong-signer")["detail"]
    )
    assert count(api) == before


def test_a_high_s_signature_is_refused(api: Api, opened: Opened) -> None:
    """The second spelling of a good signature (n - s) is refused."""
    evidence, evidence_id, disclosures = unsigned_invoice(api, opened)
    good = opened.context.keys.sign(managed_key(api, "Supplier"), evidence_id)
    mirrored = (GROUP_ORDER - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    body = signed_body(evidence, good[:32] + mirrored + bytes([55 - good[64]]), disclosures)
    assert "upper half" in problem(api.post("/v1/evidence", body), 422, "bad-signature")["detail"]


@pytest.mark.parametrize("size", [0, 64, 66, 130])
def test_a_signature_of_another_length_is_refused(api: Api, opened: Opened, size: int) -> None:
    """An invoice needs one signature of 65 bytes, neither less nor more."""
    evidence, _, disclosures = unsigned_invoice(api, opened)
    body = signed_body(evidence, b"\x01" * size, disclosures)
    assert "65 bytes" in problem(api.post("/v1/evidence", body), 422, "bad-signature")["detail"]


def test_a_changed_content_is_refused(api: Api, opened: Opened) -> None:
    """Disclosures that do not give the content root that was signed are refused."""
    evidence, evidence_id, _ = unsigned_invoice(api, opened)
    signature = opened.context.keys.sign(managed_key(api, "Supplier"), evidence_id)
    others = unsigned_invoice(api, opened)[2]
    found = problem(api.post("/v1/evidence", signed_body(evidence, signature, others)), 422, "malformed-evidence")
    assert "content root" in found["detail"]


def test_a_document_is_recorded_once(api: Api) -> None:
    """The same invoice number of the same supplier is refused the second time, naming the first."""
    draft = api.invoice()
    first = api.record(draft)
    before = count(api)
    assert first["evidence"] in problem(api.post("/v1/evidence", draft), 409, "duplicate")["detail"]
    assert count(api) == before


def test_evidence_against_a_stranger_is_unfounded(api: Api) -> None:
    """An invoice to a party with which there is no contract does not enter that party's history."""
    assert problem(api.post("/v1/evidence", api.invoice(counterparty="Lender")), 409, "unfounded")["todo"]


def test_a_payment_beyond_its_invoice_is_refused(api: Api) -> None:
    """More than an invoice bills can't be allocated to it, in one payment or in two."""
    invoice = api.record(api.invoice())["evidence"]
    over = api.post("/v1/evidence", api.payment((invoice, "100.01")))
    assert "Allocate at most 100.00" in problem(over, 409, "misfit")["todo"]
    api.record(api.payment((invoice, "60.00")))
    over = api.post("/v1/evidence", api.payment((invoice, "40.01")))
    assert "Allocate at most 40.00" in problem(over, 409, "misfit")["todo"]
    api.record(api.payment((invoice, "40.00")))


def test_a_bulk_is_all_or_nothing(api: Api) -> None:
    """When the third of three drafts is refused, the first two are not kept."""
    before = count(api)
    drafts = [api.invoice(), api.invoice(), api.invoice(counterparty="Lender")]
    problem(api.post("/v1/evidence/bulk", drafts), 409, "unfounded")
    assert count(api) == before


def test_an_empty_bulk_is_refused(api: Api) -> None:
    """A list without drafts is a mistake, not a success."""
    problem(api.post("/v1/evidence/bulk", []), 422, "malformed-input")


def test_a_countersignature_over_something_else_is_refused(api: Api, opened: Opened) -> None:
    """The counterparty's key over another digest does not countersign this contract."""
    contract = api.record(api.contract(countersigned=False))
    other = opened.context.keys.sign(managed_key(api, "Buyer"), b"\x07" * 32)
    path = f"/v1/evidence/{contract['evidence']}/countersignature"
    problem(api.post(path, {"signature": to_hex(other)}), 403, "wrong-signer")
    assert api.get(f"/v1/evidence/{contract['evidence']}").json()["status"] == "awaitingCountersignature"


def test_the_issuer_can_not_countersign_for_the_counterparty(api: Api, opened: Opened) -> None:
    """The issuer's own signature in the counterparty's place is refused."""
    contract = api.record(api.contract(countersigned=False))["evidence"]
    own = opened.context.keys.sign(managed_key(api, "Supplier"), parse_hex(contract, "evidence"))
    answer = api.post(f"/v1/evidence/{contract}/countersignature", {"signature": to_hex(own)})
    problem(answer, 403, "wrong-signer")


def test_only_what_awaits_a_signature_can_be_countersigned(api: Api) -> None:
    """A contract that both sides signed takes no third signature, and an unknown one none at all."""
    contract = api.record(api.contract())["evidence"]
    problem(api.post(f"/v1/evidence/{contract}/countersignature"), 409, "misfit")
    problem(api.post(f"/v1/evidence/0x{'12' * 32}/countersignature"), 404, "not-found")


@pytest.mark.parametrize(("evidence", "status"), [("0x12", 422), ("0x" + "AB" * 32, 422), ("0x" + "ab" * 32, 404)])
def test_evidence_is_read_by_its_exact_id(api: Api, evidence: str, status: int) -> None:
    """An id of another form is malformed; one that names nothing is not found."""
    problem(api.get(f"/v1/evidence/{evidence}"), status, "not-found" if status == 404 else "malformed-input")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_break_the_server(api: Api, body: bytes) -> None:
    """Whatever stands in a body, the answer is a problem of the client's."""
    for path in ("/v1/evidence", "/v1/evidence/bulk", "/v1/parties"):
        answer = api.post(path, content=body, headers=JSON)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
DRAFT_MEMBERS = ("kind", "issuer", "counterparty", "deal", "parent", "content", "occurredAt", "label", "signatures")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(DRAFT_MEMBERS), JSON_VALUES)
def test_no_value_breaks_the_server(api: Api, member: str, value: Any) -> None:
    """A draft with any value in any member is accepted or refused, never an error of the server."""
    draft = {**api.invoice(), member: value}
    assert api.post("/v1/evidence", draft).status_code in (201, 404, 409, 422)


@pytest.mark.parametrize(
    ("query", "at", "expected"),
    [
        ({"asof": "2026-01-01"}, "query parameter asof", "no such parameter"),
        ({"asOf": ["3", "4"]}, "query parameter asOf", "one value"),
    ],
)
def test_a_parameter_that_nobody_reads_is_no_parameter(api: Api, query: dict[str, Any], at: str, expected: str) -> None:
    """A misspelt or doubled parameter is refused: the answer would be that to another question."""
    found = problem(api.get("/v1/parties/Buyer/history", params=query), 422, "malformed-input")
    assert [(one["at"], one["expected"]) for one in found["errors"]] == [(at, expected)]
