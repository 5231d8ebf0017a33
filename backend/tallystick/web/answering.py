"""Routes that answer an evidence: acknowledge, dispute, resolve, correct, write off, signal."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel

from tallystick.intake.drafts import parse_time
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, parse_bytes32
from tallystick.service import answering
from tallystick.service.context import Context
from tallystick.service.policy import Asker
from tallystick.web import answer_models as models
from tallystick.web.evidence import EvidencePath
from tallystick.web.identity import Asking
from tallystick.web.models import Recorded
from tallystick.web.once import Recording, Records
from tallystick.web.openapi import writing
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/evidence/{evidence}", tags=["evidence"], route_class=StrictRoute)

_MADE: dict[str, Any] = {"status_code": 201, "response_model": Recorded, "responses": writing(404, 409, 503)}


def _example(summary: str, value: dict[str, Any]) -> Any:
    return Body(openapi_examples={"usual": {"summary": summary, "value": value}})


@router.post(
    "/acknowledgement",
    operation_id="acknowledgeEvidence",
    summary="Acknowledge an evidence",
    response_description="It is mutual: both sides say so.",
    **_MADE,
)
def acknowledge(
    evidence: EvidencePath,
    installed: Installed,
    asking: Asking,
    records: Records,
    body: Annotated[
        models.AcknowledgementBody, _example("An invoice that is right", models.ACKNOWLEDGEMENT)
    ] = models.AcknowledgementBody(),  # noqa: B008
) -> Response:
    """Agree, as its counterparty, with what an evidence states. Each party acknowledges an evidence once."""
    return _answer(installed, asking, records, evidence, Kind.ACKNOWLEDGEMENT, body)


@router.post(
    "/dispute",
    operation_id="disputeEvidence",
    summary="Dispute an evidence",
    response_description="It is disputed, until a resolution.",
    **_MADE,
)
def dispute(
    evidence: EvidencePath,
    installed: Installed,
    asking: Asking,
    records: Records,
    body: Annotated[models.DisputeBody, _example("Something is missing", models.DISPUTE)],
) -> Response:
    """Say, as its counterparty, that an evidence is not right, and over how much."""
    return _answer(installed, asking, records, evidence, Kind.DISPUTE, body)


@router.post(
    "/resolution",
    operation_id="resolveDispute",
    summary="Resolve a dispute",
    response_description="The dispute is closed.",
    **_MADE,
)
def resolve(
    evidence: EvidencePath,
    installed: Installed,
    asking: Asking,
    records: Records,
    body: Annotated[models.ResolutionBody, _example("A credit", models.RESOLUTION)],
) -> Response:
    """Close a dispute: who disputes withdraws it, the other side credits or cancels what is disputed."""
    return _answer(installed, asking, records, evidence, Kind.RESOLUTION, body)


@router.post(
    "/correction",
    operation_id="correctEvidence",
    summary="Correct an evidence",
    response_description="The correction takes effect beside the evidence, which stays.",
    **_MADE,
)
def correct(
    evidence: EvidencePath,
    installed: Installed,
    asking: Asking,
    records: Records,
    body: Annotated[models.CorrectionBody, _example("Take it back", models.CORRECTION)],
) -> Response:
    """Correct, as its issuer, what an evidence states: replace it, credit a part of it, or take it back."""
    return _answer(installed, asking, records, evidence, Kind.CORRECTION, body)


@router.post(
    "/write-off",
    operation_id="writeOffInvoice",
    summary="Write an invoice off",
    response_description="It is written off.",
    **_MADE,
)
def write_off(
    evidence: EvidencePath,
    installed: Installed,
    asking: Asking,
    records: Records,
    body: Annotated[models.WriteOffBody, _example("A debtor that can't pay", models.WRITE_OFF)],
) -> Response:
    """Say, as the issuer of an invoice, that its payment is not expected any more."""
    return _answer(installed, asking, records, evidence, Kind.WRITE_OFF, body)


@router.post(
    "/signal",
    operation_id="signalOnEvidence",
    summary="Give a signal about an evidence",
    response_description="It is in both logs; no figure rests on it.",
    **_MADE,
)
def signal(
    evidence: EvidencePath,
    installed: Installed,
    asking: Asking,
    records: Records,
    body: Annotated[models.SignalBody, _example("In process", models.SIGNAL)],
) -> Response:
    """Tell the other side how far you are, as either side of an evidence."""
    return _answer(installed, asking, records, evidence, Kind.SIGNAL, body)


def _answer(
    installed: Context, asking: Asker, records: Recording, evidence: str, kind: Kind, body: BaseModel
) -> Response:
    evidence_id = EvidenceId(parse_bytes32(evidence, "evidence"))
    fields = body.model_dump(by_alias=True, exclude_none=True)
    said = fields.pop("occurredAt", None)
    fields |= fields.pop("content", {})
    occurred_at = None if said is None else parse_time(said, "occurredAt")
    return records.one(lambda once: answering.answer(installed, asking, evidence_id, kind, fields, occurred_at, once))
