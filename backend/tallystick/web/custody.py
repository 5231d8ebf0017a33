"""Routes for parties that keep their own keys: what to sign, and the signed evidence that comes back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Response

from tallystick.intake.drafts import parse_draft
from tallystick.protocol.bundle import parse_evidence
from tallystick.protocol.types import EvidenceId, parse_bytes32, parse_hex
from tallystick.service import custody
from tallystick.service.entitled import check_issuer, own_drafts, visible_evidence
from tallystick.web import examples
from tallystick.web.identity import Asking
from tallystick.web.identity_models import ToSignView
from tallystick.web.models import DraftBody, Recorded, SignedBody
from tallystick.web.once import Records
from tallystick.web.openapi import answers, writing
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/evidence", tags=["evidence"], route_class=StrictRoute)


@router.post(
    "/typed-data",
    operation_id="draftTypedData",
    summary="Get what a wallet has to sign for a draft",
    responses=writing(404, 409, 503),
    response_description="EIP-712 typed data for eth_signTypedData_v4; nothing is kept.",
)
def draft_typed_data(
    body: Annotated[
        DraftBody,
        Body(openapi_examples={"invoice": {"summary": "An invoice", "value": examples.INVOICE_DRAFT}}),
    ],
    installed: Installed,
    asking: Asking,
) -> ToSignView:
    """Resolve and check a draft as if it were recorded, and return what its issuer signs with a key of its own."""
    draft = parse_draft(body.model_dump(by_alias=True, exclude_unset=True), "draft")
    with installed.store.transaction(read_only=True) as transaction:
        [own] = own_drafts(transaction, asking, [draft])
    return ToSignView.of(custody.ask(installed, own))


@router.get(
    "/{evidence}/typed-data",
    operation_id="readTypedData",
    summary="Get what a wallet has to countersign",
    responses=answers(404, 409, 422, 503),
    response_description="The very struct that the issuer signed.",
)
def read_typed_data(
    evidence: Annotated[str, Path(description="The contract's evidence id.", examples=[examples.CONTRACT])],
    installed: Installed,
    asking: Asking,
) -> ToSignView:
    """Return what the counterparty of a contract that waits signs; the signature goes to its countersignature."""
    evidence_id = EvidenceId(parse_bytes32(evidence, "evidence"))
    with installed.store.transaction(read_only=True) as transaction:
        visible_evidence(transaction, asking, evidence_id)
    return ToSignView.of(custody.ask_countersignature(installed, evidence_id))


@router.post(
    "/submission",
    status_code=201,
    response_model=Recorded,
    operation_id="submitEvidence",
    summary="Submit evidence that was signed elsewhere",
    responses=writing(404, 409, 503),
    response_description="It is kept and will be sealed; a CONTRACT without its countersignature waits for it.",
)
def submit_evidence(
    body: Annotated[
        SignedBody, Body(openapi_examples={"signed": {"summary": "Signed by a wallet", "value": examples.SIGNED}})
    ],
    installed: Installed,
    asking: Asking,
    records: Records,
) -> Response:
    """Keep what a wallet signed: `message` of the typed data as `evidence`, the disclosures, and the signature."""
    evidence = parse_evidence(body.evidence.model_dump(by_alias=True), "evidence")
    check_issuer(asking, evidence)
    signatures = parse_hex(body.signatures, "signatures")
    return records.one(lambda once: custody.submit(installed, evidence, signatures, body.disclosures, once))
