"""Routes of parties: admit, list, and show or hand out their histories."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Response

from tallystick.credit import changes
from tallystick.protocol.types import ZERO32, PartyId, parse_address, parse_bytes32, to_hex
from tallystick.service import accounts
from tallystick.service.as_of import find_block
from tallystick.service.changes import changes_of
from tallystick.service.entitled import visible_parties, visible_party
from tallystick.service.granted import note, reached_history
from tallystick.service.histories import history
from tallystick.service.parties import NewParty, add_parties, parse_identifier
from tallystick.service.scope import Shown
from tallystick.service.share import Export
from tallystick.service.signers import admit_own
from tallystick.web import examples
from tallystick.web.files import NOT_MODIFIED, IfNoneMatch, file_answer, headers_of
from tallystick.web.histories import HISTORY_HEADERS, consented, history_answer
from tallystick.web.identity import Asking
from tallystick.web.models import NewPartyBody, PartyView
from tallystick.web.openapi import answers, writing
from tallystick.web.pages import LINK, Paged
from tallystick.web.requests import Indexed, Installed, StrictRoute

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
            "erased": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Where anything was: the entries whose content was erased, and when.",
            },
        },
    },
    examples.HISTORY,
)
_HISTORY[200]["headers"] = HISTORY_HEADERS
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


_CHANGES[200]["headers"] = HISTORY_HEADERS


@router.get(
    "",
    operation_id="listParties",
    summary="List the parties",
    responses={200: {"headers": LINK}, **answers(422, 503)},
    response_description="Those you may see, by id.",
)
def list_parties(installed: Installed, asking: Asking, page: Paged) -> list[PartyView]:
    """List the parties you act for and those they trade with; registrar, auditor and operator see all."""
    after = PartyId(ZERO32 if page.name is None else parse_bytes32(page.name, "cursor"))
    with installed.store.transaction(read_only=True) as transaction:
        found = visible_parties(transaction, asking, after, page.limit + 1)
    if len(found) > page.limit:
        page.go_on_after(to_hex(found[page.limit - 1].party))
    return [PartyView.of(party) for party in page.cut(found)]


@router.post(
    "",
    status_code=201,
    operation_id="addParty",
    summary="Admit a party",
    responses=writing(404, 409, 502, 503),
    response_description="It is kept here, and admitted by a worker if not at once.",
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
    """Admit a legal entity to the ledger, with its own `signer`, or with a key that this installation manages."""
    member = NewParty(body.name, tuple(parse_identifier(text) for text in body.identifiers))
    accounts.check_open(installed, body.organisation)
    if body.signer is None:
        added = add_parties(installed, [member])[0]
        accounts.note(installed, asking.key, "party added", {"party": to_hex(added.party)})
    else:
        added = admit_own(installed, asking.key, member, parse_address(body.signer, "signer"))
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
    responses={**_HISTORY, **NOT_MODIFIED, **answers(400, 403, 404, 422, 502, 503)},
    response_class=Response,
)
def read_history(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    indexed: Indexed,
    as_of: AsOf = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Derive the complete credit history of a party as of a final block; of another's, what it consented to."""
    view = reached_history(installed, asking, party, Shown.HISTORY)
    block = find_block(installed, indexed().block, as_of)
    note(installed, asking, view, block=block)
    make = partial(history, installed, block, view.party.party, view.showing())
    return history_answer(installed, view, [block], make, if_none_match)


@router.get(
    "/{party}/changes",
    operation_id="readChanges",
    summary="Read what changed in a party's history",
    responses={**_CHANGES, **NOT_MODIFIED, **answers(400, 404, 409, 422, 502, 503)},
    response_class=Response,
)
def read_changes(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    indexed: Indexed,
    since: Annotated[str, Query(description="From the end of this day (UTC), or from this block on.", examples=["12"])],
    as_of: AsOf = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Tell what is different from one final block to another: figures and invoices, and by which evidence."""
    view = reached_history(installed, asking, party, Shown.CHANGES)
    newest = indexed().block
    blocks = [find_block(installed, newest, wanted) for wanted in (since, as_of)]
    note(installed, asking, view, block=blocks[1])
    make = partial(changes_of, installed, view.party.party, blocks, view.showing())
    return history_answer(installed, view, blocks, lambda: changes.to_json(make()), if_none_match)


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
    indexed: Indexed,
    as_of: AsOf = None,
    hide: Annotated[
        list[str] | None,
        Query(
            max_length=64, description="FIELD or FIELD@PARTY that is not shown, * for every field.", examples=["note"]
        ),
    ] = None,
    anonymous: Annotated[bool, Query(description="Do not say who the counterparties are.")] = False,
    timestamps: Annotated[bool, Query(description="Carry the kept time-stamps (RFC 3161) of the batches.")] = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Export a party's complete history as one file that anyone can check offline against one block hash."""
    view = reached_history(installed, asking, party, Shown.BUNDLE)
    showing = consented(view, hide, anonymous=anonymous)
    block = find_block(installed, indexed().block, as_of)
    note(installed, asking, view, block=block)
    export = Export(
        installed,
        view.party.party,
        str(block.number),
        hide or (),
        names_others=not anonymous,
        timestamps=timestamps,
        showing=showing,
    )
    return file_answer(export.pieces(), "application/json", view.party.name, BUNDLE_SUFFIX, if_none_match)
