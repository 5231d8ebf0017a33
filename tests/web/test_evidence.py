"""Evidence is recorded, countersigned, sealed by itself, and proven so that the contract agrees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from web3 import Web3

from tallystick.bootstrap import Opened
from tallystick.chain.artifacts import load_artifact
from tallystick.protocol.receipt import parse_receipt
from tallystick.protocol.types import parse_hex, to_hex
from web.support import Api, problem
from web.test_refused import managed_key, signed_body, unsigned_invoice

LEDGER = Web3().eth.contract(abi=load_artifact("EvidenceLedger").abi)


def is_included(opened: Opened, evidence: dict[str, Any], placement: dict[str, Any], index: int | None = None) -> bool:
    """What the ledger contract says of ``placement`` of ``evidence``, with another ``index`` where given."""
    assert opened.embedded is not None
    entry = (
        placement["subject"],
        placement["index"] if index is None else index,
        evidence["evidence"],
        Web3.keccak(hexstr=placement["subject"] + evidence["signatures"].removeprefix("0x")),
    )
    calldata = LEDGER.encode_abi(
        "verifyInclusion",
        [
            Web3.to_checksum_address(placement["operator"]),
            placement["batchId"],
            entry,
            placement["entryProof"],
            placement["count"],
            placement["batchProof"],
        ],
    )
    call = {"to": to_hex(opened.context.chain.deployment.ledger), "data": calldata}
    return int(opened.embedded.make_request("eth_call", [call, "latest"])["result"], 16) == 1


def test_the_answer_says_where_to_read(api: Api) -> None:
    """An accepted draft is answered with 201, its id, its status and the place to read it."""
    answer = api.post("/v1/evidence", api.invoice())
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/v1/evidence/{made['evidence']}"
    assert (made["kind"], made["status"], made["deal"]) == ("INVOICE", "pending", api.deal)
    assert api.get(answer.headers["location"]).json()["evidence"] == made["evidence"]


def test_what_awaits_a_signature_has_no_receipt(api: Api) -> None:
    """An offer is answered without a receipt, and asking for one says when it will have one."""
    made = api.record(api.contract(countersigned=False))
    assert made["receipt"] is None
    assert api.get(f"/v1/evidence/{made['evidence']}").json()["receipt"] is None
    found = problem(api.get(f"/v1/evidence/{made['evidence']}/receipt"), 404, "not-found")
    assert "awaits a signature" in found["detail"]
    problem(api.get(f"/v1/evidence/0x{'00' * 32}/receipt"), 404, "not-found")


def test_the_operator_signs_what_it_accepts(api: Api, opened: Opened) -> None:
    """Recording, bulk, countersigning and reading answer with one receipt; the file of it names evidence and domain."""
    offer = api.record(api.contract(countersigned=False))["evidence"]
    made = [
        api.record(api.invoice()),
        *api.post("/v1/evidence/bulk", [api.invoice(), api.invoice()]).json(),
        api.post(f"/v1/evidence/{offer}/countersignature").json(),
    ]
    for item in made:
        kept = item["receipt"]
        assert kept["sealBy"] - kept["receivedAt"] == opened.context.limits.seal_within_seconds
        found = api.final(item["evidence"])
        assert found["receipt"] == kept
        answer = api.get(f"/v1/evidence/{item['evidence']}/receipt")
        assert answer.headers["content-disposition"] == f'attachment; filename="{item["evidence"][2:18]}.receipt.json"'
        signed = parse_receipt(answer.content)
        assert signed.problem() is None
        assert (signed.domain, signed.operator) == (opened.context.chain.deployment.domain, opened.context.operator)
        assert to_hex(signed.receipt.evidence) == item["evidence"]
        assert {name: answer.json()[name] for name in kept} == kept


def test_the_contract_accepts_every_proof(api: Api, opened: Opened) -> None:
    """Sealed evidence stands in both parties' logs, and the ledger contract says so; not so at another place."""
    made = api.post("/v1/evidence/bulk", [api.invoice() for _ in range(5)]).json()
    for item in made:
        found = api.final(item["evidence"])
        places = found["placements"]
        assert [place["subject"] for place in places] == sorted([api.parties["Supplier"], api.parties["Buyer"]])
        for place in places:
            assert is_included(opened, found, place)
            assert not is_included(opened, found, place, index=place["index"] + 1)
            block = opened.context.chain.block(place["block"]["number"])
            assert (to_hex(block.hash), block.timestamp) == (place["block"]["hash"], place["block"]["timestamp"])


