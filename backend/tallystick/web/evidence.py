"""Routes of evidence: record, countersign, read and prove; each answers with the operator's receipt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response

from tallystick.intake.drafts import Draft, parse_draft
from tallystick.protocol.bundle import parse_evidence
from tallystick.protocol.receipt import format_receipt
from tallystick.protocol.types import EvidenceId, parse_bytes32, parse_hex
from tallystick.service import custody, record
from tallystick.service.context import Context
from tallystick.service.entitled import check_countersigner, check_issuer, own_drafts, visible_evidence
from tallystick.service.granted import note, reached_evidence, scoped_evidence
from tallystick.service.policy import Asker
from tallystick.service.prove import proven
from tallystick.service.receipts import read_receipt, receipts_within
from tallystick.service.scope import Shown
from tallystick.web import examples
from tallystick.web.identity import Asking
from tallystick.web.models import (
    CountersignatureBody,
    DraftBody,
    DraftList,
    EvidenceBody,
    EvidenceView,
    Recorded,
    SignedBody,
)
from tallystick.web.once import Records
from tallystick.web.openapi import reading, writing
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/evidence", tags=["evidence"], route_class=StrictRoute)

EvidencePath = Annotated[
    str,
    Path(
        description="The evidence id.", examples=[examples.INVOICE], json_schema_extra={"pattern": "^0x[0-9a-f]{64}$"}
    ),
]

_RECEIPT: dict[str, Any] = {
    "description": "The receipt file, canonical JSON (docs/protocol.md, section 14).",
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": [*examples.RECEIPT_FILE]},
            "example": examples.RECEIPT_FILE,
        }
    },
}


@router.post(
    "",
    status_code=201,
    response_model=Recorded,
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
    asking: Asking,
    records: Records,
) -> Response:
    """Record a draft, which is signed here, or evidence that its issuer signed elsewhere (self-custody)."""
    if isinstance(body, SignedBody):
        evidence = parse_evidence(body.evidence.model_dump(by_alias=True), "evidence")
        check_issuer(asking, evidence)
        signatures = parse_hex(body.signatures, "signatures")
        return records.one(lambda once: record.submit(installed, evidence, signatures, body.disclosures, once))
    drafts = _own(installed, asking, [_draft(body, "draft")])
    return records.one(lambda once: record.record(installed, drafts, once)[0])


@router.post(
    "/bulk",
    status_code=201,
    response_model=list[Recorded],
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
    asking: Asking,
    records: Records,
) -> Response:
    """Record drafts in order; a later one may name an earlier one by ``@label``. If one is refused, none is kept."""
    drafts = _own(installed, asking, [_draft(item, f"draft {i + 1}") for i, item in enumerate(body)])
    return records.many(lambda once: record.record(installed, drafts, once))


@router.get(
    "/{evidence}",
    operation_id="readEvidence",
    summary="Read an evidence with its status and proofs",
    responses=reading(),
    response_description="The evidence as it was signed, and where it stands in each party's log.",
)
def read(evidence: EvidencePath, installed: Installed, asking: Asking) -> EvidenceView:
    """Read what was signed, what it says, how far it has come, and the inclusion proof in each subject's log."""
    evidence_id = EvidenceId(parse_bytes32(evidence, "evidence"))
    with installed.store.transaction(read_only=True) as transaction:
        record, view = reached_evidence(installed, transaction, asking, evidence_id, Shown.EVIDENCE)
        if view is None:
            receipts = receipts_within(installed, transaction, [record])
            return EvidenceView.of(proven(transaction, record), receipts.get(evidence_id))
    note(installed, asking, view, evidence=evidence_id)
    return EvidenceView.of(scoped_evidence(installed, view, evidence_id), None)


@router.get(
    "/{evidence}/receipt",
    operation_id="readReceipt",
    summary="Download the operator's receipt",
    responses={200: _RECEIPT, **reading()},
    response_class=Response,
)
def receipt(evidence: EvidencePath, installed: Installed, asking: Asking) -> Response:
    """Give the receipt as a file that proves the operator's fault if it does not seal in time; keep it as it is."""
    signed = read_receipt(installed, _visible(installed, asking, evidence))
    headers = {"Content-Disposition": f'attachment; filename="{evidence[2:18]}.receipt.json"'}
    return Response(format_receipt(signed), media_type="application/json", headers=headers)


@router.post(
    "/{evidence}/countersignature",
    response_model=Recorded,
    operation_id="countersignEvidence",
    summary="Countersign a contract",
    responses=writing(404, 409, 503),
    response_description="Both sides have signed: it will be sealed.",
)
def countersign(
    evidence: EvidencePath,
    installed: Installed,
    asking: Asking,
    records: Records,
    body: Annotated[
        CountersignatureBody | None,
        Body(
            openapi_examples={
                "managed": {"summary": "With the counterparty's key, managed here", "value": {}},
                "signed": {"summary": "Signed elsewhere", "value": {"signature": examples.SIGNATURE}},
            }
        ),
    ] = None,
) -> Response:
    """Complete a CONTRACT with the counterparty's signature over its id; without a body, its managed key signs."""
    evidence_id = EvidenceId(parse_bytes32(evidence, "evidence"))
    with installed.store.transaction(read_only=True) as transaction:
        check_countersigner(asking, visible_evidence(transaction, asking, evidence_id).evidence)
    signature = None
    if body is not None and body.signature is not None:
        signature = parse_hex(body.signature, "signature")
    return records.completed(
        lambda once: (
            record.countersign(installed, evidence_id, once=once)
            if signature is None
            else custody.countersign(installed, evidence_id, signature, once)
        )
    )


def _visible(installed: Context, asking: Asker, evidence: str) -> EvidenceId:
    """The id that ``evidence`` spells, if it is within the asker's reach. Raises ``NotFound``."""
    evidence_id = EvidenceId(parse_bytes32(evidence, "evidence"))
    with installed.store.transaction(read_only=True) as transaction:
        return visible_evidence(transaction, asking, evidence_id).evidence_id


def _own(installed: Context, asking: Asker, drafts: Sequence[Draft]) -> list[Draft]:
    with installed.store.transaction(read_only=True) as transaction:
        return own_drafts(transaction, asking, drafts)


def _draft(body: DraftBody, name: str) -> Draft:
    return parse_draft(body.model_dump(by_alias=True, exclude_unset=True), name)
