"""Route of trade documents: a file or ZIP file in the body becomes evidence of the parties that the asker acts for."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from tallystick.errors import UsageError
from tallystick.intake.files import read_files
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import import_documents
from tallystick.service.documents.telling import import_json
from tallystick.service.once import Answer
from tallystick.web import examples
from tallystick.web.identity import Asking
from tallystick.web.once import Records
from tallystick.web.openapi import answers
from tallystick.web.requests import BodyFile, Installed

router = APIRouter(prefix="/v1", tags=["evidence"])

_RESULT = {
    "description": "What became of each document; a document that is refused, held or waits keeps no other back.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": [*examples.IMPORT]},
            "example": examples.IMPORT,
        }
    },
}
_FILE = {
    "required": True,
    "description": "The file, byte for byte: a document, or a ZIP file of documents (docs/intake.md).",
    "content": {
        media_type: {"schema": {"type": "string", "format": "binary"}}
        for media_type in ("application/octet-stream", "application/xml", "application/zip")
    },
}


@router.post(
    "/imports",
    operation_id="importDocuments",
    summary="Import trade documents",
    responses={200: _RESULT, **answers(400, 409, 413, 415, 422, 503)},
    response_class=Response,
    openapi_extra={"requestBody": _FILE},
)
def import_file(
    body: BodyFile,
    installed: Installed,
    asking: Asking,
    records: Records,
    name: Annotated[
        str, Query(max_length=255, description="The file's name, to be named in the evidence.")
    ] = "document",
    terms_days: Annotated[
        int | None,
        Query(alias="termsDays", ge=0, le=3650, description="Days to pay, where neither document nor contract says."),
    ] = None,
    allow_similar: Annotated[
        bool, Query(alias="allowSimilar", description="Record invoices like another in all but their number.")
    ] = False,
    dry_run: Annotated[bool, Query(alias="dryRun", description="Say what would be recorded; record nothing.")] = False,
) -> Response:
    """Record what the documents in the body state, in the name of the parties that the asker acts for, each once."""
    body.seek(0)
    data = body.read()
    if not data:
        raise UsageError("body: expected a document, got nothing.", todo="Send the file as the body.")
    rules = Rules(terms_days, allow_similar, frozenset(asking.organisation.parties), conceals=True)

    def carry_out() -> Answer:
        done = import_documents(installed, list(read_files(name, data)), rules, dry_run=dry_run)
        return Answer(200, None, orjson.dumps(import_json(done)))

    return records.other(carry_out)
