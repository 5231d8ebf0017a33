"""Routes of documents that belong to evidence: upload, list, download; always as a download, never as a page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from tallystick.protocol.types import EvidenceId, parse_bytes32
from tallystick.service import attachments
from tallystick.service.context import Context
from tallystick.store.service_records import Attachment
from tallystick.web.document_models import SHA256, AttachmentView
from tallystick.web.evidence import EvidencePath
from tallystick.web.files import disposition
from tallystick.web.identity import Asking
from tallystick.web.openapi import answers
from tallystick.web.pages import LINK, Paged
from tallystick.web.requests import BodyFile, Installed, StrictRoute

router = APIRouter(prefix="/v1", tags=["documents"], route_class=StrictRoute)

PATH = "/v1/documents/"
Sha256Path = Annotated[
    str,
    Path(
        max_length=64,
        description="SHA-256: 64 lower-case hex digits.",
        examples=[SHA256],
        json_schema_extra={"pattern": "^[0-9a-f]{64}$"},
    ),
]

_FILE = {
    "required": True,
    "description": "The document, byte for byte.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The document as it was uploaded.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-"}},
        "headers": {
            "Content-Disposition": {"description": "attachment, with its name.", "schema": {"type": "string"}},
            "ETag": {"description": "SHA-256 of the bytes.", "schema": {"type": "string"}},
        },
    }
}


@router.put(
    "/documents/{sha256}",
    status_code=201,
    operation_id="uploadDocument",
    summary="Upload a document",
    responses={
        200: {"description": "It was here already.", "model": AttachmentView},
        **answers(400, 413, 415, 422, 503),
    },
    response_description="It is kept, encrypted.",
    openapi_extra={"requestBody": _FILE},
)
def upload(
    sha256: Sha256Path,
    body: BodyFile,
    installed: Installed,
    asking: Asking,
    response: Response,
    name: Annotated[str, Query(max_length=255, description="Its file name.", examples=["note.pdf"])] = "document",
    media_type: Annotated[
        str, Query(alias="mediaType", max_length=200, description="What it is.", examples=["application/pdf"])
    ] = "application/octet-stream",
) -> AttachmentView:
    """Keep a document of your organisation. Its hash is checked; to upload it again changes nothing."""
    holder = asking.organisation.organisation
    digest = attachments.parse_sha256(sha256)
    made, is_new = attachments.keep(installed, holder, digest, body, name, media_type)  # type: ignore[arg-type]
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = PATH + sha256
    return AttachmentView.of(made)


@router.get(
    "/documents",
    operation_id="listDocuments",
    summary="List your documents",
    responses={200: {"headers": LINK}, **answers(422, 503)},
    response_description="What your organisation keeps here, by hash.",
)
def list_documents(installed: Installed, asking: Asking, page: Paged) -> list[AttachmentView]:
    """List the documents that your organisation uploaded."""
    after = b"" if page.name is None else attachments.parse_sha256(page.name)
    with installed.store.transaction(read_only=True) as transaction:
        found = transaction.attachments(asking.organisation.organisation, after, page.limit + 1)
    if len(found) > page.limit:
        page.go_on_after(found[page.limit - 1].sha256.hex())
    return [AttachmentView.of(one) for one in page.cut(found)]


@router.get(
    "/documents/{sha256}",
    operation_id="downloadDocument",
    summary="Download a document of yours",
    responses={**_DOWNLOAD, **answers(404, 422, 503)},
    response_class=Response,
)
def download(sha256: Sha256Path, installed: Installed, asking: Asking) -> Response:
    """Download a document that your organisation uploaded."""
    return _file(installed, attachments.own(installed, asking, attachments.parse_sha256(sha256)))


@router.get(
    "/evidence/{evidence}/documents/{sha256}",
    operation_id="downloadAttachment",
    summary="Download a document of an evidence",
    responses={**_DOWNLOAD, **answers(404, 422, 503)},
    response_class=Response,
)
def download_of_evidence(evidence: EvidencePath, sha256: Sha256Path, installed: Installed, asking: Asking) -> Response:
    """Download a document that an evidence names, if whoever states the evidence keeps it here."""
    evidence_id = EvidenceId(parse_bytes32(evidence, "evidence"))
    digest = attachments.parse_sha256(sha256)
    return _file(installed, attachments.of_evidence(installed, asking, evidence_id, digest))


def _file(installed: Context, one: Attachment) -> Response:
    """``one`` as a download; its first bytes are checked before anything is answered."""
    pieces: Iterator[bytes] = attachments.read(installed, one)
    first = next(pieces)
    headers = {
        "Content-Disposition": disposition(one.name, ""),
        "Content-Length": str(one.size),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "ETag": f'"{one.sha256.hex()}"',
        "Cache-Control": "private, no-cache",
    }
    return StreamingResponse(chain([first], pieces), headers=headers, media_type="application/octet-stream")
