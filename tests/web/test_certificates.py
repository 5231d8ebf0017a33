"""Certificates over HTTP: the same files as the command writes, and refused for the same reasons."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.bootstrap import Opened
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.inclusion import parse_inclusion
from tallystick.protocol.verdict import Outcome
from tallystick.render.attachment import attached_file
from tallystick.service.check import check
from tallystick.service.check_proof import check_proof
from web.support import Api, problem


@pytest.fixture(scope="module")
def invoice(api: Api) -> str:
    """A final invoice."""
    evidence: str = api.record(api.invoice())["evidence"]
    api.final(evidence)
    return evidence


def test_what_is_unknown_or_not_final_is_not_certified(api: Api) -> None:
    """An id that nobody recorded, a text that is no id, a name that nobody has, a party without an entry."""
    problem(api.get(f"/v1/evidence/0x{'01' * 32}/certificate"), 404, "not-found")
    problem(api.get("/v1/evidence/4711/certificate"), 422, "malformed-input")
    problem(api.get("/v1/parties/Nobody/certificate"), 404, "not-found")
    assert api.post("/v1/parties", {"name": "Says nothing", "identifiers": ["ERP:silent"]}).status_code == 201
    problem(api.get("/v1/parties/ERP:silent/certificate"), 409, "refused")


@pytest.mark.parametrize("query", [{"lang": "de"}, {"asOf": "yesterday"}, {"attach": "perhaps"}])
def test_a_question_that_makes_no_sense_is_refused(api: Api, query: dict[str, Any]) -> None:
    """A language that there is not, a day that is none, neither yes nor no."""
    answer = api.get("/v1/parties/Buyer/certificate", params=query)
    assert answer.status_code in (400, 422)
    assert "expected" in answer.text


def test_an_evidence_s_certificate_carries_its_proof(api: Api, opened: Opened, invoice: str) -> None:
    """The PDF alone is verified by its block and ledger; what is hidden is not in it."""
    answer = api.get(f"/v1/evidence/{invoice}/certificate", params={"hide": "payableAmount"})
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].endswith(f"{invoice}.pdf")
    proof = attached_file(answer.content, 1 << 24)
    as_of = parse_inclusion(proof).as_of
    ledger = opened.context.chain.deployment.ledger
    found = check_proof(proof, code_hashes=opened.context.code_hashes, block_hash=as_of.hash, ledger=ledger)
    assert found.outcome is Outcome.VALID
    assert "fields that are hidden: 1 at least" in found.inclusion.caveats


def test_a_party_s_certificate_carries_its_bundle_on_request(api: Api, opened: Opened, invoice: str) -> None:
    """With it the PDF alone is verified; the same question is answered by the same bytes, which a reader may have."""
    path, query = "/v1/parties/Buyer/certificate", {"attach": "true"}
    block = str(api.get(f"/v1/evidence/{invoice}").json()["block"]["number"])
    answer = api.get(path, params={**query, "asOf": block})
    bundle = attached_file(answer.content, 1 << 24)
    as_of = parse_bundle(bundle).as_of
    assert check(bundle, code_hashes=opened.context.code_hashes, block_hash=as_of.hash).outcome is Outcome.VALID
    again = api.get(path, params={**query, "asOf": block}, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
