"""Routes of parties: admit, list, and show or hand out their histories."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Path, Query, Response

from tallystick.credit import changes
from tallystick.protocol.types import to_hex
from tallystick.service import accounts
from tallystick.service.as_of import find_block
from tallystick.service.changes import changes_since
from tallystick.service.entitled import own_party, visible_parties, visible_party
from tallystick.service.index import index
from tallystick.service.parties import NewParty, add_parties, parse_identifier
from tallystick.service.report import histories
from tallystick.service.share import Export
from tallystick.web import examples
from tallystick.web.files import NOT_MODIFIED, IfNoneMatch, file_answer, headers_of
from tallystick.web.identity import Asking
from tallystick.web.models import NewPartyBody, PartyView
from tallystick.web.openapi import answers, writing
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/parties", tags=["parties"], route_class=StrictRoute)

BUNDLE_SUFFIX = ".tally.json"

PartyPath = Annotated[
    str,
    Path(
        description="The party: its id, SCHEME:identifier, or its unique name. A name with a slash: use the id.",
        examples=["LEI:529900T8BM49AURSDO55"],
    ),
]

AsOf = Annotated[
    str | None,
    Query(
        alias="asOf",
        description="As of the end of this day (YYYY-MM-DD, UTC) or this block; else the newest final block.",
        examples=["2026-03-31"],
    ),
]


def _json_answer(description: str, schema: dict[str, Any], example: Any) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": schema, "example": example}}
    return {200: {"description": description, "content": content}}


_HISTORY = _json_answer(
    "The report; what it says is in docs/definitions.md.",
    {
        "type": "object",
        "required": [*examples.HISTORY],
        "properties": {
            "party": {"type": "string"},
            "asOf": {"type": "object", "description": "The final block that everything is as of."},
            "definitions": {"type": "string", "description": "The version of the definitions of the metrics."},
            "complete": {"type": "boolean", "description": "False where an operator withholds entries."},
            "entryCount": {"type": "integer"},
            "asBuyer": {"type": "object", "description": "Metrics by currency. Amounts and ratios are strings."},
            "asSeller": {"type": "object", "description": "Metrics by currency. Amounts and ratios are strings."},
            "tradelines": {"type": "array", "items": {"type": "object"}},
        },
    },
    examples.HISTORY,
)
_BUNDLE = _json_answer(
    "The bundle file, byte for byte as it must be kept: it is canonical JSON.",
    {"type": "object", "required": [*examples.BUNDLE]},
    examples.BUNDLE,
)
_BUNDLE[200]["headers"] = headers_of(BUNDLE_SUFFIX)
_CHANGES = _json_answer(
    "What changed, and by which evidence.",
    {
        "type": "object",
        "required": [*examples.CHANGES],
        "properties": {
            "added": {"type": "array", "items": {"type": "object"}, "description": "The entries sealed in between."},
            "figures": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Before and after, as in reports.",
            },
            "invoices": {
                "type": "array",
                "items": {"type": "object"},
                "description": "`because` names the evidence; none where only time went by.",
            },
        },
    },
    examples.CHANGES,
)


@router.get(
    "",
    operation_id="listParties",
    summary="List the parties",
    responses=answers(503),
    response_description="Those you may see, by name.",
)
def list_parties(installed: Installed, asking: Asking) -> list[PartyView]:
    """List the parties you act for and those they trade with; registrar, auditor and operator see all."""
    with installed.store.transaction(read_only=True) as transaction:
        return [PartyView.of(party) for party in visible_parties(transaction, asking)]


@router.post(
    "",
    status_code=201,
    operation_id="addParty",
    summary="Admit a party",
    responses=writing(404, 409, 502, 503),
    response_description="It is admitted, with a key that is managed here.",
)
def add_party(
    body: Annotated[
        NewPartyBody,
        Body(openapi_examples={"company": {"summary": "A company with two identifiers", "value": examples.NEW_PARTY}}),
    ],
    installed: Installed,
    asking: Asking,
    response: Response,
) -> PartyView:
    """Admit a legal entity to the ledger and make it a key that this installation manages."""
    member = NewParty(body.name, tuple(parse_identifier(text) for text in body.identifiers))
    accounts.check_open(installed, body.organisation)
    added = add_parties(installed, [member])[0]
    accounts.note(installed, asking.key, "party added", {"party": to_hex(added.party)})
    if body.organisation is not None:
        accounts.let_act_for(installed, asking.key, body.organisation, added.party)
    made = PartyView.of(added)
    response.headers["Location"] = f"{router.prefix}/{made.party}"
    return made


@router.get(
    "/{party}",
    operation_id="readParty",
    summary="Read one party",
    responses=answers(404, 422, 503),
    response_description="The party.",
)
def read_party(party: PartyPath, installed: Installed, asking: Asking) -> PartyView:
    """Read a party's id, name, identifiers and managed keys."""
    with installed.store.transaction(read_only=True) as transaction:
        return PartyView.of(visible_party(transaction, asking, party))


@router.get(
    "/{party}/history",
    operation_id="readHistory",
    summary="Read a party's credit history",
    responses={**_HISTORY, **answers(400, 404, 422, 502, 503)},
    response_class=Response,
)
def read_history(party: PartyPath, installed: Installed, asking: Asking, as_of: AsOf = None) -> Response:
    """Derive the complete credit history of a party as of a final block."""
    with installed.store.transaction(read_only=True) as transaction:
        found = own_party(transaction, asking, party)
    block = find_block(installed, index(installed).block, as_of)
    report = next(histories(installed, block, [found.party]))
    return Response(orjson.dumps(report), media_type="application/json")


@router.get(
    "/{party}/changes",
    operation_id="readChanges",
    summary="Read what changed in a party's history",
    responses={**_CHANGES, **answers(400, 404, 409, 422, 502, 503)},
    response_class=Response,
)
def read_changes(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    since: Annotated[str, Query(description="From the end of this day (UTC), or from this block on.", examples=["12"])],
    as_of: AsOf = None,
) -> Response:
    """Tell what is different from one final block to another: figures and invoices, and by which evidence."""
    with installed.store.transaction(read_only=True) as transaction:
        found = own_party(transaction, asking, party)
    made = changes.to_json(changes_since(installed, found.party, since, as_of))
    return Response(orjson.dumps(made), media_type="application/json")


@router.get(
    "/{party}/bundle",
    operation_id="downloadBundle",
    summary="Download a party's history as a bundle",
    responses={**_BUNDLE, **NOT_MODIFIED, **answers(400, 404, 422, 502, 503)},
    response_class=Response,
)
def download_bundle(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    as_of: AsOf = None,
    hide: Annotated[
        list[str] | None,
        Query(
            max_length=64, description="FIELD or FIELD@PARTY that is not shown, * for every field.", examples=["note"]
        ),
    ] = None,
    anonymous: Annotated[bool, Query(description="Do not say who the counterparties are.")] = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Export a party's complete history as one file that anyone can check offline against one block hash."""
    with installed.store.transaction(read_only=True) as transaction:
        found = own_party(transaction, asking, party)
    export = Export(installed, found.party, as_of, hide or (), names_others=not anonymous)
    return file_answer(export.pieces(), "application/json", found.name, BUNDLE_SUFFIX, if_none_match)
