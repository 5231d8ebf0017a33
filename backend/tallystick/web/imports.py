"""Routes that take documents and bank statements: the file in the body becomes evidence of the asker's parties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response

from tallystick.errors import UsageError
from tallystick.intake.bank.files import read_messages
from tallystick.intake.files import read_files
from tallystick.intake.readers import Options
from tallystick.service.bank.importing import import_statements
from tallystick.service.bank.telling import import_json as statements_json
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import import_documents
from tallystick.service.documents.telling import import_json
from tallystick.service.entitled import own_party
from tallystick.service.once import Answer
from tallystick.web import examples
from tallystick.web.identity import Asking
from tallystick.web.once import Records
from tallystick.web.openapi import answers
from tallystick.web.requests import BodyFile, Installed

router = APIRouter(prefix="/v1", tags=["evidence"])

_STATEMENTS = {
    "description": "The statements, what was recorded of them, and what a person has to look at.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": [*examples.STATEMENT_IMPORT]},
            "example": examples.STATEMENT_IMPORT,
        }
    },
}
_RESULT = {
    "description": "What became of each document; a document that is refused, held or waits keeps no other back.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": [*examples.IMPORT]},
            "example": examples.IMPORT,
        }
    },
}
_MEDIA_TYPES = (
    "application/octet-stream",
    "application/xml",
    "application/pdf",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/zip",
)
MAX_MAPPING = 4_000
"""Characters; a server reads at most 64 KiB of path and query, and one may take twelve bytes there."""


def _file(description: str, media_types: Sequence[str]) -> dict[str, Any]:
    content = {name: {"schema": {"type": "string", "format": "binary"}} for name in media_types}
    return {"requestBody": {"required": True, "description": description, "content": content}}


Name = Annotated[str, Query(max_length=255, description="The file's name, to be named in the evidence.")]
DryRun = Annotated[bool, Query(alias="dryRun", description="Say what would be recorded; record nothing.")]
Language = Annotated[Literal["en", "zh"], Query(alias="lang", description="The language of sentences.")]
TermsDays = Annotated[
    int | None,
    Query(alias="termsDays", ge=0, le=3650, description="Days to pay, where neither document nor contract says."),
]


@router.post(
    "/imports",
    operation_id="importDocuments",
    summary="Import trade documents",
    responses={200: _RESULT, **answers(400, 409, 413, 415, 422, 503)},
    response_class=Response,
    openapi_extra=_file("The file, byte for byte: a document, a table, or a ZIP file (docs/intake.md).", _MEDIA_TYPES),
)
def import_file(
    body: BodyFile,
    installed: Installed,
    asking: Asking,
    records: Records,
    name: Name = "document",
    terms_days: TermsDays = None,
    allow_similar: Annotated[
        bool, Query(alias="allowSimilar", description="Record invoices like another in all but their number.")
    ] = False,
    mapping: Annotated[
        str | None,
        Query(max_length=MAX_MAPPING, description="Column mapping of tables, TOML; else a ready-made one that fits."),
    ] = None,
    dry_run: DryRun = False,
    language: Language = "en",
) -> Response:
    """Record what the documents in the body state, in the name of the parties that the asker acts for, each once."""
    data = _bytes_of(body)
    options = Options(None if mapping is None else mapping.encode())
    rules = Rules(terms_days, allow_similar, frozenset(asking.organisation.parties), conceals=True)
    read = list(read_files(name, data, options))

    def carry_out() -> Answer:
        made_for = asking.organisation.organisation
        done = import_documents(installed, read, rules, dry_run=dry_run, organisation=made_for)
        return Answer(200, None, orjson.dumps(import_json(done, language)))

    return records.other(carry_out)


@router.post(
    "/statements",
    operation_id="importStatements",
    summary="Import bank statements",
    responses={200: _STATEMENTS, **answers(400, 404, 409, 413, 415, 422, 503)},
    response_class=Response,
    openapi_extra=_file(
        "The camt.053 or camt.054 file, byte for byte, or a ZIP file of several (docs/bank.md).",
        ("application/xml", "application/zip", "application/octet-stream"),
    ),
)
def import_statement(
    body: BodyFile,
    installed: Installed,
    asking: Asking,
    records: Records,
    party: Annotated[str, Query(max_length=255, description="Whose account it is: a party that you act for.")],
    name: Name = "statement",
    dry_run: DryRun = False,
    language: Language = "en",
) -> Response:
    """Record the payments that a bank booked, all or none; what is not sure is listed for a person."""
    with installed.store.transaction(read_only=True) as transaction:
        owner = own_party(transaction, asking, party)
    messages = read_messages(name, _bytes_of(body))
    made_for = asking.organisation.organisation

    def carry_out() -> Answer:
        done = import_statements(installed, owner, messages, dry_run=dry_run, organisation=made_for)
        return Answer(200, None, orjson.dumps(statements_json(messages, done, language, dry_run=dry_run)))

    return records.other(carry_out)


def _bytes_of(body: IO[bytes]) -> bytes:
    body.seek(0)
    data = body.read()
    if not data:
        raise UsageError("body: expected a document, got nothing.", todo="Send the file as the body.")
    return data
