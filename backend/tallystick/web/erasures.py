"""Routes of erasures: asked for with a reason, confirmed with a code, remembered for ever."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from tallystick.protocol.types import EvidenceId, parse_bytes32
from tallystick.service import erasure
from tallystick.service.attachments import Shelf
from tallystick.web import access_examples as examples
from tallystick.web.access_models import ConfirmationBody, ErasureBody, ErasureView, PlanView
from tallystick.web.evidence import EvidencePath
from tallystick.web.identity import Asking
from tallystick.web.openapi import answers, writing
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/erasures", tags=["access"], route_class=StrictRoute)


@router.post(
    "",
    status_code=201,
    operation_id="requestErasure",
    summary="Ask that the content of an evidence be erased",
    responses=writing(404, 409, 503),
    response_description="What will be deleted, and the code that confirms it. Nothing is deleted yet.",
)
def request_erasure(
    body: Annotated[
        ErasureBody, Body(openapi_examples={"request": {"summary": "A lawful request", "value": examples.NEW_ERASURE}})
    ],
    installed: Installed,
    asking: Asking,
) -> PlanView:
    """Ask for the first of two steps; the reason goes into the journal."""
    named = EvidenceId(parse_bytes32(body.evidence, "evidence"))
    return PlanView.of(erasure.request(installed, asking.key, named, body.reason))


@router.post(
    "/{evidence}/confirmation",
    operation_id="confirmErasure",
    summary="Erase the content of an evidence",
    responses=writing(404, 409, 503),
    response_description="Its values, salts and documents are deleted.",
)
def confirm_erasure(
    evidence: EvidencePath,
    body: Annotated[
        ConfirmationBody,
        Body(
            openapi_examples={"code": {"summary": "The code", "value": {"confirmation": examples.PLAN["confirmation"]}}}
        ),
    ],
    installed: Installed,
    asking: Asking,
) -> ErasureView:
    """Delete what lies off the chain, for good; the chain, and each field's digest, stay."""
    named = EvidenceId(parse_bytes32(evidence, "evidence"))
    return ErasureView.of(erasure.confirm(installed, asking.key, named, body.confirmation, Shelf(installed)))


@router.get(
    "",
    operation_id="listErasures",
    summary="List the erasures",
    responses=answers(503),
    response_description="All of them, done or not, by when they were asked for.",
)
def list_erasures(installed: Installed, _asking: Asking) -> list[ErasureView]:
    """List what was erased, when, on whose word and for what reason."""
    with installed.store.transaction(read_only=True) as transaction:
        return [ErasureView.of(one) for one in transaction.erasures()]
