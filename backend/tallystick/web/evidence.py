"""Routes of evidence: record, countersign, read and prove."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Response

from tallystick.intake.drafts import Draft, parse_draft
from tallystick.protocol.bundle import parse_evidence
from tallystick.protocol.types import EvidenceId, parse_bytes32, parse_hex
from tallystick.service import record
from tallystick.service.prove import read_evidence
from tallystick.web import examples
from tallystick.web.models import (
    CountersignatureBody,
    DraftBody,
    DraftList,
    EvidenceBody,
    EvidenceView,
    Receipt,
    SignedBody,
)
from tallystick.web.openapi import reading, writing
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/evidence", tags=["evidence"], route_class=StrictRoute)

EvidencePath = Annotated[str, Path(description="The evidence id.", examples=[examples.INVOICE])]


@router.post(
    "",
    status_code=201,
    operation_id="recordEvidence",
    summary="Record one evidence",
    responses=writing(404, 409, 503),
    response_description="It is kept and will be sealed; a CONTRACT without its countersignature waits for it.",
)
def record_evidence(
    body: Annotated[
        EvidenceBody,
        Body(
            openapi_examples={
                "draft": {"summary": "A draft; the issuer's key is managed here", "value": examples.INVOICE_DRAFT},
                "contract": {"summary": "A contract, signed by both sides", "value": examples.CONTRACT_DRAFT},
                "signed": {"summary": "Signed elsewhere", "value": examples.SIGNED},
            }
        ),
    ],
    installed: Installed,
    response: Response,
) -> Receipt:
    """Record a draft, which is signed here, or evidence that its issuer signed elsewhere (self-custody)."""
    if isinstance(body, SignedBody):
        evidence = parse_evidence(body.evidence.model_dump(by_alias=True), "evidence")
        signatures = parse_hex(body.signatures, "signatures")
        made = record.submit(installed, evidence, signatures, body.disclosures)
    else:
        made = record.record(installed, [_draft(body, "draft")])[0]
    receipt = Receipt.of(made)
    response.headers["Location"] = f"{router.prefix}/{receipt.evidence}"
    return receipt


@router.post(
    "/bulk",
    status_code=201,
    operation_id="recordEvidenceInBulk",
    summary="Record many evidence, all or none",
    responses=writing(404, 409, 503),
    response_description="All are kept, in the order of the request.",
)
def record_in_bulk(
    body: Annotated[
        DraftList,
        Body(
            openapi_examples={
                "trade": {
                    "summary": "A contract and an invoice under it",
                    "value": [examples.CONTRACT_DRAFT, examples.INVOICE_DRAFT],
                }
            }
        ),
    ],
    installed: Installed,
) -> list[Receipt]:
    """Record drafts in order; a later one may name an earlier one by ``@label``. If one is refused, none is kept."""
    drafts = [_draft(item, f"draft {i + 1}") for i, item in enumerate(body)]
    made = record.record(installed, drafts)
    return [Receipt.of(item) for item in made]


@router.get(
    "/{evidence}",
    operation_id="readEvidence",
    summary="Read an evidence with its status and proofs",
    responses=reading(),
    response_description="The evidence as it was signed, and where it stands in each party's log.",
)
def read(evidence: EvidencePath, installed: Installed) -> EvidenceView:
    """Read what was signed, what it says, how far it has come, and the inclusion proof in each subject's log."""
    evidence_id = EvidenceId(parse_bytes32(evidence, "evidence"))
    return EvidenceView.of(read_evidence(installed, evidence_id))


@router.post(
    "/{evidence}/countersignature",
    operation_id="countersignEvidence",
    summary="Countersign a contract",
    responses=writing(404, 409, 503),
    response_description="Both sides have signed: it will be sealed.",
)
def countersign(
    evidence: EvidencePath,
    installed: Installed,
    body: Annotated[
        CountersignatureBody | None,
        Body(
            openapi_examples={
                "managed": {"summary": "With the counterparty's key, managed here", "value": {}},
                "signed": {"summary": "Signed elsewhere", "value": {"signature": examples.SIGNATURE}},
            }
        ),
    ] = None,
) -> Receipt:
    """Complete a CONTRACT with the counterparty's signature over its id; without a body, its managed key signs."""
    evidence_id = EvidenceId(parse_bytes32(evidence, "evidence"))
    signature = None
    if body is not None and body.signature is not None:
        signature = parse_hex(body.signature, "signature")
    return Receipt.of(record.countersign(installed, evidence_id, signature))


def _draft(body: DraftBody, name: str) -> Draft:
    return parse_draft(body.model_dump(by_alias=True, exclude_unset=True), name)