def test_an_answer_stands_in_the_logs_of_those_it_answers(api: Api, opened: Opened) -> None:
    """The buyer's acknowledgement is proven in the logs of the buyer and of the supplier."""
    invoice = api.record(api.invoice())["evidence"]
    draft = {"kind": "ACKNOWLEDGEMENT", "issuer": "Buyer", "counterparty": "Supplier", "parent": invoice, "content": {}}
    found = api.final(api.record(draft)["evidence"])
    assert found["struct"]["parent"] == invoice
    assert {place["subject"] for place in found["placements"]} == {api.parties["Supplier"], api.parties["Buyer"]}
    assert all(is_included(opened, found, place) for place in found["placements"])


def test_evidence_signed_elsewhere_is_kept_as_it_was_signed(api: Api, opened: Opened) -> None:
    """A party that keeps its own key submits struct, signature and content; they are read back unchanged."""
    evidence, evidence_id, disclosures = unsigned_invoice(api, opened)
    body = signed_body(evidence, opened.context.keys.sign(managed_key(api, "Supplier"), evidence_id), disclosures)
    found = api.final(api.record(body)["evidence"])
    assert found["evidence"] == to_hex(evidence_id)
    assert found["struct"] == body["evidence"]
    assert found["signatures"] == body["signatures"]
    assert found["disclosures"] == sorted(disclosures)
    assert all(is_included(opened, found, place) for place in found["placements"])


def test_a_contract_waits_for_its_countersignature(api: Api, opened: Opened) -> None:
    """A contract is sealed only after the counterparty signed, be it here or elsewhere."""
    for signed_elsewhere in (True, False):
        made = api.record(api.contract(countersigned=False))
        assert made["status"] == "awaitingCountersignature"
        body = None
        if signed_elsewhere:
            digest = parse_hex(made["evidence"], "evidence")
            body = {"signature": to_hex(opened.context.keys.sign(managed_key(api, "Buyer"), digest))}
        answer = api.post(f"/v1/evidence/{made['evidence']}/countersignature", body)
        assert (answer.status_code, answer.json()["status"]) == (200, "pending")
        assert len(api.final(made["evidence"])["placements"]) == 2


def test_a_later_draft_names_an_earlier_one_by_label(api: Api) -> None:
    """One bulk request opens a deal, bills under it and pays the bill."""
    drafts = [
        api.contract(label="frame"),
        api.invoice(deal="@frame", label="bill"),
        api.payment(("@bill", "100.00"), deal="@frame"),
    ]
    made = api.post("/v1/evidence/bulk", drafts)
    assert made.status_code == 201, made.text
    contract, invoice, payment = made.json()
    assert contract["deal"] == invoice["deal"] == payment["deal"] != api.deal
    allocations = api.get(f"/v1/evidence/{payment['evidence']}").json()["content"]["allocations"]
    assert allocations == [{"invoice": invoice["evidence"], "amount": "100.00"}]


def test_many_clients_at_once_lose_nothing(api: Api) -> None:
    """Evidence recorded from many threads, while batches are sealed, is sealed once each, at its own place."""
    drafts = [api.invoice() for _ in range(40)]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(api.record, drafts))
    found = [api.final(item["evidence"]) for item in made]
    for role in ("Supplier", "Buyer"):
        numbers = [
            place["seq"] for item in found for place in item["placements"] if place["subject"] == api.parties[role]
        ]
        assert len(set(numbers)) == len(drafts)
