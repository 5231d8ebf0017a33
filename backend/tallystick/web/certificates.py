"""Routes of certificates: an evidence or a history as a PDF, for a court, a bank or a partner."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from tallystick.protocol.types import EvidenceId, parse_bytes32
from tallystick.service.as_of import find_block
from tallystick.service.entitled import visible_evidence
from tallystick.service.granted import note, reached_history
from tallystick.service.scope import Shown
from tallystick.web.evidence import EvidencePath
from tallystick.web.files import NOT_MODIFIED, IfNoneMatch, file_answer, headers_of
from tallystick.web.histories import consented
from tallystick.web.identity import Asking
from tallystick.web.openapi import answers
from tallystick.web.parties import AsOf, PartyPath
from tallystick.web.requests import Indexed, Installed, StrictRoute

router = APIRouter(prefix="/v1", tags=["certificates"], route_class=StrictRoute)

PDF, SUFFIX = "application/pdf", ".pdf"

Language = Annotated[Literal["en", "zh", "both"], Query(alias="lang", description="Of its pages; zh is 简体中文.")]
Hidden = Annotated[
    list[str] | None,
    Query(
        max_length=64,
        description="FIELD that is not shown; of a party also FIELD@PARTY, see its bundle.",
        examples=["note"],
    ),
]

_CERTIFICATE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "PDF/A-3 with what anybody needs to check it attached; `tallystick verify` does.",
        "content": {PDF: {"schema": {"type": "string", "format": "binary"}}},
        "headers": headers_of(SUFFIX),
    },
    **NOT_MODIFIED,
    **answers(400, 404, 409, 422, 502, 503),
}


@router.get(
    "/evidence/{evidence_id}/certificate",
    operation_id="certifyEvidence",
    summary="Certify one evidence",
    responses=_CERTIFICATE,
    response_class=Response,
)
def certify_evidence(
    evidence_id: EvidencePath,
    installed: Installed,
    asking: Asking,
    request: Request,
    language: Language = "en",
    as_of: AsOf = None,
    hide: Hidden = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Certify a final evidence that stands: who, what, when, where anchored, what answers it, and its proof."""
    from tallystick.render.certificates import evidence_certificate

    named = EvidenceId(parse_bytes32(evidence_id, "evidence"))
    with installed.store.transaction(read_only=True) as transaction:
        visible_evidence(transaction, asking, named)
    check_token = request.app.state.check_token
    data, _ = evidence_certificate(installed, named, language, check_token, as_of=as_of, hide=hide or ())
    return file_answer([data], PDF, evidence_id, SUFFIX, if_none_match)


@router.get(
    "/parties/{party}/certificate",
    operation_id="certifyParty",
    summary="Certify a party's history",
    responses=_CERTIFICATE,
    response_class=Response,
)
def certify_party(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    indexed: Indexed,
    language: Language = "en",
    attach: Annotated[bool, Query(description="Attach the bundle, so that the PDF alone can be verified.")] = False,
    as_of: AsOf = None,
    hide: Hidden = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Certify a party's complete credit history as of a final block."""
    from tallystick.render.certificates import party_certificate

    view = reached_history(installed, asking, party, Shown.CERTIFICATE)
    showing = consented(view, hide)
    block = find_block(installed, indexed().block, as_of)
    note(installed, asking, view, block=block)
    data, _ = party_certificate(
        installed,
        view.party.party,
        language,
        attach=attach,
        as_of=str(block.number),
        hide=hide or (),
        showing=showing,
    )
    return file_answer([data], PDF, view.party.name, SUFFIX, if_none_match)
